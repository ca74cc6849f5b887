/**
 * Names to ids and back, for what is at Core and for what will be there when the plan is carried out.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { DeclarationSection } from '@postern/contract/api/declaration'
import { DECLARATION_REFERENCES } from '@postern/contract/api/declaration'
import type { Problem } from '@postern/contract/problems'
import { meant } from '../commands/nearest.ts'
import { isJson } from '../json.ts'
import type { Listed } from './listed.ts'

/** What is known of names in one run. */
export class Names {
  readonly #listed: (section: DeclarationSection) => Promise<readonly Listed[]>
  readonly #declared: (section: DeclarationSection) => readonly string[]
  readonly #nameOfId = new Map<string, string>()
  /** Stand-ins for ids of what is not there yet, by section and name; then those that Core gave. */
  readonly #standIns = new Map<string, string>()
  readonly #given = new Map<string, string>()

  constructor(
    listed: (section: DeclarationSection) => Promise<readonly Listed[]>,
    declared: (section: DeclarationSection) => readonly string[],
  ) {
    this.#listed = listed
    this.#declared = declared
  }

  /** The id, or a stand-in for it; null when there is no such thing and none will be made. */
  async idOf(section: DeclarationSection, name: string): Promise<string | null> {
    const found = (await this.#listed(section)).find((one) => one.name === name)
    if (found !== undefined) {
      this.#nameOfId.set(found.id, name)
      return found.id
    }
    if (!this.#declared(section).includes(name)) return null
    const key = `${section} ${name}`
    const standIn = this.#standIns.get(key) ?? randomUUID()
    this.#standIns.set(key, standIn)
    this.#nameOfId.set(standIn, name)
    return standIn
  }

  /** `; did you mean X?`, or nothing. */
  async meant(section: DeclarationSection, name: string): Promise<string> {
    return meant(name, [...(await this.#listed(section)).map((one) => one.name), ...this.#declared(section)])
  }

  /** Core has made it. */
  made(section: DeclarationSection, name: string, id: string): void {
    const standIn = this.#standIns.get(`${section} ${name}`)
    if (standIn !== undefined) this.#given.set(standIn, id)
  }

  /** Learns all names of sections, so that ids can be shown as names. */
  async learn(sections: readonly DeclarationSection[]): Promise<void> {
    for (const section of sections) {
      for (const { id, name } of await this.#listed(section)) this.#nameOfId.set(id, name)
    }
  }

  /** The value with the ids that Core gave in the place of their stand-ins. */
  resolved(value: unknown): unknown {
    return mapped(value, (text) => this.#given.get(text) ?? text)
  }

  /** The value with names in the place of ids, for people. */
  shown(value: unknown): unknown {
    return mapped(value, (text) => this.#nameOfId.get(text) ?? text)
  }

  /** Members of a document with ids in the place of names. Problems are added where a name stands for nothing. */
  async withIds(value: unknown, path: string, problems: Problem[]): Promise<unknown> {
    if (!isJson(value)) return value
    const members: Record<string, unknown> = {}
    for (const [name, inner] of Object.entries(value)) {
      const reference = Object.hasOwn(DECLARATION_REFERENCES, name) ? DECLARATION_REFERENCES[name] : undefined
      const place = path === '' ? name : `${path}.${name}`
      if (reference === undefined) members[name] = await this.withIds(inner, place, problems)
      else members[reference.member] = await this.#ids(reference.section, inner, place, problems)
    }
    return members
  }

  /** Ids for a name, a list of names, or null. */
  async #ids(section: DeclarationSection, value: unknown, path: string, problems: Problem[]): Promise<unknown> {
    if (Array.isArray(value)) {
      const found: unknown[] = []
      for (const [index, name] of value.entries()) {
        found.push(await this.#ids(section, name, `${path}[${index}]`, problems))
      }
      return found
    }
    if (typeof value !== 'string') return value
    const id = await this.idOf(section, value)
    if (id !== null) return id
    const message = `${JSON.stringify(value)} is neither at Core nor in this document${await this.meant(section, value)}`
    problems.push({ path, message })
    return null
  }
}

/** Names of members in the place of those that hold ids, for export. */
export function withNames(value: unknown): unknown {
  if (!isJson(value)) return value
  const names = new Map(Object.entries(DECLARATION_REFERENCES).map(([name, { member }]) => [member, name]))
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [names.get(name) ?? name, withNames(inner)]))
}

function mapped(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapped(item, change))
  if (!isJson(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapped(inner, change)]))
}
