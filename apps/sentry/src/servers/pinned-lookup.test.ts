import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { describe, test } from 'node:test'
import { addressAllowed } from './addresses.ts'
import { createPinnedLookup } from './pinned-lookup.ts'

const NOBODY = { exactlyListed: false, labMapped: false }

describe('T35 A21 addresses', () => {
  const refused = [
    ...['0.0.0.0', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254'],
    ...['169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1'],
    ...['198.51.100.1', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:10.0.0.1',
      '::ffff:40.97.128.2',
      '::ffff:7f00:1',
      '::10.0.0.1',
      '64:ff9b::a00:1',
      '100::1',
    ],
    ...[
      '2001::1',
      '2001:db8::1',
      '2002:a00:1::',
      '3fff::1',
      'fc00::1',
      'fd12:3456::1',
      'fe80::1',
      'fec0::1',
      'ff02::1',
    ],
    ...['fe80::1%eth0', '2603:1036::1%eth0', '', 'localhost', '10.1', '0x7f000001'],
  ]
  for (const address of refused) test(`refused: ${address}`, () => assert.equal(addressAllowed(address, NOBODY), false))
  for (const address of ['40.97.128.2', '52.96.0.1', '100.63.255.255', '172.32.0.1', '2603:1036:302::2', '2a01:111::1'])
    test(`allowed: ${address}`, () => assert.equal(addressAllowed(address, NOBODY), true))

  test('a listed name and a laboratory may be private, but must be addresses', () => {
    assert.equal(addressAllowed('10.0.0.1', { exactlyListed: true, labMapped: false }), true)
    assert.equal(addressAllowed('127.0.0.1', { exactlyListed: false, labMapped: true }), true)
    assert.equal(addressAllowed('localhost', { exactlyListed: true, labMapped: true }), false)
  })
})

/** A resolver with one answer; it honours `all`, as the system's does. */
function resolver(addresses: readonly string[], asked: string[] = []): LookupFunction {
  return (hostname, options, callback) => {
    asked.push(hostname)
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: isIP(address) }))
    if (options.all === true) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family ?? 0)
  }
}

function resolve(lookup: LookupFunction, hostname: string, all: boolean): Promise<unknown> {
  const { promise, resolve: done, reject } = Promise.withResolvers<unknown>()
  lookup(hostname, { all }, (error, address, family) => {
    if (error === null) done(all ? address : [address, family])
    else reject(error)
  })
  return promise
}

describe('pinned lookup', () => {
  const rules = { redirectHosts: ['*.outlook.com', 'mail.corp.test'], labHosts: new Set(['lab.outlook.com']) }
  const refused = { code: 'ERR_ADDRESS_REFUSED' }

  test('one private address among public ones refuses the name', async () => {
    await assert.rejects(
      resolve(createPinnedLookup(rules, resolver(['40.97.128.2', '10.0.0.1'])), 'a.outlook.com', true),
      refused,
    )
    await assert.rejects(
      resolve(createPinnedLookup(rules, resolver(['40.97.128.2', '10.0.0.1'])), 'a.outlook.com', false),
      refused,
    )
    await assert.rejects(
      resolve(createPinnedLookup(rules, resolver(['::ffff:127.0.0.1'])), 'a.outlook.com', true),
      refused,
    )
    await assert.rejects(resolve(createPinnedLookup(rules, resolver([])), 'a.outlook.com', true), refused)
  })

  test('a failure of the resolver is passed on', async () => {
    const failing: LookupFunction = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), [])
    await assert.rejects(resolve(createPinnedLookup(rules, failing), 'a.outlook.com', true), { code: 'ENOTFOUND' })
  })

  test('the checked addresses are the ones that are used, in both forms, asked for once', async () => {
    const asked: string[] = []
    const lookup = createPinnedLookup(rules, resolver(['40.97.128.2', '52.96.0.1'], asked))
    assert.deepEqual(await resolve(lookup, 'a.outlook.com', true), [
      { address: '40.97.128.2', family: 4 },
      { address: '52.96.0.1', family: 4 },
    ])
    assert.deepEqual(await resolve(lookup, 'a.outlook.com', false), ['40.97.128.2', 4])
    assert.equal(asked.length, 2)
  })

  test('exactly listed and laboratory names may be private', async () => {
    const lookup = createPinnedLookup(rules, resolver(['127.0.0.1']))
    assert.deepEqual(await resolve(lookup, 'MAIL.corp.test', false), ['127.0.0.1', 4])
    assert.deepEqual(await resolve(lookup, 'lab.outlook.com', false), ['127.0.0.1', 4])
    await assert.rejects(resolve(lookup, 'b.outlook.com', false), refused)
  })
})
