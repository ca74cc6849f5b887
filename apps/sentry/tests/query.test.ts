/**
 * Protocol document 9.2, T16 to T18 and T23: the base64 query, and that it says the same as the plain one (1.3, A6).
 *
 * Vectors are those of the document; what the server must receive is written out here.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { LabDevice } from '@postern/harness/lab'
import { type Lab, startLab } from '@postern/harness/lab'
import { FOLDER_SYNC, hex } from './support/golden.ts'
import { auditOf } from './support/observe.ts'
import { assertNothingUpstream } from './support/wire.ts'

const PATH = '/Microsoft-Server-ActiveSync'

interface Vector {
  title: string
  query: string
  /** What stands behind the path in the request to the server. */
  canonical: string
  version: string
  policyKey?: string
  multiPart?: string
  command: string
  deviceId: string
}

const VECTORS: Vector[] = [
  {
    title: 'vector 1, 14.0 Sync',
    query: 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l',
    canonical: 'Cmd=Sync&DeviceId=v140Device&DeviceType=SmartPhone',
    version: '14.0',
    command: 'Sync',
    deviceId: 'v140Device',
  },
  {
    title: 'vector 2, 16.1 FolderSync with key and user',
    query: 'oQkJBBBBcHBsODc2NTQzMjFBQkNEBGBI6k0GaVBob25lCA9hbmFAY29udG9zby5jb20=',
    canonical: 'Cmd=FolderSync&User=ana%40contoso.com&DeviceId=Appl87654321ABCD&DeviceType=iPhone',
    version: '16.1',
    policyKey: '1307199584',
    command: 'FolderSync',
    deviceId: 'Appl87654321ABCD',
  },
  {
    title: 'vector 3, 16.1 Ping with key 0',
    query: 'oRIHBAZBQkMxMjMEAAAAAAdBbmRyb2lk',
    canonical: 'Cmd=Ping&DeviceId=ABC123&DeviceType=Android',
    version: '16.1',
    policyKey: '0',
    command: 'Ping',
    deviceId: 'ABC123',
  },
  {
    title: 'vector 4, 16.1 ItemOperations in several parts',
    query: 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==',
    canonical: 'Cmd=ItemOperations&DeviceId=ABC123&DeviceType=SP',
    version: '16.1',
    policyKey: '7',
    multiPart: 'T',
    command: 'ItemOperations',
    deviceId: 'ABC123',
  },
  {
    title: 'vector 5, 14.1 SmartForward of an item',
    query: 'jQIJBAZBQkMxMjME/////wNQUEMBATUDBDU6MTIHAQE=',
    canonical: 'Cmd=SmartForward&DeviceId=ABC123&DeviceType=PPC&CollectionId=5&ItemId=5%3A12&SaveInSent=T',
    version: '14.1',
    policyKey: '4294967295',
    command: 'SmartForward',
    deviceId: 'ABC123',
  },
  {
    title: 'vector 6, 16.1 Sync with the bytes of a GUID',
    query: 'oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg=',
    canonical: 'Cmd=Sync&DeviceId=000102030405060708090A0B0C0D0E0F&DeviceType=WP8',
    version: '16.1',
    command: 'Sync',
    deviceId: '000102030405060708090A0B0C0D0E0F',
  },
]

let lab: Lab
/** Owns every device id of the vectors. */
let device: LabDevice

before(async () => {
  lab = await startLab()
  const identity = await lab.deviceCa.issueDevice({ upn: 'ana@contoso.com', commonName: 'vectors' })
  device = { id: 'vectors', user: 'ana@contoso.com', easDeviceId: 'ABC123', identity }
  await lab.policy.publish(({ devices }) => {
    devices.push({
      id: device.id,
      user: device.user,
      easDeviceIds: ['v140Device', 'Appl87654321ABCD', 'ABC123', '000102030405060708090A0B0C0D0E0F'],
      certificates: [identity.fingerprint],
      posture: 'allow',
      reasons: [],
    })
  })
  await lab.policy.applied()
  lab.exchange.script({ times: Infinity, action: { kind: 'respond', status: 200 } })
})

beforeEach(() => {
  lab.exchange.clearReceived()
})

after(() => lab[Symbol.asyncDispose]())

/** Sends a query without any header that says the same, as the document wants it. */
function send(query: string, headers: Record<string, string> = {}): ReturnType<Lab['eas']> {
  return lab.eas(device, { query, version: null, body: '', headers })
}

/** What the server received: one request; its target and the headers that a query can hold. */
function received(): unknown {
  const { target, headers, method } = lab.exchange.received[0] ?? assert.fail('nothing reached the server')
  assert.equal(lab.exchange.receivedCount, 1)
  return {
    method,
    target,
    version: headers['ms-asprotocolversion'],
    policyKey: headers['x-ms-policykey'],
    multiPart: headers['ms-asacceptmultipart'],
  }
}

function expected({ canonical, version, policyKey, multiPart }: Vector): unknown {
  return { method: 'POST', target: `${PATH}?${canonical}`, version, policyKey, multiPart }
}

describe('T16 the base64 vectors of the document', () => {
  for (const vector of VECTORS) {
    test(`T16 ${vector.title}: the server receives the same in plain text`, async () => {
      const reply = await send(vector.query)
      assert.equal(reply.status, 200)
      assert.deepEqual(received(), expected(vector))
      const line = await auditOf(lab.sentry, reply)
      const { command, version, easDeviceId, decision } = line
      assert.deepEqual(
        { command, version, easDeviceId, decision, device: line.device },
        {
          command: vector.command,
          version: vector.version,
          easDeviceId: vector.deviceId,
          decision: 'allow',
          device: 'vectors',
        },
      )
    })
  }
})

describe('T17 spellings of one base64 text', () => {
  const [, , , , fifth] = VECTORS
  const raw = fifth?.query ?? ''
  const spellings: [title: string, query: string][] = [
    ['raw', raw],
    ['%2F and %3D', raw.replaceAll('/', '%2F').replaceAll('=', '%3D')],
    ['%2f and %3d', raw.replaceAll('/', '%2f').replaceAll('=', '%3d')],
    ['without padding', raw.replaceAll('=', '')],
  ]
  for (const [title, query] of spellings) {
    test(`T17 vector 5 ${title}: the same request`, async () => {
      assert.ok(query.includes('/') || query.includes('%2'))
      assert.equal((await send(query)).status, 200)
      assert.deepEqual(received(), fifth === undefined ? null : expected(fifth))
    })
  }

  // 16.1 FolderSync, ABC123, policy key FB EF BE 3E (1,052,700,667): its base64 holds four plus signs.
  const plus = 'oQkJBAZBQkMxMjME++++PgJTUA=='
  for (const [title, query] of [
    ['raw', plus],
    ['as %2B', plus.replaceAll('+', '%2B')],
    ['as %2b, without padding', plus.replaceAll('+', '%2b').replaceAll('=', '')],
  ] as const) {
    test(`T17 plus signs ${title}: the same request`, async () => {
      assert.equal((await send(query)).status, 200)
      assert.deepEqual(received(), {
        method: 'POST',
        target: `${PATH}?Cmd=FolderSync&DeviceId=ABC123&DeviceType=SP`,
        version: '16.1',
        policyKey: '1052700667',
        multiPart: undefined,
      })
    })
  }

  for (const space of ['%20', '%2520', '%09', '%C2%A0']) {
    test(`T17 ${space} in the place of a plus sign: 400, UP=0`, () => refused(plus.replace('+', space)))
  }
})

async function refused(query: string, headers: Record<string, string> = {}, statuses = [400]): Promise<void> {
  const reply = await assertNothingUpstream(lab, () => send(query, headers))
  assert.ok(statuses.includes(reply.status), String(reply.status))
}

describe('T18 base64 that is not of the document', () => {
  const sound = 'a1 13 0904 06 414243313233 04 07000000 02 5350'
  const rows: [title: string, bytes: string][] = [
    ['device length 0', 'a1 13 0904 00 04 07000000 02 5350'],
    ['device length beyond the end', 'a1 13 0904 ff 414243313233 04 07000000 02 5350'],
    ['device length of 33', `a1 13 0904 21 ${'41'.repeat(33)} 04 07000000 02 5350`],
    ['17 bytes that are no text, 34 hex digits', `a1 13 0904 11 ${'01'.repeat(17)} 04 07000000 02 5350`],
    ['policy key length 3', 'a1 13 0904 06 414243313233 03 070000 02 5350'],
    ['policy key length 1', 'a1 13 0904 06 414243313233 01 07 02 5350'],
    ['policy key length 5', 'a1 13 0904 06 414243313233 05 0700000000 02 5350'],
    ['policy key length beyond the end', 'a1 13 0904 06 414243313233 04 0700'],
    ['device type length beyond the end', 'a1 13 0904 06 414243313233 04 07000000 09 5350'],
    ['no device type', 'a1 13 0904 06 414243313233 04 07000000'],
    ['a parameter without its value', `${sound} 01 05 35`],
    ['a parameter without its length', `${sound} 01`],
    ['a byte behind the last parameter', `${sound} 01 01 35 00`],
    ['a parameter twice', `${sound} 01 01 35 01 01 35`],
    ['a legacy parameter, 2', `${sound} 02 01 35`],
    ['a legacy parameter, 5', `${sound} 05 01 35`],
    ['an unknown parameter', `${sound} 09 01 35`],
    ['options of two bytes', `${sound} 07 02 0200`],
    ['options with a bit that is none', `${sound} 07 01 04`],
    ['a user that is no UTF-8', `${sound} 08 02 c328`],
    ['a NUL in the user', `${sound} 08 03 610062`],
    ['a version that does not exist', `91 ${sound.slice(3)}`],
    ['nothing behind the command', 'a1 13'],
    ['one byte', 'a1'],
  ]
  test('T18 the bytes without a fault pass', async () => {
    assert.equal((await send(hex(sound).toString('base64'))).status, 200)
    assert.equal(lab.exchange.receivedCount, 1)
  })
  for (const [title, bytes] of rows) {
    test(`T18 ${title}: 400, UP=0`, () => refused(hex(bytes).toString('base64')))
  }

  const texts: [title: string, query: string][] = [
    ['the URL-safe alphabet, /', 'jQIJBAZBQkMxMjME_____wNQUEMBATUDBDU6MTIHAQE='],
    ['the URL-safe alphabet, +', 'oQkJBAZBQkMxMjME----PgJTUA=='],
    ['a string of 5 KB', 'A'.repeat(5_120)],
    ['over 1 KiB once decoded', `oRMJBAZBQkMxMjMEBwAAAAJTUA${'AA'.repeat(700)}`],
    ['one = too few', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg='],
    ['one = too many', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==='],
    ['= in the middle', 'oRMJBAZB=QkMxMjMEBwAAAAJTUAcBAg=='],
    ['bits that no encoder leaves', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAh=='],
    ['text behind the padding', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==AA'],
    ['an escape that is none', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg%3'],
    ['an escaped letter', '%6FRMJBAZBQkMxMjMEBwAAAAJTUAcBAg=='],
    ['parameters behind it', 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==&User=bob'],
    ['neither form', 'User=ann&DeviceId=ABC123'],
    ['nothing', ''],
  ]
  for (const [title, query] of texts) test(`T18 ${title}: 400, UP=0`, () => refused(query))
})

describe('T21 a header against the query', () => {
  const [, , , fourth] = VECTORS
  const query = fourth?.query ?? ''
  const against: [title: string, headers: Record<string, string>][] = [
    ['version 16.1 with MS-ASProtocolVersion: 14.1', { 'MS-ASProtocolVersion': '14.1' }],
    ['version 16.1 with MS-ASProtocolVersion: 16.0', { 'MS-ASProtocolVersion': '16.0' }],
    ['key 7 with X-MS-PolicyKey: 8', { 'X-MS-PolicyKey': '8' }],
    ['key 7 with X-MS-PolicyKey: 0', { 'X-MS-PolicyKey': '0' }],
    ['multipart with MS-ASAcceptMultiPart: F', { 'MS-ASAcceptMultiPart': 'F' }],
  ]
  for (const [title, headers] of against) test(`T21 ${title}: 400, UP=0`, () => refused(query, headers))

  test('T21 headers that say the same: passes, and the server receives each once', async () => {
    const headers = { 'MS-ASProtocolVersion': '16.1', 'X-MS-PolicyKey': '7', 'MS-ASAcceptMultiPart': 'T' }
    assert.equal((await send(query, headers)).status, 200)
    assert.deepEqual(received(), fourth === undefined ? null : expected(fourth))
  })
})

describe('T23 one device in both forms', () => {
  const forms: [title: string, query: string, version: string | null][] = [
    ['base64, the bytes of a GUID', 'oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg=', null],
    ['plain, hex', 'Cmd=Sync&DeviceId=000102030405060708090A0B0C0D0E0F&DeviceType=WP8', '16.1'],
    ['plain, hex in lower case', 'Cmd=Sync&DeviceId=000102030405060708090a0b0c0d0e0f&DeviceType=WP8', '16.1'],
  ]
  for (const [title, query, version] of forms) {
    test(`T23 ${title}: the same record`, async () => {
      const reply = await lab.eas(device, { query, version, body: '' })
      assert.equal(reply.status, 200)
      const line = await auditOf(lab.sentry, reply)
      assert.deepEqual([line.device, line.easDeviceId?.toUpperCase()], ['vectors', '000102030405060708090A0B0C0D0E0F'])
    })
  }

  // The look-up is by that key: with another device's certificate both forms are known to be this one's.
  for (const [title, query, version] of forms) {
    test(`T23 ${title}, with another certificate: 130, UP=0`, async () => {
      const folderSync = query.replace('Cmd=Sync', 'Cmd=FolderSync').replace('oQAJ', 'oQkJ')
      const reply = await assertNothingUpstream(lab, () =>
        lab.eas(lab.devices['ann-phone'], { query: folderSync, version, body: '' }),
      )
      assert.equal(reply.body.toString('hex'), hex(FOLDER_SYNC.accessDenied130).toString('hex'))
      const { event, reasons, easDeviceId } = await auditOf(lab.sentry, reply)
      assert.deepEqual([event, reasons[0]], ['alarm', 'DEVICE_ID_MISMATCH'])
      assert.equal(easDeviceId?.toUpperCase(), '000102030405060708090A0B0C0D0E0F')
    })
  }
})
