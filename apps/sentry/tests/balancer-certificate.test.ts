import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import type { Issued } from '@postern/harness/ca'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { auditOf } from './support/observe.ts'

type Reply = Awaited<ReturnType<Lab['eas']>>

describe('Client-Cert of RFC 9440', () => {
  let lab: Lab
  let balancer: Issued
  before(async () => {
    // Pinned by its fingerprint: no device CA has signed it, and it is no device.
    const ca = await createCa({ commonName: 'Balancer CA' })
    balancer = await ca.issueDevice({ commonName: 'balancer' })
    lab = await startLab({ config: { listen: { clientCertificateFrom: [balancer.fingerprint] } } })
  })
  after(() => lab[Symbol.asyncDispose]())

  test('T108 from the trusted balancer: the device is the one of the header', async () => {
    const { identity } = lab.devices['ann-phone']
    const reply = await through(field(identity))
    assert.equal(reply.status, 200)
    const line = await auditOf(lab.sentry, reply)
    assert.equal(line.device, 'ann-phone')
    assert.equal(line.certificate, identity.fingerprint)
    assert.equal(line.decision, 'allow')
    assert.equal(lab.exchange.received.at(-1)?.headers['client-cert'], undefined)
  })

  test('T108 from the trusted balancer, another device’s certificate: 130 and an alarm', async () => {
    const reply = await through(field(lab.devices['bob-phone'].identity))
    assert.equal(reply.body.toString('hex'), '03016a000007564c03313330000101')
    assert.equal((await auditOf(lab.sentry, reply)).event, 'alarm')
  })

  const malformed: [title: string, of: (identity: Issued) => string | string[]][] = [
    ['two of them', (identity) => [field(identity), field(identity)]],
    ['two in one', (identity) => `${field(identity)}, ${field(identity)}`],
    ['unpadded base64', (identity) => `:${unpadded(identity)}:`],
    ['the URL-safe alphabet', (identity) => field(identity).replaceAll('+', '-').replaceAll('/', '_')],
    ['one byte behind the DER', (identity) => `:${Buffer.concat([der(identity), Buffer.of(0)]).toString('base64')}:`],
    [
      'a second certificate behind the DER',
      (identity) => `:${Buffer.concat([der(identity), der(identity)]).toString('base64')}:`,
    ],
    ['no colons', (identity) => der(identity).toString('base64')],
    ['a parameter behind it', (identity) => `${field(identity)};a=1`],
    ['PEM', (identity) => encodeURIComponent(identity.certPem)],
    ['nothing between the colons', () => '::'],
    ['DER that is no certificate', () => `:${Buffer.from('3003020101', 'hex').toString('base64')}:`],
    ['a white space within', (identity) => `: ${der(identity).toString('base64')}:`],
  ]
  for (const [title, of] of malformed) {
    test(`T108 from the trusted balancer, ${title}: 400`, async () => {
      const count = lab.exchange.receivedCount
      const reply = await through(of(await longEnough(title)))
      assert.equal(reply.status, 400)
      assert.equal(lab.exchange.receivedCount, count)
    })
  }

  test('T108 from the trusted balancer without the header: no certificate, 403', async () => {
    const reply = await through(null)
    assert.equal(reply.status, 403)
    assert.deepEqual((await auditOf(lab.sentry, reply)).reasons, ['CERTIFICATE_MISSING'])
  })

  for (const [title, issue, reason] of [
    ['of another CA', (l: Lab) => l.serverCa.issueDevice({ upn: 'ann@example.com' }), 'CERTIFICATE_UNTRUSTED'],
    [
      'that has expired',
      (l: Lab) => l.deviceCa.issueDevice({ upn: 'ann@example.com', notBefore: ago(72), notAfter: ago(24) }),
      'CERTIFICATE_EXPIRED',
    ],
    [
      'for servers only',
      (l: Lab) => l.deviceCa.issueDevice({ upn: 'ann@example.com', eku: 'serverAuth' }),
      'CERTIFICATE_USAGE',
    ],
    [
      'signed by itself',
      (l: Lab) => l.serverCa.issueServer({ names: ['x'], overrides: { selfSigned: true } }),
      'CERTIFICATE_UNTRUSTED',
    ],
  ] as const) {
    test(`T108 from the trusted balancer, a certificate ${title}: 403`, async () => {
      const reply = await through(field(await issue(lab)))
      assert.equal(reply.status, 403)
      assert.equal((await auditOf(lab.sentry, reply)).reasons[0], reason)
    })
  }

  test('T108 from the internet, without a certificate: 403, whatever the header says', async () => {
    const reply = await lab.eas(lab.devices['ann-phone'], {
      identity: null,
      headers: { 'Client-Cert': field(lab.devices['ann-phone'].identity) },
    })
    assert.ok(reply.status === 403 || reply.status === 400, String(reply.status))
    assert.equal((await auditOf(lab.sentry, reply)).device, null)
  })

  test('T108 from the internet, with an own certificate: the header changes nothing', async () => {
    const header = field(lab.devices['bob-phone'].identity)
    const reply = await lab.eas(lab.devices['ann-phone'], { headers: { 'Client-Cert': header } })
    assert.equal(reply.status, 200)
    assert.equal((await auditOf(lab.sentry, reply)).device, 'ann-phone')
    assert.equal(lab.exchange.received.at(-1)?.headers['client-cert'], undefined)
  })

  test('T108 from another certificate that says it is the balancer: 403', async () => {
    const impostor = await lab.deviceCa.issueDevice({ commonName: 'balancer' })
    const header = field(lab.devices['ann-phone'].identity)
    const reply = await lab.eas(lab.devices['ann-phone'], { identity: impostor, headers: { 'Client-Cert': header } })
    assert.notEqual((await auditOf(lab.sentry, reply)).decision, 'allow')
    assert.notEqual(reply.body.length, 0)
  })

  function through(value: string | string[] | null): Promise<Reply> {
    const headers = value === null ? {} : { 'Client-Cert': value }
    return lab.eas(lab.devices['ann-phone'], { identity: balancer, headers })
  }

  /** A certificate whose base64 has what the case is about: padding, or letters of the other alphabet. */
  async function longEnough(title: string): Promise<Issued> {
    for (let count = 0; ; count += 1) {
      const identity = await lab.deviceCa.issueDevice({
        upn: 'ann@example.com',
        commonName: 'x'.repeat(1 + (count % 3)),
      })
      const text = der(identity).toString('base64')
      if (title === 'unpadded base64' ? text.endsWith('=') : /[+/]/.test(text)) return identity
    }
  }
})

function der(identity: Issued): Buffer {
  const lines = identity.certPem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
  return Buffer.from(lines.join(''), 'base64')
}

function field(identity: Issued): string {
  return `:${der(identity).toString('base64')}:`
}

function unpadded(identity: Issued): string {
  return der(identity).toString('base64').replaceAll('=', '')
}

function ago(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000)
}
