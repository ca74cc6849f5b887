/**
 * PEM text to DER and back, strictly.
 *
 * Document: RFC 7468. Text between the blocks is allowed, as tools write it there; text inside them is not.
 * @module
 */

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** One block of a PEM file. */
export interface PemBlock {
  label: string
  der: Buffer
}

/** Blocks in the order of the text; null when a block is not closed or does not hold base64. The caller bounds `text`. */
export function readPem(text: string): PemBlock[] | null {
  const blocks: PemBlock[] = []
  for (const [, label = '', body = ''] of text.matchAll(BLOCK)) {
    const base64 = body.replace(/[\r\n\t ]/g, '')
    if (base64.length % 4 !== 0 || !BASE64.test(base64)) return null
    blocks.push({ label, der: Buffer.from(base64, 'base64') })
  }
  const begun = text.split('-----BEGIN ').length - 1
  return begun === blocks.length ? blocks : null
}

/** A block with lines of 64 characters and a final line end. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
