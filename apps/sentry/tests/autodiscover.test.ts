import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { startTrap } from './support/trap.ts'
import type { Trap } from './support/trap.ts'

const XML = '/autodiscover/autodiscover.xml'
const JSON_V2 = '/autodiscover/autodiscover.json'
const BODY = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006"><Request><EMailAddress>ann@example.com</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema></Request></Autodiscover>`
const MIB = 1_048_576

describe('Autodiscover, switched on', () => {
  let lab: Lab
  let trap: Trap
  before(async () => {
    lab = await startLab({ config: { autodiscover: true } })
    trap = await startTrap()
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await trap[Symbol.asyncDispose]()
  })

  const hostile: [title: string, body: (port: number) => Buffer, status: number][] = [
    ['a DOCTYPE', () => Buffer.from(`<?xml version="1.0"?><!DOCTYPE Autodiscover>${BODY}`), 400],
    ['a doctype in lower case', () => Buffer.from(`<!doctype Autodiscover>${BODY}`), 400],
    ['an external entity', external, 400],
    ['an ENTITY alone', () => Buffer.from(`<!ENTITY a "b">${BODY}`), 400],
    ['entities within entities', () => Buffer.from(laughs() + BODY), 400],
    ['a DOCTYPE in UTF-16 LE with its mark', (port) => utf16(external(port), true), 400],
    ['a DOCTYPE in UTF-16 LE without a mark', (port) => utf16(external(port), false), 400],
    ['a DOCTYPE in UTF-16 BE with its mark', (port) => utf16(external(port), true).swap16(), 400],
    ['a DOCTYPE in UTF-16 BE without a mark', (port) => utf16(external(port), false).swap16(), 400],
    ['the plain request in UTF-16', () => utf16(Buffer.from(BODY), true), 400],
    ['a DOCTYPE behind a UTF-8 mark', (port) => Buffer.concat([Buffer.from('\uFEFF'), external(port)]), 400],
    ['bytes that are no UTF-8', () => Buffer.concat([Buffer.from(BODY), Buffer.from([0xff, 0xfe])]), 400],
    ['no XML at all', () => Buffer.from('{"Protocol":"ActiveSync"}'), 400],
    ['a megabyte', () => Buffer.from(BODY.padEnd(MIB)), 413],
    ['one byte more than 64 KiB', () => Buffer.from(BODY.padEnd(65_537)), 413],
  ]
  for (const [title, body, status] of hostile) {
    test(`T58 refused: ${title}`, async () => {
      const before = traffic()
      const reply = await ask(body(trap.port))
      assert.equal(reply.status, status)
      assert.ok(!reply.body.includes('MobileSync'))
      assert.deepEqual(traffic(), before)
    })
  }

  test('T58 a megabyte is refused before it was sent', async () => {
    await using client = await lab.raw(lab.devices['ann-phone'])
    await client.send(`POST ${XML} HTTP/1.1\r\nHost: ${lab.sentryName}\r\nContent-Length: ${MIB}\r\n\r\n<`)
    assert.equal((await client.readResponse()).status, 413)
  })

  test('T58 a chunked megabyte is refused', async () => {
    await using client = await lab.raw(lab.devices['ann-phone'])
    await client.send(`POST ${XML} HTTP/1.1\r\nHost: ${lab.sentryName}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const sending = client.send(`${MIB.toString(16)}\r\n${BODY.padEnd(MIB)}\r\n0\r\n\r\n`)
    assert.equal((await client.readResponse()).status, 413)
    await sending
  })

  test('T58 an honest request is answered with Sentry’s own address, and nobody is asked', async () => {
    const before = traffic()
    const reply = await ask(Buffer.from(BODY.padEnd(65_536)))
    assert.equal(reply.status, 200)
    assert.ok(reply.body.includes(`<Url>https://${lab.sentryName}/Microsoft-Server-ActiveSync</Url>`))
    assert.deepEqual(traffic(), before)
  })

  test('T58 version 1 without a device certificate is refused', async () => {
    const reply = await lab.oauth(XML, { method: 'POST', body: BODY })
    assert.equal(reply.status, 403)
  })

  for (const [title, query, status] of [
    ['ActiveSync', 'Protocol=ActiveSync&Email=ann@example.com', 200],
    ['activesync in lower case', 'protocol=activesync', 200],
    ['another protocol', 'Protocol=EWS', 400],
    ['two protocols', 'Protocol=ActiveSync&Protocol=EWS', 400],
    ['none', 'Email=ann@example.com', 400],
  ] as const) {
    test(`T58 version 2 asks for ${title}: ${status}`, async () => {
      const reply = await lab.oauth(`${JSON_V2}?${query}`)
      assert.equal(reply.status, status)
      const url = `https://${lab.sentryName}/Microsoft-Server-ActiveSync`
      if (status === 200) assert.deepEqual(JSON.parse(reply.body.toString()), { Protocol: 'ActiveSync', Url: url })
      else assert.ok('ErrorCode' in (JSON.parse(reply.body.toString()) as object))
    })
  }

  test('T58 version 2 knows no difference between addresses', async () => {
    const [known, unknown] = [await v2('ann@example.com'), await v2('nobody@example.net')]
    assert.deepEqual(known.body, unknown.body)
    assert.equal(known.status, unknown.status)
  })

  test('T58 switched off, which is the default, none of it exists', async () => {
    await lab.addSentry('plain.example.com', { config: { autodiscover: undefined } })
    const sentry = 'plain.example.com'
    const { identity } = lab.devices['ann-phone']
    assert.equal((await lab.oauth(XML, { method: 'POST', body: BODY, identity, sentry })).status, 404)
    assert.equal((await lab.oauth(`${JSON_V2}?Protocol=ActiveSync`, { sentry })).status, 404)
  })

  async function ask(body: Buffer): Promise<Awaited<ReturnType<Lab['oauth']>>> {
    const { identity } = lab.devices['ann-phone']
    return lab.oauth(XML, { method: 'POST', body, identity, headers: { 'Content-Type': 'text/xml' } })
  }

  function v2(email: string): Promise<Awaited<ReturnType<Lab['oauth']>>> {
    return lab.oauth(JSON_V2, { query: { Email: email, Protocol: 'ActiveSync' } })
  }

  /** Everything that a fetch of ours would touch. */
  function traffic(): number[] {
    return [trap.connections, lab.exchange.receivedCount, lab.entra.received.length]
  }
})

function external(port: number): Buffer {
  const url = `http://127.0.0.1:${port}/xxe`
  return Buffer.from(`<!DOCTYPE a [<!ENTITY b SYSTEM "${url}"><!ENTITY % c SYSTEM "${url}"> %c;]><a>&b;</a>`)
}

function laughs(): string {
  const rows = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`)
  return `<!DOCTYPE a [<!ENTITY l0 "ha">${rows.join('')}]>`
}

function utf16(text: Buffer, mark: boolean): Buffer {
  return Buffer.from(`${mark ? '\uFEFF' : ''}${text.toString('utf8')}`, 'utf16le')
}
