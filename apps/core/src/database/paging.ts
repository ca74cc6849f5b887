/**
 * Pages by key, never by offset: a page costs the same wherever it lies, and rows that come or go meanwhile make no row
 * appear twice or vanish.
 * @module
 */
import { type Expression, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { PAGE_LIMIT } from '@postern/contract/api/common'
import { invalid } from '../failure.ts'

/** What a cursor may hold. A time goes through microseconds, because PostgreSQL knows more digits than a Date. */
export type KeyType = 'text' | 'uuid' | 'bigint' | 'timestamptz'

/** One column of the order. `by`: a column as `table.column`, or an expression. Never null: coalesce what may be. */
export interface SortColumn {
  readonly by: string | Expression<unknown>
  readonly type: KeyType
}

/**
 * Where a page begins and how rows are ordered. `columns` together are unique (the id comes last) and all go one way, so
 * that an index over them serves. `sort` names the order: a cursor of another order is refused.
 */
export interface PageOptions {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly sort: string
  readonly columns: readonly SortColumn[]
  readonly descending?: boolean
}

/** Rows, and the cursor of what follows; null at the end. */
export interface Page<Row> {
  readonly items: Row[]
  readonly next: string | null
}

/** Runs `query` (without order and limit) for one page. @throws CoreError INVALID for a cursor that is not of this list */
export async function pageOf<Schema, Table extends keyof Schema, Row>(
  query: SelectQueryBuilder<Schema, Table, Row>,
  options: PageOptions,
): Promise<Page<Row>> {
  const limit = options.limit ?? PAGE_LIMIT.usual
  const way = options.descending === true ? 'desc' : 'asc'
  const keys = options.columns.map(({ by, type }) => ({ by: typeof by === 'string' ? sql.ref(by) : by, type }))
  const told = sql<string[]>`array[${sql.join(keys.map(({ by, type }) => TYPES[type].tell(by)))}]`
  let paged = query.select(told.as('page_key')).limit(limit + 1)
  for (const { by } of keys) paged = paged.orderBy(by, way)
  if (options.cursor !== undefined) paged = paged.where(after(keys, decodeCursor(options.cursor, options), way))
  const rows = (await paged.execute()) as (Row & { page_key?: readonly string[] })[] // `page_key` was just added
  const last = rows.length > limit ? rows[limit - 1]?.page_key : undefined
  const next = last === undefined ? null : encodeCursor(options.sort, last)
  const items = rows.slice(0, limit)
  for (const row of items) delete row.page_key
  return { items, next }
}

/** `sort` and the values of the last row, as the opaque text that clients send back. */
export function encodeCursor(sort: string, values: readonly string[]): string {
  return Buffer.from(JSON.stringify([sort, ...values])).toString('base64url')
}

/** The values again. @throws CoreError INVALID when it is not a cursor of this order. */
function decodeCursor(cursor: string, { sort, columns }: Pick<PageOptions, 'sort' | 'columns'>): string[] {
  const [told, ...values] = jsonArray(cursor)
  const fits = told === sort && values.length === columns.length
  const texts = values.filter((value, i) => typeof value === 'string' && TYPES[columns[i]?.type ?? 'uuid'].fits(value))
  if (!fits || texts.length !== values.length) {
    throw invalid('cursor', 'is not of this list in this order; send what the page before said in "next", or none')
  }
  return texts as string[] // each was looked at
}

function jsonArray(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    return [] // refused by the caller with one message for every kind of wrong
  }
}

interface TypedKey {
  readonly by: Expression<unknown>
  readonly type: KeyType
}

// A comparison of whole rows: PostgreSQL turns it into one range of the index.
function after(keys: readonly TypedKey[], values: readonly string[], way: 'asc' | 'desc'): RawBuilder<boolean> {
  const columns = sql.join(keys.map(({ by }) => by))
  const given = sql.join(keys.map(({ type }, i) => TYPES[type].read(values[i] ?? '')))
  return way === 'asc' ? sql<boolean>`(${columns}) > (${given})` : sql<boolean>`(${columns}) < (${given})`
}

interface TypeRow {
  readonly fits: (text: string) => boolean
  readonly tell: (by: Expression<unknown>) => RawBuilder<string>
  readonly read: (text: string) => RawBuilder<unknown>
}

// 16 digits of microseconds reach the year 2286; as a factor of an interval they stay exact.
const TYPES: Readonly<Record<KeyType, TypeRow>> = {
  text: {
    fits: (text) => !text.includes('\0'),
    tell: (by) => sql`${by}::text`,
    read: (text) => sql`${text}::text`,
  },
  uuid: {
    fits: (text) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text),
    tell: (by) => sql`${by}::text`,
    read: (text) => sql`${text}::uuid`,
  },
  bigint: {
    fits: (text) => /^-?\d{1,18}$/.test(text),
    tell: (by) => sql`${by}::text`,
    read: (text) => sql`${text}::bigint`,
  },
  timestamptz: {
    fits: (text) => /^-?\d{1,16}$/.test(text),
    tell: (by) => sql`(extract(epoch from ${by}) * 1000000)::bigint::text`,
    read: (text) => sql`(timestamptz 'epoch' + ${text}::bigint * interval '1 microsecond')`,
  },
}
