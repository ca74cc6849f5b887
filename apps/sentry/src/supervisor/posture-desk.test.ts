import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import type { PostureMessage } from '../coordination/messages.ts'
import { PostureReceiver } from '../worker/posture-receiver.ts'
import { PostureDesk } from './posture-desk.ts'
import { PostureStore } from './posture-store.ts'

const device = (id: string, posture: 'allow' | 'block' = 'allow'): PostureEntry => ({
  kind: 'device',
  device: { id, user: id, easDeviceIds: [id], certificates: [], posture, reasons: [] },
})
const DEVICES = 350

/** A store, and workers whose pipes take a message only when told to. */
function scene(workers: readonly number[]): {
  store: PostureStore
  desk: PostureDesk
  receivers: Map<number, PostureReceiver>
  flow: (worker: number) => Promise<boolean>
  flowAll: () => Promise<void>
} {
  const store = new PostureStore()
  store.begin('e', 1)
  for (let at = 0; at < DEVICES; at += 50) store.load(Array.from({ length: 50 }, (_, i) => device(`D${at + i}`)))
  store.end(1)
  const receivers = new Map(workers.map((worker) => [worker, new PostureReceiver()]))
  const waiting = new Map<number, (() => void)[]>(workers.map((worker) => [worker, []]))
  const give = (worker: number, message: PostureMessage): void => {
    const receiver = receivers.get(worker)
    if (receiver?.take(message) == null || receiver.current === null) return
    desk.progressed(worker, receiver.load, receiver.current.version)
  }
  const desk: PostureDesk = new PostureDesk(
    store,
    {
      broadcast: (message) => {
        for (const worker of workers) give(worker, message)
      },
      deliver: (worker, message) => {
        give(worker, message)
        return new Promise((resolve) => waiting.get(worker)?.push(resolve))
      },
    },
    5,
  )
  const flow = async (worker: number): Promise<boolean> => {
    const next = waiting.get(worker)?.shift()
    next?.()
    await new Promise((resolve) => setImmediate(resolve))
    return next !== undefined
  }
  const flowAll = async (): Promise<void> => {
    for (const worker of workers) while (await flow(worker)) continue
  }
  return { store, desk, receivers, flow, flowAll }
}
const delta = (store: PostureStore, desk: PostureDesk, entries: PostureEntry[]): void => {
  const from = store.position?.seq ?? 0
  assert.equal(store.delta(from, from + 1, entries), 'applied')
  desk.delta({ type: 'delta', from, seq: from + 1, entries }, 6)
}

describe('posture for workers', () => {
  test('takes effect at its end, not before', async () => {
    const { desk, receivers, flow, flowAll } = scene([1])
    void desk.send(1)
    await flow(1)
    await flow(1)
    assert.equal(receivers.get(1)?.current, null)
    assert.equal(desk.applied, null)
    await flowAll()
    const snapshot = receivers.get(1)?.current
    assert.deepEqual([snapshot?.version, snapshot?.writtenAt, desk.applied], [1, 5, 1])
    assert.equal(snapshot?.devicesByEasKey(`D${DEVICES - 1}`).length, 1)
  })
  test('changes while it is on its way are in it, whether their place was passed or not', async () => {
    const { store, desk, receivers, flow, flowAll } = scene([1])
    void desk.send(1)
    await flow(1)
    await flow(1)
    delta(store, desk, [device('D0', 'block'), device('D349', 'block'), { kind: 'device-removed', id: 'D1' }])
    delta(store, desk, [{ kind: 'device-removed', id: 'D348' }, device('NEW')])
    await flowAll()
    const snapshot = receivers.get(1)?.current
    const postures = ['D0', 'D349', 'D1', 'D348', 'NEW'].map((key) => snapshot?.devicesByEasKey(key)[0]?.posture)
    assert.deepEqual(postures, ['block', 'block', undefined, undefined, 'allow'])
    assert.deepEqual([snapshot?.version, desk.applied], [3, 3])
  })
  test('a block acts at once on the posture in use, while another is on its way', async () => {
    const { store, desk, receivers, flow, flowAll } = scene([1])
    void desk.send(1)
    await flowAll()
    void desk.send(1)
    await flow(1)
    delta(store, desk, [device('D0', 'block')])
    assert.equal(receivers.get(1)?.current?.devicesByEasKey('D0')[0]?.posture, 'block')
    assert.equal(desk.applied, null) // it stands on the old one still
    await flowAll()
    assert.equal(receivers.get(1)?.current?.devicesByEasKey('D0')[0]?.posture, 'block')
    assert.equal(desk.applied, 2)
  })
  test('a whole new posture overtakes one that is on its way', async () => {
    const { store, desk, receivers, flow, flowAll } = scene([1])
    void desk.send(1)
    await flow(1)
    store.begin('f', 0)
    store.load([device('ONLY')])
    store.end(0)
    desk.sendToAll()
    await flowAll()
    const snapshot = receivers.get(1)?.current
    assert.deepEqual([snapshot?.devicesByEasKey('ONLY').length, snapshot?.devicesByEasKey('D0').length], [1, 0])
    assert.equal(desk.applied, 0)
  })
  test('the slowest worker says how far all have come; one that died is not waited for', async () => {
    const { store, desk, flow, flowAll } = scene([1, 2])
    void desk.send(1)
    void desk.send(2)
    while (await flow(1)) continue
    assert.equal(desk.applied, null)
    await flowAll()
    assert.equal(desk.applied, 1)
    delta(store, desk, [device('D0', 'block')])
    assert.equal(desk.applied, 2)
    void desk.send(2)
    assert.equal(desk.applied, null)
    desk.gone(2)
    assert.equal(desk.applied, 2)
  })
  test('word from Core makes it younger; dropping it leaves nothing', async () => {
    const { desk, receivers, flowAll } = scene([1])
    void desk.send(1)
    await flowAll()
    desk.confirmed(9)
    assert.equal(receivers.get(1)?.current?.writtenAt, 9)
    receivers.get(1)?.take({ op: 'posture-dropped' })
    assert.equal(receivers.get(1)?.current, null)
    desk.confirmed(10)
    assert.equal(receivers.get(1)?.current, null)
  })
})
