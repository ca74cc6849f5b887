/**
 * The few DER values that a test certificate needs and no library would write: odd names in a subjectAltName.
 *
 * Documents: X.690 8 and 10 (DER), RFC 5280 4.2.1.6 (GeneralName), MS-WCCE 2.2.2.7.7.4 (UPN as otherName).
 * @module
 */
import { isIP } from 'node:net'

/** A value of a subjectAltName. Text is written as it stands, NUL included. */
export type SanValue =
  | { kind: 'dns' | 'uri' | 'email' | 'upn'; value: string }
  | { kind: 'ip'; value: string }
  | { kind: 'raw'; der: Uint8Array }

// 1.3.6.1.4.1.311.20.2.3, with its tag and length.
const UPN_OID = Uint8Array.of(0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03)

/** SEQUENCE OF GeneralName, the value of extension 2.5.29.17. */
export function subjectAltName(values: readonly SanValue[]): Uint8Array<ArrayBuffer> {
  return der(0x30, ...values.map(generalName))
}

/** A DNS name or an IPv4 address, whichever the text is. */
export function hostName(name: string): SanValue {
  return { kind: isIP(name) === 4 ? 'ip' : 'dns', value: name }
}

/** One tag-length-value; lengths up to 65,535. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.from([tag, ...size, ...content])
}

function generalName(san: SanValue): Uint8Array {
  switch (san.kind) {
    case 'raw':
      return san.der
    case 'email':
      return der(0x81, Buffer.from(san.value, 'latin1'))
    case 'dns':
      return der(0x82, Buffer.from(san.value, 'latin1'))
    case 'uri':
      return der(0x86, Buffer.from(san.value, 'latin1'))
    case 'ip':
      return der(0x87, Uint8Array.from(san.value.split('.'), Number))
    case 'upn':
      return der(0xa0, UPN_OID, der(0xa0, der(0x0c, Buffer.from(san.value, 'utf8'))))
    default:
      return san satisfies never
  }
}
