/**
 * Protocol document 9.6, T74: from outside, an unknown device and a blocked one are the same (A33).
 * @module
 */
import assert from 'node:assert/strict'
import { Agent } from 'node:https'
import { after, before, test } from 'node:test'
import type { Issued } from '@postern/harness/ca'
import { type Lab, startLab } from '@postern/harness/lab'
import { assertWbxml, FOLDER_SYNC, type Reply } from './support/golden.ts'
import { auditOf } from './support/observe.ts'

const SAMPLES = 1_000
/** First samples are left out: connections and compiled code are being made. */
const WARM_UP = 100

let lab: Lab
let stranger: Issued
const agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })] as const

before(async () => {
  lab = await startLab({
    workers: 1,
    policy: (draft) => {
      for (const device of draft.devices) if (device.id === 'ann-phone') device.posture = 'block'
    },
  })
  stranger = await lab.deviceCa.issueDevice({ upn: 'ann@example.com', deviceUri: 'urn:postern:device:nobody' })
})

after(async () => {
  for (const agent of agents) agent.destroy()
  await lab[Symbol.asyncDispose]()
})

test('T74 unknown and blocked device: same bytes, latency distributions overlap, UP=0', async (t) => {
  const token = lab.token('ann@example.com')
  const blocked = (): Promise<Reply> => lab.eas(lab.devices['ann-phone'], { token, agent: agents[0] })
  const unknown = (): Promise<Reply> =>
    lab.eas(lab.devices['ann-phone'], { token, agent: agents[1], identity: stranger, deviceId: 'NOPHONE00001' })
  const reasons = [await reasonOf(await blocked()), await reasonOf(await unknown())]
  assert.deepEqual(reasons, ['DEVICE_BLOCKED', 'DEVICE_UNKNOWN'])

  const times = { blocked: [] as number[], unknown: [] as number[] }
  for (let sample = 0; sample < SAMPLES + WARM_UP; sample++) {
    // Taking turns in both orders: whatever else the machine does falls on both alike.
    const order = sample % 2 === 0 ? ([blocked, unknown] as const) : ([unknown, blocked] as const)
    const [first, second] = [await order[0](), await order[1]()]
    const [one, other] = sample % 2 === 0 ? [first, second] : [second, first]
    assertWbxml(one, FOLDER_SYNC.blocked129)
    assert.deepEqual(withoutOwn(other), withoutOwn(one))
    if (sample < WARM_UP) continue
    times.blocked.push(one.ms)
    times.unknown.push(other.ms)
  }
  const [a, b] = [quantiles(times.blocked), quantiles(times.unknown)]
  t.diagnostic(`milliseconds at 10, 50 and 90 %: blocked ${a.join(' ')}, unknown ${b.join(' ')}`)
  const [lowA, midA, highA] = a
  const [lowB, midB, highB] = b
  assert.ok(lowA <= highB && lowB <= highA, 'the middle four fifths overlap')
  assert.ok(midA <= 2 * midB && midB <= 2 * midA, 'no median is twice the other')
  assert.equal(lab.exchange.receivedCount, 0)
})

async function reasonOf(reply: Reply): Promise<string | undefined> {
  return (await auditOf(lab.sentry, reply)).reasons[0]
}

/** What a device can see, without what differs from any answer to the next: its id, and the date. */
function withoutOwn({ status, rawHeaders, body }: Reply): unknown {
  const own = new Set(['x-request-id', 'date'])
  const headers = rawHeaders.map((text, at) => (own.has(rawHeaders[at - 1]?.toLowerCase() ?? '') ? '' : text))
  return { status, headers, body: body.toString('hex') }
}

/** At 10, 50 and 90 per cent, milliseconds to two places. */
function quantiles(times: readonly number[]): [number, number, number] {
  const sorted = times.toSorted((x, y) => x - y)
  const at = (share: number): number => Number((sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(2))
  return [at(0.1), at(0.5), at(0.9)]
}
