/**
 * Protocol document 9.2, T31: certificates that are no device's identity, each of them registered in the policy (6.3).
 * @module
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCa, type Issued, type TestCa } from '@postern/harness/ca'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import { auditOf, reconfigure } from './support/observe.ts'
import { assertNothingUpstream } from './support/wire.ts'

const UPN = 'ann@example.com'
const URI = 'urn:postern:device:ann-phone'
const HOUR_MS = 3_600_000

interface Certificates {
  lab: Lab
  other: TestCa
  /** Bears the name of the lab's own device CA. */
  namesake: TestCa
}

type Make = (from: Certificates) => Promise<Issued>

const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR_MS)

const REFUSED: [title: string, reason: string, make: Make][] = [
  ['of another CA', 'CERTIFICATE_UNTRUSTED', ({ other }) => other.issueDevice({ upn: UPN })],
  [
    'of another CA with the name of ours',
    'CERTIFICATE_UNTRUSTED',
    ({ namesake }) => namesake.issueDevice({ upn: UPN }),
  ],
  [
    'of an intermediate CA of another',
    'CERTIFICATE_UNTRUSTED',
    async ({ other }) => (await other.issueIntermediate()).issueDevice({ upn: UPN }),
  ],
  [
    'signed by itself',
    'CERTIFICATE_UNTRUSTED',
    ({ lab }) => lab.deviceCa.issueServer({ names: ['ann-phone'], overrides: { selfSigned: true, eku: 'clientAuth' } }),
  ],
  [
    'expired',
    'CERTIFICATE_EXPIRED',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, notBefore: ago(48), notAfter: ago(1) }),
  ],
  [
    'not yet valid',
    'CERTIFICATE_NOT_YET_VALID',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, notBefore: ago(-1), notAfter: ago(-48) }),
  ],
  ['without extended key usage', 'CERTIFICATE_USAGE', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, eku: 'none' })],
  ['for servers only', 'CERTIFICATE_USAGE', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, eku: 'serverAuth' })],
  ['that is a CA', 'CERTIFICATE_IS_CA', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, isCa: true })],
  ['with two UPNs', 'CERTIFICATE_NAMES', ({ lab }) => lab.deviceCa.issueDevice({ upn: [UPN, 'bob@example.com'] })],
  ['with one UPN twice', 'CERTIFICATE_NAMES', ({ lab }) => lab.deviceCa.issueDevice({ upn: [UPN, UPN] })],
  [
    'with two device URIs',
    'CERTIFICATE_NAMES',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, deviceUri: [URI, 'urn:postern:device:bob-phone'] }),
  ],
  ['with NUL in the UPN', 'CERTIFICATE_NAMES', ({ lab }) => lab.deviceCa.issueDevice({ upn: `${UPN}\0.evil.test` })],
  [
    'with NUL in the URI',
    'CERTIFICATE_NAMES',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, deviceUri: `${URI}\0x` }),
  ],
  [
    'with NUL in a mail address',
    'CERTIFICATE_NAMES',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, rawSan: [{ kind: 'email', value: `${UPN}\0.evil.test` }] }),
  ],
  [
    'with NUL in a DNS name',
    'CERTIFICATE_NAMES',
    ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN, rawSan: [{ kind: 'dns', value: 'ann-phone\0.evil.test' }] }),
  ],
  ['with a line end in the UPN', 'CERTIFICATE_NAMES', ({ lab }) => lab.deviceCa.issueDevice({ upn: `${UPN}\n` })],
  ['with an empty UPN', 'CERTIFICATE_NAMES', ({ lab }) => lab.deviceCa.issueDevice({ upn: '' })],
  ['revoked by a list', 'CERTIFICATE_REVOKED', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN })],
  ['revoked by the policy', 'CERTIFICATE_REVOKED', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN })],
]

const SOUND: [title: string, make: Make][] = [
  ['with a UPN', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN })],
  ['with a UPN in capitals', ({ lab }) => lab.deviceCa.issueDevice({ upn: UPN.toUpperCase() })],
  ['with a device URI', ({ lab }) => lab.deviceCa.issueDevice({ deviceUri: URI })],
  ['with no names at all', ({ lab }) => lab.deviceCa.issueDevice({})],
]

describe('T31 certificates', () => {
  let lab: Lab
  const issued = new Map<string, Issued>()

  before(async () => {
    lab = await startLab({ exchange: { requirePolicy: false } })
    const from = {
      lab,
      other: await createCa({ commonName: 'Another CA' }),
      namesake: await createCa({ commonName: 'Lab Device CA' }),
    }
    for (const [title, , make] of REFUSED) issued.set(title, await make(from))
    for (const [title, make] of SOUND) issued.set(title, await make(from))
    await writeFile(join(lab.dir, 'device.crl'), await lab.deviceCa.crl([identity('revoked by a list')]))
    const tls = { ...(lab.config['tls'] as ConfigFile), crlFiles: ['device.crl'] }
    await reconfigure(lab, { ...lab.config, tls })
    await lab.policy.publish(({ devices, revokedCertificates }) => {
      const ann = devices.find(({ id }) => id === 'ann-phone')
      ann?.certificates.push(...[...issued.values()].map(({ fingerprint }) => fingerprint))
      revokedCertificates.push(identity('revoked by the policy').fingerprint)
    })
    await lab.policy.applied()
  })

  after(() => lab[Symbol.asyncDispose]())

  function identity(title: string): Issued {
    return issued.get(title) ?? assert.fail(title)
  }

  for (const [title, reason] of REFUSED) {
    test(`T31 a certificate ${title}: 403 without a challenge, UP=0`, async () => {
      const reply = await assertNothingUpstream(lab, () =>
        lab.eas(lab.devices['ann-phone'], { identity: identity(title) }),
      )
      assert.equal(reply.status, 403)
      assert.equal(reply.headers['www-authenticate'], undefined)
      const { decision, reasons, certificate } = await auditOf(lab.sentry, reply)
      assert.deepEqual([decision, reasons[0], certificate], ['refuse', reason, identity(title).fingerprint])
    })
  }

  for (const method of ['OPTIONS', 'POST']) {
    test(`T31 ${method} with a certificate of another CA and no token: 403 without a challenge, UP=0`, async () => {
      const options = { method, identity: identity('of another CA'), token: null }
      const reply = await assertNothingUpstream(lab, () => lab.eas(lab.devices['ann-phone'], options))
      assert.equal(reply.status, 403)
      assert.equal(reply.headers['www-authenticate'], undefined)
    })
  }

  for (const [title] of SOUND) {
    test(`T31 a certificate ${title} passes`, async () => {
      const reply = await lab.eas(lab.devices['ann-phone'], { identity: identity(title) })
      assert.equal(reply.status, 200)
      assert.equal((await auditOf(lab.sentry, reply)).decision, 'allow')
    })
  }
})
