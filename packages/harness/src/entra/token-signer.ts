/**
 * Tokens as Entra writes them: signed JWTs with the claims of its v1 form.
 *
 * Documents: RFC 7515 and 7519; claims as in protocol notes 2.5.
 * @module
 */
import { createHash, generateKeyPair, randomBytes, randomUUID, sign, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Directory } from './directory.ts'

/** What a minted token says; everything but the user has a default. */
export interface MintOptions {
  upn: string
  /** Default the first resource. */
  aud?: string
  /** Default the first application. */
  appid?: string
  tid?: string
  /** Seconds since the epoch; default in 80 minutes. */
  exp?: number
  /** Put over the other claims; undefined takes one out. */
  extra?: Record<string, unknown>
}

const LIFE_SECONDS = 4_800
const ALGORITHM = 'sha256'

/** Signs with a key of its own. */
export class TokenSigner {
  readonly keyId = randomBytes(12).toString('base64url')
  readonly #directory: Directory
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject

  private constructor(directory: Directory, keys: { privateKey: KeyObject; publicKey: KeyObject }) {
    this.#directory = directory
    this.#privateKey = keys.privateKey
    this.#publicKey = keys.publicKey
  }

  static async create(directory: Directory): Promise<TokenSigner> {
    return new TokenSigner(directory, await promisify(generateKeyPair)('rsa', { modulusLength: 2048 }))
  }

  /** The key as a set for its endpoint. */
  jwks(): { keys: JsonWebKey[] } {
    return { keys: [{ ...this.#publicKey.export({ format: 'jwk' }), use: 'sig', kid: this.keyId }] }
  }

  privateJwk(): JsonWebKey {
    return { ...this.#privateKey.export({ format: 'jwk' }), use: 'sig', kid: this.keyId }
  }

  /** An access token in v1 form. */
  mint(options: MintOptions): string {
    const { upn, extra = {}, tid = this.#directory.tenantId } = options
    const now = Math.floor(Date.now() / 1000)
    const aud = options.aud ?? this.#directory.resources[0] ?? ''
    const oid = this.#directory.userByName(upn)?.oid ?? randomUUID()
    return this.signed({
      aud,
      iss: `https://sts.windows.net/${tid}/`,
      iat: now,
      nbf: now,
      exp: options.exp ?? now + LIFE_SECONDS,
      acr: '1',
      amr: ['pwd'],
      appid: options.appid ?? this.#directory.clientIds[0] ?? '',
      appidacr: '0',
      ipaddr: '127.0.0.1',
      name: upn.split('@')[0],
      oid,
      puid: oid.replaceAll('-', '').slice(0, 16).toUpperCase(),
      scp: this.#directory.scopeOf(this.#directory.resource(aud) ?? aud),
      sub: createHash('sha256').update(`${oid} ${aud}`).digest('base64url'),
      tid,
      unique_name: upn,
      upn,
      uti: randomBytes(16).toString('base64url'),
      ver: '1.0',
      ...extra,
    })
  }

  /** Signs any claims. */
  signed(claims: Record<string, unknown>): string {
    const header = { typ: 'JWT', alg: 'RS256', x5t: this.keyId, kid: this.keyId }
    const content = `${encoded(header)}.${encoded(claims)}`
    return `${content}.${sign(ALGORITHM, Buffer.from(content), this.#privateKey).toString('base64url')}`
  }

  /** Whether a token carries a signature of this key. */
  verify(token: string): boolean {
    const end = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(end + 1), 'base64url')
    return end > 0 && verify(ALGORITHM, Buffer.from(token.slice(0, end)), this.#publicKey, signature)
  }
}

/** The claims of a JWT, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
