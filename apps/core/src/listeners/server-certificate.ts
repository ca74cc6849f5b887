/**
 * The certificate of Core's own listeners: from the service CA, in memory only, new at each start and before it ends.
 * @module
 */
import type { SecureContextOptions } from 'node:tls'
import { isIP } from 'node:net'
import { FEED_SERVER_NAME } from '@postern/contract/feed/enrolment'
import type { Authority } from '@postern/pki/authority'
import { createKeyPair } from '@postern/pki/certificate-request'

const DAY_MS = 86_400_000
const LIFE_MS = 90 * DAY_MS
const RENEW_AFTER_MS = 60 * DAY_MS
const SKEW_MS = 300_000
/** How often it is looked whether the time has come. Milliseconds. */
const LOOK_MS = 3_600_000

/** For `createServer` and `setSecureContext`. */
export type ServerIdentity = Required<Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>>

/** A new key and certificate for the hosts, beside the name that every feed has. `now`: ms since 1970. */
export async function issueServerIdentity(
  authority: Authority,
  hosts: readonly string[],
  now: number,
): Promise<ServerIdentity> {
  const { privateKeyPem, publicKey } = await createKeyPair('P-256')
  const { certificatePem } = await authority.issueServer({
    publicKey,
    dnsNames: [FEED_SERVER_NAME, ...hosts.filter((host) => isIP(host) === 0)],
    ipAddresses: hosts.filter((host) => isIP(host) !== 0),
    notBefore: now - SKEW_MS,
    notAfter: now + LIFE_MS,
  })
  return { cert: certificatePem, key: privateKeyPem, ca: authority.certificatePem }
}

/** What keeps a listener's certificate fresh. */
export interface Renewal {
  readonly issue: () => Promise<ServerIdentity>
  /** Takes the new one over for connections from now on. */
  readonly use: (identity: ServerIdentity) => void
  readonly now: () => number
  readonly fault: (error: unknown) => void
}

/** Renews 60 days after the start and so on. Dispose to end. `lookMs`: how often it is looked. */
export function keepIdentityFresh({ issue, use, now, fault }: Renewal, lookMs: number = LOOK_MS): Disposable {
  let issuedAt = now()
  const look = async (): Promise<void> => {
    if (now() - issuedAt < RENEW_AFTER_MS) return
    const identity = await issue()
    issuedAt = now()
    use(identity)
  }
  const timer = setInterval(() => void look().catch(fault), lookMs).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
