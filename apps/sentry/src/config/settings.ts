/**
 * The configuration with the text of every file it names: all that a worker needs, as one value that crosses IPC.
 * @module
 */
import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ContractError, type Problem } from '@postern/contract/problems'
import { parseSentryConfig, type SentryConfig } from '@postern/contract/sentry-config'
import { readJsonFile, readTextFile } from '@postern/runtime/json-file'
import type { PemFile } from '../identity/trust.ts'
import { checkMaterial, type MaterialFields, messageOf, ProblemBook } from './check-material.ts'

/** Files are PEM text, names resolved against the configuration file's folder. */
export interface Settings {
  readonly config: SentryConfig
  /** The pair in use. */
  readonly certPem: string
  readonly keyPem: string
  /** Rule for new devices while Core is away; in file mode the same as `policy.unknownDevices`. */
  readonly unknownWhenCoreIsAway: 'block' | 'allow'
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
  const material = { certPem: cert.pem, keyPem: key.pem, deviceCas, crls, identityProviderCa, serverCa }
  checkMaterial(material, tls.minVersion, FILE_FIELDS, reader)
  await checkAuditFile(resolve(dirname(path), config.events.auditFile), reader)
  if (reader.problems.length > 0) throw new ContractError('configuration', reader.problems)
  const file = (name: string): string => resolve(dirname(path), name)
  const named = [tls.certFile, tls.keyFile, ...tls.deviceCaFiles, ...tls.crlFiles, oauth.caFile, activeSync.caFile]
  return {
    config,
    ...material,
    unknownWhenCoreIsAway: config.policy.unknownDevices,
    policyFile: file(config.policy.file),
    auditFile: file(config.events.auditFile),
    watched: [path, ...named.filter((name) => name !== null).map(file)],
  }
}

const FILE_FIELDS: MaterialFields = {
  cert: 'tls.certFile',
  key: 'tls.keyFile',
  deviceCas: 'tls.deviceCaFiles',
  crls: 'tls.crlFiles',
  identityProviderCa: 'oauth.caFile',
  serverCa: 'activeSync.caFile',
}

class PemReader extends ProblemBook {
  readonly #folder: string

  constructor(folder: string) {
    super()
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
}

/** Workers open it; a file that cannot be opened must be told before they start. */
export async function checkAuditFile(file: string, book: ProblemBook): Promise<void> {
  try {
    const found = await stat(file).catch(() => null)
    if (found?.isDirectory() === true) throw new Error('is a folder; name a file')
    await access(found === null ? dirname(file) : file, constants.W_OK)
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error ? `cannot be written (${String(error.code)})` : messageOf(error)
    book.problems.push({
      path: 'events.auditFile',
      message: `${file} ${code}; its folder must be there and writable`,
    })
  }
}

/** Fields that a running Sentry cannot change; a reload that differs in one is refused whole. */
export function restartProblems(before: SentryConfig, after: SentryConfig): Problem[] {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['listen.host', before.listen.host, after.listen.host],
    ['listen.port', before.listen.port, after.listen.port],
    ['listen.proxyProtocolFrom', before.listen.proxyProtocolFrom, after.listen.proxyProtocolFrom],
    ['local', before.local, after.local],
  ]
  return fixed
    .filter(([, old, now]) => JSON.stringify(old) !== JSON.stringify(now))
    .map(([path]) => ({ path, message: 'cannot change while the Sentry runs; restart it, or take the change back' }))
}

/** Whether the listener asks devices for a certificate. */
export function asks(config: SentryConfig): boolean {
  return config.deviceCertificate.onActiveSync !== 'off' || config.deviceCertificate.onOAuth !== 'off'
}
