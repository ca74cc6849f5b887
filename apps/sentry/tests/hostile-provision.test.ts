import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import { FOLDER_SYNC, hex, WIPE } from './support/golden.ts'
import { settledRss, workerPids } from './support/process-memory.ts'
import { rawHead } from './support/raw-request.ts'
import { HOSTILE, TRUNCATED } from './support/wipe-bodies.ts'

/** Milliseconds between the request and its refusal, for any body. */
const DECODED_WITHIN = 50
const MIB = 1_048_576

describe('WBXML of a Provision', () => {
  let lab: Lab
  let workers: number[]
  before(async () => {
    lab = await startLab({
      policy: (draft) => {
        for (const device of draft.devices) device.posture = device.id.startsWith('ann') ? 'wipe' : 'allow'
      },
    })
    workers = await workerPids(lab.sentry.pid)
    // The first requests of a process are slow; what is measured below is the work, not the warming up.
    for (let count = 0; count < 6; count += 1) await provision(lab.devices['ann-phone'], hex(WIPE.emptyProvision))
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const { row, title, body } of HOSTILE) {
    test(`${row} with a wipe pending is refused: ${title}`, async () => {
      const device = lab.devices['ann-phone']
      const before = lab.exchange.receivedCount
      const { reply, ms } = await refusal(device, body)
      assertUndecodable(reply)
      assert.equal(lab.exchange.receivedCount, before)
      if (ms >= DECODED_WITHIN) {
        // The machine may have been busy with something else; the work itself is the least of a few.
        const more = [await refusal(device, body), await refusal(device, body), await refusal(device, body)]
        const least = Math.min(...more.map((each) => each.ms))
        assert.ok(least < DECODED_WITHIN, `took ${least} ms`)
      }
    })
  }

  for (const [index, body] of TRUNCATED.entries()) {
    test(`T56 with a wipe pending is refused: the acknowledgement cut after ${index + 1} bytes`, async () => {
      const { reply } = await refusal(lab.devices['ann-phone'], body)
      assertUndecodable(reply)
    })
  }

  test('T54 lengths that lie cost no memory', async () => {
    const liars = HOSTILE.filter(({ row }) => row === 'T54')
    const before = await settledRss(lab.sentry.pid, 5)
    for (let round = 0; round < 10; round += 1) {
      for (const { body } of liars) await provision(lab.devices['ann-phone'], body)
    }
    const grown = (await settledRss(lab.sentry.pid, 5)) - before
    assert.ok(grown < 48 * MIB, `grew by ${grown} bytes`)
  })

  test('T55 the same bodies pass untouched where no wipe is pending', async () => {
    const device = lab.devices['bob-phone']
    const answer = hex(WIPE.acknowledged)
    const type = 'application/vnd.ms-sync.wbxml'
    lab.exchange.script({
      match: ({ query }) => query?.deviceId === device.easDeviceId,
      times: Infinity,
      action: { kind: 'respond', status: 200, headers: [['Content-Type', type]], body: answer },
    })
    const bodies = [...HOSTILE.map(({ body }) => body), ...TRUNCATED, hex(WIPE.acknowledgeSuccess)]
    for (const body of bodies) {
      const count = lab.exchange.receivedCount
      const reply = await provision(device, body)
      assert.equal(reply.status, 200)
      assert.deepEqual(reply.body, answer)
      assert.equal(lab.exchange.receivedCount, count + 1)
      assert.deepEqual(lab.exchange.received.at(-1)?.body, body)
    }
  })

  test('T56 none of it counted as an acknowledgement, and every worker is still the same process', async () => {
    const device = lab.devices['ann-phone']
    assert.deepEqual((await provision(device, hex(WIPE.emptyProvision))).body, hex(WIPE.directive))
    assert.deepEqual((await lab.eas(device)).body, hex(FOLDER_SYNC.wipeRequested140))
    assert.deepEqual((await provision(device, hex(WIPE.acknowledgeSuccess))).body, hex(WIPE.acknowledged))
    await lab.sentry.waitForAudit(({ reasons }) => reasons.includes('WIPE_ACKNOWLEDGED'))
    assert.deepEqual((await lab.eas(device)).body, hex(FOLDER_SYNC.blocked129))
    assert.deepEqual(await workerPids(lab.sentry.pid), workers)
    assert.equal(lab.exchange.received.filter(({ query }) => query?.deviceId === device.easDeviceId).length, 0)
    assert.ok(!lab.sentry.stdout().includes('"fault"') && !lab.sentry.stderr().includes('"fault"'), 'no fault of ours')
  })

  async function provision(device: LabDevice, body: Buffer): Promise<{ status: number; body: Buffer }> {
    return lab.eas(device, { command: 'Provision', body })
  }

  /** On a connection of its own that is ready before the clock runs. */
  async function refusal(device: LabDevice, body: Buffer): Promise<{ reply: Reply; ms: number }> {
    await using client = await lab.raw(device)
    const head = Buffer.from(await rawHead(lab, device, { command: 'Provision', body: body.length }))
    const since = performance.now()
    await client.send(Buffer.concat([head, body]))
    const reply = await client.readResponse()
    return { reply, ms: performance.now() - since }
  }
})

interface Reply {
  status: number
  body: Buffer
}

/** 400, or a Provision Status of 102 or 103; nothing else says that a body was not understood. */
function assertUndecodable({ status, body }: Reply): void {
  if (status === 400) return
  assert.equal(status, 200)
  const text = body.toString('hex')
  assert.ok(['03016a00000e454b03313032000101', '03016a00000e454b03313033000101'].includes(text), text)
}
