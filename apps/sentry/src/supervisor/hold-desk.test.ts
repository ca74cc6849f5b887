import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HoldDesk } from './hold-desk.ts'
import { QuotaBook } from './quota-book.ts'

function desk(): { desk: HoldDesk; evicted: string[] } {
  const evicted: string[] = []
  const book = new QuotaBook({
    connectionsPerCertificate: 9,
    unauthenticatedConnectionsPerAddress: 9,
    oauthRequestsPerSecondPerAddress: 9,
    heldPerDevice: 1,
    heldPerUser: 9,
  })
  return { desk: new HoldDesk(book, (worker, hold) => evicted.push(`${worker}:${hold}`)), evicted }
}
/** Whether a promise is settled by now. */
async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false
  void promise.then(() => (done = true))
  await new Promise((resolve) => setImmediate(resolve))
  return done
}

describe('T51 the newest wins', () => {
  test('at once where nothing is displaced', async () => {
    const { desk: holds, evicted } = desk()
    await holds.acquire(1, 1, 'phone', 'ann')
    await holds.acquire(1, 2, 'other', 'ann')
    assert.deepEqual(evicted, [])
  })
  test('but only after the older one has left the server', async () => {
    const { desk: holds, evicted } = desk()
    await holds.acquire(1, 1, 'phone', 'ann')
    const newest = holds.acquire(2, 1, 'phone', 'ann')
    assert.deepEqual(evicted, ['1:1'])
    assert.equal(await settled(newest), false)
    holds.released(3, 1)
    assert.equal(await settled(newest), false, 'another one left')
    holds.released(1, 1)
    assert.equal(await settled(newest), true)
  })
  test('when the worker of the older one dies', async () => {
    const { desk: holds } = desk()
    await holds.acquire(1, 1, 'phone', 'ann')
    const newest = holds.acquire(11, 1, 'phone', 'ann')
    holds.forgetWorker(1)
    await newest
    const next = holds.acquire(2, 1, 'phone', 'ann')
    assert.equal(await settled(next), false, 'the one of worker 11 is still booked')
    holds.released(11, 1)
    await next
  })
  test('after a second at most, when nobody confirms', { timeout: 5_000 }, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { desk: holds } = desk()
    await holds.acquire(1, 1, 'phone', 'ann')
    const newest = holds.acquire(2, 1, 'phone', 'ann')
    t.mock.timers.tick(999)
    assert.equal(await settled(newest), false)
    t.mock.timers.tick(1)
    await newest
  })
})
