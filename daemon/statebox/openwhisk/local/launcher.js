// Runs one OpenWhisk action written for Node; started by the action host as a program of its own.
//
// The protocol is that of launcher.py beside it. Two things differ, as they do in OpenWhisk: an exception thrown before
// a promise is returned is the developer's error ({"failure": text, "stop": true}), a rejected promise the application's.
"use strict";

const fs = require("fs");
const { createRequire } = require("module");
const net = require("net");
const path = require("path");
const vm = require("vm");

const channel = new net.Socket({ fd: Number(process.env.STATEBOX_CHANNEL) });
delete process.env.STATEBOX_CHANNEL;
let order;
let main;

function reply(message) {
  const line = JSON.stringify(message);
  for (const stream of [process.stdout, process.stderr]) stream.write(`${order.end}\n`);
  channel.write(`${line}\n`);
}

// A file that is no module: what it calls main need not be exported.
function evaluate(file, name, shownAs) {
  const module = { exports: {} };
  const asked = `typeof ${name} === "function" ? ${name} : undefined`;
  const options = { filename: shownAs };
  if (vm.constants) options.importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const names = ["module", "exports", "require", "__filename", "__dirname"];
  const code = vm.compileFunction(`${fs.readFileSync(file, "utf8")}\n;return ${asked};`, names, options);
  const local = code(module, module.exports, createRequire(file), file, path.dirname(file));
  return local || module.exports[name];
}

function load() {
  if (!/^[A-Za-z_$][\w$]*$/.test(order.main)) throw new TypeError(`${order.main} cannot be a function's name`);
  const loaded = order.folder ? require(order.folder)[order.main] : evaluate(order.file, order.main, order.shown_as);
  if (typeof loaded !== "function") throw new TypeError(`there is no function '${order.main}' in it`);
  return loaded;
}

// An Error has no JSON form of its own; everything it holds besides is kept.
function serialised(error, seen = new Set()) {
  if (typeof error === "function") return `[Function: ${error.name || "anonymous"}]`;
  if (typeof error !== "object" || error === null) return error;
  if (seen.has(error)) return "[Circular]";
  if (typeof error.toJSON === "function") return error.toJSON();
  seen.add(error);
  const copy = Array.isArray(error) ? [] : {};
  if (error instanceof Error) Object.assign(copy, { name: error.name, message: error.message, stack: error.stack });
  for (const [key, value] of Object.entries(error)) copy[key] = serialised(value, seen);
  seen.delete(error);
  return copy;
}

function finish(result) {
  if (result === undefined) result = {};
  if (typeof result !== "object") return reply({ failure: "The action did not return a dictionary.", stop: true });
  try {
    reply({ result });
  } catch (error) {
    reply({ failure: `The action did not produce a valid JSON response: ${error.message}`, stop: true });
  }
}

function run(request) {
  Object.assign(process.env, request.env);
  let answer;
  try {
    answer = main(request.value);
  } catch (error) {
    console.error(error);
    return reply({ failure: `An error has occurred: ${error}`, stop: true });
  }
  Promise.resolve(answer).then(finish, (error) => {
    console.error(error);
    finish({ error: error ? serialised(error) : {} });
  });
}

function take(line) {
  const message = JSON.parse(line);
  if (main) return run(message);
  order = message;
  try {
    main = load();
    reply({ ok: true });
  } catch (error) {
    reply({ failure: (error && error.stack) || String(error) });
  }
}

const parts = [];
channel.on("data", (data) => {
  let rest = data;
  for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
    parts.push(rest.subarray(0, at));
    take(Buffer.concat(parts.splice(0)).toString());
    rest = rest.subarray(at + 1);
  }
  if (rest.length) parts.push(rest);
});
// The host is gone.
channel.on("error", () => process.exit(0));
channel.on("close", () => process.exit(0));
