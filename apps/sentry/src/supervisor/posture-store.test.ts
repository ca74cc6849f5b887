import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import { PostureStore } from './posture-store.ts'

const device = (id: string, posture: 'allow' | 'block' | 'wipe' = 'allow'): PostureEntry => ({
  kind: 'device',
  device: { id, user: 'ann', easDeviceIds: [], certificates: [], posture, reasons: [] },
})
const filled = (): PostureStore => {
  const store = new PostureStore()
  store.begin('e', 7)
  store.load([device('a'), device('b'), { kind: 'user', user: 'Eve', blocked: true }])
  store.load([
    { kind: 'mode', mode: 'report' },
    { kind: 'certificate', fingerprint: 'c', revoked: true },
  ])
  store.end(7)
  return store
}
const all = (store: PostureStore): PostureEntry[] => [...store.pieces()].flat()

describe('what does not follow is refused, and changes nothing', () => {
  test('a change before any posture', () => {
    const store = new PostureStore()
    assert.equal(store.delta(0, 1, [device('a')]), 'gap')
    assert.equal(store.position, null)
  })
  for (const [title, from, seq] of [
    ['a change that was missed', 8, 9],
    ['a change of the past', 6, 7],
    ['a change that goes back', 7, 6],
  ] as const)
    test(title, () => {
      const store = filled()
      assert.equal(store.delta(from, seq, [device('c')]), 'gap')
      assert.deepEqual([store.position?.seq, store.devices], [7, 2])
    })
  test('a change in the middle of a snapshot', () => {
    const store = filled()
    store.begin('e', 9)
    assert.equal(store.delta(7, 8, [device('c')]), 'gap')
  })
  test('pieces and an end without a beginning', () => {
    const store = new PostureStore()
    assert.equal(store.load([device('a')]), false)
    assert.equal(store.end(1), false)
    assert.equal(store.position, null)
  })
  test('a snapshot that breaks off leaves the one before in use', () => {
    const store = filled()
    store.begin('f', 1)
    store.load([device('z')])
    store.abandon()
    assert.equal(store.end(1), false)
    assert.deepEqual([store.position?.epoch, store.devices], ['e', 2])
  })
})

describe('posture', () => {
  test('comes out as it went in', () => {
    assert.deepEqual(all(filled()), [
      { kind: 'mode', mode: 'report' },
      { kind: 'certificate', fingerprint: 'c', revoked: true },
      { kind: 'user', user: 'Eve', blocked: true },
      device('a'),
      device('b'),
    ])
  })
  test('changes: what is taken back is not there any more', () => {
    const store = filled()
    const outcome = store.delta(7, 12, [
      { kind: 'device-removed', id: 'a' },
      device('b', 'wipe'),
      { kind: 'user', user: 'EVE', blocked: false },
      { kind: 'certificate', fingerprint: 'c', revoked: false },
      { kind: 'mode', mode: 'enforce' },
    ])
    assert.equal(outcome, 'applied')
    assert.deepEqual(all(store), [{ kind: 'mode', mode: 'enforce' }, device('b', 'wipe')])
    assert.deepEqual([store.position?.seq, store.isToBeWiped('b'), store.isToBeWiped('a')], [12, true, false])
  })
  test('many devices come in pieces of a hundred', () => {
    const store = new PostureStore()
    store.begin('e', 1)
    store.load(Array.from({ length: 250 }, (_, i) => device(`d${i}`)))
    store.end(1)
    assert.deepEqual(
      [...store.pieces()].map(({ length }) => length),
      [100, 100, 51],
    )
  })
})
