import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delaySeconds, networkOf } from './attempts.ts'

const rows = [
  { failures: 0, delay: 0 },
  { failures: 4, delay: 0 },
  { failures: 5, delay: 30 },
  { failures: 6, delay: 60 },
  { failures: 7, delay: 120 },
  { failures: 9, delay: 480 },
  { failures: 10, delay: 900 },
  { failures: 1_000_000, delay: 900 },
]
for (const { failures, delay } of rows) {
  test(`${failures} failures of 5 free ones mean ${delay} seconds`, () =>
    assert.equal(delaySeconds(failures, 5), delay))
}

const networks = [
  { address: '203.0.113.9', network: '203.0.113.9' },
  { address: '::ffff:203.0.113.9', network: '::ffff:203.0.113.9' },
  { address: '2001:db8:1:2:3:4:5:6', network: '2001:db8:1:2::/64' },
  { address: '2001:DB8:1:2:ffff::1', network: '2001:db8:1:2::/64' },
  { address: '2001:db8:1:2::', network: '2001:db8:1:2::/64' },
  { address: '2001:0db8:0001:0002::9', network: '2001:db8:1:2::/64' },
  { address: '2001:db8:1:3::1', network: '2001:db8:1:3::/64' },
  { address: '2001:db8::1', network: '2001:db8:0:0::/64' },
  { address: 'fe80::1%eth0', network: 'fe80:0:0:0::/64' },
  { address: '::1', network: '0:0:0:0::/64' },
  { address: 'no address', network: 'no address' },
]
for (const { address, network } of networks) {
  test(`attempts of ${address} are counted for ${network}`, () => assert.equal(networkOf(address), network))
}
