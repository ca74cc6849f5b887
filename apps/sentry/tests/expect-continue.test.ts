import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { RawClientOptions, RawResponse } from '@postern/harness/raw-client'
import { FOLDER_SYNC, hex } from './support/golden.ts'
import { rawHead } from './support/raw-request.ts'
import type { RawHead } from './support/raw-request.ts'

/** FolderSync with key 0. */
const BODY = hex('03 01 6A 00 00 07 56 52 03 30 00 01 01')
const CONTINUE = 'Expect: 100-continue'

describe('Expect: 100-continue', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({
      policy: (draft) => {
        for (const device of draft.devices) if (device.id === 'bob-phone') device.posture = 'block'
      },
    })
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const body of ['length', 'chunked'] as const) {
    test(`T100 with a good certificate: 100, then 200 (${body})`, async () => {
      const device = lab.devices['ann-phone']
      await using client = await lab.raw(device)
      await client.send(await rawHead(lab, device, { body: body === 'length' ? BODY.length : body, lines: [CONTINUE] }))
      const interim = await client.readResponse()
      assert.equal(interim.status, 100)
      const count = lab.exchange.receivedCount
      await client.send(
        body === 'length' ? BODY : `${BODY.length.toString(16)}\r\n${BODY.toString('latin1')}\r\n0\r\n\r\n`,
      )
      const reply = await client.readResponse()
      assert.equal(reply.status, 200)
      assert.equal(lab.exchange.receivedCount, count + 1)
      assert.deepEqual(lab.exchange.received.at(-1)?.body, BODY)
      assert.equal(lab.exchange.received.at(-1)?.headers['expect'], undefined)
    })
  }

  test('T100 without a certificate: 403 at once, no 100', async () => {
    const reply = await refused(lab.devices['ann-phone'], {}, { cert: undefined, key: undefined })
    assert.equal(reply.status, 403)
  })

  test('T100 with a certificate of another CA: 403 at once, no 100', async () => {
    const { certPem: cert, keyPem: key } = await lab.serverCa.issueDevice({ upn: 'ann@example.com' })
    const reply = await refused(lab.devices['ann-phone'], {}, { cert, key })
    assert.equal(reply.status, 403)
  })

  test('T100 of a blocked device: its 129 at once, no 100', async () => {
    const reply = await refused(lab.devices['bob-phone'], {})
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, hex(FOLDER_SYNC.blocked129))
  })

  test('T100 with more than the command may send: 413 at once, no 100', async () => {
    const reply = await refused(lab.devices['ann-phone'], { body: 10_485_760 })
    assert.equal(reply.status, 413)
  })

  test('T100 without a token: 401 at once, no 100', async () => {
    const device = lab.devices['ann-phone']
    await using client = await lab.raw(device)
    const head = await rawHead(lab, device, { body: BODY.length, lines: [CONTINUE] })
    await client.send(head.replace(/Authorization: [^\r]*\r\n/, ''))
    assert.equal((await client.readResponse()).status, 401)
  })

  test('T100 another expectation: 417', async () => {
    const reply = await refused(lab.devices['ann-phone'], { lines: ['Expect: 200-ok'] })
    assert.equal(reply.status, 417)
  })

  /** The first and only answer, given although the body never comes. */
  async function refused(
    device: LabDevice,
    head: RawHead,
    options: Partial<{ [K in keyof RawClientOptions]: RawClientOptions[K] | undefined }> = {},
  ): Promise<RawResponse> {
    const count = lab.exchange.receivedCount
    const { cert, key } = { cert: device.identity.certPem, key: device.identity.keyPem, ...options }
    const identity = cert === undefined || key === undefined ? {} : { cert, key }
    await using client = await lab.raw(null, identity)
    await client.send(await rawHead(lab, device, { body: BODY.length, lines: [CONTINUE], ...head }))
    const reply = await client.readResponse()
    assert.equal(lab.exchange.receivedCount, count)
    await client.closed // the bytes that may still come are no next request
    assert.equal(client.unread.length, 0)
    return reply
  }
})
