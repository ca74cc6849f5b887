/**
 * A Sentry's registration on its disk: where Core is, who we are, whom we believe.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type GatewayIdentity, parseGatewayIdentity } from '@postern/contract/feed/enrolment'
import { type GatewayFile, parseGatewayFile } from '@postern/contract/feed/gateway-file'
import { FileError, readJsonFile, readTextFile } from '@postern/runtime/json-file'
import { makeDataFolder, removeFiles, writeWhole } from './data-files.ts'

/** Everything that a machine knows of its own registration. PEM texts. */
export interface Registration {
  readonly dir: string
  readonly gateway: GatewayFile
  readonly identity: GatewayIdentity
  readonly keyPem: string
}

/** No registration, or one that cannot be used; the message says what to do. */
export class RegistrationError extends Error {
  override name = 'RegistrationError'
}

const FILES = {
  gateway: 'gateway.json',
  /** What Core said of us, the certificate and its authorities included. */
  identity: 'identity.json',
  key: 'identity.key',
  /** A renewed key that is in use as soon as `identity.json` names its certificate. */
  nextKey: 'identity.key.next',
  certificate: 'identity.crt',
  authorities: 'authorities.pem',
} as const

/** What a Sentry keeps of Core's words; see supervisor/disk-copy.ts. */
const COPY_FILES = [
  ...['document.json', 'contact', 'posture.ndjson', 'posture.ndjson.next'],
  ...['posture.journal', 'posture.journal.next'],
]

/** Whether a data directory holds a registration, whole or in parts. */
export async function isRegistered(dir: string): Promise<boolean> {
  const found = await Promise.all([FILES.gateway, FILES.key].map((name) => textOrNull(join(dir, name))))
  return found.every((text) => text !== null)
}

/** @throws RegistrationError, ContractError or FileError, each with its remedy */
export async function readRegistration(dir: string): Promise<Registration> {
  if (!(await isRegistered(dir))) {
    throw new RegistrationError(`--data: ${dir} holds no registration; run postern-sentry enroll --data ${dir} first`)
  }
  const gateway = parseGatewayFile(await readJsonFile(join(dir, FILES.gateway)))
  const identity = parseGatewayIdentity(await readJsonFile(join(dir, FILES.identity)))
  const certificate = new X509Certificate(identity.certificatePem)
  for (const name of [FILES.key, FILES.nextKey]) {
    const keyPem = await textOrNull(join(dir, name))
    if (keyPem === null || !certificate.checkPrivateKey(createPrivateKey(keyPem))) continue
    if (name === FILES.nextKey) await rename(join(dir, FILES.nextKey), join(dir, FILES.key)) // a renewal was cut off
    return { dir, gateway, identity, keyPem }
  }
  throw new RegistrationError(
    `${join(dir, FILES.key)} is not the key of the certificate in ${FILES.identity}; enrol again with --replace`,
  )
}

/** Writes a new registration; `gateway.json` comes last and makes it one. @throws Error of Node */
export async function writeRegistration({ dir, gateway, identity, keyPem }: Registration): Promise<void> {
  await makeDataFolder(dir)
  await removeFiles(dir, [FILES.gateway, FILES.nextKey, ...COPY_FILES]) // what another Core said holds no more
  await writeWhole(join(dir, FILES.key), keyPem)
  await writeIdentity(dir, identity)
  await writeWhole(join(dir, FILES.gateway), `${JSON.stringify(gateway, null, 2)}\n`)
}

/** Puts a renewed identity in the place of the old one: at every moment a restart finds a key with its certificate. */
export async function writeRenewal(before: Registration, identity: GatewayIdentity, keyPem: string): Promise<void> {
  const { dir } = before
  await writeWhole(join(dir, FILES.nextKey), keyPem)
  await writeIdentity(dir, identity)
  await rename(join(dir, FILES.nextKey), join(dir, FILES.key))
}

/** Forgets who we are and all that Core said. What is left only says where it was. */
export async function dropRegistration(dir: string): Promise<void> {
  const { key, nextKey, identity, certificate, authorities } = FILES
  await removeFiles(dir, [key, nextKey, identity, certificate, authorities, ...COPY_FILES])
}

/** `sha256:` of the SubjectPublicKeyInfo, as Core's page shows it. */
export function keyFingerprint(keyPem: string): string {
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`
}

// The one file that is read comes last; the other two are for people and their tools.
async function writeIdentity(dir: string, identity: GatewayIdentity): Promise<void> {
  await writeWhole(join(dir, FILES.certificate), identity.certificatePem)
  await writeWhole(join(dir, FILES.authorities), identity.authoritiesPem.join(''))
  await writeWhole(join(dir, FILES.identity), `${JSON.stringify(identity, null, 2)}\n`)
}

async function textOrNull(file: string): Promise<string | null> {
  try {
    return (await readTextFile(file)).text
  } catch (error) {
    if (error instanceof FileError && /ENOENT/.test(error.message)) return null
    throw error
  }
}
