import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { choosePorts, parseArguments } from './arguments.ts'

describe('command line of npm start', () => {
  const refused = [
    { args: ['--ports-from', 'x'], names: '--ports-from' },
    { args: ['--ports-from', '-1'], names: '--ports-from' },
    { args: ['--ports-from', '1023'], names: '--ports-from' },
    { args: ['--ports-from', '65532'], names: '--ports-from' },
    { args: ['--ports-from', '8000.5'], names: '--ports-from' },
    { args: ['--host', 'localhost'], names: '--host' },
    { args: ['--host', ''], names: '--host' },
    { args: ['--port', '1'], names: '--port' },
    { args: ['data'], names: 'data' },
  ]
  for (const { args, names } of refused)
    test(`refuses ${args.join(' ')}`, () => {
      assert.throws(
        () => parseArguments(args),
        (error) => error instanceof Error && error.message.includes(names),
      )
    })
  test('what is left out has the documented defaults', async () => {
    const { help, data, host, workers, setupJson, portsFrom } = parseArguments([])
    assert.deepEqual(
      { help, data, host, workers, setupJson },
      { help: false, data: 'data', host: '0.0.0.0', workers: null, setupJson: false },
    )
    assert.deepEqual(await choosePorts(portsFrom), {
      admin: 8440,
      device: 8441,
      feed: 8442,
      sentry: 8443,
      metrics: 9464,
    })
  })
  test('--ports-from shifts all five', async () => {
    const { portsFrom } = parseArguments(['--ports-from', '20000'])
    assert.deepEqual(await choosePorts(portsFrom), {
      admin: 20_000,
      device: 20_001,
      feed: 20_002,
      sentry: 20_003,
      metrics: 20_004,
    })
  })
  test('0 takes five different free ones', async () => {
    const ports = await choosePorts(0)
    assert.equal(new Set(Object.values(ports)).size, 5)
  })
})
