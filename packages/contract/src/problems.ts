/**
 * Every problem of a document, each with its path, rule and remedy: a person mends them all in one go.
 * @module
 */
import type { Static, TSchema } from 'typebox'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'

/** One thing wrong. `path` is dotted (`oauth.clients[0].clientId`), empty for the document itself. */
export interface Problem {
  readonly path: string
  readonly message: string
}

/** Shown at most; a document with more is wrong altogether. */
const MAX_PROBLEMS = 50
/** Findings of the library that are looked at: one problem can be several of them. */
const MAX_FINDINGS = 1_000

/** Thrown by every parser of this package; `problems` has 1 to 50 entries. */
export class ContractError extends Error {
  override name = 'ContractError'
  readonly problems: readonly Problem[]
  constructor(document: string, problems: readonly Problem[]) {
    const lines = problems.map((p) => `  ${p.path === '' ? '(document)' : p.path}: ${p.message}`)
    super(`${document} has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`)
    this.problems = problems
  }
}

/** Problems of `input` against `schema`, in document order, without duplicates. */
function schemaProblems(schema: TSchema, input: unknown): Problem[] {
  const found = new Map<string, Problem>()
  for (const error of allErrors(schema, input)) {
    const path = dotted(error.instancePath)
    const message = messageOf(error)
    if (message !== null) found.set(`${path} ${message}`, { path, message })
    if (found.size >= MAX_PROBLEMS) break
  }
  return [...found.values()]
}

// The library stops at 8 unless told otherwise, and can be told for the whole process only: so for this one call.
function allErrors(schema: TSchema, input: unknown): SchemaError[] {
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: MAX_FINDINGS })
  try {
    return Value.Errors(schema, input)
  } finally {
    Settings.Set({ maxErrors })
  }
}

/** Rules over some sections of a document. They run when each of `sections` that is there has the right shape. */
export interface RuleSet<T> {
  readonly sections: readonly (keyof T & string)[]
  check(value: T): Problem[]
}

/** @throws ContractError with every problem of the schema, and of those rules whose sections have the right shape. */
export function parseDocument<S extends TSchema>(
  document: string,
  schema: S,
  input: unknown,
  rules: readonly RuleSet<Static<S>>[],
): Static<S> {
  const problems = schemaProblems(schema, input)
  const value = input as Static<S> // a rule sees sections only that the schema has passed
  if (typeof input === 'object' && input !== null) {
    const sound = rules.filter(({ sections }) => sections.every((name) => isSound(name, input, problems)))
    problems.push(...sound.flatMap((set) => set.check(value)))
  }
  if (problems.length > 0) throw new ContractError(document, problems.slice(0, MAX_PROBLEMS))
  return value
}

function isSound(section: string, input: object, problems: readonly Problem[]): boolean {
  const at = (path: string): boolean =>
    path === section || path.startsWith(`${section}.`) || path.startsWith(`${section}[`)
  const missing = problems.some(({ path }) => path === '') && !Object.hasOwn(input, section)
  return !missing && !problems.some(({ path }) => at(path))
}

type SchemaError = ReturnType<typeof Value.Errors>[number]

function messageOf(error: SchemaError): string | null {
  switch (error.keyword) {
    case 'additionalProperties': {
      const names = error.params.additionalProperties.map((name) => JSON.stringify(name)).join(', ')
      return `has no field ${names}; take it out or mend its spelling`
    }
    case 'boolean':
      return null // the same fault as additionalProperties, told once
    case 'anyOf':
      return null // each alternative has said what it wants
    case 'required':
      return `lacks ${error.params.requiredProperties.map((name) => JSON.stringify(name)).join(', ')}; add it`
    case 'enum':
      return `must be one of ${error.params.allowedValues.map((v) => JSON.stringify(v)).join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(error.params.allowedValue)}`
    case 'pattern':
      return `must match ${String(error.params.pattern)}`
    default:
      return error.message
  }
}

function dotted(pointer: string): string {
  let path = ''
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    path += /^\d+$/.test(name) ? `[${name}]` : `${path === '' ? '' : '.'}${name}`
  }
  return path
}
