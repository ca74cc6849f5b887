/**
 * A CSV file of users to rows and problems: read as a stream, every problem with its line.
 *
 * UTF-8 with or without a mark, comma or semicolon as the header has it, RFC 4180 quotes. The header names fields of the
 * contract, without regard to case, spaces, `_` and `-`. What a spreadsheet might take for a formula stays as it is:
 * whoever exports cells guards them.
 * @module
 */
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { Value } from 'typebox/value'
import { USER_IMPORT, UserInput } from '@postern/contract/api/users'
import { ContractError, parseDocument } from '@postern/contract/problems'
import { CoreError, invalid } from '../../failure.ts'

/** A field that a file can have. */
export type UserField = keyof typeof UserInput.properties

/** A row that can be used. `line`: where it ends. Only fields that the header names are there. */
export interface UserFileRow {
  readonly line: number
  readonly input: UserInput
}

/** Something wrong with a row. */
export interface UserFileProblem {
  readonly line: number
  readonly field: string
  readonly message: string
}

/** A whole file. `problems`: the first 1,000; `refused`: rows that have some. */
export interface UserFile {
  readonly fields: readonly UserField[]
  readonly rows: readonly UserFileRow[]
  readonly problems: readonly UserFileProblem[]
  readonly refused: number
}

/** A row at most. Bytes. */
const MAX_ROW = 16_384
const CHUNK = 65_536
const FIELDS = Object.keys(UserInput.properties) as UserField[]
const FIELD_BY_NAME: ReadonlyMap<string, UserField> = new Map([
  ...FIELDS.map((field) => [folded(field), field] as const),
  ['upn', 'userName'],
  ['userprincipalname', 'userName'],
  ['mail', 'email'],
  ['emailaddress', 'email'],
  ['givenname', 'firstName'],
  ['surname', 'lastName'],
  ['accountdisabled', 'disabled'],
])
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ...(['true', 'yes', '1'] as const).map((word) => [word, true] as const),
  ...(['false', 'no', '0', ''] as const).map((word) => [word, false] as const),
])

/** @throws CoreError INVALID for a file whose header or quotes are wrong, TOO_LARGE for more rows than are taken at once */
export async function readUserFile(text: string): Promise<UserFile> {
  const reading = new Reading()
  try {
    for await (const record of parser(text)) reading.take(record as { record: string[]; info: { lines: number } })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const line = typeof error['lines'] === 'number' ? error['lines'] : 1
    throw invalid(`line ${line}`, `is no CSV (${error.code}); check its quotes, or export the file again as UTF-8 CSV`)
  }
  return reading.file()
}

function parser(text: string) {
  const end = text.indexOf('\n')
  const header = end < 0 ? text : text.slice(0, end)
  const delimiter = header.includes(';') && !header.includes(',') ? ';' : ','
  const options = { bom: true, delimiter, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }
  return Readable.from(chunks(text)).pipe(parse({ ...options, max_record_size: MAX_ROW }))
}

function* chunks(text: string): Generator<string> {
  for (let from = 0; from < text.length; from += CHUNK) yield text.slice(from, from + CHUNK)
}

class Reading {
  #fields: UserField[] | null = null
  #refused = 0
  readonly #rows: UserFileRow[] = []
  readonly #problems: UserFileProblem[] = []
  readonly #seen = new Map<string, number>()

  take({ record, info: { lines } }: { record: string[]; info: { lines: number } }): void {
    if (this.#fields === null) {
      this.#fields = fieldsOf(record)
      return
    }
    if (this.#rows.length + this.#refused >= USER_IMPORT.rows) {
      throw new CoreError('TOO_LARGE', `the file has more than ${USER_IMPORT.rows} users; split it`)
    }
    const problems = this.#row(this.#fields, record, lines)
    if (problems.length === 0) return
    this.#refused += 1
    this.#problems.push(...problems.slice(0, USER_IMPORT.problems - this.#problems.length))
  }

  file(): UserFile {
    if (this.#fields === null)
      throw invalid('line 1', 'is missing; the first row names the fields, such as userName,email')
    return { fields: this.#fields, rows: this.#rows, problems: this.#problems, refused: this.#refused }
  }

  #row(fields: readonly UserField[], record: readonly string[], line: number): UserFileProblem[] {
    if (record.length !== fields.length) {
      const message = `has ${record.length} cells and the header ${fields.length}; put cells with commas in quotes`
      return [{ line, field: '', message }]
    }
    const told = Object.fromEntries(fields.map((field, i) => [field, valueOf(field, record[i] ?? '')]))
    if (told['userId'] === '') delete told['userId'] // an empty cell leaves it to the user name
    if (!Value.Check(UserInput, told)) return problemsOf(told, line)
    const key = told.userName.toLowerCase()
    const before = this.#seen.get(key)
    if (before !== undefined) {
      return [{ line, field: 'userName', message: `repeats ${told.userName} of line ${before}; keep one of them` }]
    }
    this.#seen.set(key, line)
    this.#rows.push({ line, input: told })
    return []
  }
}

function fieldsOf(header: readonly string[]): UserField[] {
  const fields = header.map((name) => {
    const field = FIELD_BY_NAME.get(folded(name))
    if (field === undefined) throw invalid('line 1', `${JSON.stringify(name)} is no field; use ${FIELDS.join(', ')}`)
    return field
  })
  const repeated = fields.find((field, i) => fields.indexOf(field) !== i)
  if (repeated !== undefined) throw invalid('line 1', `names ${repeated} twice; keep one column of it`)
  if (!fields.includes('userName')) throw invalid('line 1', 'must name userName; without it nobody can be told apart')
  return fields
}

function valueOf(field: UserField, cell: string): string | boolean {
  return field === 'disabled' ? (TRUTH.get(cell.toLowerCase()) ?? cell) : cell
}

function problemsOf(told: unknown, line: number): UserFileProblem[] {
  try {
    parseDocument('row', UserInput, told, [])
    return []
  } catch (error) {
    if (!(error instanceof ContractError)) throw error
    return error.problems.map(({ path, message }) => ({ line, field: path, message }))
  }
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '')
}
