// @wmfs/statebox in process, in memory. The counterpart of benchmarks/contest/inside.py: an Ask as JSON on stdin, an
// Outcome on stdout. An execution counts from startExecution until its end.
'use strict'

const http = require('node:http')
const { performance } = require('node:perf_hooks')
// It tells on stdout that it is ready.
console.log = () => {}
const Statebox = require('@wmfs/statebox')

const WARM = 200
const ask = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const context = JSON.stringify(ask.context)
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })

function post (body) {
  const data = JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = http.request({
      agent,
      host: '127.0.0.1',
      port: ask.actions,
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

const modules = {
  act: class Act {
    run (event, context) { post(event).then(result => context.sendTaskSuccess(result)) }
  },
  suspend: class Suspend {
    run () {}
  }
}

async function main () {
  const statebox = new Statebox({})
  await statebox.ready
  statebox.createModuleResources(modules)
  await statebox.createStateMachines(ask.definitions, {})
  const latencies = []

  async function one () {
    const ended = await statebox.startExecution(ask.context, ask.workload, { sendResponse: 'COMPLETE' })
    if (ended.status !== 'SUCCEEDED') throw new Error(JSON.stringify(ended))
  }

  let until = 0
  async function againAndAgain () {
    for (let began = performance.now(); began < until; began = performance.now()) {
      await one()
      latencies.push(performance.now() - began)
    }
  }

  const waiting = []
  async function resume () {
    while (waiting.length) {
      const name = waiting.pop()
      const began = performance.now()
      await statebox.sendTaskSuccess(name, ask.answer)
      latencies.push(performance.now() - began)
    }
  }

  let work = againAndAgain
  let bytes = 0
  if (ask.workload === 'suspend') {
    if (global.gc) global.gc()
    const before = process.memoryUsage()
    for (let n = 0; n < ask.suspended; n++) {
      waiting.push((await statebox.startExecution(JSON.parse(context), 'suspend', {})).executionName)
    }
    await new Promise(resolve => setTimeout(resolve, 100))
    if (global.gc) global.gc()
    const after = process.memoryUsage()
    bytes = (after.heapUsed + after.external - before.heapUsed - before.external) / ask.suspended
    work = resume
  } else {
    for (let n = 0; n < WARM; n++) await one()
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  until = began + ask.seconds * 1000
  await Promise.all(Array.from({ length: ask.concurrency }, work))
  const took = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  process.stdout.write(JSON.stringify({
    count: latencies.length,
    seconds: took,
    p50_ms: latencies[Math.floor(latencies.length / 2)],
    p99_ms: latencies[Math.floor(latencies.length * 0.99)],
    cpu_seconds: (used.user + used.system) / 1e6,
    bytes_each: bytes
  }))
  process.exit(0)
}

main().catch(error => { console.error(error); process.exit(1) })
