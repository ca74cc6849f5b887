/**
 * What `apply` and `export` must know of each section of the document.
 * @module
 */
import type { DeclarationSection } from '@postern/contract/api/declaration'
import type { Problem } from '@postern/contract/problems'
import type { Client } from '../connection/client.ts'
import type { Json } from '../json.ts'
import type { Listed } from './listed.ts'

/** A thing at Core, whole. `value` is compared with the one that is wanted: ids stand in it, not names. */
export interface Present {
  readonly id: string
  readonly etag: string | null
  readonly value: Json
}

/** What the document asks for. */
export interface Wanted {
  /** Every member, with defaults and in the form that Core keeps. */
  readonly value: Json
  /** What is sent; may hold secrets, which `value` must not. */
  readonly body: Json
  /** Why it cannot be made or changed from what is at hand; null: it can. */
  readonly lacks: Problem | null
}

/** Files that a document names. @throws CliError usage */
export type ReadText = (name: string) => Promise<string>

/** What is needed to work out what is wanted. */
export interface WantedInput {
  readonly name: string
  /** Members as they stand in the document, with ids in the place of names. */
  readonly members: Json
  readonly present: Present | null
  readonly readText: ReadText
}

/** A section. */
export interface Kind {
  readonly section: DeclarationSection
  /** What one thing of it is called. */
  readonly title: string
  list(client: Client): Promise<Listed[]>
  read(client: Client, listed: Listed): Promise<Present>
  /** @throws ContractError with paths from the thing on */
  wanted(input: WantedInput): Promise<Wanted>
  /** Returns the id. @throws CliError */
  create(client: Client, body: Json): Promise<string>
  /** Null: things of this kind cannot be changed. @throws CliError */
  readonly change: ((client: Client, present: Present, body: Json) => Promise<void>) | null
  remove(client: Client, present: Present): Promise<void>
  /** Members for a document that asks for exactly what is there; null: it cannot stand in one. */
  exported(value: Json, item: unknown): Json | null
}
