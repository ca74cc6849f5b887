import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { QuotaBook, type Quotas } from './quota-book.ts'

const QUOTAS: Quotas = {
  connectionsPerCertificate: 2,
  unauthenticatedConnectionsPerAddress: 3,
  oauthRequestsPerSecondPerAddress: 2,
  heldPerDevice: 2,
  heldPerUser: 3,
}
const book = (given: Partial<Quotas> = {}): QuotaBook => new QuotaBook({ ...QUOTAS, ...given })

describe('connections', () => {
  test('one over the limit of an address, over all workers', () => {
    const quota = book()
    const opened = [1, 2, 3, 4].map((worker) => quota.openConnection(worker, 1, '192.0.2.7'))
    assert.deepEqual(opened, [true, true, true, false])
    assert.equal(quota.openConnection(1, 2, '192.0.2.8'), true, 'another address has its own')
  })
  test('what was refused was not counted', () => {
    const quota = book({ unauthenticatedConnectionsPerAddress: 1 })
    quota.openConnection(1, 1, 'a')
    assert.equal(quota.openConnection(1, 2, 'a'), false)
    quota.closeConnection(1, 2)
    assert.equal(quota.openConnection(1, 3, 'a'), false)
    quota.closeConnection(1, 1)
    assert.equal(quota.openConnection(1, 4, 'a'), true)
  })
  test('one over the limit of a certificate', () => {
    const quota = book()
    const shown = [1, 2, 3].map((connection) => {
      quota.openConnection(1, connection, 'nat')
      return quota.certifyConnection(1, connection, 'sha256:a')
    })
    assert.deepEqual(shown, [true, true, false])
  })
  test('settled: behind a NAT whoever showed a certificate does not count for the address', () => {
    const quota = book()
    for (let i = 0; i < 100; i += 1) {
      assert.equal(quota.openConnection(1, i, 'nat'), true)
      assert.equal(quota.certifyConnection(1, i, `sha256:${i}`), true)
    }
  })
  test('an address and a certificate of one text are two keys', () => {
    const quota = book({ connectionsPerCertificate: 1, unauthenticatedConnectionsPerAddress: 1 })
    quota.openConnection(1, 1, 'x')
    quota.openConnection(1, 2, 'y')
    assert.equal(quota.certifyConnection(1, 2, 'x'), true)
  })
  test('closing twice gives back once', () => {
    const quota = book({ unauthenticatedConnectionsPerAddress: 2 })
    quota.openConnection(1, 1, 'a')
    quota.openConnection(1, 2, 'a')
    quota.closeConnection(1, 1)
    quota.closeConnection(1, 1)
    assert.deepEqual([quota.openConnection(1, 3, 'a'), quota.openConnection(1, 4, 'a')], [true, false])
  })
  test('a worker that died gives back its own, and nobody else', () => {
    const quota = book({ unauthenticatedConnectionsPerAddress: 2 })
    quota.openConnection(1, 1, 'a')
    quota.openConnection(11, 1, 'a')
    quota.forgetWorker(1)
    assert.deepEqual([quota.openConnection(2, 1, 'a'), quota.openConnection(2, 2, 'a')], [true, false])
  })
  test('new limits count for what comes next', () => {
    const quota = book({ unauthenticatedConnectionsPerAddress: 1 })
    quota.openConnection(1, 1, 'a')
    quota.quotas = { ...QUOTAS, unauthenticatedConnectionsPerAddress: 2 }
    assert.equal(quota.openConnection(1, 2, 'a'), true)
  })
})

describe('rates', () => {
  const take = (quota: QuotaBook, times: readonly number[]): boolean[] => times.map((at) => quota.takeRate('a', at))
  test('one over a second of requests', () => assert.deepEqual(take(book(), [0, 0, 0, 0]), [true, true, false, false]))
  test('what was refused costs nothing', () => {
    assert.deepEqual(take(book(), [0, 0, 0, 400, 500, 999, 1_000]), [true, true, false, false, true, false, true])
  })
  test('a long pause saves up one second and no more', () => {
    assert.deepEqual(take(book(), [0, 60_000, 60_000, 60_000]), [true, true, true, false])
  })
  test('a clock that is set back locks nobody out', () => {
    assert.deepEqual(take(book(), [3_600_000, 0, 0, 500]), [true, true, false, true])
  })
  test('each address has its own', () => {
    const quota = book({ oauthRequestsPerSecondPerAddress: 1 })
    assert.deepEqual(
      ['a', 'b', 'a', 'b'].map((address) => quota.takeRate(address, 0)),
      [true, true, false, false],
    )
  })
  test('many addresses push out the oldest only', () => {
    const quota = book({ oauthRequestsPerSecondPerAddress: 1 })
    quota.takeRate('oldest', 0)
    quota.takeRate('used', 0)
    for (let i = 0; i < 99_998; i += 1) quota.takeRate(`address-${i}`, 0)
    assert.equal(quota.takeRate('used', 0), false)
    quota.takeRate('one more', 0)
    assert.deepEqual([quota.takeRate('used', 0), quota.takeRate('oldest', 0)], [false, true])
  })
})

describe('held requests', () => {
  const plain = (evicted: readonly { worker: number; hold: number }[]): string[] =>
    evicted.map(({ worker, hold }) => `${worker}:${hold}`)
  test('T51 the third of a device ends the oldest', () => {
    const quota = book()
    assert.deepEqual(plain(quota.hold(1, 1, 'phone', 'ann')), [])
    assert.deepEqual(plain(quota.hold(2, 1, 'phone', 'ann')), [])
    assert.deepEqual(plain(quota.hold(1, 2, 'phone', 'ann')), ['1:1'])
    assert.deepEqual(plain(quota.hold(1, 3, 'phone', 'ann')), ['2:1'])
  })
  test('the fourth of a user ends the oldest, whatever the device', () => {
    const quota = book()
    for (let i = 1; i <= 3; i += 1) quota.hold(1, i, `phone-${i}`, 'ann')
    assert.deepEqual(plain(quota.hold(1, 4, 'phone-4', 'ann')), ['1:1'])
  })
  test('one that ends for the device makes room for the user too', () => {
    const quota = book()
    quota.hold(1, 1, 'a', 'ann')
    quota.hold(1, 2, 'b', 'ann')
    quota.hold(1, 3, 'b', 'ann')
    assert.deepEqual(plain(quota.hold(1, 4, 'b', 'ann')), ['1:2'])
  })
  test('without a user only the device counts', () => {
    const quota = book()
    for (let i = 1; i <= 10; i += 1) assert.deepEqual(plain(quota.hold(1, i, `phone-${i}`, null)), [])
  })
  test('what was released makes room', () => {
    const quota = book({ heldPerDevice: 1 })
    quota.hold(1, 1, 'phone', 'ann')
    quota.release(1, 1)
    quota.release(1, 1)
    assert.deepEqual(plain(quota.hold(1, 2, 'phone', 'ann')), [])
  })
  test('lower limits end more than one, oldest first', () => {
    const quota = book({ heldPerDevice: 3 })
    for (let i = 1; i <= 3; i += 1) quota.hold(1, i, 'phone', null)
    quota.quotas = { ...QUOTAS, heldPerDevice: 1 }
    assert.deepEqual(plain(quota.hold(1, 4, 'phone', null)), ['1:1', '1:2', '1:3'])
  })
  test('a worker that died holds nothing', () => {
    const quota = book({ heldPerDevice: 1 })
    quota.hold(1, 1, 'phone', 'ann')
    quota.forgetWorker(1)
    assert.deepEqual(plain(quota.hold(2, 1, 'phone', 'ann')), [])
  })
})
