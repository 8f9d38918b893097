// AWS's client for JavaScript on a daemon: argv is its URL; prints what it was answered, as JSON.
'use strict'
const sfn = require('@aws-sdk/client-sfn')

const client = new sfn.SFNClient({
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  disableHostPrefix: true,
  maxAttempts: 1
})
const send = (operation, members) => client.send(new sfn[operation + 'Command'](members))
const state = { Type: 'Pass', End: true }
const definition = JSON.stringify({ StartAt: 'P', States: { P: state } })
const roleArn = 'arn:aws:iam::000000000000:role/any'

async function ended (executionArn) {
  for (;;) {
    const told = await send('DescribeExecution', { executionArn })
    if (told.status !== 'RUNNING') return told
  }
}

async function refused (operation, members) {
  try {
    await send(operation, members)
  } catch (error) {
    return { name: error.name, message: error.message, known: error instanceof sfn.SFNServiceException }
  }
}

async function main () {
  const { stateMachineArn } = await send('CreateStateMachine', { name: 'js', definition, roleArn })
  const started = await send('StartExecution', { stateMachineArn, name: 'one', input: '{"n":1}' })
  const end = await ended(started.executionArn)
  const history = []
  for await (const page of sfn.paginateGetExecutionHistory({ client, pageSize: 1 }, { executionArn: started.executionArn })) {
    history.push(...page.events)
  }
  const quick = await send('CreateStateMachine', { name: 'quick', definition, roleArn, type: 'EXPRESS' })
  const sync = await send('StartSyncExecution', { stateMachineArn: quick.stateMachineArn, input: '{"n":2}' })
  const tried = await send('TestState', { definition: JSON.stringify(state), roleArn, input: '{"n":3}' })
  console.log(JSON.stringify({
    isDate: started.startDate instanceof Date,
    end,
    events: history.map(event => event.type),
    sync,
    tried,
    missing: await refused('DescribeExecution', { executionArn: started.executionArn + '-other' }),
    invalid: await refused('CreateStateMachine', { name: 'js2', definition: '{}', roleArn })
  }))
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
