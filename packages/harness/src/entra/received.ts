/**
 * What the Entra stand-in received, and what its token endpoint is told to do instead of its duty.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** A request as it came. */
export interface EntraRequest {
  method: string
  /** Path and query as sent. */
  url: string
  rawHeaders: string[]
  /** Names in lower case, repeated values joined by `, `. */
  headers: Record<string, string>
  body: string
  /** Milliseconds since the epoch. */
  at: number
}

/** An answer of the token endpoint that a test wants. */
export interface TokenFault {
  status: number
  headers?: Record<string, string | string[]>
  /** An object is sent as JSON. */
  body?: string | Uint8Array | Record<string, unknown>
  delayMs?: number
  /** Never answers. */
  hang?: boolean
  /** How often; default 1. */
  times?: number
}

/** Reads a request whole. */
export async function readRequest(req: IncomingMessage): Promise<EntraRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(req.headersDistinct)) headers[name] = (values ?? []).join(', ')
  return {
    method: req.method ?? '',
    url: req.url ?? '',
    rawHeaders: req.rawHeaders,
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
    at: Date.now(),
  }
}

/** Answers as the fault says; ends early when `signal` comes. */
export async function answerFault(res: ServerResponse, fault: TokenFault, signal: AbortSignal): Promise<void> {
  if (fault.hang === true) return
  if (fault.delayMs !== undefined && !(await delay(fault.delayMs, true, { signal }).catch(() => false))) return
  const { body = '' } = fault
  const json = typeof body === 'object' && !(body instanceof Uint8Array)
  const type = json ? { 'Content-Type': 'application/json; charset=utf-8' } : {}
  res.writeHead(fault.status, { ...type, ...fault.headers })
  res.end(json ? JSON.stringify(body) : body)
}
