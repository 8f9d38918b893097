// Does with the npm client `openwhisk` what its users do, and prints what came of it as one JSON object.
"use strict";

const openwhisk = require("openwhisk");

const [apihost, api_key] = process.argv.slice(2);
const ow = openwhisk({ apihost, api_key });
const results = {};

// What an error tells its catcher.
const told = (error) => ({ statusCode: error.statusCode, message: error.message, error: error.error });

async function until(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error.statusCode !== 404) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function main() {
  const python = "def main(params):\n    print('hello', params.get('name'))\n    return {'greeting': 'Hello ' + params.get('name', 'nobody')}\n";
  const node = "function main({ name }) { console.log('hello', name); return { greeting: `Hi ${name}` } }";

  results.created = await ow.actions.create({ name: "hello", action: python, kind: "python:3", params: { name: "you" } });
  results.createdAgain = await ow.actions.create({ name: "hello", action: python, kind: "python:3" }).catch(told);
  results.updated = await ow.actions.update({
    name: "hello",
    action: python,
    kind: "python:default",
    annotations: { "web-export": true },
    limits: { timeout: 5000 },
  });
  results.listed = await ow.actions.list();
  results.page = await ow.actions.list({ limit: 1, skip: 1 });
  results.got = await ow.actions.get("hello");
  results.gotWithoutCode = await ow.actions.get({ name: "hello", code: false });

  results.result = await ow.actions.invoke({ name: "hello", params: { name: "World" }, blocking: true, result: true });
  results.record = await ow.actions.invoke({ name: "/guest/hello", params: { name: "World" }, blocking: true });
  results.submitted = await ow.actions.invoke({ name: "hello", params: { name: "later" } });
  results.fromText = await ow.actions.invoke("hello");
  results.awaited = await until(() => ow.activations.get(results.submitted.activationId));
  results.logs = await ow.activations.logs(results.submitted.activationId);
  results.activationResult = await ow.activations.result(results.submitted.activationId);
  await until(() => ow.activations.get(results.fromText.activationId));
  results.activations = await ow.activations.list({ limit: 2 });

  await ow.actions.update({ name: "hellojs", action: node, kind: "nodejs:20" });
  results.node = await ow.actions.invoke({ name: "hellojs", params: { name: "World" }, blocking: true, result: true });
  await ow.actions.update({ name: "zipped", action: Buffer.from(process.argv[4], "base64"), kind: "nodejs:default" });
  results.zipped = await ow.actions.invoke({ name: "zipped", blocking: true, result: true });

  results.package = await ow.packages.update({ name: "math", package: { parameters: [{ key: "by", value: 2 }] } });
  await ow.actions.update({ name: "math/times", action: "const main = ({ n, by }) => ({ n: n * by })", kind: "nodejs:20" });
  results.inPackage = await ow.actions.invoke({ name: "math/times", params: { n: 21 }, blocking: true, result: true });
  results.packages = await ow.packages.list();
  await ow.actions.create({ name: "twice", sequence: ["/_/math/times", "/_/math/times"] });
  results.sequence = await ow.actions.invoke({ name: "twice", params: { n: 1 }, blocking: true, result: true });

  await ow.actions.update({ name: "fails", action: "const main = () => Promise.reject({ code: 'E_NO' })", kind: "nodejs:20" });
  results.failed = await ow.actions.invoke({ name: "fails", blocking: true, result: true }).catch(told);
  await ow.actions.update({ name: "slow", action: "const main = () => new Promise((ok) => setTimeout(ok, 2000))", kind: "nodejs:20" });
  results.slow = await ow.actions.invoke({ name: "slow", blocking: true, result: true }).catch((submitted) => submitted);
  results.missing = await ow.actions.invoke({ name: "missing", blocking: true }).catch(told);
  results.refused = await openwhisk({ apihost, api_key: "wrong:key" }).actions.list().catch(told);

  results.deleted = await ow.actions.delete("hello");
  results.gone = await ow.actions.get("hello").catch(told);
  results.namespaces = await ow.namespaces.list();
}

main().then(
  () => console.log(JSON.stringify(results)),
  (error) => {
    console.error(error, Object.keys(results));
    process.exitCode = 1;
  },
);
