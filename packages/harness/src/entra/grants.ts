/**
 * Codes and refresh tokens that are out, and what they were asked for.
 * @module
 */
import { randomBytes } from 'node:crypto'

/** What an authorize request asked for, in the client's own words where they matter. */
export interface Asked {
  /** Registered form of the resource. */
  resource: string
  /** The resource as the client wrote it. */
  asAsked: string
  redirectUri: string
  /** v2.0 only; empty at v1. */
  scope: string
  codeChallenge: string | null
  /** The client can handle claims challenges. */
  cae: boolean
}

/** A code or refresh token of a user. */
export interface OutstandingGrant {
  asked: Asked
  clientId: string
  upn: string
  /** What the library knows it as. */
  inner: string
  revoked: boolean
}

/** All of them. Refresh tokens get a new name at each use, and the old names stay good, as at Entra. */
export class Grants {
  readonly #codes = new Map<string, OutstandingGrant>()
  readonly #refreshTokens = new Map<string, OutstandingGrant>()

  addCode(grant: OutstandingGrant): void {
    this.#codes.set(grant.inner, grant)
  }

  /** Keeps a refresh token and returns the name under which the client will know it. */
  addRefreshToken(grant: OutstandingGrant): string {
    const name = `1.A${randomBytes(96).toString('base64url')}`
    this.#refreshTokens.set(name, grant)
    return name
  }

  find(grantType: 'authorization_code' | 'refresh_token', value: string): OutstandingGrant | null {
    return (grantType === 'refresh_token' ? this.#refreshTokens : this.#codes).get(value) ?? null
  }

  /** Whatever a user has is good for nothing from now on. */
  revoke(upn: string): void {
    for (const grant of [...this.#codes.values(), ...this.#refreshTokens.values()]) {
      if (grant.upn.toLowerCase() === upn.toLowerCase()) grant.revoked = true
    }
  }
}
