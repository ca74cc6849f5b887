/**
 * Who signed whom among a few certificates.
 *
 * Document: RFC 5280 section 6, the part about names and signatures; policies and name constraints are the client's.
 * @module
 */
import type { X509Certificate } from 'node:crypto'

/** Certificates sorted around one of them. */
export interface CertificatePath {
  /** The leaf, its issuer, and so on as far as the given certificates go. */
  path: [X509Certificate, ...X509Certificate[]]
  /** What does not belong to the path, in the given order, without repetitions. */
  rest: X509Certificate[]
  /** Both, in this order. */
  all: X509Certificate[]
}

/** The name and the key of `issuer` are those that `certificate` was signed with. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** Signed with its own key. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate)
}

/** Builds the path from `leaf` upwards. A loop of cross-signed certificates ends where it would repeat. */
export function orderCertificates(certificates: readonly X509Certificate[], leaf: X509Certificate): CertificatePath {
  const unused = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]))
  const path: CertificatePath['path'] = [leaf]
  unused.delete(leaf.fingerprint256)
  let last = leaf
  while (!isSelfSigned(last)) {
    const child = last
    const issuer = [...unused.values()].find((candidate) => isIssuedBy(child, candidate))
    if (issuer === undefined) break
    path.push(issuer)
    unused.delete(issuer.fingerprint256)
    last = issuer
  }
  const rest = [...unused.values()]
  return { path, rest, all: [...path, ...rest] }
}

/** The first certificate that signed no other one, rather one that is no CA; the first of all when each signed one. */
export function findLeaf(certificates: readonly [X509Certificate, ...X509Certificate[]]): X509Certificate {
  const ends = certificates.filter(
    (certificate) =>
      !certificates.some(
        (other) => other.fingerprint256 !== certificate.fingerprint256 && isIssuedBy(other, certificate),
      ),
  )
  return ends.find(({ ca }) => !ca) ?? ends[0] ?? certificates[0]
}
