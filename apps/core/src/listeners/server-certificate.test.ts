import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepIdentityFresh, type ServerIdentity } from './server-certificate.ts'

const DAY = 86_400_000

test('a new certificate is taken over after 60 days, once, and not before', async () => {
  let time = 0
  const used: ServerIdentity[] = []
  const faults: unknown[] = []
  let fails = true
  const issue = async (): Promise<ServerIdentity> => {
    if (fails) throw new Error('the CA does not answer')
    return { cert: `issued ${time}`, key: '', ca: '' }
  }
  using _renewal = keepIdentityFresh(
    { issue, use: (identity) => void used.push(identity), now: () => time, fault: (error) => void faults.push(error) },
    1,
  )
  time = 60 * DAY - 1
  await sleep(20)
  assert.deepEqual([used.length, faults.length], [0, 0])
  time = 60 * DAY
  await sleep(20)
  assert.ok(faults.length > 0 && used.length === 0, 'a failure is told and tried again')
  fails = false
  await sleep(20)
  assert.deepEqual(used, [{ cert: `issued ${60 * DAY}`, key: '', ca: '' }])
})
