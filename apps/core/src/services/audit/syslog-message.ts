/**
 * An audit row as a syslog message (RFC 5424), framed by its length (RFC 6587 3.4.1, RFC 5425 4.3). Pure.
 * @module
 */
import type { AuditEntry } from '@postern/contract/api/audit'

/** What receivers should take (RFC 5425 4.3.1), without the frame's length. A longer row leaves out before and after. Bytes. */
const MESSAGE_BYTES = 8_192
/** Characters of one value when a message would be longer: with so many, each escaped, it never is. */
const SHORT = 80
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
  const whole = message(entry, facility, hostname)
  const body = whole.length <= MESSAGE_BYTES ? whole : message(abridged(entry), facility, hostname)
  return Buffer.concat([Buffer.from(`${body.length} `), body])
}

/** Which row it is stays to be seen; the rest is in the export. */
function abridged(entry: AuditEntry): AuditEntry {
  const { actor, object } = entry
  return {
    ...entry,
    actor: { kind: actor.kind, id: shortened(actor.id), name: shortened(actor.name) ?? '' },
    sessionId: shortened(entry.sessionId),
    remote: shortened(entry.remote),
    requestId: shortened(entry.requestId),
    object: { kind: shortened(object.kind) ?? '', id: shortened(object.id), name: shortened(object.name) },
    before: '(too long)',
    after: '(too long)',
    note: shortened(entry.note),
  }
}

function message(entry: AuditEntry, facility: number, hostname: string): Buffer {
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
  return Buffer.from(`${head.join(' ')} ${BOM}${JSON.stringify(entry)}`)
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
  return value.replaceAll(/[\u0000-\u001f\u007f]/g, ' ').replaceAll(/["\\\]]/g, '\\$&')
}

function shortened(value: string | null): string | null {
  return value !== null && value.length > SHORT ? `${value.slice(0, SHORT).toWellFormed()}…` : value
}

/** PRINTUSASCII; `-` when nothing is left. */
function printable(text: string, most: number): string {
  const kept = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, most)
  return kept === '' ? '-' : kept
}
