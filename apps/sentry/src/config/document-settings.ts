/**
 * Settings of a registered Sentry: Core's document with what the machine knows of itself, checked like a file.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import type { GatewayFile } from '@postern/contract/feed/gateway-file'
import { parseSentryDocument, type SentryDocument } from '@postern/contract/feed/sentry-document'
import { ContractError, type Problem } from '@postern/contract/problems'
import { parseSentryConfig, type SentryConfig } from '@postern/contract/sentry-config'
import { checkAuditFile, type Settings } from './settings.ts'
import { checkMaterial, checkPair, type MaterialFields, ProblemBook } from './check-material.ts'

/** Settings from Core, and the pair that takes over when the first certificate has ended. */
export interface DocumentSettings {
  readonly settings: Settings
  readonly reserve: Pair | null
}

type Pair = Pick<Settings, 'certPem' | 'keyPem'>

const FIELDS: MaterialFields = {
  cert: 'tls.certificatePem',
  key: 'tls.privateKeyPem',
  deviceCas: 'tls.deviceCas',
  crls: 'tls.crls',
  identityProviderCa: 'oauth.ca',
  serverCa: 'activeSync.ca',
}
const RESERVE_FIELDS = { cert: 'tls.reserve.certificatePem', key: 'tls.reserve.privateKeyPem' }

/**
 * Checks a document whole.
 * @param dir data directory, which relative names of the gateway file refer to
 * @throws ContractError with all problems, in the document's terms
 */
export async function documentSettings(input: unknown, gateway: GatewayFile, dir: string): Promise<DocumentSettings> {
  const document = parseSentryDocument(input)
  const config = configOf(document, gateway)
  const { tls, oauth, activeSync, policy } = document
  const material = {
    certPem: tls.certificatePem,
    keyPem: tls.privateKeyPem,
    deviceCas: tls.deviceCas,
    crls: tls.crls,
    identityProviderCa: oauth.ca,
    serverCa: activeSync.ca,
  }
  const auditFile = resolve(dir, gateway.auditFile)
  const reserve =
    tls.reserve === null ? null : { certPem: tls.reserve.certificatePem, keyPem: tls.reserve.privateKeyPem }
  const book = new ProblemBook()
  if (reserve !== null) checkPair(reserve, RESERVE_FIELDS, book)
  const reserveProblems = book.problems.splice(0) // a bad reserve must not hide what is wrong with the first pair
  checkMaterial(material, tls.minVersion, FIELDS, book)
  book.problems.push(...reserveProblems)
  await checkAuditFile(auditFile, book)
  if (book.problems.length > 0) throw new ContractError('Sentry document', book.problems)
  return {
    settings: {
      config,
      ...material,
      unknownWhenCoreIsAway: policy.unknownWhenCoreIsAway,
      policyFile: resolve(dir, POSTURE_NAME),
      auditFile,
      watched: [],
    },
    reserve,
  }
}

const POSTURE_NAME = 'posture.ndjson'

/** The document as a configuration, which brings the rules of the file with it. File names only stand for their texts. */
function configOf(document: SentryDocument, gateway: GatewayFile): SentryConfig {
  const { listen, tls, oauth, activeSync, policy } = document
  const { ca: oauthCa, ...oauthRest } = oauth
  const { ca: serverCa, ...activeSyncRest } = activeSync
  const lab = gateway.lab === true ? { lab: true, hosts: gateway.hosts ?? {} } : {}
  const file = {
    listen: { ...gateway.listen, ...listen },
    tls: {
      certFile: FIELDS.cert,
      keyFile: FIELDS.key,
      deviceCaFiles: tls.deviceCas.map(({ name }) => name),
      crlFiles: tls.crls.map(({ name }) => name),
      minVersion: tls.minVersion,
    },
    deviceCertificate: document.deviceCertificate,
    oauth: { ...oauthRest, caFile: oauthCa === null ? null : oauthCa.name },
    activeSync: { ...activeSyncRest, caFile: serverCa === null ? null : serverCa.name },
    autodiscover: document.autodiscover,
    policy: {
      file: POSTURE_NAME,
      unknownDevices: policy.unknownDevices,
      staleAfterSeconds: policy.staleAfterSeconds,
    },
    events: { auditFile: gateway.auditFile },
    limits: document.limits,
    local: gateway.local,
    ...lab,
  }
  try {
    return parseSentryConfig(file)
  } catch (error) {
    if (!(error instanceof ContractError)) throw error
    throw new ContractError('Sentry document', error.problems.map(inDocumentTerms))
  }
}

/** Where a rule of the file looks at a name that is another in the document. */
function inDocumentTerms({ path, message }: Problem): Problem {
  return { path: path.replace(/^tls\.deviceCaFiles/, 'tls.deviceCas').replace(/^tls\.crlFiles/, 'tls.crls'), message }
}

/** The pair that is valid now: the first, unless it has ended and the reserve is within its period. `now`: ms since 1970. */
export function settingsAt({ settings, reserve }: DocumentSettings, now: number): Settings {
  if (reserve === null || new X509Certificate(settings.certPem).validToDate.getTime() >= now) return settings
  const { validFromDate, validToDate } = new X509Certificate(reserve.certPem)
  const isGood = validFromDate.getTime() <= now && now <= validToDate.getTime()
  return isGood ? { ...settings, ...reserve } : settings
}
