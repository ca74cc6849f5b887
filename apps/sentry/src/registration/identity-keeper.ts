/**
 * Who we are towards Core, kept young: a new key and certificate after two thirds of the old one's life.
 * @module
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { FEED_PATHS, type GatewayIdentity, parseGatewayIdentity } from '@postern/contract/feed/enrolment'
import type { Log } from '../config/log.ts'
import { CoreClient } from '../feed/core-client.ts'
import { certificateRequest } from './certificate-request.ts'
import { keyFingerprint, type Registration, writeRenewal } from './registration.ts'

/** For connecting to Core and for its answers. Milliseconds. */
export const CORE_TIMEOUT_MS = 10_000
/** A client that was replaced may finish what it is at. Milliseconds. */
const RETIRE_MS = 30_000

/** A new P-256 key, which never leaves this machine. */
export function newKey(): { readonly key: KeyObject; readonly pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return { key: privateKey, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Whether Core certified the key that we asked for, and no other. */
export function isCertified(identity: GatewayIdentity, keyPem: string): boolean {
  return new X509Certificate(identity.certificatePem).checkPrivateKey(createPrivateKey(keyPem))
}

/** One for each registered Sentry. */
export class IdentityKeeper implements Disposable {
  readonly #now: () => number
  readonly #log: Log
  #registration: Registration
  #client: CoreClient
  #renewing = false

  readonly #renewed: () => void

  /** `renewed`: what is open with the old identity should be opened anew, before Core closes it. */
  constructor(registration: Registration, now: () => number, log: Log, renewed: () => void) {
    this.#renewed = renewed
    this.#registration = registration
    this.#now = now
    this.#log = log
    this.#client = clientOf(registration)
  }

  get registration(): Registration {
    return this.#registration
  }

  /** Speaks as who we are now. */
  get client(): CoreClient {
    return this.#client
  }

  /** Its time is over: Core cannot know us by it, and that is no word about our registration. */
  get hasEnded(): boolean {
    return this.#now() >= this.#registration.identity.notAfter
  }

  /** Renews when it is time; what fails is told, and tried at the next call. Never rejects. */
  async renewWhenDue(): Promise<void> {
    if (this.#renewing || this.#now() < this.#registration.identity.renewAfter) return
    this.#renewing = true
    try {
      await this.#renew()
    } catch (error) {
      const { notAfter } = this.#registration.identity
      const problem = error instanceof Error ? error.message : 'unknown fault'
      this.#log('problem', 'renewal-failed', { problem, certificateEnds: new Date(notAfter).toISOString() })
    }
    this.#renewing = false
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]()
  }

  async #renew(): Promise<void> {
    const before = this.#registration
    const { key, pem } = newKey()
    const csr = certificateRequest(key, before.identity.name.slice(0, 64))
    const identity = parseGatewayIdentity(await this.#client.post(FEED_PATHS.renew, { csr }))
    if (!isCertified(identity, pem)) throw new Error('Core answered with a certificate of another key')
    await writeRenewal(before, identity, pem)
    this.#registration = { ...before, identity, keyPem: pem }
    const old = this.#client
    this.#client = clientOf(this.#registration)
    setTimeout(() => {
      old[Symbol.dispose]()
    }, RETIRE_MS).unref()
    const ends = new Date(identity.notAfter).toISOString()
    this.#renewed()
    this.#log('info', 'identity-renewed', { fingerprint: keyFingerprint(pem), certificateEnds: ends })
  }
}

function clientOf({ gateway, identity, keyPem }: Registration): CoreClient {
  return new CoreClient({
    core: gateway.core,
    authoritiesPem: identity.authoritiesPem,
    identity: { certificatePem: identity.certificatePem, keyPem },
    timeoutMs: CORE_TIMEOUT_MS,
  })
}
