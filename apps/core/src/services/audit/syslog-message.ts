/**
 * An audit row as a syslog message (RFC 5424), framed by its length (RFC 6587 3.4.1, RFC 5425 4.3). Pure.
 * @module
 */
import type { AuditEntry } from '@postern/contract/api/audit'

/** What receivers should take (RFC 5425 4.3.1), without the frame's length. A longer row leaves out before and after. Bytes. */
const MESSAGE_BYTES = 8_192
/** Normal but significant (RFC 5424 6.2.1). */
const SEVERITY_NOTICE = 5
const APP_NAME = 'postern-core'
/**
 * Name of the structured data. 32473 is the enterprise number for documentation (RFC 5612): this project has none of its
 * own, and without one a name could be mistaken for a registered name (RFC 5424 7).
 */
const SD_ID = 'posternAudit@32473'
const BOM = '\uFEFF'

/** The message with its frame: its length in decimal, a space, the message. `hostname`: of the sending machine. */
export function syslogFrame(entry: AuditEntry, facility: number, hostname: string): Buffer {
  const whole = message(entry, facility, hostname, entry)
  const fits = whole.length <= MESSAGE_BYTES
  const left = { ...entry, before: '(too long)', after: '(too long)', note: shortened(entry.note) }
  const body = fits ? whole : message(entry, facility, hostname, left)
  return Buffer.concat([Buffer.from(`${body.length} `), body])
}

function message(entry: AuditEntry, facility: number, hostname: string, told: AuditEntry): Buffer {
  const head = [
    `<${facility * 8 + SEVERITY_NOTICE}>1`,
    entry.at,
    printable(hostname, 255),
    APP_NAME,
    '-',
    printable(entry.action, 32),
    structuredData(entry),
  ]
  // The mark says that what follows is UTF-8; without it a receiver may take it for anything (RFC 5424 6.4).
  return Buffer.from(`${head.join(' ')} ${BOM}${JSON.stringify(told)}`)
}

/** Absent values have no parameter: an empty one would say something else. */
function structuredData(entry: AuditEntry): string {
  const values: Readonly<Record<string, string | null>> = {
    seq: String(entry.seq),
    actorKind: entry.actor.kind,
    actorId: entry.actor.id,
    actor: entry.actor.name,
    remote: entry.remote,
    requestId: entry.requestId,
    objectKind: entry.object.kind,
    objectId: entry.object.id,
    object: entry.object.name,
    mac: entry.mac,
  }
  const parameters = Object.entries(values).map(([name, value]) =>
    value === null ? '' : ` ${name}="${escaped(value)}"`,
  )
  return `[${SD_ID}${parameters.join('')}]`
}

/** RFC 5424 6.3.3: these three and no others. Control characters could end a line of a receiver that splits on it. */
function escaped(value: string): string {
  return shortened(value.replaceAll(/[\u0000-\u001f\u007f]/g, ' ')).replaceAll(/["\\\]]/g, '\\$&')
}

/** Characters of one value at most, so that a message without before and after always fits. */
function shortened<T extends string | null>(value: T): T | string {
  return value !== null && value.length > 200 ? `${value.slice(0, 200).toWellFormed()}…` : value
}

/** PRINTUSASCII; `-` when nothing is left. */
function printable(text: string, most: number): string {
  const kept = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, most)
  return kept === '' ? '-' : kept
}
