/**
 * Posture as the feed sends it: everything by key, or what came after a number. Never more than a page in memory.
 *
 * A device goes from PostgreSQL to the socket as the text that it is: parsing and writing 100,000 of them for each of many
 * Sentries costs more than everything else together.
 * @module
 */
import { sql } from 'kysely'
import { MAX_ENTRIES, MAX_FEED_LINE_BYTES, type PostureEntry } from '@postern/contract/feed/feed-messages'
import type { Db } from '../database/connect.ts'

/** JSON of the entries in one message at most; the rest of a line is small. Bytes. */
export const MAX_ENTRIES_BYTES = MAX_FEED_LINE_BYTES - 65_536

/**
 * Where the posture stands. `horizon`: rows up to this number may have been purged, so that what came after an older one
 * cannot be told.
 */
export interface PostureHead {
  readonly epoch: string
  readonly newest: number
  readonly horizon: number
}

/** Name of the horizon in `core_state`. */
export const HORIZON = 'posture-horizon'

/** Reads where it stands. */
export async function readPostureHead(db: Db): Promise<PostureHead> {
  const { rows } = await sql<PostureHead>`
    select (select value #>> '{}' from core_state where name = 'epoch') as epoch,
      coalesce((select max(seq) from posture_entries), 0) as newest,
      coalesce((select value::text::bigint from core_state where name = ${HORIZON}), 0) as horizon`.execute(db)
  const [head] = rows
  if (head === undefined) throw new Error('core_state has no epoch')
  return head
}

/** How many entries a snapshot has now. */
export async function countPosture(db: Db): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from posture_entries where value is not null`.execute(db)
  return rows[0]?.n ?? 0
}

/** A row and its number; `json` is a `PostureEntry`. */
export interface NumberedEntry {
  readonly seq: number
  readonly json: string
}

interface Row {
  readonly kind: 'device' | 'certificate' | 'user' | 'mode'
  readonly key: string
  /** JSON; null: no longer there. */
  readonly value: string | null
  readonly seq: number
}

/** Everything that is there, in pages of {@link MAX_ENTRIES}; the next one is read when the one before was taken. */
export async function* posturePages(db: Db): AsyncGenerator<readonly NumberedEntry[], void> {
  let [kind, key] = ['', '']
  for (;;) {
    const { rows } = await sql<Row>`
      select kind, key, value::text as value, seq from posture_entries
      where (kind, key) > (${kind}, ${key}) and value is not null
      order by kind, key limit ${sql.lit(MAX_ENTRIES)}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map(numbered)
    ;({ kind, key } = last)
  }
}

/** The next rows after `seq` in their order, {@link MAX_ENTRIES} at most. */
export async function postureAfter(db: Db, seq: number): Promise<readonly NumberedEntry[]> {
  const { rows } = await sql<Row>`
    select kind, key, value::text as value, seq from posture_entries
    where seq > ${seq} order by seq limit ${sql.lit(MAX_ENTRIES)}`.execute(db)
  return rows.map(numbered)
}

/** Parts of a page, each of which fits into a line. */
export function* linesOf(page: readonly NumberedEntry[]): Generator<readonly NumberedEntry[], void> {
  let line: NumberedEntry[] = []
  let bytes = 0
  for (const numberedEntry of page) {
    const size = Buffer.byteLength(numberedEntry.json) + 1
    if (line.length > 0 && (bytes + size > MAX_ENTRIES_BYTES || line.length === MAX_ENTRIES)) {
      yield line
      line = []
      bytes = 0
    }
    line.push(numberedEntry)
    bytes += size
  }
  if (line.length > 0) yield line
}

function numbered(row: Row): NumberedEntry {
  const { kind, key, value, seq } = row
  const json =
    kind === 'device' && value !== null
      ? `{"kind":"device","device":${value}}`
      : JSON.stringify(entryOf(kind, key, value))
  return { seq, json }
}

/** Values were written by `services/posture`, and Sentry parses every entry. No value: it is as if never told. */
function entryOf(kind: Row['kind'], key: string, text: string | null): PostureEntry {
  const value: unknown = text === null ? null : JSON.parse(text)
  switch (kind) {
    case 'device':
      return { kind: 'device-removed', id: key }
    case 'certificate':
      return { kind, fingerprint: key, revoked: value !== null && (value as { revoked: boolean }).revoked }
    case 'user':
      return { kind, user: key, blocked: value !== null && (value as { blocked: boolean }).blocked }
    case 'mode':
      return { kind, mode: value === null ? 'enforce' : (value as { mode: 'enforce' | 'report' }).mode }
    default:
      return kind satisfies never
  }
}
