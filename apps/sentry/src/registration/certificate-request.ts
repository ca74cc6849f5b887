/**
 * A certification request for a P-256 key: how a Sentry asks Core for its identity.
 *
 * Documents: RFC 2986 (PKCS #10), RFC 5758 3.2 (ecdsa-with-SHA256). Core reads the public key and the proof that we
 * hold its private half; the name is for people only.
 * @module
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const UTF8_STRING = 0x0c
/** `attributes [0]`, which is there even when it is empty. */
const NO_ATTRIBUTES = Buffer.from([0xa0, 0x00])
/** 2.5.4.3 */
const COMMON_NAME = Buffer.from('0603550403', 'hex')
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')

/** PEM of the request. @param key private P-256 key @param commonName 1 to 64 characters */
export function certificateRequest(key: KeyObject, commonName: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))))
  const info = der(SEQUENCE, der(INTEGER, Buffer.from([0])), name, spki, NO_ATTRIBUTES)
  const signature = sign('sha256', info, key)
  const request = der(SEQUENCE, info, der(SEQUENCE, ECDSA_WITH_SHA256), bitString(signature))
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n')
}

/** The byte in front says that no bit of the last one is unused. */
function bitString(bytes: Buffer): Buffer {
  return der(BIT_STRING, Buffer.from([0]), bytes)
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content])
}

/** X.690 8.1.3; nothing here comes near 64 KiB. */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}
