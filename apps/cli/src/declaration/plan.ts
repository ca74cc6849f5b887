/**
 * What has to be done so that Core is as a document says.
 * @module
 */
import type { Declaration, DeclarationSection } from '@postern/contract/api/declaration'
import { ContractError, type Problem } from '@postern/contract/problems'
import type { Client } from '../connection/client.ts'
import { CliError } from '../exits.ts'
import { isJson, type Json } from '../json.ts'
import { kindOf, KINDS } from './all-kinds.ts'
import { type Difference, differencesOf } from './difference.ts'
import type { Kind, Present, ReadText, Wanted } from './kind.ts'
import type { Listed } from './listed.ts'
import { Names } from './names.ts'
import type { ReadDocument } from './read-document.ts'

/** One thing of the document, or one that it does not name. */
export interface Step {
  readonly kind: Kind
  readonly name: string
  readonly action: 'create' | 'change' | 'remove' | 'unchanged'
  /** Of a change; ids are shown as names. */
  readonly differences: readonly Difference[]
  /** @throws CliError */
  run(): Promise<void>
}

/** What a plan is made from. */
export interface PlanInput {
  readonly client: Client
  readonly document: ReadDocument
  readonly readText: ReadText
  /** Remove what stands at Core in the sections of the document, and not in it. */
  readonly prune: boolean
}

/** Every step, in the order in which they are taken. @throws CliError with every problem of the document */
export async function planFor({ client, document, readText, prune }: PlanInput): Promise<Step[]> {
  const { declaration } = document
  const lists = new Map<DeclarationSection, Promise<Listed[]>>()
  const listed = (section: DeclarationSection): Promise<Listed[]> => {
    const found = lists.get(section) ?? kindOf(section).list(client)
    lists.set(section, found)
    return found
  }
  const names = new Names(listed, (section) => Object.keys(declaration[section] ?? {}))
  const problems: Problem[] = []
  const steps: Step[] = []
  for (const kind of KINDS) {
    for (const [name, members] of entriesOf(declaration, kind.section)) {
      const found = (await listed(kind.section)).find((one) => isNamed(kind, one, name))
      const context = { client, kind, name, found: found ?? null, names, readText }
      const step = await collecting(problems, `${kind.section}.${name}`, () => stepFor(context, members))
      if (step !== null) steps.push(step)
    }
  }
  if (problems.length > 0) throw document.refusal(problems)
  return prune ? [...steps, ...(await removals(client, declaration, listed))] : steps
}

interface StepContext {
  readonly client: Client
  readonly kind: Kind
  readonly name: string
  readonly found: Listed | null
  readonly names: Names
  readonly readText: ReadText
}

async function stepFor(context: StepContext, members: Json): Promise<Step> {
  const { client, kind, name, found, names, readText } = context
  if (found !== null && !found.isOurs) {
    throw new ContractError(kind.title, [{ path: '', message: 'is made by Core and cannot be changed; take it out' }])
  }
  const problems: Problem[] = []
  const withIds = await names.withIds(members, '', problems)
  if (problems.length > 0) throw new ContractError(kind.title, problems)
  const present = found === null ? null : await kind.read(client, found)
  const wanted = await kind.wanted({ name, members: isJson(withIds) ? withIds : {}, present, readText })
  if (present === null) return createStep(context, wanted)
  const differences = differencesOf(unnamed(present.value), unnamed(wanted.value))
  if (differences.length === 0) return { kind, name, action: 'unchanged', differences: [], run: async () => undefined }
  await names.learn(REFERRED[kind.section] ?? [])
  return changeStep(context, present, wanted, differences)
}

/** Sections whose ids may stand in what is at Core. */
const REFERRED: Partial<Record<DeclarationSection, readonly DeclarationSection[]>> = {
  sentryProfiles: ['trustedRoots', 'certificates'],
  exchangeConfigurations: ['labels', 'sentryProfiles'],
  emailPlusConfigurations: ['labels', 'sentryProfiles'],
}

function createStep({ client, kind, name, names }: StepContext, wanted: Wanted): Step {
  if (wanted.lacks !== null) throw new ContractError(kind.title, [wanted.lacks])
  const run = async (): Promise<void> => {
    names.made(kind.section, name, await kind.create(client, asJson(names.resolved(wanted.body))))
  }
  return { kind, name, action: 'create', differences: [], run }
}

function changeStep(
  { client, kind, name, names }: StepContext,
  present: Present,
  wanted: Wanted,
  differences: readonly Difference[],
): Step {
  const { change } = kind
  if (change === null) {
    const message = `a ${kind.title} cannot be changed; give the new one another name, and take the old one out`
    throw new ContractError(kind.title, [{ path: '', message }])
  }
  if (wanted.lacks !== null) throw new ContractError(kind.title, [wanted.lacks])
  const shown = differences.map(({ path, before, after }) => ({
    path,
    before: names.shown(before),
    after: names.shown(after),
  }))
  const run = (): Promise<void> => change(client, present, asJson(names.resolved(wanted.body)))
  return { kind, name, action: 'change', differences: shown, run }
}

/** In the order that undoes dependencies: what refers goes before what it refers to. */
async function removals(
  client: Client,
  declaration: Declaration,
  listed: (section: DeclarationSection) => Promise<Listed[]>,
): Promise<Step[]> {
  const steps: Step[] = []
  for (const kind of KINDS.toReversed()) {
    if (declaration[kind.section] === undefined) continue
    const wanted = entriesOf(declaration, kind.section).map(([name]) => name)
    for (const one of await listed(kind.section)) {
      if (!one.isOurs || wanted.some((name) => isNamed(kind, one, name))) continue
      const run = async (): Promise<void> => kind.remove(client, await kind.read(client, one))
      steps.push({ kind, name: one.name, action: 'remove', differences: [], run })
    }
  }
  return steps
}

/** User names are the same in upper and lower case. */
function isNamed(kind: Kind, listed: Listed, name: string): boolean {
  return kind.section === 'users' ? listed.name.toLowerCase() === name.toLowerCase() : listed.name === name
}

function entriesOf(declaration: Declaration, section: DeclarationSection): [string, Json][] {
  return Object.entries<unknown>(declaration[section] ?? {}).map(([name, members]) => [name, asJson(members)])
}

/** The name is the key of the document, and the same on both sides. */
function unnamed({ name: _name, ...value }: Json): Json {
  return value
}

function asJson(value: unknown): Json {
  return isJson(value) ? value : {}
}

/** Problems of one thing are added to those of all, so that a person mends them in one go. */
async function collecting<T>(problems: Problem[], path: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ContractError) {
      for (const problem of error.problems) problems.push({ ...problem, path: below(path, problem.path) })
      return null
    }
    if (error instanceof CliError && error.fault === 'usage') {
      problems.push({ path, message: error.message })
      return null
    }
    throw error
  }
}

/** Core's members by the names that they have in the document. */
function below(path: string, inner: string): string {
  const own = inner
    .replace(/\btrustedRootIds\b/, 'trustedRoots')
    .replace(/\b(identityProviderRoot|serverRoot|certificate|reserveCertificate|sentryProfile)Id\b/, '$1')
  return own === '' ? path : `${path}.${own}`
}
