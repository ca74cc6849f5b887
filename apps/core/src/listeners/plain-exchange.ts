/**
 * Requests and replies of listeners that are no API: bounded JSON in, JSON or a problem document out.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PROBLEM_TYPE } from '@postern/contract/api/failures'
import { toProblem } from '../api/problem.ts'
import { CoreError } from '../failure.ts'

/** The target of a request as it came. `query` without `?`; null when there is none. */
export function targetOf(request: IncomingMessage): { readonly path: string; readonly query: string | null } {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  return mark < 0 ? { path: url, query: null } : { path: url.slice(0, mark), query: url.slice(mark + 1) }
}

/** @throws CoreError METHOD_NOT_ALLOWED */
export function requireMethod(request: IncomingMessage, method: 'GET' | 'POST'): void {
  if (request.method === method) return
  throw new CoreError('METHOD_NOT_ALLOWED', `this path takes ${method} only`)
}

/** @throws CoreError TOO_LARGE over `maxBytes`, INVALID when it is no JSON */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const tooLarge = (): CoreError => new CoreError('TOO_LARGE', `the body may have ${maxBytes} bytes at most`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch (error) {
    throw new CoreError('INVALID', 'the body is not JSON in UTF-8', { cause: error })
  }
}

/** Sends JSON. */
export function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/** Sends a refusal (RFC 9457); what has begun already is cut off. A body that was not read ends the connection. */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  failure: CoreError,
  requestId: string,
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, retryAfterSeconds } = failure
  response.writeHead(status, {
    'content-type': PROBLEM_TYPE,
    'cache-control': 'no-store',
    'x-request-id': requestId,
    ...(retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(JSON.stringify(toProblem(failure, requestId)))
}
