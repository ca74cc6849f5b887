/**
 * Provision bodies for a device whose account is to be removed: the golden acknowledgement of 5.2, and what an attacker
 * sends in its place. Hexadecimal, written by hand from MS-ASWBXML 2.1 and WAP-192 5.8.
 * @module
 */
import { hex, WIPE } from './golden.ts'

/** A body that must not be believed; `row` is the row of the acceptance table that names it. */
export interface HostileBody {
  row: string
  title: string
  body: Buffer
}

const NESTING = 10_000

/** Provision within Provision, ten thousand deep, every one of them closed. */
const DEEP = Buffer.concat([hex('03 01 6A 00 00 0E'), Buffer.alloc(NESTING, 0x45), Buffer.alloc(NESTING, 0x01)])
/** The same without an end. */
const OPEN = Buffer.concat([hex('03 01 6A 00 00 0E'), Buffer.alloc(NESTING, 0x45)])
/** A quarter of a million empty elements. */
const WIDE = Buffer.concat([hex('03 01 6A 00 00 0E 45'), Buffer.alloc(250_000, 0x06), hex('01')])

const BODIES: [row: string, title: string, bytes: string | Buffer][] = [
  ['T53', 'ten thousand elements within each other', DEEP],
  ['T53', 'ten thousand elements within each other, none closed', OPEN],
  ['T53', '250 000 elements beside each other', WIDE],
  ['T54', 'OPAQUE of 0xFFFFFFFF bytes', '03 01 6A 00 00 0E 45 4B C3 8F FF FF FF 7F 31 01 01'],
  ['T54', 'OPAQUE of 0x7FFFFFFF bytes', '03 01 6A 00 00 0E 45 4B C3 87 FF FF FF 7F 31 01 01'],
  ['T54', 'OPAQUE whose length has six bytes', '03 01 6A 00 00 0E 45 4B C3 80 80 80 80 80 01 31 01 01'],
  ['T54', 'OPAQUE whose length is 2 to the 32', '03 01 6A 00 00 0E 45 4B C3 90 80 80 80 00 31 01 01'],
  ['T54', 'OPAQUE one byte longer than the document', '03 01 6A 00 00 0E 45 4B C3 04 31 01 01'],
  ['T55', 'page 99', '03 01 6A 00 00 63 45 4B 03 31 00 01 01'],
  ['T55', 'page 26', '03 01 6A 00 00 0E 45 00 1A 45 01 01'],
  ['T55', 'a token that page 14 does not have', '03 01 6A 00 00 0E 45 7F 01 01'],
  ['T55', 'a token that is none of tags (04 with content)', '03 01 6A 00 00 0E 45 44 01 01'],
  ['T55', 'another root', '03 01 6A 00 00 07 56 7B 4B 03 31 00 01 01 01'],
  ['T56', 'bytes after the document', '03 01 6A 00 00 0E 45 7B 4B 03 31 00 01 01 01 00'],
  ['T57', 'attribute bit on the root', '03 01 6A 00 00 0E C5 01 7B 4B 03 31 00 01 01 01'],
  ['T57', 'attribute bit on an empty element', '03 01 6A 00 00 0E 45 BB 01 01'],
  ['T57', 'STR_T', '03 01 6A 00 00 0E 45 7B 4B 83 00 01 01 01'],
  ['T57', 'LITERAL', '03 01 6A 00 00 0E 45 04 00 01'],
  ['T57', 'LITERAL_A', '03 01 6A 00 00 0E 45 84 00 01 01'],
  ['T57', 'LITERAL_C', '03 01 6A 00 00 0E 45 44 00 01 01'],
  ['T57', 'LITERAL_AC', '03 01 6A 00 00 0E 45 C4 00 01 01 01'],
  ['T57', 'PI inside', '03 01 6A 00 00 0E 45 43 05 01 01'],
  ['T57', 'PI before the root', '03 01 6A 00 43 05 01 00 0E 45 7B 4B 03 31 00 01 01 01'],
  ['T57', 'ENTITY', '03 01 6A 00 00 0E 45 7B 4B 02 31 01 01 01'],
  ['T57', 'EXT_I_0', '03 01 6A 00 00 0E 45 7B 4B 40 31 00 01 01 01'],
  ['T57', 'EXT_T_0', '03 01 6A 00 00 0E 45 7B 4B 80 31 01 01 01'],
  ['T57', 'EXT_0', '03 01 6A 00 00 0E 45 7B 4B C0 01 01 01'],
  ['T57', 'a string table', '03 01 6A 02 31 00 00 0E 45 7B 4B 03 31 00 01 01 01'],
  ['T57', 'charset 0x04 (Latin 1)', '03 01 04 00 00 0E 45 7B 4B 03 31 00 01 01 01'],
  ['T57', 'WBXML 1.1', '01 01 6A 00 00 0E 45 7B 4B 03 31 00 01 01 01'],
  ['T57', 'a public id in the string table', '03 00 00 6A 00 00 0E 45 7B 4B 03 31 00 01 01 01'],
  ['T57', 'text that is not UTF-8', '03 01 6A 00 00 0E 45 7B 4B 03 31 FF 00 01 01 01'],
]

/** Every hostile body. */
export const HOSTILE: readonly HostileBody[] = BODIES.map(([row, title, bytes]) => ({
  row,
  title,
  body: typeof bytes === 'string' ? hex(bytes) : bytes,
}))

const ACKNOWLEDGEMENT = hex(WIPE.acknowledgeSuccess)

/** The golden acknowledgement cut off behind each of its bytes but the last. */
export const TRUNCATED: readonly Buffer[] = Array.from(ACKNOWLEDGEMENT.subarray(1), (_byte, index) =>
  ACKNOWLEDGEMENT.subarray(0, index + 1),
)
