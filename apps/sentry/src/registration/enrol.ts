/**
 * The first word with Core: a one-time token for a certificate.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import {
  type EnrolmentToken,
  FEED_PATHS,
  type GatewayIdentity,
  parseEnrolmentToken,
  parseGatewayIdentity,
} from '@postern/contract/feed/enrolment'
import { FEED_SCHEMA } from '@postern/contract/feed/feed-schema'
import { type GatewayFile, parseGatewayFile } from '@postern/contract/feed/gateway-file'
import { CoreClient, CoreError } from '../feed/core-client.ts'
import { SENTRY_VERSION } from '../version.ts'
import { certificateRequest } from './certificate-request.ts'
import { makeDataFolder } from './data-files.ts'
import { CORE_TIMEOUT_MS, isCertified, newKey } from './identity-keeper.ts'
import { isRegistered, keyFingerprint, RegistrationError, writeRegistration } from './registration.ts'

/** What an enrolment needs. */
export interface EnrolmentWish {
  readonly dir: string
  readonly gateway: GatewayFile
  /** As it was typed; never shown again. */
  readonly token: string
  /** An earlier registration may be replaced. */
  readonly replace: boolean
}

/** What came of it. `fingerprint`: of our key, for a person to compare with Core's page. */
export interface Enrolled {
  readonly identity: GatewayIdentity
  readonly fingerprint: string
}

/** Registers this machine. @throws RegistrationError naming the flag, the rule and the remedy; nothing was changed then */
export async function enrol({ dir, gateway, token, replace }: EnrolmentWish): Promise<Enrolled> {
  const parts = parseEnrolmentToken(token)
  if (parts === null) {
    throw new RegistrationError(
      '--token is no enrolment token; copy it whole from the page of the Sentry in Core: it begins with pse1.',
    )
  }
  const authority = authorityOf(parts)
  parseGatewayFile(gateway)
  await prepare(dir)
  if (!replace && (await isRegistered(dir))) {
    throw new RegistrationError(
      `--data: ${dir} holds a registration already; add --replace to give it up for a new one`,
    )
  }
  const { key, pem } = newKey()
  const identity = await ask(gateway.core, authority, {
    token: token.trim(),
    csr: certificateRequest(key, hostname().slice(0, 64)),
    version: SENTRY_VERSION,
    schemas: [FEED_SCHEMA],
  })
  if (!isCertified(identity, pem)) {
    throw new RegistrationError(
      '--core answered with a certificate of another key; ask who runs it, and take a new token',
    )
  }
  await writeRegistration({ dir, gateway, identity, keyPem: pem })
  return { identity, fingerprint: keyFingerprint(pem) }
}

function authorityOf({ authority }: EnrolmentToken): string {
  try {
    return new X509Certificate(Buffer.from(authority, 'base64url')).toString()
  } catch (error) {
    throw new RegistrationError(
      '--token carries no certificate of Core that can be read; copy it whole from the page of the Sentry in Core',
      { cause: error },
    )
  }
}

// Before the token is spent: a directory that cannot be written would cost a new one.
async function prepare(dir: string): Promise<void> {
  try {
    await makeDataFolder(dir)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new RegistrationError(`--data: ${dir} cannot be used (${code}); name a directory that may be written`, {
      cause: error,
    })
  }
}

async function ask(core: string, authority: string, body: object): Promise<GatewayIdentity> {
  using client = new CoreClient({ core, authoritiesPem: [authority], identity: null, timeoutMs: CORE_TIMEOUT_MS })
  try {
    return parseGatewayIdentity(await client.post(FEED_PATHS.enrol, body))
  } catch (error) {
    throw new RegistrationError(remedyOf(error), { cause: error })
  }
}

function remedyOf(error: unknown): string {
  if (!(error instanceof CoreError)) return `--core does not answer as Core does: ${wordsOf(error)}`
  switch (error.kind) {
    case 'unreachable':
      return `--core: ${error.message}; check host, port and the way to it`
    case 'untrusted':
      return `--core: ${error.message}; nothing was sent to it. Take a new token, or find out who answers there`
    case 'refused':
      return `--token is not taken: ${error.message}. A token is good for an hour, and once; make a new one in Core`
    case 'failed':
      return `--core: ${error.message}`
    default:
      return error.kind satisfies never
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown fault'
}
