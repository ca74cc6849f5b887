/**
 * Connections that end in the middle of a head: each keeps a descriptor and a place under its limit until it is closed.
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import { until } from './support/observe.ts'

const ROUNDS = 12
const AT_ONCE = 12

test('half-a-head-and-reset leaves no connection open', async () => {
  await using lab = await startLab()
  const device = lab.devices['ann-phone']
  const attack = async (): Promise<void> => {
    const client = await lab.raw(device)
    await client.send('POST /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: ')
    ;(client.socket as unknown as { _parent: { resetAndDestroy(): void } })._parent.resetAndDestroy()
    await client[Symbol.asyncDispose]()
  }
  for (let round = 0; round < ROUNDS; round += 1) await Promise.all(Array.from({ length: AT_ONCE }, attack))
  const open = (): Promise<number | null> => lab.sentry.metric('postern_sentry_connections')
  await until('all connections are closed', async () => (await open()) === 0, 15_000)
  assert.equal((await lab.eas(device)).status, 200)
})
