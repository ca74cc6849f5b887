/**
 * Answers and refusals as HTTP.
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Value } from 'typebox/value'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { PROBLEM_TYPE } from '@postern/contract/api/failures'
import { successStatus } from '@postern/contract/api/openapi'
import type { CoreError } from '../failure.ts'
import type { Answer } from './handlers.ts'
import { toProblem } from './problem.ts'

/** Sends what a handler gave. Members that the contract does not name are dropped, so that no column can leak. */
export function sendAnswer(
  row: EndpointRow,
  answer: Answer<unknown>,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  for (const { name, value, maxAgeSeconds, lax } of answer.cookies ?? []) {
    const options = {
      path: '/',
      secure: true,
      httpOnly: true,
      sameSite: lax === true ? ('lax' as const) : ('strict' as const),
    }
    if (value === null) reply.clearCookie(name, options)
    else reply.setCookie(name, value, { ...options, ...(maxAgeSeconds === undefined ? {} : { maxAge: maxAgeSeconds }) })
  }
  reply.headers(answer.headers ?? {})
  if (answer.version !== undefined) reply.header('etag', `"${answer.version}"`)
  reply.header('x-request-id', request.id)
  if (row.reply === 'stream')
    return reply
      .code(successStatus(row))
      .type(row.media ?? 'application/octet-stream')
      .send(answer.stream)
  if (row.reply === null) return reply.code(successStatus(row)).send()
  const body = Value.Clean(row.reply, structuredClone(answer.body))
  if (!Value.Check(row.reply, body)) {
    const [first] = Value.Errors(row.reply, body)
    throw new Error(
      `the reply of ${row.method} ${row.path} is not what the contract says: ${first?.instancePath ?? ''}`,
    )
  }
  return reply.code(successStatus(row)).type('application/json').send(body)
}

/** Sends a refusal as a problem document. */
export function sendFailure(failure: CoreError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { retryAfterSeconds } = failure
  const body = toProblem(failure, request.id)
  if (retryAfterSeconds !== null) reply.header('retry-after', String(retryAfterSeconds))
  return reply.code(failure.status).header('x-request-id', request.id).type(PROBLEM_TYPE).send(JSON.stringify(body))
}
