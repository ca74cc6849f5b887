/**
 * A registered Sentry and its Core: first configuration, posture, changes, reports.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SentryProcess } from '@postern/harness/sentry-process'
import { until } from './support/observe.ts'
import { type RegisteredLab, startRegisteredLab } from './support/registered-lab.ts'

let it: RegisteredLab
let sentry: SentryProcess

before(async () => {
  it = await startRegisteredLab()
  const { document } = it.core.state
  it.core.state.document = null
  const launched = it.launch({ workers: 2 })
  await until('it waits', () => launched.stdout().includes('"event":"waiting-for-configuration"'))
  assert.match(launched.stdout(), /"sentryId":"sentry-1","name":"North gate","fingerprint":"sha256:[0-9a-f]{64}"/)
  await until('the feed is open', () => it.core.asked.length > 0)
  it.core.configure('first', document?.document)
  sentry = await launched.listening()
  it.lab.net.map('gate.example.com:443', '127.0.0.1', sentry.port)
})

after(() => it[Symbol.asyncDispose]())

describe('the first configuration', () => {
  test('comes while it waits, and devices are served', async () => {
    assert.equal(await it.sync('ann-phone'), 200)
  })
  test('is reported as applied, with the posture that every worker decides from', async () => {
    const report = await it.core.report(({ config, posture }) => config.applied === 'first' && posture.seq === 1)
    assert.deepEqual([report.posture.epoch, report.config.refused], ['epoch-1', null])
  })
})
