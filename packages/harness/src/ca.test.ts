import assert from 'node:assert/strict'
import { X509Certificate, createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { createCa } from './ca.ts'
import type { Issued } from './ca.ts'
import { LabNet, request } from './lab-net.ts'

const ca = await createCa()
const good = await ca.issueServer({ names: ['server.example.com', '127.0.0.1'] })

/** What a server that wants a certificate says of the client's; '' when it takes it. Rejects when the client refuses. */
async function verdict(server: Issued, client: Issued | null, options: ServerOptions = {}): Promise<string> {
  const https = createServer(
    // The chain follows the certificate, as a server sends it.
    { cert: server.certPem + (server.chainPem ?? ''), key: server.keyPem, ca: [ca.certPem], ...options },
    (_req, res) => res.end(),
  )
  const refusals: string[] = []
  https.on('tlsClientError', (_error, socket) => refusals.push(String(socket.authorizationError)))
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  const net = new LabNet([ca.certPem])
  net.map('server.example.com', '127.0.0.1', (https.address() as AddressInfo).port)
  const identity = client === null ? {} : { cert: client.certPem + (client.chainPem ?? ''), key: client.keyPem }
  try {
    await request(net, { url: 'https://server.example.com/', ...identity })
    return ''
  } catch (error) {
    if (client === null || refusals.length === 0) throw error
    return refusals.join()
  } finally {
    https.closeAllConnections()
    https.close()
  }
}

const asking: ServerOptions = { requestCert: true }
const yesterday = new Date(Date.now() - 86_400_000)
const tomorrow = new Date(Date.now() + 86_400_000)
const lastWeek = new Date(Date.now() - 7 * 86_400_000)

describe('servers that a client refuses', () => {
  const rejects = [
    {
      title: 'self-signed',
      issue: { names: ['server.example.com'], overrides: { selfSigned: true } },
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    },
    {
      title: 'expired',
      issue: { names: ['server.example.com'], notBefore: lastWeek, notAfter: yesterday },
      code: 'CERT_HAS_EXPIRED',
    },
    {
      title: 'not yet valid',
      issue: { names: ['server.example.com'], overrides: { notBefore: tomorrow } },
      code: 'CERT_NOT_YET_VALID',
    },
    { title: 'wrong name', issue: { names: ['evil.test'] }, code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    {
      title: 'for clients only',
      issue: { names: ['server.example.com'], overrides: { eku: 'clientAuth' as const } },
      code: 'INVALID_PURPOSE',
    },
  ]
  for (const { title, issue, code } of rejects)
    test(title, async () => assert.rejects(verdict(await ca.issueServer(issue), null), { code }))
  test('another CA', async () => {
    const other = await createCa({ commonName: 'Other' })
    const server = await other.issueServer({ names: ['server.example.com'] })
    await assert.rejects(verdict(server, null), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  })
})

describe('devices that a server refuses', () => {
  const rejects = [
    { title: 'expired', issue: { notBefore: lastWeek, notAfter: yesterday }, code: 'CERT_HAS_EXPIRED' },
    { title: 'not yet valid', issue: { notBefore: tomorrow }, code: 'CERT_NOT_YET_VALID' },
    { title: 'for servers only', issue: { eku: 'serverAuth' as const }, code: 'INVALID_PURPOSE' },
  ]
  for (const { title, issue, code } of rejects)
    test(title, async () => assert.equal(await verdict(good, await ca.issueDevice(issue), asking), code))
  test('revoked, and only the revoked one', async () => {
    const [lost, kept] = [await ca.issueDevice(), await ca.issueDevice()]
    const crl = await ca.crl([lost])
    assert.equal(await verdict(good, lost, { ...asking, crl }), 'CERT_REVOKED')
    assert.equal(await verdict(good, kept, { ...asking, crl }), '')
  })
})

describe('certificates as issued', () => {
  test('a good one passes both ways, and through an intermediate', async () => {
    assert.equal(await verdict(good, await ca.issueDevice({ upn: 'ann@example.com' }), asking), '')
    const below = await ca.issueIntermediate()
    const server = await below.issueServer({ names: ['server.example.com'] })
    assert.equal(await verdict(server, await below.issueDevice(), asking), '')
  })
  test('fingerprint and serial are those of the DER', async () => {
    const { certPem, fingerprint, serial } = await ca.issueDevice()
    const parsed = new X509Certificate(certPem)
    assert.equal(fingerprint, `sha256:${createHash('sha256').update(parsed.raw).digest('hex')}`)
    assert.equal(parsed.serialNumber.toLowerCase(), serial)
  })
  test('names: two UPNs, a URI, a NUL', async () => {
    const upn = ['ann@example.com', 'bob@example.com']
    const rawSan = [{ kind: 'dns' as const, value: 'a\0b' }]
    const device = await ca.issueDevice({ upn, deviceUri: 'urn:device:1', rawSan })
    const { raw } = new X509Certificate(device.certPem)
    // [0] { OID, [0] { UTF8String } }, written out from RFC 5280 4.2.1.6.
    const other = (value: string): Buffer =>
      Buffer.concat([Buffer.from('a01f060a2b060104018237140203a0110c0f', 'hex'), Buffer.from(value)])
    for (const value of upn) assert.ok(raw.includes(other(value)), value)
    assert.ok(raw.includes(Buffer.from('860c75726e3a6465766963653a31', 'hex')))
    assert.ok(raw.includes(Buffer.from('8203610062', 'hex')))
  })
  test('a CA as a leaf, and one without extended usage', async () => {
    assert.equal(new X509Certificate((await ca.issueDevice({ isCa: true })).certPem).ca, true)
    const bare = new X509Certificate((await ca.issueDevice({ eku: 'none' })).certPem)
    // 2.5.29.37, the extension's own id.
    assert.equal(bare.raw.includes(Buffer.from('0603551d25', 'hex')), false)
  })
})

test('a name that nobody mapped goes nowhere', async () => {
  await assert.rejects(request(new LabNet(), { url: 'https://outlook.office365.com/' }), RangeError)
})
