import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GatewayFile } from '@postern/contract/feed/gateway-file'
import { hostsPort } from '../transport/hosts-lookup.ts'
import { withAddresses } from './gateway-flags.ts'

const FILE: GatewayFile = {
  core: 'https://core.example.com:8442',
  listen: { host: '0.0.0.0', port: 8_443 },
  local: { host: '127.0.0.1', port: 9_464 },
  auditFile: 'audit.jsonl',
}

describe('addresses for one start of a registered Sentry', () => {
  const refused = [
    { core: 'http://core.example.com:8442' },
    { core: 'core.example.com:8442' },
    { core: 'https://user@core.example.com:8442' },
    { core: 'https://core.example.com:8442/feed' },
    { listen: '8443' },
    { listen: '0.0.0.0:65536' },
    { listen: '[::1]' },
    { local: '0.0.0.0:9464' },
    { local: '192.0.2.1:9464' },
    { local: 'metrics:9464' },
  ]
  for (const flags of refused)
    test(`refuses ${JSON.stringify(flags)}`, () => {
      assert.throws(() => withAddresses(FILE, flags), { message: new RegExp(`--${Object.keys(flags).join('')}`) })
    })
  test('what is said holds, the rest stays as it was', () => {
    assert.deepEqual(withAddresses(FILE, {}), FILE)
    assert.deepEqual(withAddresses(FILE, { core: 'https://[::1]:1', listen: '[::]:2', local: 'localhost:3' }), {
      ...FILE,
      core: 'https://[::1]:1',
      listen: { host: '::', port: 2 },
      local: { host: 'localhost', port: 3 },
    })
  })
})

describe("a laboratory's port", () => {
  const portOf = hostsPort({ 'Outlook.example.com': '127.0.0.1:20443', 'login.example.com': '127.0.0.1' })
  const cases = [
    { host: 'outlook.example.com', port: 443, found: 20_443 },
    { host: 'outlook.example.com', port: 8_443, found: 8_443 },
    { host: 'login.example.com', port: 443, found: 443 },
    { host: 'elsewhere.example.com', port: 443, found: 443 },
  ]
  for (const { host, port, found } of cases)
    test(`${host}:${port} is at ${found}`, () => assert.equal(portOf({ host, port }), found))
})
