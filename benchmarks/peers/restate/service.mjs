// A Restate service that runs the benchmarks' definitions: each state is a step of its journal, as each is an entry of
// statebox's history. argv: the port to serve, the action host's port, the definitions as JSON. For suspended
// executions it tells the awakeable's id on stdout.
import http from 'node:http'
import * as restate from '@restatedev/restate-sdk'

// The SDK wants Node 22; this is all that it misses in Node 20.
Promise.withResolvers ??= () => {
  const made = {}
  made.promise = new Promise((resolve, reject) => { Object.assign(made, { resolve, reject }) })
  return made
}

const [port, actions, definitions] = process.argv.slice(2)
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })

function post (body) {
  const data = JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = http.request({
      agent,
      host: '127.0.0.1',
      port: Number(actions),
      method: 'POST',
      path: '/act',
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) }
    }, response => {
      const parts = []
      response.on('data', part => parts.push(part))
      response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())))
    })
    request.on('error', reject)
    request.end(data)
  })
}

function pass (state, data) {
  if (state.Result === undefined) return data
  // The benchmarks' only ResultPath is $.r.
  return state.ResultPath ? { ...data, r: state.Result } : state.Result
}

// What was suspended runs from its beginning again, and comes by the same awakeable.
const told = new Set()

async function suspend (ctx) {
  const { id, promise } = ctx.awakeable()
  if (!told.has(id)) process.stdout.write(`${id}\n`)
  told.add(id)
  return await promise
}

const machine = ({ StartAt, States }) => async (ctx, input) => {
  let data = input
  for (let name = StartAt; name !== undefined; name = States[name].Next) {
    const state = States[name]
    if (state.Type === 'Pass') data = await ctx.run(name, () => pass(state, data))
    else if (state.Resource === 'module:suspend') data = await suspend(ctx)
    else data = await ctx.run(name, () => post(data))
  }
  return data
}

const handlers = Object.fromEntries(
  Object.entries(JSON.parse(definitions)).map(([name, definition]) => [name, machine(definition)])
)
// By default the service holds what waits in its memory for a minute. This one is suspended at once, as statebox does.
handlers.waiting = handlers.suspend
handlers.suspend = restate.handlers.handler({ inactivityTimeout: 1 }, handlers.suspend)
restate.serve({ services: [restate.service({ name: 'Bench', handlers })], port: Number(port) })
