/**
 * Looks for secrets wherever Core leaves something: every table, the log, the audit log, every reply. A secret is looked
 * for as it is, and as hex, base64 (at each of its three alignments) and in URLs.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../../src/database/connect.ts'
import { tableShapes } from '../../src/services/backup/catalog.ts'

/** Something that must be nowhere. `bytes`: 8 at least, else chance would find it. */
export interface Canary {
  readonly name: string
  readonly bytes: Buffer
}

/** Where something was found. */
export interface Leak {
  readonly canary: string
  readonly place: string
  readonly form: string
}

/** A text or bytes that Core left, and where. */
export interface Trace {
  readonly place: string
  readonly content: string | Buffer
}

interface Needle {
  readonly canary: string
  readonly form: string
  /** As latin1, like what is searched. */
  readonly text: string
}

/** Everything that is found, once for each place and form. @throws RangeError for a canary that is too short */
export function findLeaks(canaries: readonly Canary[], traces: readonly Trace[]): Leak[] {
  const needles = canaries.flatMap(needlesOf)
  const found = new Map<string, Leak>()
  for (const { place, content } of traces) {
    const text = (Buffer.isBuffer(content) ? content : Buffer.from(content)).toString('latin1')
    const folded = text.toLowerCase()
    for (const { canary, form, text: needle } of needles) {
      if (!(form === 'hex' ? folded : text).includes(needle)) continue
      found.set(`${canary} ${place} ${form}`, { canary, place, form })
    }
  }
  return [...found.values()]
}

function needlesOf({ name, bytes }: Canary): Needle[] {
  if (bytes.length < 8) throw new RangeError(`the canary ${name} is too short to be told from chance`)
  const needle = (form: string, text: string): Needle => ({ canary: name, form, text })
  const base64 = [0, 1, 2].flatMap((before) => {
    const aligned = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(2)]).toString('base64')
    // Characters at the ends are shared with whatever stands beside.
    const inner = aligned.slice(before === 0 ? 0 : before + 1, Math.floor(((bytes.length + before) * 8) / 6))
    return [needle('base64', inner), needle('base64url', inner.replaceAll('+', '-').replaceAll('/', '_'))]
  })
  const text = bytes.toString()
  return [
    needle('as it is', bytes.toString('latin1')),
    needle('as JSON', Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')),
    needle('in a URL', encodeURIComponent(text)),
    needle('as a form', new URLSearchParams({ a: text }).toString().slice(2)),
    needle('hex', bytes.toString('hex')),
    ...base64,
  ]
}

/** Every value of every row of every table: as text, and bytes as they are. */
export async function tableTraces(db: Db): Promise<Trace[]> {
  const traces: Trace[] = []
  for (const { name, columns } of await tableShapes(db)) {
    for (const column of columns) {
      const place = `${name}.${column.name}`
      const value = sql.ref(column.name)
      const { rows } = await sql<{
        value: string | null
      }>`select ${value}::text as value from ${sql.table(name)}`.execute(db)
      for (const row of rows) {
        if (row.value === null) continue
        traces.push({ place, content: row.value })
        if (column.type === 'bytea') traces.push({ place, content: Buffer.from(row.value.slice(2), 'hex') })
      }
    }
  }
  return traces
}
