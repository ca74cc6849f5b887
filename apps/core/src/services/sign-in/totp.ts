/**
 * Codes of authenticators.
 *
 * Document: RFC 6238 (SHA-1, 6 digits, 30 seconds: what every authenticator can), RFC 4226 section 4 (secrets of 160 bits).
 * @module
 */
import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

const ISSUER = 'Postern'
const PERIOD_SECONDS = 30
const SECRET_BYTES = 20
/** Steps that a clock may be off. */
const WINDOW = 1

/** A new secret, base32. */
export function newTotpSecret(): string {
  return new Secret({ buffer: new Uint8Array(randomBytes(SECRET_BYTES)).buffer }).base32
}

/** `otpauth://` URI for a QR code. */
export function totpUri(secret: string, userName: string): string {
  return authenticator(secret, userName).toString()
}

/** Number of the step whose code this is, later than `lastStep`; null when it is none. `now`: ms since 1970. */
export function totpStep(secret: string, code: string, lastStep: number, now: number): number | null {
  const delta = authenticator(secret, '').validate({ token: code, timestamp: now, window: WINDOW })
  if (delta === null) return null
  const step = Math.floor(now / 1_000 / PERIOD_SECONDS) + delta
  return step > lastStep ? step : null
}

function authenticator(secret: string, label: string): TOTP {
  return new TOTP({
    issuer: ISSUER,
    label,
    secret: Secret.fromBase32(secret),
    algorithm: 'SHA1',
    digits: 6,
    period: PERIOD_SECONDS,
  })
}
