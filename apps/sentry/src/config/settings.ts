/**
 * The configuration with the text of every file it names: all that a worker needs, as one value that crosses IPC.
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { ContractError, type Problem } from '@postern/contract/problems'
import { parseSentryConfig, type SentryConfig } from '@postern/contract/sentry-config'
import { readJsonFile, readTextFile } from '@postern/runtime/json-file'
import { type PemFile, readDeviceTrust } from '../identity/trust.ts'

/** Files are PEM text, names resolved against the configuration file's folder. */
export interface Settings {
  readonly config: SentryConfig
  readonly certPem: string
  readonly keyPem: string
  readonly deviceCas: readonly PemFile[]
  readonly crls: readonly PemFile[]
  readonly identityProviderCa: PemFile | null
  readonly serverCa: PemFile | null
  readonly policyFile: string
  readonly auditFile: string
  /** Every file whose change means a reload. */
  readonly watched: readonly string[]
}

/** Settings with what the supervisor alone can know. `trustGeneration` grows when a device CA was taken away. */
export interface WorkerSettings {
  readonly settings: Settings
  readonly ticketKeysHex: string
  readonly trustGeneration: number
  readonly speed: number
}

/** Reads and checks everything. @throws ContractError with all problems, FileError when the file itself is unreadable. */
export async function loadSettings(configFile: string): Promise<Settings> {
  const path = resolve(configFile)
  const config = parseSentryConfig(await readJsonFile(path))
  const reader = new PemReader(dirname(path))
  const { tls, oauth, activeSync } = config
  const [cert, key, deviceCas, crls, identityProviderCa, serverCa] = await Promise.all([
    reader.read('tls.certFile', tls.certFile),
    reader.read('tls.keyFile', tls.keyFile),
    Promise.all(tls.deviceCaFiles.map((name, i) => reader.read(`tls.deviceCaFiles[${i}]`, name))),
    Promise.all(tls.crlFiles.map((name, i) => reader.read(`tls.crlFiles[${i}]`, name))),
    oauth.caFile === null ? null : reader.read('oauth.caFile', oauth.caFile),
    activeSync.caFile === null ? null : reader.read('activeSync.caFile', activeSync.caFile),
  ])
  checkPair(cert.pem, key.pem, reader)
  reader.attempt('tls', () => createSecureContext({ cert: cert.pem, key: key.pem, minVersion: tls.minVersion }))
  checkCa('oauth.caFile', identityProviderCa, reader)
  checkCa('activeSync.caFile', serverCa, reader)
  reader.attempt('tls.deviceCaFiles', () => readDeviceTrust(deviceCas, []))
  if (!reader.hasProblem('tls.deviceCaFiles')) reader.attempt('tls.crlFiles', () => readDeviceTrust(deviceCas, crls))
  await checkAuditFile(resolve(dirname(path), config.events.auditFile), reader)
  if (reader.problems.length > 0) throw new ContractError('configuration', reader.problems)
  const file = (name: string): string => resolve(dirname(path), name)
  const named = [tls.certFile, tls.keyFile, ...tls.deviceCaFiles, ...tls.crlFiles, oauth.caFile, activeSync.caFile]
  return {
    config,
    certPem: cert.pem,
    keyPem: key.pem,
    deviceCas,
    crls,
    identityProviderCa,
    serverCa,
    policyFile: file(config.policy.file),
    auditFile: file(config.events.auditFile),
    watched: [path, ...named.filter((name) => name !== null).map(file)],
  }
}

class PemReader {
  readonly problems: Problem[] = []
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async read(field: string, name: string): Promise<PemFile> {
    try {
      return { name, pem: (await readTextFile(resolve(this.#folder, name), 16_777_216)).text }
    } catch (error) {
      this.problems.push({ path: field, message: messageOf(error) })
      return { name, pem: '' }
    }
  }

  hasProblem(field: string): boolean {
    return this.problems.some((problem) => problem.path.startsWith(field))
  }

  /** Runs a check whose failure is this field's problem, unless the files were already unreadable. */
  attempt(field: string, check: () => unknown): void {
    if (this.hasProblem(field)) return
    try {
      check()
    } catch (error) {
      this.problems.push({ path: field, message: messageOf(error) })
    }
  }
}

// Workers open it; a file that cannot be opened must be told before they start.
async function checkAuditFile(file: string, reader: PemReader): Promise<void> {
  try {
    const found = await stat(file).catch(() => null)
    if (found?.isDirectory() === true) throw new Error('is a folder; name a file')
    await access(found === null ? dirname(file) : file, constants.W_OK)
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error ? `cannot be written (${String(error.code)})` : messageOf(error)
    reader.problems.push({
      path: 'events.auditFile',
      message: `${file} ${code}; its folder must be there and writable`,
    })
  }
}

function checkPair(certPem: string, keyPem: string, reader: PemReader): void {
  if (certPem === '' || keyPem === '') return
  reader.attempt('tls.certFile', () => new X509Certificate(certPem))
  reader.attempt('tls.keyFile', () => readKey(keyPem))
  if (reader.hasProblem('tls.certFile')) return
  reader.attempt('tls.keyFile', () => {
    if (!new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
      throw new Error('is not the key of the certificate in tls.certFile; give the matching pair')
    }
  })
}

function checkCa(field: string, file: PemFile | null, reader: PemReader): void {
  if (file === null || file.pem === '') return
  reader.attempt(field, () => new X509Certificate(file.pem))
  reader.attempt(field, () => createSecureContext({ ca: file.pem }))
}

function readKey(pem: string): void {
  try {
    createPrivateKey(pem)
  } catch (error) {
    throw new Error('holds no PEM private key that can be read without a password', { cause: error })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unreadable'
}

/** Fields that a running Sentry cannot change; a reload that differs in one is refused whole. */
export function restartProblems(before: SentryConfig, after: SentryConfig): Problem[] {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['listen.host', before.listen.host, after.listen.host],
    ['listen.port', before.listen.port, after.listen.port],
    ['listen.proxyProtocolFrom', before.listen.proxyProtocolFrom, after.listen.proxyProtocolFrom],
    ['local', before.local, after.local],
    ['deviceCertificate (whether certificates are asked for)', asks(before), asks(after)],
  ]
  return fixed
    .filter(([, old, now]) => JSON.stringify(old) !== JSON.stringify(now))
    .map(([path]) => ({ path, message: 'cannot change while the Sentry runs; restart it, or take the change back' }))
}

/** Whether the listener asks devices for a certificate. */
export function asks(config: SentryConfig): boolean {
  return config.deviceCertificate.onActiveSync !== 'off' || config.deviceCertificate.onOAuth !== 'off'
}
