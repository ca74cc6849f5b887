import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AuditEntry } from '@postern/contract/api/audit'
import { syslogFrame } from './syslog-message.ts'

const entry: AuditEntry = {
  seq: 12,
  at: '2026-01-02T03:04:05.678Z',
  actor: { kind: 'administrator', id: null, name: 'Ada' },
  sessionId: null,
  remote: '192.0.2.7',
  requestId: null,
  action: 'label.create',
  object: { kind: 'label', id: null, name: 'x' },
  before: null,
  after: { name: 'x' },
  note: null,
  mac: 'ab'.repeat(32),
}

function parts(frame: Buffer): { length: number; body: Buffer; text: string } {
  const space = frame.indexOf(' ')
  const body = frame.subarray(space + 1)
  return { length: Number(frame.subarray(0, space).toString()), body, text: body.toString() }
}

describe('RFC 5424 message of an audit row', () => {
  test('6: all of its parts, byte for byte', () => {
    const { text } = parts(syslogFrame(entry, 13, 'core.example'))
    const head =
      '<109>1 2026-01-02T03:04:05.678Z core.example postern-core - label.create ' +
      '[posternAudit@32473 seq="12" actorKind="administrator" actor="Ada" remote="192.0.2.7" objectKind="label" ' +
      `object="x" mac="${'ab'.repeat(32)}"] `
    assert.equal(text.slice(0, head.length), head)
    assert.deepEqual(JSON.parse(text.slice(head.length + 1)), entry)
  })
  test('6.4: the text is marked as UTF-8 by EF BB BF', () => {
    const { body } = parts(syslogFrame({ ...entry, note: 'grün' }, 13, 'h'))
    const mark = body.indexOf('] ') + 2
    assert.equal(body.subarray(mark, mark + 3).toString('hex'), 'efbbbf')
    assert.equal(body.indexOf(Buffer.from('efbbbf', 'hex'), mark + 3), -1)
    assert.ok(body.includes(Buffer.from('6772c3bc6e', 'hex')))
  })
  test('RFC 6587 3.4.1: the length counts octets, not characters', () => {
    const { length, body } = parts(syslogFrame({ ...entry, note: '日本語🙂' }, 13, 'h'))
    assert.equal(length, body.length)
  })
  const values = [
    { title: 'a quotation mark', name: 'a"b', told: 'actor="a\\"b"' },
    { title: 'a backslash', name: 'a\\b', told: 'actor="a\\\\b"' },
    { title: 'a closing bracket', name: 'a]b', told: 'actor="a\\]b"' },
    { title: 'an end of the parameter and of the element', name: '"] x', told: 'actor="\\"\\] x"' },
    { title: 'no other character', name: "a[b='c", told: `actor="a[b='c"` },
    { title: 'a line feed, which would end a line', name: 'a\nb\u007f', told: 'actor="a b "' },
    { title: 'UTF-8', name: 'Adä', told: 'actor="Adä"' },
  ]
  for (const { title, name, told } of values) {
    test(`6.3.3: in a value is escaped: ${title}`, () => {
      const { text } = parts(syslogFrame({ ...entry, actor: { ...entry.actor, name } }, 13, 'h'))
      assert.ok(text.includes(` ${told} `), text)
    })
  }
  test('6.2.1: facility and severity make the priority', () => {
    for (const [facility, priority] of [
      [0, 5],
      [13, 109],
      [23, 189],
    ] as const) {
      assert.ok(parts(syslogFrame(entry, facility, 'h')).text.startsWith(`<${priority}>1 `))
    }
  })
  test('6.2: names keep to their characters and lengths', () => {
    const odd = { ...entry, action: `a b\n${'x'.repeat(60)}` }
    const [, , host, , , id] = parts(syslogFrame(odd, 13, 'ho st\u00e9')).text.split(' ')
    assert.equal(host, 'host')
    assert.equal(id, `ab${'x'.repeat(30)}`)
    assert.ok(parts(syslogFrame(entry, 13, '\u00e9')).text.includes('678Z - postern-core'))
  })
  test('RFC 5425 4.3.1: a message has 8,192 octets at most; before and after give way first', () => {
    const long = 'ü'.repeat(200_000)
    const huge = { ...entry, actor: { ...entry.actor, name: long }, object: { kind: long, id: long, name: long } }
    for (const one of [{ ...entry, after: { long } }, { ...entry, note: long }, huge]) {
      const { body, text } = parts(syslogFrame(one, 13, 'h'))
      assert.ok(body.length <= 8_192, `${body.length}`)
      const told = JSON.parse(text.slice(text.indexOf('\uFEFF') + 1)) as AuditEntry
      assert.deepEqual([told.seq, told.after], [12, '(too long)'])
    }
  })
})
