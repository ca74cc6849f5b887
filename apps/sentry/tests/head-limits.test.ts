import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import type { RawResponse } from '@postern/harness/raw-client'
import { AUTHORIZE, V1_AUTHORIZE } from './support/oauth-requests.ts'
import { rawHead } from './support/raw-request.ts'

const KIB = 1_024
/** Fields that `rawHead` writes of its own. */
const OWN_FIELDS = 6

describe('limits of a head', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab()
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const [title, lines, status] of [
    ['100 fields', fields(100 - OWN_FIELDS), 200],
    ['101 fields', fields(101 - OWN_FIELDS), 431],
    ['1,500 fields', fields(1_500), 431],
    ['31 KiB in one field', [`X-Long: ${'x'.repeat(29 * KIB)}`], 200],
    ['more than 32 KiB in one field', [`X-Long: ${'x'.repeat(32 * KIB)}`], 431],
    ['more than 32 KiB in eight', Array.from({ length: 8 }, (_, i) => `X-Part-${i}: ${'x'.repeat(4 * KIB)}`), 431],
  ] as const) {
    test(`A16 a head with ${title}: ${status}`, async () => {
      const count = lab.exchange.receivedCount
      const device = lab.devices['ann-phone']
      const reply = await send(await rawHead(lab, device, { lines }))
      assert.equal(reply.status, status)
      assert.equal(lab.exchange.receivedCount, count + (status === 200 ? 1 : 0))
      if (status !== 200) assert.equal(reply.header('connection'), 'close')
    })
  }

  for (const [title, length, status] of [
    ['16 KiB', 16 * KIB, 401], // read, and then found to be nobody's
    ['one byte more', 16 * KIB + 1, 431],
    ['20 KiB', 20 * KIB, 431],
  ] as const) {
    test(`A16 an Authorization of ${title}: ${status}`, async () => {
      const count = lab.exchange.receivedCount
      const value = `Bearer ${'x'.repeat(length - 'Bearer '.length)}`
      const head = await rawHead(lab, lab.devices['ann-phone'])
      const reply = await send(head.replace(/Authorization: [^\r]*/, `Authorization: ${value}`))
      assert.equal(reply.status, status)
      assert.equal(lab.exchange.receivedCount, count)
    })
  }

  for (const [title, length, served] of [
    ['16 KiB', 16 * KIB, true],
    ['17 KiB', 17 * KIB, false],
    ['30 KiB', 30 * KIB, false],
  ] as const) {
    test(`A16 a target of ${title} is ${served ? 'read' : 'refused by 414'}`, async () => {
      const target = `${V1_AUTHORIZE}?${AUTHORIZE}&state=`
      const line = `GET ${target.padEnd(length, 's')} HTTP/1.1\r\nHost: ${lab.sentryName}\r\n\r\n`
      const { status } = await send(line)
      if (served) assert.ok(status === 302 || status === 400, String(status))
      else assert.equal(status, 414)
    })
  }

  for (const [title, head] of [
    ['a field of 66 KiB', (usual: string) => usual.replace('\r\n\r\n', `\r\nX-Long: ${'x'.repeat(66 * KIB)}\r\n\r\n`)],
    [
      'a field of a megabyte',
      (usual: string) => usual.replace('\r\n\r\n', `\r\nX-Long: ${'x'.repeat(KIB * KIB)}\r\n\r\n`),
    ],
    ['a target of 100 KiB', (usual: string) => usual.replace('?', `?${'x'.repeat(100 * KIB)}&`)],
    [
      'a field name of 100 KiB',
      (usual: string) => usual.replace('\r\n\r\n', `\r\n${'x'.repeat(100 * KIB)}: x\r\n\r\n`),
    ],
  ] as const) {
    // What is still on its way when the parser gives up may make the kernel throw the answer away.
    test(`A16 a head that the parser does not keep, ${title}: closed, with 431 if anything`, async () => {
      const count = lab.exchange.receivedCount
      const device = lab.devices['ann-phone']
      await using client = await lab.raw(device)
      void client.send(head(await rawHead(lab, device)))
      const reply = await client.readResponse().catch(() => null)
      assert.ok(reply === null || reply.status === 431)
      await client.closed
      assert.equal(lab.exchange.receivedCount, count)
    })
  }

  async function send(head: string): Promise<RawResponse> {
    await using client = await lab.raw(lab.devices['ann-phone'])
    void client.send(head) // a refusal comes before all of it is sent
    return await client.readResponse()
  }
})

function fields(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `X-Field-${i}: x`)
}
