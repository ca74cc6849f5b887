import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { feedHosts, feedOrigin } from './feed-address.ts'

const config = (publicUrl: string | null) => ({ feed: { host: '0.0.0.0', port: 8_442, publicUrl } })

describe('what Sentries dial', () => {
  const refused = [
    'http://core.example.com',
    'https://core_1.example.com',
    'https://$(id)',
    'https://a;b',
    'https://a`b`',
  ]
  for (const url of refused) {
    test(`refuses ${url}`, () => assert.throws(() => feedOrigin(config(url)), /feed\.publicUrl/))
  }

  const accepted: [string, string, string][] = [
    ['https://Core.example.com:8442', 'https://core.example.com:8442', 'core.example.com'],
    ['https://core.example.com', 'https://core.example.com:443', 'core.example.com'],
    ['https://192.0.2.1:9', 'https://192.0.2.1:9', '192.0.2.1'],
    ['https://[2001:db8::1]:9', 'https://[2001:db8::1]:9', '2001:db8::1'],
  ]
  for (const [url, origin, host] of accepted) {
    test(`takes ${url}`, () => {
      assert.equal(feedOrigin(config(url)), origin)
      assert.ok(feedHosts(config(url)).includes(host))
      assert.ok(feedHosts(config(url)).includes('127.0.0.1'))
    })
  }

  test('without a public address it is this machine', () => {
    assert.match(feedOrigin(config(null)), /^https:\/\/[a-z0-9.-]+:8442$/)
  })
})
