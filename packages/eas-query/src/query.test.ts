import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EAS_COMMANDS } from './commands.ts'
import type { EasCommand, EasVersion } from './commands.ts'
import { decodeEasQuery, EasQueryError, encodeBase64Query, encodePlainQuery } from './query.ts'
import type { EasParameters, EasQuery } from './query.ts'

interface Case {
  id: string
  title: string
}
interface Reject extends Case {
  raw: string
  code: string
  offset: number
}
interface Base64Vectors {
  accepts: (Case & { base64: string; hex: string; query: Expected })[]
  forms: (Case & { query: string; same: string })[]
  rejects: (Case & { hex: string; code: string; offset: number })[]
  textRejects: Reject[]
}
interface Expected {
  version: EasVersion
  command: EasCommand
  locale: number
  user: string | null
  deviceId: string
  deviceKey: string
  deviceIdHex: string | null
  deviceType: string | null
  policyKey: number | null
  parameters: EasParameters
}

const base64 = vectors('base64-query.json') as Base64Vectors
const plain = vectors('plain-query.json') as {
  accepts: (Case & { raw: string; canonical: string })[]
  rejects: Reject[]
}

describe('MS-ASHTTP 2.2.1.1.1.1 base64 query', () => {
  for (const { id, title, hex, code, offset } of base64.rejects)
    test(`${id} refuses ${title}`, () => {
      const raw = Buffer.from(hex, 'hex').toString('base64')
      assert.throws(() => decodeEasQuery(raw), { name: 'EasQueryError', code, offset })
    })
  for (const { id, title, raw, code, offset } of base64.textRejects)
    test(`${id} refuses ${title}`, () => {
      assert.throws(() => decodeEasQuery(raw), { name: 'EasQueryError', code, offset })
    })
  for (const { id, title, hex } of base64.accepts)
    test(`T18 refuses ${id} cut short at every byte`, () => {
      const bytes = Buffer.from(hex, 'hex')
      const whole = new Set(parameterStarts(bytes))
      for (let length = 0; length < bytes.length; length += 1) {
        const raw = bytes.subarray(0, length).toString('base64')
        if (whole.has(length)) assert.ok(decodeEasQuery(raw))
        else assert.throws(() => decodeEasQuery(raw), EasQueryError, `${title} at ${String(length)}`)
      }
    })
  for (const { id, title, base64: text, hex, query } of base64.accepts)
    test(`T16 ${id} ${title}`, () => {
      assert.equal(Buffer.from(text, 'base64').toString('hex'), hex)
      const decoded = decodeEasQuery(text)
      assert.deepEqual(decoded, toQuery(query))
      assert.equal(encodeBase64Query({ ...decoded, version: query.version }), text)
    })
  for (const { id, title, query, same } of base64.forms)
    test(`${id} ${title}`, () => {
      const vector = base64.accepts.find((accept) => accept.id === same)
      assert.ok(vector)
      assert.deepEqual(decodeEasQuery(query), decodeEasQuery(vector.base64))
    })
  test('T17 a plus is no space, raw or escaped', () => {
    // 8d 02 0904 03 414243 04 fbefbe3e 00: four bytes that are `++++` and more in the text.
    const raw = 'jQIJBANBQkME++++PgA='
    const expected = decodeEasQuery(raw)
    assert.equal(expected.policyKey, 0x3ebeeffb)
    assert.deepEqual(decodeEasQuery('jQIJBANBQkME%2B%2B%2B%2BPgA%3D'), expected)
    assert.throws(() => decodeEasQuery('jQIJBANBQkME    PgA='), { code: 'EAS_QUERY_BASE64', offset: 12 })
  })
  test('T23 the same device has one key in both forms', () => {
    const asText = decodeEasQuery('Cmd=Sync&User=ann&DeviceId=V140device&DeviceType=SP')
    assert.equal(asText.deviceKey, decodeEasQuery('jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l').deviceKey)
    const asHex = decodeEasQuery('Cmd=Sync&User=ann&DeviceId=000102030405060708090a0b0c0d0e0f&DeviceType=SP')
    assert.equal(asHex.deviceKey, decodeEasQuery('oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg=').deviceKey)
  })
  test('T24 an unknown code tells the version', () => {
    const raw = Buffer.from('a163090402414200025350', 'hex').toString('base64')
    assert.throws(() => decodeEasQuery(raw), { code: 'EAS_QUERY_UNKNOWN_COMMAND', version: '16.1' })
  })
})

describe('T18 sizes', () => {
  test('refuses a raw query over 4 KiB in either form', () => {
    assert.throws(() => decodeEasQuery('A'.repeat(5 * 1_024)), { code: 'EAS_QUERY_TOO_LONG' })
    assert.throws(() => decodeEasQuery(`Cmd=Sync&User=${'a'.repeat(4_096)}`), { code: 'EAS_QUERY_TOO_LONG' })
  })
  test('refuses over 1 KiB once decoded, and reads 1 KiB', () => {
    const head = Buffer.from('8d0209040241420000', 'hex')
    const value = (tag: number, length: number) => Buffer.concat([Buffer.of(tag, length), Buffer.alloc(length, 0x61)])
    const four = [0, 1, 3, 4].map((tag) => value(tag, 250))
    const bytes = Buffer.concat([head, ...four, value(6, 5)])
    assert.equal(bytes.length, 1_024)
    assert.ok(decodeEasQuery(bytes.toString('base64')))
    const longer = Buffer.concat([head, ...four, value(6, 6)])
    assert.throws(() => decodeEasQuery(longer.toString('base64')), { code: 'EAS_QUERY_TOO_LONG' })
  })
})

describe('MS-ASHTTP 2.2.1.1.1.2 plain query', () => {
  for (const { id, title, raw, code, offset } of plain.rejects)
    test(`${id} refuses ${title}`, () => {
      assert.throws(() => decodeEasQuery(raw), { name: 'EasQueryError', code, offset })
    })
  for (const { id, title, raw, canonical } of plain.accepts)
    test(`${id} ${title}`, () => {
      const decoded = decodeEasQuery(raw)
      assert.equal(encodePlainQuery(decoded), canonical)
      assert.deepEqual(decodeEasQuery(canonical), decoded)
    })
  test('R98 values are decoded and names that nobody knows are kept as written', () => {
    const raw = 'Cmd=SendMail&User=X%5Cbob&DeviceId=abc&SaveInSent=T&__proto__=1&PolicyKey=7'
    assert.deepEqual(decodeEasQuery(raw), {
      encoding: 'plain',
      command: 'SendMail',
      user: 'X\\bob',
      deviceId: 'abc',
      deviceKey: 'ABC',
      deviceType: null,
      version: null,
      policyKey: null,
      locale: null,
      parameters: { saveInSent: true },
      extra: [
        ['__proto__', '1'],
        ['PolicyKey', '7'],
      ],
    })
  })
})

describe('which encoding it is', () => {
  test('refuses an empty query where a command is due', () => {
    assert.throws(() => decodeEasQuery(''), { code: 'EAS_QUERY_COMMAND_MISSING', offset: 0 })
  })
  test('plain-and-base64-mixed is plain, and fails there', () => {
    const raw = 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&Cmd=Sync'
    assert.throws(() => decodeEasQuery(raw), { code: 'EAS_QUERY_PARAMETER', offset: 0 })
  })
  const optional = { commandRequired: false }
  test('OPTIONS: bad parameters are refused there too', () => {
    assert.throws(() => decodeEasQuery('DeviceId=A,B', optional), { code: 'EAS_QUERY_DEVICE_ID', offset: 9 })
    assert.throws(() => decodeEasQuery('User=a&user=b', optional), { code: 'EAS_QUERY_REPEATED', offset: 7 })
    assert.throws(() => decodeEasQuery('Cmd=Frobnicate', optional), { code: 'EAS_QUERY_UNKNOWN_COMMAND' })
    assert.throws(() => decodeEasQuery('oQkJ&User=a', optional), { code: 'EAS_QUERY_PARAMETER', offset: 0 })
  })
  const options = [
    { raw: '', command: null, deviceId: null, user: null },
    { raw: 'User=ann&DeviceId=ABC&DeviceType=SP', command: null, deviceId: 'ABC', user: 'ann' },
    { raw: 'DeviceId=ABC', command: null, deviceId: 'ABC', user: null },
    { raw: 'Cmd=Sync&User=ann&DeviceId=ABC', command: 'Sync', deviceId: 'ABC', user: 'ann' },
    { raw: 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l', command: 'Sync', deviceId: 'v140Device', user: null },
    { raw: 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==', command: 'ItemOperations', deviceId: 'ABC123', user: null },
    { raw: 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg=%3D', command: 'ItemOperations', deviceId: 'ABC123', user: null },
    { raw: 'x=1', command: null, deviceId: null, user: null },
  ]
  for (const { raw, ...expected } of options)
    test(`OPTIONS ?${raw}`, () => {
      const { command, deviceId, user } = decodeEasQuery(raw, optional)
      assert.deepEqual({ command, deviceId, user }, expected)
    })
})

describe('what cannot be encoded', () => {
  const query = decodeEasQuery('jQIJBAZBQkMxMjME/////wNQUEMBATUDBDU6MTIHAQE=')
  const bad: { title: string; change: Partial<EasQuery>; code: string }[] = [
    { title: 'no command', change: { command: null }, code: 'EAS_QUERY_COMMAND_MISSING' },
    { title: 'no device', change: { deviceId: null }, code: 'EAS_QUERY_DEVICE_ID' },
    { title: 'a version without base64', change: { version: '12.0' }, code: 'EAS_QUERY_VERSION' },
    { title: 'unknown parameters', change: { extra: [['x', '1']] }, code: 'EAS_QUERY_NOT_ENCODABLE' },
    { title: 'a user over 255 bytes', change: { user: 'ä'.repeat(128) }, code: 'EAS_QUERY_NOT_ENCODABLE' },
    { title: 'a key over 32 bits', change: { policyKey: 2 ** 32 }, code: 'EAS_QUERY_NOT_ENCODABLE' },
    { title: 'half a surrogate pair', change: { user: '\ud800' }, code: 'EAS_QUERY_UTF8' },
  ]
  for (const { title, change, code } of bad)
    test(`base64: ${title}`, () => {
      assert.throws(
        () => encodeBase64Query({ ...query, version: '14.1', ...change } as EasQuery & { version: EasVersion }),
        { code },
      )
    })
  test('plain: an unknown parameter with a known name', () => {
    assert.throws(() => encodePlainQuery({ ...query, extra: [['uSER', 'bob']] }), { code: 'EAS_QUERY_REPEATED' })
  })
})

describe('round trips', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((s) => !/\p{Cc}/u.test(s) && s.isWellFormed())
  const parameters = fc.record(
    {
      attachmentName: text,
      collectionId: text,
      itemId: text,
      longId: text,
      occurrence: text,
      saveInSent: fc.constant(true),
    },
    { requiredKeys: [] },
  )
  const letters = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  const facts = fc.record({
    command: fc.constantFrom(...(Object.keys(EAS_COMMANDS) as EasCommand[])),
    user: fc.option(text),
    deviceId: fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 32 }),
    deviceType: fc.option(text),
    parameters,
  })
  test('plain', () => {
    fc.assert(
      fc.property(facts, (some) => {
        const query = whole(some, { encoding: 'plain', version: null, policyKey: null, locale: null })
        assert.deepEqual(decodeEasQuery(encodePlainQuery(query)), query)
      }),
    )
  })
  test('base64', () => {
    const key = fc.option(fc.nat({ max: 0xffffffff }))
    fc.assert(
      fc.property(facts, key, fc.nat({ max: 0xffff }), (some, policyKey, locale) => {
        const query = whole(some, { encoding: 'base64', version: '16.0', policyKey, locale })
        assert.deepEqual(decodeEasQuery(encodeBase64Query({ ...query, version: '16.0' })), query)
      }),
    )
  })
})

type Facts = Pick<EasQuery, 'command' | 'user' | 'deviceType' | 'parameters'> & { deviceId: string }

function whole(facts: Facts, form: Pick<EasQuery, 'encoding' | 'version' | 'policyKey' | 'locale'>): EasQuery {
  return { ...facts, ...form, parameters: { ...facts.parameters }, deviceKey: facts.deviceId.toUpperCase(), extra: [] }
}

function toQuery({ deviceIdHex, ...facts }: Expected): EasQuery {
  const bytes = deviceIdHex === null ? {} : { deviceIdBytes: Uint8Array.from(Buffer.from(deviceIdHex, 'hex')) }
  return { encoding: 'base64', ...facts, ...bytes, extra: [] }
}

/** Where a query could end: behind the device type, and behind each parameter. */
function parameterStarts(bytes: Uint8Array): number[] {
  let at = 4
  for (let field = 0; field < 3; field += 1) at += 1 + (bytes[at] ?? 0)
  const starts = []
  for (; at < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) starts.push(at)
  return starts
}

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../vectors/eas-query/${name}`, import.meta.url), 'utf8'))
}
