/**
 * Sections of PEM files: trusted roots, and certificates with their keys. They are compared by fingerprint, since the
 * same certificate can be written in many ways.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { certificatesEndpoints } from '@postern/contract/api/certificates'
import { usage } from '../exits.ts'
import { type Json, listOf, member, textOf } from '../json.ts'
import type { Kind, Wanted, WantedInput } from './kind.ts'
import { createOnce, listedBy } from './plain-kinds.ts'

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Fingerprints (SHA-256, hex) of the certificates of a text, sorted. @throws CliError usage */
function fingerprintsOf(pem: string, where: string): string[] {
  const blocks = pem.match(PEM) ?? []
  if (blocks.length === 0) throw usage(`${where}: holds no certificate in PEM`)
  try {
    return blocks.map((block) => plainHex(new X509Certificate(block).fingerprint256)).sort()
  } catch {
    throw usage(`${where}: holds a certificate that cannot be read`)
  }
}

function plainHex(fingerprint: string): string {
  return fingerprint
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(':', '')
}

function fingerprintsAt(item: unknown, name: string): string[] {
  return listOf(item, name).map((one) => plainHex(textOf(one, 'fingerprint')))
}

/** Text of the one of `file` and `pem` that is given. @throws CliError usage when it is none or both */
async function pemOf({ name, members, readText }: WantedInput): Promise<string> {
  const [file, pem] = [textOf(members, 'file'), textOf(members, 'pem')]
  if ((file === '') === (pem === '')) throw usage(`${name}: give either file or pem`)
  return file === '' ? pem : readText(file)
}

const trustedRoots: Kind = {
  section: 'trustedRoots',
  title: 'trusted root',
  list: (client) => listedBy(client, certificatesEndpoints.listTrustedRoots, 'name'),
  read: async (client, { id }) => {
    const { body, etag } = await client.call(certificatesEndpoints.readTrustedRoot, { params: { id } })
    return { id, etag, value: rootValue(textOf(body, 'purpose'), fingerprintsAt(body, 'certificates')) }
  },
  wanted: async (input) => {
    const pem = await pemOf(input)
    const purpose = textOf(input.members, 'purpose')
    const value = rootValue(purpose, fingerprintsOf(pem, input.name))
    return { value, body: { name: input.name, purpose, pem }, lacks: null }
  },
  create: async (client, body) => textOf(await createOnce(client, certificatesEndpoints.createTrustedRoot, body), 'id'),
  change: null,
  remove: async (client, { id, etag }) => {
    await client.call(certificatesEndpoints.removeTrustedRoot, { params: { id }, ifMatch: etag })
  },
  exported: ({ purpose }, item) => ({ purpose, pem: textOf(item, 'pem') }),
}

function rootValue(purpose: string, fingerprints: readonly string[]): Json {
  return { purpose, certificates: [...new Set(fingerprints)].sort() }
}

const certificates: Kind = {
  section: 'certificates',
  title: 'certificate',
  list: async (client) => {
    const listed = await listedBy(client, certificatesEndpoints.listCertificates, 'name')
    // What Core issued it also renews; a request that waits has nothing to compare.
    return listed.map((one) => ({
      ...one,
      isOurs: textOf(one.item, 'source') !== 'issued' && textOf(one.item, 'state') === 'ready',
    }))
  },
  read: async (client, { id }) => {
    const { body, etag } = await client.call(certificatesEndpoints.readCertificate, { params: { id } })
    return { id, etag, value: { chain: fingerprintsAt(body, 'chain') } }
  },
  wanted: async (input) => certificateWanted(input),
  create: async (client, body) => textOf(await createOnce(client, certificatesEndpoints.uploadCertificate, body), 'id'),
  change: async (client, { id, etag }, { name: _name, ...body }) => {
    await client.call(certificatesEndpoints.replaceCertificate, { params: { id }, body, ifMatch: etag })
  },
  remove: async (client, { id, etag }) => {
    await client.call(certificatesEndpoints.removeCertificate, { params: { id }, ifMatch: etag })
  },
  exported: (_value, item) => {
    const pem = member(item, 'chainPem')
    return typeof pem === 'string' ? { pem } : null
  },
}

async function certificateWanted(input: WantedInput): Promise<Wanted> {
  const chainPem = await pemOf(input)
  const file = fingerprintsOf(chainPem, input.name)
  const kept = listOf(input.present?.value, 'chain').map(String)
  // Core may leave out what is not needed (the root itself), and orders the chain from the leaf on.
  const isSame = kept.length > 0 && kept.every((one) => file.includes(one))
  const value = isSame ? { chain: kept } : { chain: file }
  const keyFile = textOf(input.members, 'keyFile')
  if (keyFile === '' || isSame) {
    const message = 'is needed to make or replace the certificate; name the file of its private key'
    return { value, body: {}, lacks: { path: 'keyFile', message } }
  }
  const privateKeyPem = await input.readText(keyFile)
  return { value, body: { name: input.name, chainPem, privateKeyPem }, lacks: null }
}

/** See the module's comment. */
export const CERTIFICATE_KINDS: readonly Kind[] = [trustedRoots, certificates]
