import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import { certificateRequest } from './certificate-request.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const request = Buffer.from(certificateRequest(privateKey, 'sentry-1').split('\n').slice(1, -2).join(''), 'base64')

/** Tag, content and whole of the element at `at`. */
function element(bytes: Buffer, at: number): { tag: number; content: Buffer; whole: Buffer; end: number } {
  const first = bytes.readUInt8(at + 1)
  const more = first < 0x80 ? 0 : first & 0x7f
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more)
  const start = at + 2 + more
  const end = start + length
  return { tag: bytes.readUInt8(at), content: bytes.subarray(start, end), whole: bytes.subarray(at, end), end }
}
function elements(bytes: Buffer): ReturnType<typeof element>[] {
  const found = []
  for (let at = 0; at < bytes.length; at = found.at(-1)?.end ?? bytes.length) found.push(element(bytes, at))
  return found
}

describe('RFC 2986 4: CertificationRequest', () => {
  const [info, algorithm, signature] = elements(element(request, 0).content)
  assert.ok(info !== undefined && algorithm !== undefined && signature !== undefined)
  const [version, subject, key, attributes] = elements(info.content)
  test('version 0, our name, our key, no attributes', () => {
    assert.equal(version?.whole.toString('hex'), '020100')
    assert.equal(subject?.whole.toString('hex'), '3013' + '3111' + '300f' + '0603550403' + '0c08' + hexOf('sentry-1'))
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
    assert.equal(key?.whole.toString('hex'), spki.toString('hex'))
    assert.equal(attributes?.whole.toString('hex'), 'a000')
  })
  test('ecdsa-with-SHA256 without parameters (RFC 5758 3.2)', () => {
    assert.equal(algorithm.whole.toString('hex'), '300a06082a8648ce3d040302')
  })
  test('signed by the key that it asks for, and by no other', () => {
    assert.equal(signature.content[0], 0)
    const bits = signature.content.subarray(1)
    assert.equal(verify('sha256', info.whole, createPublicKey(privateKey), bits), true)
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey
    assert.equal(verify('sha256', info.whole, other, bits), false)
  })
})

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex')
}
