/**
 * The key of an authority as something that signs, wherever it lives.
 *
 * The X.509 library signs through a WebCrypto object; it is given one that can do nothing else and asks `Sign`.
 * @module
 */
import type { KeyObject, webcrypto } from 'node:crypto'
import { webcrypto as platform } from 'node:crypto'

/** Kinds of keys that an authority has. */
export type AuthorityKeyType = 'P-256' | 'P-384'

/**
 * Signs `tbs` with ECDSA, over SHA-256 (P-256) or SHA-384 (P-384), and answers r and s joined (IEEE P1363), which is
 * what PKCS#11 gives: 64 or 96 bytes.
 */
export type Sign = (tbs: Uint8Array) => Promise<Uint8Array>

/** An authority's key. */
export interface Signer {
  keyType: AuthorityKeyType
  publicKey: KeyObject
  sign: Sign
}

/** The algorithm as it stands in what is signed. */
export function signatureAlgorithm(keyType: AuthorityKeyType): webcrypto.EcdsaParams {
  return { name: 'ECDSA', hash: keyType === 'P-384' ? 'SHA-384' : 'SHA-256' }
}

/** WebCrypto with nothing but `subtle.sign`; the key that it is called with stands in for the real one. */
export function delegatingCrypto(sign: Sign): webcrypto.Crypto {
  const only = <T extends object>(target: T, name: string, value: unknown): T =>
    new Proxy(target, {
      get: (_, property) => {
        if (property !== name) throw new TypeError(`the X.509 library asked for ${String(property)}`)
        return value
      },
    })
  const signBytes = async (_algorithm: unknown, _key: unknown, tbs: ArrayBuffer): Promise<Uint8Array> =>
    sign(new Uint8Array(tbs))
  return only(platform, 'subtle', only(platform.subtle, 'sign', signBytes))
}
