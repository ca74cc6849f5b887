/**
 * Carries out a command that is derived from the table.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { PAGE_LIMIT } from '@postern/contract/api/common'
import type { EndpointTable } from '@postern/contract/api/endpoint'
import { parse as parseYaml } from 'yaml'
import { type OutputForm, OUTPUTS, specsOf } from '../commands/command-options.ts'
import { type Command, readerOf } from '../commands/command-table.ts'
import { needsPresent, presentBody } from '../commands/edit-base.ts'
import { bodyOf, type FieldValue, fieldValues, queryOf, type ValueSources } from '../commands/field-values.ts'
import type { Flag } from '../commands/flags.ts'
import { meant } from '../commands/nearest.ts'
import { type Options, parseOptions, valueOf } from '../commands/parse-options.ts'
import type { Call, Client } from '../connection/client.ts'
import { connect } from '../connection/connect.ts'
import { itemsOf, lookUp } from '../connection/lookup.ts'
import { CliError, usage } from '../exits.ts'
import { isJson } from '../json.ts'
import { fieldLines } from '../output/table.ts'
import { writeList } from '../output/write-list.ts'
import { toJson, toJsonLine, toYaml } from '../output/write-value.ts'
import type { Sink, Surroundings } from '../surroundings.ts'
import { readLocalFile } from './local-file.ts'
import { faultOf } from './verdicts.ts'
import { writeStream } from './write-stream.ts'

/** A body that is not a file for Core to read, at most. Bytes. */
const BODY_BYTES = 16_777_216

/** @throws CliError */
export async function runCommand(
  around: Surroundings,
  table: EndpointTable,
  command: Command,
  args: readonly string[],
): Promise<void> {
  const options = parseOptions(args, specsOf(command))
  checkPositionals(command, options.positionals)
  const form = outputForm(options)
  const client = await connect(around, options)
  const sources: ValueSources = {
    readFile: (name) => readLocalFile(around, name, command.row.bodyBytes ?? BODY_BYTES),
    lookUp: (collection, name) => lookUp(client, table, collection, name),
  }
  const values = await fieldValues(command, options, sources)
  const params = await paramsOf(command, options.positionals, sources)
  const query = queryOf(values)
  const lacking = command.flags.filter(
    ({ place, required, path }) => place === 'query' && required && !query.has(path[0] ?? ''),
  )
  refuseMissing(lacking)
  if (command.isList) return list(around, command, client, { options, params, query, form })
  const call = { params, query, ...(await bodyFor(command, table, client, { options, values, params, sources })) }
  if (command.row.reply === 'stream') {
    return writeStream(around, command.row, await client.stream(command.row, call), valueOf(options, 'out'))
  }
  const { body } = await client.call(command.row, call)
  await writeReply(around.out, body, form)
  const fault = faultOf(command.endpoint, body)
  if (fault !== null) throw new CliError('refused', fault)
}

/** The form of output. @throws CliError usage */
export function outputForm(options: Options): OutputForm {
  const text = valueOf(options, 'output') ?? 'table'
  const form = OUTPUTS.find((one) => one === text)
  if (form === undefined) throw usage(`output: must be one of ${OUTPUTS.join(', ')}${meant(text, OUTPUTS)}`)
  return form
}

/** Writes one object in any form; as a table it is a line for each field. */
export async function writeReply(out: Sink, body: unknown, form: OutputForm): Promise<void> {
  if (body === null) return
  switch (form) {
    case 'json':
      return out.write(`${toJson(body)}\n`)
    case 'jsonl':
      return out.write(`${toJsonLine(body)}\n`)
    case 'yaml':
      return out.write(toYaml(body))
    case 'table':
      return out.write(fieldLines(body, out.columns))
    default:
      return form satisfies never
  }
}

function checkPositionals({ noun, verb, positionals }: Command, given: readonly string[]): void {
  const wanted = positionals.map(({ label }) => label).join(' ')
  const missing = positionals[given.length]
  if (missing !== undefined) throw usage(`${missing.label} is missing: postern ${noun} ${verb} ${wanted}`)
  const extra = given[positionals.length]
  if (extra !== undefined)
    throw usage(`${JSON.stringify(extra)} is too much: postern ${noun} ${verb} ${wanted}`.trimEnd())
}

async function paramsOf(
  { positionals }: Command,
  given: readonly string[],
  sources: ValueSources,
): Promise<Record<string, string>> {
  const params: Record<string, string> = {}
  for (const [index, { name, label, collection }] of positionals.entries()) {
    const text = given[index] ?? ''
    if (text === '') throw usage(`${label} is empty`)
    params[name] = collection === null ? text : await sources.lookUp(collection, text)
  }
  return params
}

interface Listing {
  readonly options: Options
  readonly params: Readonly<Record<string, string>>
  readonly query: ReadonlyMap<string, string>
  readonly form: OutputForm
}

async function list(around: Surroundings, command: Command, client: Client, listing: Listing): Promise<void> {
  const { options, params, query, form } = listing
  const all = options.values.has('all')
  const most = all ? Infinity : rowLimit(valueOf(options, 'limit'))
  const items = itemsOf(client, command.row, query, params, most)
  const count = await writeList(items, form, command.columns ?? ['name', 'id'], around.out)
  if (count === 0 && form === 'table') await around.err.write('nothing there\n')
  if (count === most) await around.err.write(`the first ${count}; more with --limit N or --all\n`)
}

function rowLimit(text: string | null): number {
  if (text === null) return PAGE_LIMIT.usual
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < 1) throw usage('limit: must be a whole number from 1; all rows with --all')
  return value
}

interface BodyInput {
  readonly options: Options
  readonly values: readonly FieldValue[]
  readonly params: Readonly<Record<string, string>>
  readonly sources: ValueSources
}

/** Body, version and key of a call. An edit reads first, so that what is not named stays as it is. */
async function bodyFor(command: Command, table: EndpointTable, client: Client, input: BodyInput): Promise<Call> {
  const { row } = command
  const { options, params, sources } = input
  const present = await presentOf(command, table, client, input)
  const version = row.ifMatch === 'required' ? { ifMatch: valueOf(options, 'if-match') ?? present?.etag ?? null } : {}
  const key = row.idempotent === true ? { idempotencyKey: randomUUID() } : {}
  if (row.bodyMedia !== undefined) {
    const file = valueOf(options, 'body')
    if (file === null) throw usage(`body: is missing; give the file to send (${row.bodyMedia}) with --body FILE`)
    return { params, body: await sources.readFile(file), ...version, ...key }
  }
  if (row.body === undefined) return { ...version, ...key }
  return { body: await objectFor(command, input, present?.body ?? null), ...version, ...key }
}

async function presentOf(command: Command, table: EndpointTable, client: Client, { options, params }: BodyInput) {
  const { row } = command
  const knowsVersion = row.ifMatch !== 'required' || options.values.has('if-match')
  const needsBody = needsPresent(command) && !options.values.has('body')
  const reader = knowsVersion && !needsBody ? null : readerOf(table, row)
  if (reader === null) return null
  return client.call(reader, { params })
}

async function objectFor(
  command: Command,
  { options, values, sources }: BodyInput,
  present: unknown,
): Promise<unknown> {
  const file = valueOf(options, 'body')
  const unset = options.values.get('unset') ?? []
  const isEdit = command.row.method === 'PUT' || command.row.method === 'PATCH'
  const given = values.some(({ flag }) => flag.place === 'body') || unset.length > 0
  if (isEdit && file === null && !given) throw usage('says nothing to change; give a field, see --help')
  const base =
    file !== null ? objectFrom(await sources.readFile(file)) : present === null ? {} : presentBody(command, present)
  const body = bodyOf(command, base, values, unset)
  const missing = command.flags.filter(
    ({ place, required, path }) => place === 'body' && required && !hasAt(body, path),
  )
  refuseMissing(missing)
  return body
}

function refuseMissing(flags: readonly Flag[]): void {
  if (flags.length === 0) return
  throw usage(flags.map(({ name }) => `${name}: is missing; give it with --${name}`).join('\n'))
}

function hasAt(body: unknown, path: readonly string[]): boolean {
  const [first, ...rest] = path
  if (first === undefined) return true
  return isJson(body) && Object.hasOwn(body, first) && hasAt(body[first], rest)
}

/** JSON is YAML too; aliases are counted, since a few of them can stand for a world. */
function objectFrom(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const value: unknown = parseYaml(text, { maxAliasCount: 100, uniqueKeys: true })
    if (isJson(value)) return value
  } catch (error) {
    throw usage(`body: is neither JSON nor YAML (${error instanceof Error ? error.message : 'unreadable'})`)
  }
  throw usage('body: must be an object of fields')
}
