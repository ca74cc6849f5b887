/**
 * The API document: OpenAPI 3.1 derived from the table of endpoints, so that it cannot say anything else than the router
 * does.
 * @module
 */
import type { TSchema } from 'typebox'
import { ProblemDocument } from './common.ts'
import type { EndpointRow, EndpointTable } from './endpoint.ts'
import { FAILURES, type FailureCode, PROBLEM_TYPE } from './failures.ts'
import { PERMISSIONS } from './permissions.ts'

/** What any endpoint may give beside the failures of its row. */
const USUAL_FAILURES: readonly FailureCode[] = ['INVALID', 'TOO_MANY', 'INTERNAL', 'UNAVAILABLE']

type Json = Readonly<Record<string, unknown>>

/** The document. `version` is the release. */
export function toOpenApi(table: EndpointTable, version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, row] of Object.entries(table)) {
    const path = row.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(name, row) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Postern Core', version, description: 'Everything that the console and the CLI do.' },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: ProblemDocument },
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-postern',
          description: 'A signed-in administrator; every method but GET also sends X-CSRF-Token.',
        },
        token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
      },
    },
  }
}

function operation(name: string, row: EndpointRow): Json {
  const text = row.path.split('/')[3] ?? ''
  return {
    operationId: name,
    tags: [text],
    summary: row.summary,
    description: accessText(row),
    security: row.access === 'anonymous' ? [] : [{ session: [] }, { token: [] }],
    parameters: [...parameters('path', row.params), ...parameters('query', row.query), ...headers(row)],
    ...requestBody(row),
    responses: { ...success(row), ...failures(row) },
  }
}

function accessText({ access, stepUp }: EndpointRow): string {
  if (access === 'anonymous') return 'Needs no sign-in.'
  if (access === 'signed-in') return 'For every administrator who is signed in.'
  const proof = stepUp === true || PERMISSIONS[access].stepUp ? ' Asks for fresh proof of identity.' : ''
  return `Needs the permission ${access}.${proof}`
}

function parameters(place: 'path' | 'query', schema: TSchema | undefined): Json[] {
  const members = memberSchemas(schema)
  const required = requiredOf(schema)
  return [...members].map(([name, member]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: member,
  }))
}

function memberSchemas(schema: TSchema | undefined): Map<string, unknown> {
  const properties: unknown = schema !== undefined && 'properties' in schema ? schema.properties : undefined
  return new Map(typeof properties === 'object' && properties !== null ? Object.entries(properties) : [])
}

function requiredOf(schema: TSchema | undefined): ReadonlySet<unknown> {
  const required: unknown = schema !== undefined && 'required' in schema ? schema.required : undefined
  return new Set(Array.isArray(required) ? required : [])
}

function headers(row: EndpointRow): Json[] {
  const text = { type: 'string' }
  return [
    ...(row.ifMatch === 'required' ? [{ name: 'If-Match', in: 'header', required: true, schema: text }] : []),
    ...(row.idempotent === true ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema: text }] : []),
  ]
}

function requestBody(row: EndpointRow): Json {
  if (row.body !== undefined) {
    return { requestBody: { required: true, content: { 'application/json': { schema: row.body } } } }
  }
  if (row.bodyMedia === undefined) return {}
  return { requestBody: { required: true, content: { [row.bodyMedia]: { schema: { type: 'string' } } } } }
}

/** Status of a row's success, as the router sends it. */
export function successStatus(row: EndpointRow): number {
  if (row.status !== undefined) return row.status
  if (row.reply === null) return 204
  return row.method === 'POST' && row.idempotent === true ? 201 : 200
}

function success(row: EndpointRow): Json {
  const description = 'Done'
  const status = String(successStatus(row))
  if (row.reply === null) return { [status]: { description } }
  const media = row.reply === 'stream' ? (row.media ?? 'application/octet-stream') : 'application/json'
  const content = { [media]: row.reply === 'stream' ? {} : { schema: row.reply } }
  return { [status]: { description, content } }
}

function failures(row: EndpointRow): Json {
  const codes = new Set<FailureCode>([...USUAL_FAILURES, ...row.failures])
  if (row.access !== 'anonymous') codes.add('NOT_SIGNED_IN').add('FORBIDDEN').add('CSRF')
  if (row.ifMatch === 'required') codes.add('CHANGED').add('PRECONDITION_REQUIRED')
  if (row.idempotent === true) codes.add('IDEMPOTENCY_MISMATCH')
  const byStatus = Map.groupBy(codes, (code) => String(FAILURES[code].status))
  const content = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      { description: same.map((c) => `${c}: ${FAILURES[c].title}`).join('; '), content },
    ]),
  )
}
