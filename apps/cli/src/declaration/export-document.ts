/**
 * What is at Core as a document that `apply` finds unchanged.
 * @module
 */
import { DECLARATION_SCHEMA, type DeclarationSection } from '@postern/contract/api/declaration'
import { RefusedError, type Client } from '../connection/client.ts'
import { isJson, type Json } from '../json.ts'
import { KINDS } from './all-kinds.ts'
import type { Kind } from './kind.ts'
import type { Listed } from './listed.ts'
import { Names } from './names.ts'

/** A document, and sections that one's roles do not show. */
export interface ExportedDocument {
  readonly document: Json
  readonly hidden: readonly DeclarationSection[]
}

/** Reads everything in the given sections. Secrets are not among it: Core never tells them. @throws CliError */
export async function exportDocument(
  client: Client,
  sections: readonly DeclarationSection[],
): Promise<ExportedDocument> {
  const lists = new Map<DeclarationSection, Listed[]>()
  const hidden: DeclarationSection[] = []
  for (const kind of KINDS) {
    const listed = await allowed(() => kind.list(client))
    if (listed !== null) lists.set(kind.section, listed)
    else if (sections.includes(kind.section)) hidden.push(kind.section)
  }
  const names = new Names(
    async (section) => lists.get(section) ?? [],
    () => [],
  )
  await names.learn([...lists.keys()])
  const document: Record<string, unknown> = { schema: DECLARATION_SCHEMA }
  for (const kind of KINDS) {
    const listed = sections.includes(kind.section) ? lists.get(kind.section) : undefined
    if (listed === undefined) continue
    const entries = await entriesOf(client, kind, listed, names)
    if (entries.length > 0) document[kind.section] = Object.fromEntries(entries)
  }
  return { document, hidden }
}

async function entriesOf(
  client: Client,
  kind: Kind,
  listed: readonly Listed[],
  names: Names,
): Promise<[string, unknown][]> {
  const entries: [string, unknown][] = []
  for (const one of listed) {
    if (!one.isOurs) continue
    const { value } = await kind.read(client, one)
    const shown = names.shown(value)
    const members = kind.exported(isJson(shown) ? shown : {}, one.item)
    if (members !== null) entries.push([one.name, members])
  }
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

async function allowed<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RefusedError && error.refusal.code === 'FORBIDDEN') return null
    throw error
  }
}
