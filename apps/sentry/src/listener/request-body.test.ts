import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeExchange } from '../../tests/support/fake-exchange.ts'
import { guardedBody, readBody } from './request-body.ts'

const GRACE = 5_000
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const refuses = async (body: Promise<unknown>, reason: string): Promise<void> => {
  await assert.rejects(body, { name: 'BodyError', reason })
}

describe('bodies that are refused', () => {
  test('T99 declared too large: before a byte of it is asked for', async () => {
    const exchange = new FakeExchange({ bodyLength: 11 })
    await refuses(readBody(exchange, 10, GRACE), 'BODY_TOO_LARGE')
    assert.equal(exchange.accepted, 0)
  })
  test('chunked and too large: at the byte too many', async () => {
    const exchange = new FakeExchange()
    exchange.body.write('12345')
    exchange.body.write('678901')
    await refuses(readBody(exchange, 10, GRACE), 'BODY_TOO_LARGE')
    assert.equal(exchange.bytesIn, 11)
  })
  test('longer than declared', async () => {
    const exchange = new FakeExchange({ bodyLength: 5 })
    exchange.body.end('12345678901')
    await refuses(readBody(exchange, 10, GRACE), 'BODY_TOO_LARGE')
  })
  test('T49 nothing comes after the grace time', async () => {
    await refuses(readBody(new FakeExchange(), 10, 20), 'BODY_TOO_SLOW')
  })
  test('T49 drops that are slower than 1 KiB a second', async () => {
    const exchange = new FakeExchange()
    const drip = setInterval(() => exchange.body.write('x'), 10)
    await refuses(readBody(exchange, 1_000, 100), 'BODY_TOO_SLOW')
    clearInterval(drip)
  })
  test('its framing breaks', async () => {
    const exchange = new FakeExchange()
    exchange.body.write('123')
    setImmediate(() => exchange.body.destroy(new Error('HPE_INVALID_CHUNK_SIZE')))
    await refuses(readBody(exchange, 10, GRACE), 'BODY_BROKEN')
  })
  test('the device closes', async () => {
    const exchange = new FakeExchange()
    exchange.body.write('123')
    setImmediate(() => exchange.leave())
    await refuses(readBody(exchange, 10, GRACE), 'CLIENT_GONE')
  })
})

describe('bodies that are read', () => {
  test('none: nothing is asked for', async () => {
    const exchange = new FakeExchange({ bodyLength: 0 })
    assert.equal((await readBody(exchange, 10, GRACE)).length, 0)
    assert.equal(exchange.accepted, 0)
  })
  test('as large as may be, in pieces', async () => {
    const exchange = new FakeExchange()
    exchange.body.write('12345')
    setImmediate(() => exchange.body.end('67890'))
    assert.equal((await readBody(exchange, 10, GRACE)).toString(), '1234567890')
    assert.equal(exchange.bytesIn, 10)
    assert.equal(exchange.accepted, 1)
  })
  test('fast enough after the grace time', async () => {
    const exchange = new FakeExchange()
    exchange.body.write(Buffer.alloc(4_096))
    setTimeout(() => exchange.body.end('x'), 150)
    assert.equal((await readBody(exchange, 10_000, 50)).length, 4_097)
  })
  test('time that the reader takes does not count', async () => {
    const exchange = new FakeExchange()
    exchange.body.end(Buffer.alloc(200_000))
    const body = guardedBody(exchange, 1_000_000, 20)
    await wait(150)
    let length = 0
    for await (const chunk of body) length += (chunk as Buffer).length
    assert.equal(length, 200_000)
  })
})
