/**
 * The language of filter labels: `"common.platform" = "iOS" AND NOT "common.os_version" < "17"`. Text to a tree; what the
 * tree means is said in one place only, where it becomes a predicate of the database.
 *
 * `=` `!=` `CONTAINS` `STARTS WITH` `IN (…)` compare without regard to case, `<` `<=` `>` `>=` order versions and numbers.
 * NOT binds before AND, AND before OR. A comparison with an unknown value does not hold, and `!=` is NOT of `=`.
 * @module
 */
import { type FilterField, filterField, FILTER_FIELDS } from './filter-fields.ts'
import { FilterError, readTokens, type Token } from './filter-tokens.ts'

export { FilterError } from './filter-tokens.ts'
export { type FilterField, type FilterFieldName } from './filter-fields.ts'

/** A filter at most: characters, nesting of NOT and parentheses, values compared with. */
export const FILTER_LIMITS = { characters: 4_096, depth: 32, terms: 256 } as const

/** A literal. */
export type FilterValue = string | number | boolean

/** How a field is compared. */
export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'CONTAINS' | 'STARTS WITH' | 'IN'

/** A filter as a tree. `values`: one, but for IN. */
export type FilterNode =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly node: FilterNode }
  | {
      readonly kind: 'compare'
      readonly field: FilterField
      readonly operator: FilterOperator
      readonly values: readonly FilterValue[]
    }

type Comparison = Extract<FilterNode, { kind: 'compare' }>

/** @throws FilterError, and nothing else: position, rule and remedy. */
export function parseFilter(text: string): FilterNode {
  if (text.length > FILTER_LIMITS.characters) {
    throw new FilterError(FILTER_LIMITS.characters, `is longer than ${FILTER_LIMITS.characters} characters; split it`)
  }
  const reader = new TokenReader(readTokens(text))
  const node = readOr(reader, 0)
  const rest = reader.peek()
  if (rest.kind !== 'end') throw new FilterError(rest.at, 'is one too many; join comparisons with AND or OR')
  return node
}

class TokenReader {
  readonly #tokens: readonly Token[]
  #next = 0
  #terms = 0
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', value: '', at: 0 }
  }

  take(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#next += 1
    return token
  }

  /** Takes a word or sign if it is there. */
  takes(value: string): boolean {
    const token = this.peek()
    const there = (token.kind === 'word' || token.kind === 'sign') && token.value === value
    if (there) this.#next += 1
    return there
  }

  countTerm(at: number): void {
    this.#terms += 1
    if (this.#terms > FILTER_LIMITS.terms) {
      throw new FilterError(
        at,
        `is more than ${FILTER_LIMITS.terms} values in one filter; split it into several labels`,
      )
    }
  }
}

function readOr(reader: TokenReader, depth: number): FilterNode {
  return readList(reader, 'OR', () => readList(reader, 'AND', () => readNot(reader, depth)))
}

function readList(reader: TokenReader, word: 'AND' | 'OR', readOne: () => FilterNode): FilterNode {
  const first = readOne()
  const nodes = [first]
  while (reader.takes(word)) nodes.push(readOne())
  return nodes.length === 1 ? first : { kind: word === 'AND' ? 'and' : 'or', nodes }
}

function readNot(reader: TokenReader, depth: number): FilterNode {
  const { at } = reader.peek()
  if (depth > FILTER_LIMITS.depth)
    throw new FilterError(at, `is nested deeper than ${FILTER_LIMITS.depth}; simplify it`)
  if (reader.takes('NOT')) return { kind: 'not', node: readNot(reader, depth + 1) }
  if (!reader.takes('(')) return readComparison(reader)
  const node = readOr(reader, depth + 1)
  if (!reader.takes(')')) throw new FilterError(reader.peek().at, 'should be the ) of an open parenthesis')
  return node
}

function readComparison(reader: TokenReader): FilterNode {
  const token = reader.take()
  if (token.kind !== 'text') {
    throw new FilterError(token.at, 'should be a field in double quotes, such as "common.platform", NOT or (')
  }
  const field = filterField(token.value)
  if (field === null) {
    const names = `${Object.keys(FILTER_FIELDS).join(', ')} or custom.<name of a fact>`
    throw new FilterError(token.at, `${JSON.stringify(token.value)} is no field; use ${names}`)
  }
  const operatorAt = reader.peek().at
  const operator = readOperator(reader)
  checkOperator(field, operator, operatorAt)
  const values = operator === 'IN' ? readValues(reader, field) : [readValue(reader, field, operator)]
  return { kind: 'compare', field, operator, values }
}

const SIGNS: ReadonlyMap<string, FilterOperator> = new Map(
  (['=', '!=', '<', '<=', '>', '>='] as const).map((sign) => [sign, sign]),
)

function readOperator(reader: TokenReader): FilterOperator {
  const token = reader.take()
  const sign = token.kind === 'sign' ? SIGNS.get(token.value) : undefined
  if (sign !== undefined) return sign
  if (token.kind === 'word' && token.value === 'CONTAINS') return 'CONTAINS'
  if (token.kind === 'word' && token.value === 'IN') return 'IN'
  if (token.kind === 'word' && token.value === 'STARTS' && reader.takes('WITH')) return 'STARTS WITH'
  throw new FilterError(token.at, 'should be one of =, !=, <, <=, >, >=, CONTAINS, STARTS WITH, IN')
}

function checkOperator(field: FilterField, operator: FilterOperator, at: number): void {
  const { type } = field.row
  const ordered = operator === '<' || operator === '<=' || operator === '>' || operator === '>='
  if (ordered && type !== 'version' && type !== 'any') {
    throw new FilterError(at, `${operator} orders versions and numbers; this field has no order, use = or !=`)
  }
  if (type === 'boolean' && operator !== '=' && operator !== '!=') {
    throw new FilterError(at, 'this field is true or false; use = or !=')
  }
}

function readValues(reader: TokenReader, field: FilterField): FilterValue[] {
  if (!reader.takes('(')) throw new FilterError(reader.peek().at, 'should be ( and the values, separated by commas')
  const values: FilterValue[] = []
  do values.push(readValue(reader, field, 'IN'))
  while (reader.takes(','))
  if (!reader.takes(')')) throw new FilterError(reader.peek().at, 'should be , or ) after a value')
  return values
}

function readValue(reader: TokenReader, field: FilterField, operator: FilterOperator): FilterValue {
  const token = reader.take()
  reader.countTerm(token.at)
  const value = literalOf(token)
  checkValue(field, operator, value, token.at)
  return value
}

function literalOf(token: Token): FilterValue {
  if (token.kind === 'text' || token.kind === 'number') return token.value
  if (token.kind === 'word' && (token.value === 'TRUE' || token.value === 'FALSE')) return token.value === 'TRUE'
  throw new FilterError(token.at, 'should be a value: text in double quotes, a number, true or false')
}

function checkValue({ row }: FilterField, operator: Comparison['operator'], value: FilterValue, at: number): void {
  const isText = typeof value === 'string'
  if (row.type === 'boolean' && typeof value !== 'boolean') throw new FilterError(at, 'should be true or false')
  if (row.type === 'text' && !isText) throw new FilterError(at, 'should be text in double quotes')
  if (row.type === 'version' && !(isText && /^\d{1,8}(\.\d{1,8}){0,7}$/.test(value))) {
    throw new FilterError(at, 'should be a version in double quotes, such as "17.5"')
  }
  const partial = operator === 'CONTAINS' || operator === 'STARTS WITH'
  if (partial && !isText) throw new FilterError(at, `should be text in double quotes: ${operator} looks within text`)
  if (row.type === 'any' && /^[<>]/.test(operator) && typeof value !== 'number') {
    throw new FilterError(at, `should be a number: ${operator} orders facts that are numbers`)
  }
  const fits = row.values?.some((one) => isText && one.toLowerCase() === value.toLowerCase()) ?? true
  if (!fits && !partial) throw new FilterError(at, `should be one of ${(row.values ?? []).join(', ')}`)
}
