/**
 * Something that answers as a test tells it to, on loopback; and the CLI in this process, with memory for a terminal.
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { runCli } from '../../src/cli.ts'
import type { Sink, Surroundings } from '../../src/surroundings.ts'

/** A request as it came. */
export interface Came {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers a request; `index` counts requests from 0. */
export type Script = (came: Came, response: ServerResponse, index: number) => void

/** A scripted peer. */
export interface ScriptedCore extends AsyncDisposable {
  readonly url: string
  readonly came: readonly Came[]
}

/** Starts one; with `tls` it speaks https. */
export async function startScripted(script: Script, tls?: { cert: string; key: string }): Promise<ScriptedCore> {
  const came: Came[] = []
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Uint8Array[] = []
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() }
      came.push(one)
      script(one, response, came.length - 1)
    })
  }
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    came,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Sends JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** Sends a problem document. */
export function refuse(response: ServerResponse, status: number, code: string, more: object = {}): void {
  sendJson(response, status, {
    type: 'urn:x',
    title: 'Refused',
    status,
    code,
    detail: 'so it is',
    requestId: 'r',
    ...more,
  })
}

/** The CLI in this process. */
export interface Desk extends AsyncDisposable {
  readonly folder: string
  readonly around: Surroundings
  /** Runs `postern ARGS`; the texts are those of this run. */
  run(...args: string[]): Promise<{ code: number; out: string; err: string }>
}

/** What a test wants of the surroundings. */
export interface DeskOptions {
  readonly url?: string
  readonly token?: string | null
  readonly input?: string
  readonly tty?: boolean
  /** Answers to questions, in their order. */
  readonly answers?: readonly string[]
}

/** A desk with a folder of its own. */
export async function openDesk({
  url,
  token = 'pat_test',
  input = '',
  tty = false,
  answers = [],
}: DeskOptions): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-desk-'))
  const texts = { out: '', err: '' }
  const left = [...answers]
  const sink = (name: 'out' | 'err'): Sink => ({
    isTty: tty,
    columns: tty ? 100 : null,
    write: async (bytes) => {
      texts[name] += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()
    },
  })
  const around: Surroundings = {
    out: sink('out'),
    err: sink('err'),
    readInput: async () => Buffer.from(input),
    ask: async () => left.shift() ?? null,
    now: Date.now,
    credentialsFile: join(folder, 'postern', 'cli.json'),
    environment: { url: url ?? null, token, ca: null },
    version: '0.0.0-test',
  }
  return {
    folder,
    around,
    run: async (...args) => {
      texts.out = ''
      texts.err = ''
      const code = await runCli(args, around, ENDPOINTS)
      return { code, ...texts }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
