import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { startExchange } from '@postern/harness/exchange'
import type { ExchangeStandIn } from '@postern/harness/exchange'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { until } from './support/observe.ts'

describe('a dead server, in real time', () => {
  let lab: Lab
  let spare: ExchangeStandIn
  before(async () => {
    lab = await startLab({ exchange: { requirePolicy: false } })
    spare = await start('outlook.office.com', 0)
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await spare.close()
  })

  test('it comes back by itself when it is well again, within its dead time of 60 s', async () => {
    const first = await start('mail.example.com', 0)
    const name = 'priority.example.com'
    const servers = [`mail.example.com:${first.port}`, `outlook.office.com:${spare.port}`]
    const hosts = Object.fromEntries(
      ['mail.example.com', 'outlook.office.com', 'login.windows.net'].map((each) => [each, '127.0.0.1']),
    )
    await lab.addSentry(name, { config: { activeSync: { servers }, hosts }, workers: 1 })
    await first.close()
    for (let count = 0; count < 3; count += 1) assert.equal(await ask(name), 200)
    await using again = await start('mail.example.com', first.port)
    const since = performance.now()
    assert.equal(await ask(name), 200)
    assert.equal(again.received.length, 0, 'left out at first')
    await until(
      'the first server is asked again',
      async () => {
        await delay(500)
        assert.equal(await ask(name), 200)
        return again.received.length > 0
      },
      75_000,
    )
    const ms = performance.now() - since
    assert.ok(ms < 65_000, `came back after ${ms} ms`)
  })

  async function ask(sentry: string): Promise<number> {
    return (await lab.eas(lab.devices['ann-phone'], { sentry })).status
  }

  async function start(name: string, port: number): Promise<ExchangeStandIn> {
    const cert = await lab.serverCa.issueServer({ names: [name] })
    return startExchange({ cert, port, audience: lab.destinationResource, requirePolicy: false })
  }
})
