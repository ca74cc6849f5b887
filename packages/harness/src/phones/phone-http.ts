/**
 * HTTPS as a phone speaks it: kept-alive connections, its own certificate or none, no redirects followed.
 *
 * Names are found on the lab's own map, certificates are verified against the lab's CA.
 * @module
 */
import { Agent } from 'node:https'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { request } from '../lab-net.ts'
import type { LabNet, LabReply, LabRequest } from '../lab-net.ts'

/** A certificate with its key, as PEM, and the intermediates to be sent with it. */
export interface PhoneIdentity {
  certPem: string
  keyPem: string
  chainPem?: string
}

/** One request. Absent `signal`: nothing ends it but the server. */
export interface PhoneRequest {
  method: 'GET' | 'POST' | 'OPTIONS'
  url: URL
  headers: Record<string, string>
  body: Uint8Array | string | null
  signal?: AbortSignal
}

/** One answer. Header names are in lower case, repeated ones joined; `body` after content decoding. */
export interface PhoneReply {
  status: number
  headers: Record<string, string | undefined>
  setCookies: string[]
  body: Buffer
  ms: number
}

/** Sends requests over the connections of one process of a phone; `close` ends them. */
export interface PhoneHttp {
  (request: PhoneRequest): Promise<PhoneReply>
  close(): void
}

/** Makes one; `identity` null: a certificate request is answered with none. Rejects with the system's error. */
export function phoneHttp(net: LabNet, identity: PhoneIdentity | null): PhoneHttp {
  const certificate = identity === null ? {} : { cert: chainOf(identity), key: identity.keyPem }
  const agent = new Agent({ keepAlive: true, ...certificate })
  const send = async (sent: PhoneRequest): Promise<PhoneReply> => {
    const since = performance.now()
    const outgoing = toLabRequest(sent, agent)
    const mayBeStale = Object.keys(agent.freeSockets).length > 0
    const reply = await request(net, outgoing).catch((cause: unknown) => {
      // A kept-alive connection may have been closed just now; every HTTP client tries such a request once more.
      if (mayBeStale && isReset(cause)) return request(net, outgoing)
      throw cause
    })
    return { ...toPhoneReply(reply), ms: performance.now() - since }
  }
  return Object.assign(send, {
    close: () => {
      agent.destroy()
    },
  })
}

function chainOf(identity: PhoneIdentity): string {
  return `${identity.certPem}\n${identity.chainPem ?? ''}`
}

function toLabRequest({ method, url, headers, body, signal }: PhoneRequest, agent: Agent): LabRequest {
  const length: Record<string, string> = method === 'POST' && body === null ? { 'Content-Length': '0' } : {}
  return {
    method,
    url,
    headers: { ...headers, ...length },
    agent,
    ...(body === null ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  }
}

function isReset(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE')
}

function toPhoneReply(reply: LabReply): Omit<PhoneReply, 'ms'> {
  const lines = reply.rawHeaders.filter(
    (_, at) => at % 2 === 1 && reply.rawHeaders[at - 1]?.toLowerCase() === 'set-cookie',
  )
  return {
    status: reply.status,
    headers: reply.headers,
    setCookies: lines,
    body: decoded(reply.body, reply.headers['content-encoding']),
  }
}

function decoded(body: Buffer, coding: string | undefined): Buffer {
  if (body.length === 0) return body
  if (coding === 'gzip') return gunzipSync(body)
  if (coding === 'deflate') return inflateSync(body)
  return coding === 'br' ? brotliDecompressSync(body) : body
}
