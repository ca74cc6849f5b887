/**
 * `postern.yaml`: text to a declaration, with every problem and its line.
 * @module
 */
import {
  Declaration,
  DECLARATION_ALIASES,
  DECLARATION_BYTES,
  DECLARATION_SECTIONS,
  parseDeclaration,
} from '@postern/contract/api/declaration'
import { ContractError, type Problem } from '@postern/contract/problems'
import { LineCounter, parseDocument } from 'yaml'
import { meant } from '../commands/nearest.ts'
import { usage } from '../exits.ts'
import { isJson, listOf } from '../json.ts'
import { lineOf } from './located.ts'

/** A document that has the right shape. */
export interface ReadDocument {
  readonly declaration: Declaration
  /** An error that tells problems with their lines. */
  refusal(problems: readonly Problem[]): Error
}

/**
 * @param name what the document is called in messages
 * @throws CliError usage: too large, not YAML, aliases that unfold too far, or not a declaration
 */
export function readDocument(name: string, bytes: Uint8Array): ReadDocument {
  if (bytes.byteLength > DECLARATION_BYTES) {
    throw usage(`${name}: has ${bytes.byteLength} bytes; ${DECLARATION_BYTES} are allowed`)
  }
  const lines = new LineCounter()
  const document = parseDocument(textOf(name, bytes), { lineCounter: lines, uniqueKeys: true, version: '1.2' })
  const [error] = document.errors
  if (error !== undefined) {
    const [first = ''] = error.message.split('\n')
    throw usage(`${name}:${error.linePos?.[0].line ?? 1}: ${first}`)
  }
  const refusal = (problems: readonly Problem[]): Error => {
    const told = problems.map(({ path, message }) => {
      const line = lineOf(document.contents, lines, path)
      const place = line === null ? name : `${name}:${line}`
      return `${place}: ${path === '' ? '' : `${path}: `}${withSuggestion(message)}`
    })
    return usage(told.join('\n'))
  }
  try {
    return { declaration: parseDeclaration(valueOf(name, document)), refusal }
  } catch (thrown) {
    if (thrown instanceof ContractError) throw refusal(thrown.problems)
    throw thrown
  }
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usage(`${name}: is no UTF-8 text`)
  }
}

function valueOf(name: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: DECLARATION_ALIASES })
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable'
    throw usage(`${name}: its aliases unfold too far (${why}); write out what they stand for`)
  }
}

/** Names that a document may hold anywhere, for telling what somebody meant. */
const KNOWN = new Set<string>([...DECLARATION_SECTIONS, ...memberNames(Declaration)])

function withSuggestion(message: string): string {
  const [, quoted] = /^has no field "([^"]*)"/.exec(message) ?? []
  return quoted === undefined ? message : `${message}${meant(quoted, KNOWN)}`
}

function memberNames(schema: unknown): string[] {
  if (!isJson(schema)) return []
  const own = isJson(schema['properties']) ? Object.entries(schema['properties']) : []
  const records = isJson(schema['patternProperties']) ? Object.values(schema['patternProperties']) : []
  const below = [...records, schema['items'], ...listOf(schema, 'anyOf')]
  return [...own.flatMap(([name, inner]) => [name, ...memberNames(inner)]), ...below.flatMap(memberNames)]
}
