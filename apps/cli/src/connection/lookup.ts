/**
 * Names to ids, by the list of what is named.
 * @module
 */
import type { EndpointRow, EndpointTable } from '@postern/contract/api/endpoint'
import { NAME_MEMBERS } from '../commands/collections.ts'
import { shapeOf } from '../commands/shape.ts'
import { CliError, usage } from '../exits.ts'
import { listOf, member, textOf } from '../json.ts'
import type { Client } from './client.ts'

/** Rows asked for at once. */
const PAGE = '500'
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The id for an id or a name. @throws CliError usage when several have the name, refused when none has */
export async function lookUp(client: Client, table: EndpointTable, collection: string, name: string): Promise<string> {
  if (ID.test(name)) return name
  const row = listRow(table, collection)
  if (row === null) return name
  const folded = name.toLowerCase()
  const exact: string[] = []
  const alike: string[] = []
  for await (const item of itemsOf(client, row, searching(row, name))) {
    const id = textOf(item, 'id')
    if (id === name) return id
    const names = NAME_MEMBERS.map((one) => member(item, one)).filter((one) => typeof one === 'string')
    if (names.includes(name)) exact.push(id)
    else if (names.some((one) => one.toLowerCase() === folded)) alike.push(id)
  }
  const found = exact.length > 0 ? exact : alike
  const what = collection.slice(collection.lastIndexOf('/') + 1)
  const [only, ...others] = found
  if (only === undefined) throw new CliError('refused', `${what}: none is called ${JSON.stringify(name)}`)
  if (others.length > 0) {
    throw usage(
      `${what}: ${found.length} are called ${JSON.stringify(name)}; give one of their ids: ${found.slice(0, 10).join(', ')}`,
    )
  }
  return only
}

/** Every item of a list, page after page. `query` must not hold limit or cursor. @throws CliError */
export async function* itemsOf(
  client: Client,
  row: EndpointRow,
  query: ReadonlyMap<string, string> = new Map(),
  params: Readonly<Record<string, string>> = {},
  most = Infinity,
): AsyncGenerator {
  const paged = row.query !== undefined && shapeOf(row.query).members.has('limit')
  let cursor: string | null = null
  let left = most
  do {
    const page = new Map(query)
    if (paged) page.set('limit', String(Math.min(left, Number(PAGE))))
    if (cursor !== null) page.set('cursor', cursor)
    const { body } = await client.call(row, { query: page, params })
    const next: string = textOf(body, 'next')
    for (const item of listOf(body, 'items')) {
      yield item
      left -= 1
      if (left === 0) return
    }
    if (next === cursor) throw new CliError('unreachable', 'Core gives the same page again and again; report this')
    cursor = next === '' ? null : next
  } while (cursor !== null)
}

/** The row that lists a collection; null when nothing does. */
function listRow(table: EndpointTable, collection: string): EndpointRow | null {
  return Object.values(table).find(({ method, path }) => method === 'GET' && path === collection) ?? null
}

/** Core narrows the list where it can; what it gives is compared all the same. */
function searching(row: EndpointRow, name: string): ReadonlyMap<string, string> {
  const canSearch = row.query !== undefined && shapeOf(row.query).members.has('search')
  return canSearch ? new Map([['search', name.slice(0, 100)]]) : new Map()
}
