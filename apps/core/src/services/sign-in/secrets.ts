/**
 * Random secrets that others carry: what is kept of them is their hash. They have 256 bits, so a plain hash is enough.
 * @module
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const BYTES = 32

/** 256 random bits, 43 characters of base64url. */
export function newSecret(): string {
  return randomBytes(BYTES).toString('base64url')
}

/** What is stored of it. 32 bytes. */
export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Whether `secret` is what was hashed, in constant time. */
export function isSecretOf(secret: string, hash: Buffer): boolean {
  return timingSafeEqual(secretHash(secret), hash)
}

/** What a page sends to prove that it is ours: made from the session's secret, from which the page itself is kept. */
export function csrfTokenOf(sessionSecret: string): string {
  return createHmac('sha256', sessionSecret).update('csrf').digest('base64url')
}

/** Whether two texts are equal, in constant time for equal lengths. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
