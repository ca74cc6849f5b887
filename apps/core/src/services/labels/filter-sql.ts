/**
 * What a filter means: its tree as a condition on a device and its user. There is no second evaluator, so a preview, a
 * label's members and a single device cannot disagree. Every literal is a parameter.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { FilterField, FilterFieldName, FilterNode, FilterOperator, FilterValue } from '@postern/posture/filter'

type Condition = RawBuilder<boolean>
type Comparison = Extract<FilterNode, { kind: 'compare' }>

/** A condition over the tables `devices` and `users` of a statement. It is true or false, never null. */
export function filterCondition(node: FilterNode): Condition {
  switch (node.kind) {
    case 'not':
      return sql`(not ${filterCondition(node.node)})`
    case 'and':
      return sql`(${sql.join(node.nodes.map(filterCondition), sql` and `)})`
    case 'or':
      return sql`(${sql.join(node.nodes.map(filterCondition), sql` or `)})`
    case 'compare':
      return comparison(node)
    default:
      return node satisfies never
  }
}

function comparison({ field, operator, values }: Comparison): Condition {
  const one = operator === 'IN' || operator === '!=' ? '=' : operator
  const holds = sql<boolean>`coalesce(${sql.join(
    values.map((value) => compareOne(field, one, value)),
    sql` or `,
  )}, false)`
  return operator === '!=' ? sql`(not ${holds})` : holds
}

function compareOne(field: FilterField, operator: FilterOperator, value: FilterValue): Condition {
  if (field.kind === 'custom') return compareFact(field.name, operator, value)
  if (field.row.type === 'version') {
    const key = sql`nullif(devices.os_version_key, '') collate "C"`
    return sql`(${key} ${ORDER[operator]} version_key(${String(value)}) collate "C")`
  }
  if (field.row.type === 'boolean') return sql`(${COLUMNS[field.name]} = ${value}::boolean)`
  return compareText(COLUMNS[field.name], operator, String(value))
}

function compareFact(name: string, operator: FilterOperator, value: FilterValue): Condition {
  const fact = sql`devices.facts -> ${name}::text`
  if (typeof value === 'boolean') return sql`(${fact} = to_jsonb(${value}::boolean))`
  const type = sql`jsonb_typeof(${fact})`
  const text = sql`devices.facts ->> ${name}::text`
  if (typeof value === 'string') {
    return sql`(${type} = 'string' and ${compareText(sql`(${text})`, operator, value)})`
  }
  return sql`(case when ${type} = 'number' then (${text})::numeric ${ORDER[operator]} ${value}::numeric end)`
}

function compareText(column: RawBuilder<unknown>, operator: FilterOperator, value: string): Condition {
  if (operator === 'CONTAINS') return sql`(position(lower(${value}) in lower(${column})) > 0)`
  if (operator === 'STARTS WITH') return sql`starts_with(lower(${column}), lower(${value}))`
  return sql`(lower(${column}) = lower(${value}))`
}

// The parser lets only those through that a field has; `=` stands for the rest.
const ORDER: Readonly<Record<FilterOperator, RawBuilder<unknown>>> = {
  '=': sql`=`,
  '!=': sql`<>`,
  '<': sql`<`,
  '<=': sql`<=`,
  '>': sql`>`,
  '>=': sql`>=`,
  CONTAINS: sql`=`,
  'STARTS WITH': sql`=`,
  IN: sql`=`,
}

const COLUMNS: Readonly<Record<FilterFieldName, RawBuilder<unknown>>> = {
  'common.platform': sql`devices.platform`,
  'common.os_version': sql`devices.os_version_key`,
  'common.owner': sql`devices.ownership`,
  'common.model': sql`devices.model`,
  'common.retired': sql`(devices.state in ('retired', 'wiped'))`,
  'common.state': sql`devices.state`,
  'user.name': sql`users.user_name`,
  'user.email': sql`users.email`,
  'user.display_name': sql`users.display_name`,
  'user.custom1': sql`users.custom1`,
  'user.custom2': sql`users.custom2`,
  'user.custom3': sql`users.custom3`,
  'user.custom4': sql`users.custom4`,
}
