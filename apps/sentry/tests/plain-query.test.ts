/**
 * Protocol document 9.2, T19, T20, T22 and T24: the plain query (1.2, A6).
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { hex } from './support/golden.ts'
import { auditOf } from './support/observe.ts'
import { assertNothingUpstream } from './support/wire.ts'

const PATH = '/Microsoft-Server-ActiveSync'
const REST = 'User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone'

let lab: Lab
let device: LabDevice

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  device = lab.devices['ann-phone']
  lab.exchange.script({ times: Infinity, action: { kind: 'respond', status: 200 } })
})

after(() => lab[Symbol.asyncDispose]())

async function refused(query: string, statuses: readonly number[]): Promise<void> {
  const reply = await assertNothingUpstream(lab, () => lab.eas(device, { query }))
  assert.ok(statuses.includes(reply.status), String(reply.status))
  assert.equal((await auditOf(lab.sentry, reply)).decision, 'refuse')
}

describe('T19 a name that comes twice', () => {
  const queries: [title: string, query: string][] = [
    ['Cmd=Sync and cmd=SendMail', `Cmd=Sync&cmd=SendMail&${REST}`],
    ['Cmd twice, equal', `Cmd=Sync&Cmd=Sync&${REST}`],
    ['User=ann and User=bob', 'Cmd=Sync&User=ann&User=bob&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
    ['User and USER', 'Cmd=Sync&User=ann&USER=bob&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
    ['DeviceId=a and deviceid=b', 'Cmd=Sync&User=ann&DeviceId=a&deviceid=b&DeviceType=iPhone'],
    ['%44eviceId=a and DeviceId=b', 'Cmd=Sync&User=ann&%44eviceId=a&DeviceId=b&DeviceType=iPhone'],
    ['ours and an escaped one', `Cmd=Sync&${REST}&%44evice%49d=BOBPHONE0003`],
    ['ours and an escaped one in lower case', `Cmd=Sync&${REST}&%64eviceid=BOBPHONE0003`],
    ['DeviceType and devicetype', `Cmd=Sync&${REST}&devicetype=Android`],
    ['CollectionId twice', `Cmd=SmartReply&${REST}&CollectionId=1&collectionid=2&ItemId=3`],
    ['an unknown name twice', `Cmd=Sync&${REST}&PolicyKey=1&policykey=2`],
    ['a name twice escaped', `Cmd=Sync&${REST}&%2544eviceId=b`],
    ['a name with a space before it', `Cmd=Sync&${REST}&%20DeviceId=b`],
    ['a name with a NUL behind it', `Cmd=Sync&${REST}&DeviceId%00=b`],
    ['the Kelvin sign for K', `Cmd=Sync&${REST}&PolicyKey=1&Policy%E2%84%AAey=2`],
    ['a semicolon between parameters', `Cmd=Sync&${REST}&a;DeviceId=b`],
    ['an empty parameter', `Cmd=Sync&&${REST}`],
    ['a parameter without a value', `Cmd=Sync&${REST}&Cmd`],
    ['a question mark within', `Cmd=Sync&${REST}&?DeviceId=b`],
  ]
  for (const [title, query] of queries) test(`T19 ${title}: 400, UP=0`, () => refused(query, [400]))
})

describe('T20 spelling and order', () => {
  const queries: [query: string, canonical: string][] = [
    [
      'cmd=Sync&user=ann%40example.com&DEVICEID=ANNPHONE0001&deviceType=iPhone',
      'Cmd=Sync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone',
    ],
    [
      'DeviceType=iPhone&DeviceID=ANNPHONE0001&user=ann@example.com&CMD=sync',
      'Cmd=Sync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone',
    ],
    [
      '%43md=%53ync&User=ann%40example.com&%44eviceId=%41NNPHONE0001&DeviceType=i%50hone',
      'Cmd=Sync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone',
    ],
    [
      'Cmd=SmartReply&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone&itemid=mail%2577&collectionid=5',
      'Cmd=SmartReply&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone&CollectionId=5&ItemId=mail%2577',
    ],
    [
      `Cmd=Provision&${REST}&PolicyKey=42`,
      'Cmd=Provision&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone&PolicyKey=42',
    ],
  ]
  for (const [query, canonical] of queries) {
    test(`T20 ${query}: works; canonical names upstream`, async () => {
      const before = lab.exchange.receivedCount
      assert.equal((await lab.eas(device, { query })).status, 200)
      const targets = lab.exchange.received.slice(before).map(({ target }) => target)
      assert.deepEqual(targets, [`${PATH}?${canonical}`])
    })
  }
})

describe('T22 device ids that are none', () => {
  const ids: [title: string, id: string][] = [
    ['a comma', 'ANN,PHONE'],
    ['an escaped comma', 'ANN%2CPHONE'],
    ['../', '../ANNPHONE'],
    ['escaped ../', '%2e%2e%2fANNPHONE'],
    ['33 characters', 'A'.repeat(33)],
    ['empty', ''],
    ['non-ASCII', 'ANN%C3%84PHONE'],
    ['full-width digits', 'ANN%EF%BC%91'],
    ['no UTF-8', 'ANN%FF'],
    ['a space', 'ANN%20PHONE'],
    ['a plus sign', 'ANN+PHONE'],
    ['a hyphen', 'ANN-PHONE'],
    ['a NUL', 'ANNPHONE0001%00'],
    ['a line end', 'ANNPHONE0001%0d%0a'],
    ['twice escaped', 'ANN%2550HONE'],
    ['half an escape', 'ANNPHONE%4'],
    ['no hex', 'ANNPHONE%zz'],
  ]
  for (const [title, id] of ids) {
    const query = `Cmd=FolderSync&User=ann%40example.com&DeviceId=${id}&DeviceType=iPhone`
    test(`T22 ${title}: 400, UP=0`, () => refused(query, [400]))
  }

  test('T22 none at all: 400, UP=0', () => refused('Cmd=FolderSync&User=ann%40example.com&DeviceType=iPhone', [400]))

  test('T22 32 characters are an id: not malformed, but not this certificate’s', async () => {
    const reply = await assertNothingUpstream(lab, () => lab.eas(device, { deviceId: 'A'.repeat(32) }))
    assert.equal(reply.status, 200)
    assert.equal((await auditOf(lab.sentry, reply)).reasons[0], 'DEVICE_ID_MISMATCH')
  })
})

describe('T24 commands that do not exist', () => {
  const names = ['Frobnicate', '', 'Sync%00', 'Sync%20', 'Autodiscover', 'OPTIONS', 'constructor', '__proto__', '0']
  for (const name of names) {
    test(`T24 Cmd=${name}: 501, UP=0`, () => refused(`Cmd=${name}&${REST}`, name.includes('%00') ? [400, 501] : [501]))
  }

  for (const [title, code] of [
    ['99', '63'],
    ['5 (of version 2.5)', '05'],
    ['24', '18'],
    ['255', 'ff'],
  ] as const) {
    test(`T24 base64 code ${title}: 501, UP=0`, async () => {
      const bytes = hex(`a1 ${code} 0904 0c 414e4e50484f4e4530303031 00 02 5350`)
      const query = bytes.toString('base64')
      const reply = await assertNothingUpstream(lab, () => lab.eas(device, { query, version: null, body: '' }))
      assert.equal(reply.status, 501)
      assert.deepEqual((await auditOf(lab.sentry, reply)).reasons, ['COMMAND_UNKNOWN'])
    })
  }
})
