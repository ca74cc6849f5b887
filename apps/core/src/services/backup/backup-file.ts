/**
 * The form of a backup: gzip of JSON lines. A header; for each table a line with its columns and one line a row, every
 * value as PostgreSQL's own text of it; sequences; and a trailer that makes a cut or changed file known.
 *
 * What is in it: all tables but those of `LEFT_OUT`; secrets as they lie in the database, encrypted. The key folder is not
 * in it, and without a copy of that a backup is worth nothing: keep it elsewhere.
 * @module
 */
import { createHash, createHmac, type Hash, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import Type, { type Static } from 'typebox'
import { parseDocument } from '@postern/contract/problems'
import { CoreError } from '../../failure.ts'

/**
 * Not taken along: sign-ins that are under way. A session that was ended after the backup must not come back with it.
 * `migrations` is told in the header.
 */
export const LEFT_OUT: ReadonlySet<string> = new Set(['migrations', 'sessions', 'oidc_sign_ins'])

/** A line at most, whoever wrote it. Bytes. */
const LINE_BYTES = 67_108_864
const strict = { additionalProperties: false } as const
const Hex = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Name = Type.String({ pattern: '^[a-z_][a-z0-9_]*$', maxLength: 63 })
const Count = Type.Integer({ minimum: 0 })

const Header = Type.Object(
  {
    format: Type.Literal('postern-backup'),
    formatVersion: Type.Literal(1),
    createdAt: Type.String(),
    coreVersion: Type.String(),
    epoch: Type.String(),
    migrations: Type.Array(Type.Object({ number: Count, name: Type.String(), sha256: Hex }, strict)),
  },
  strict,
)
/** First line. */
export type BackupHeader = Static<typeof Header>

const TableLine = Type.Object({ table: Name, columns: Type.Array(Name, { minItems: 1 }) }, strict)
/** Begins a table. */
export type TableLine = Static<typeof TableLine>

const SequenceLine = Type.Object(
  { sequence: Name, last: Type.String({ pattern: '^-?\\d{1,19}$' }), called: Type.Boolean() },
  strict,
)
/** State of a sequence; `last` in decimal. */
export type SequenceLine = Static<typeof SequenceLine>

const Trailer = Type.Object({ end: Type.Record(Name, Count), sha256: Hex, mac: Hex }, strict)
/** Last line: rows of each table; the digest of all lines before; its code with the audit key. */
export type BackupTrailer = Static<typeof Trailer>

/** A line, as what it is. */
export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'table'; readonly table: TableLine }
  | { readonly kind: 'row'; readonly row: readonly (string | null)[] }
  | { readonly kind: 'sequence'; readonly sequence: SequenceLine }
  | { readonly kind: 'trailer'; readonly trailer: BackupTrailer }

/** Running digest of the lines; `trailer` ends it. */
export class BackupDigest {
  readonly #hash: Hash = createHash('sha256')

  add(line: string | Buffer): void {
    this.#hash.update(line).update('\n')
  }

  trailer(end: Record<string, number>, auditKey: Buffer): BackupTrailer {
    const sha256 = this.#hash.digest('hex')
    return { end, sha256, mac: macOf(auditKey, sha256) }
  }
}

function macOf(auditKey: Buffer, sha256: string): string {
  return createHmac('sha256', auditKey).update(`postern backup ${sha256}`).digest('hex')
}

/**
 * Reads a file to its end, part by part, and checks the digest at the trailer. `auditKey`: of the key folder.
 * @throws CoreError INVALID when it is no backup, was cut or changed, or belongs to other keys. Parts before were given.
 */
export async function* readBackup(file: string, auditKey: Buffer): AsyncGenerator<BackupPart, undefined> {
  const digest = new BackupDigest()
  const counts: Record<string, number> = {}
  let table: TableLine | null = null
  let ended = false
  let first = true
  for await (const line of linesOf(file)) {
    if (ended) throw refused('goes on after its end')
    const part = partOf(line, first)
    first = false
    if (part.kind === 'trailer') {
      checkTrailer(part.trailer, digest.trailer(counts, auditKey))
      ended = true
    } else digest.add(line)
    if (part.kind === 'table') {
      table = part.table
      counts[table.table] = 0
    }
    if (part.kind === 'row') {
      if (table?.columns.length !== part.row.length) throw refused('has a row that does not fit its table')
      counts[table.table] = (counts[table.table] ?? 0) + 1
    }
    yield part
  }
  if (!ended) throw refused('was cut off: it has no end')
  return undefined
}

function checkTrailer(told: BackupTrailer, found: BackupTrailer): void {
  if (told.sha256 !== found.sha256 || JSON.stringify(told.end) !== JSON.stringify(found.end)) {
    throw refused('was changed after it was written, or is damaged')
  }
  if (!timingSafeEqual(Buffer.from(told.mac), Buffer.from(found.mac))) {
    throw refused('does not belong to the keys in this key folder; put the copy of its own key folder there first')
  }
}

function partOf(line: Buffer, first: boolean): BackupPart {
  const value = jsonOf(line)
  if (first) return { kind: 'header', header: parseDocument('header of the backup', Header, value, []) }
  if (Array.isArray(value)) {
    const row = value.filter((member): member is string | null => member === null || typeof member === 'string')
    if (row.length !== value.length) throw refused('has a row with something else than texts')
    return { kind: 'row', row }
  }
  if (typeof value !== 'object' || value === null) throw refused('has a line that no backup has')
  if ('table' in value) return { kind: 'table', table: parseDocument('backup', TableLine, value, []) }
  if ('sequence' in value) return { kind: 'sequence', sequence: parseDocument('backup', SequenceLine, value, []) }
  return { kind: 'trailer', trailer: parseDocument('end of the backup', Trailer, value, []) }
}

function jsonOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString()) as unknown
  } catch (error) {
    throw refused('has a line that is not JSON', error)
  }
}

async function* linesOf(file: string): AsyncGenerator<Buffer, undefined> {
  const source = createReadStream(file)
  const plain = createGunzip()
  pipeline(source, plain, () => undefined) // its errors come out of the loop below
  let rest: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      let begin = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
        yield Buffer.concat([...rest, chunk.subarray(begin, end)])
        rest = []
        size = 0
        begin = end + 1
      }
      rest.push(chunk.subarray(begin))
      size += chunk.length - begin
      if (size > LINE_BYTES) throw refused('has a line that is too long')
    }
  } catch (error) {
    if (error instanceof CoreError) throw error
    throw refused(
      `cannot be read (${codeOf(source.errored ?? error)}): it is no backup, was cut off, or is damaged`,
      error,
    )
  }
  if (size > 0) throw refused('was cut off: its last line has no end')
  return undefined
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
}

function refused(why: string, cause?: unknown): CoreError {
  return new CoreError('INVALID', `the backup ${why}; nothing was changed`, { cause })
}
