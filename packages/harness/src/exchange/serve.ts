/**
 * One request of the Exchange stand-in, from its head to the last byte of its answer.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Answer } from './answer.ts'
import { answerRequest } from './duty.ts'
import { toReceived } from './received.ts'
import type { ReceivedRequest, ReceivedRequests } from './received.ts'
import { scriptedAnswer } from './script.ts'
import type { HeaderList, Rule } from './script.ts'
import type { State } from './state.ts'

/** Takes one request: enters it, asks the script, answers. */
export async function serve(req: IncomingMessage, res: ServerResponse, state: State): Promise<void> {
  const request = toReceived(req, state.connections.numberOf(req.socket))
  const gone = new AbortController()
  res.on('close', () => {
    request.finished = res.writableFinished
    request.aborted = !res.writableFinished
    gone.abort()
    state.received.changed()
  })
  const signal = AbortSignal.any([gone.signal, state.closing.signal])
  const rule = state.script.take(request)
  state.received.add(request)
  if (rule?.early !== true && !(await readBody(req, request, state.received))) return
  if (rule?.delayMs !== undefined && !(await waited(rule.delayMs, signal))) return
  await act(rule, request, res, state, signal)
}

/** Reads the body into the entry; false when the client left before its end. */
async function readBody(req: IncomingMessage, request: ReceivedRequest, received: ReceivedRequests): Promise<boolean> {
  const chunks: Buffer[] = []
  return new Promise((resolve) => {
    const keep = (): void => {
      request.body = Buffer.concat(chunks)
      received.changed()
    }
    req.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
    })
    req.on('end', () => {
      keep()
      resolve(true)
    })
    req.on('error', () => {
      keep()
      resolve(false)
    })
  })
}

async function act(
  rule: Rule | null,
  request: ReceivedRequest,
  res: ServerResponse,
  state: State,
  signal: AbortSignal,
): Promise<void> {
  const action = rule?.action ?? { kind: 'pass' }
  const scripted = scriptedAnswer(action, request.method)
  if (scripted !== null) {
    const chunked = action.kind === 'respond' && action.chunked === true
    write(res, request, scripted, chunked)
    return
  }
  switch (action.kind) {
    case 'hang':
      return
    case 'reset':
      res.destroy()
      return
    case 'raw':
      res.socket?.end(action.bytes)
      return
    case 'cut':
      res.writeHead(200, { 'Content-Type': 'application/vnd.ms-sync.wbxml', 'Content-Length': action.length })
      res.write(action.body, () => res.destroy())
      return
    default: {
      const answer = await answerRequest(request, state.duty, signal)
      const more = action.kind === 'decorate' ? action.headers : []
      if (!signal.aborted) write(res, request, dress(answer, request, state, more), false)
    }
  }
}

/** Puts on what every answer of Exchange wears: server headers, cookies, compression. */
function dress(answer: Answer, request: ReceivedRequest, state: State, more: HeaderList): Answer {
  const gzip = (request.headers['accept-encoding'] ?? '').split(/[ ,;]+/).includes('gzip')
  const packed = gzip && answer.body.length >= state.gzipFromBytes
  return {
    status: answer.status,
    headers: [
      ['Cache-Control', 'private'],
      ['Server', 'Microsoft-IIS/10.0'],
      ['MS-Server-ActiveSync', '15.21'],
      ['X-FEServer', 'FRONT0001'],
      ['X-BEServer', 'BACK0001'],
      ['request-id', randomUUID()],
      ...answer.headers,
      ...(packed ? [['Content-Encoding', 'gzip'] as [string, string]] : []),
      ...state.cookies.map((value): [string, string] => ['Set-Cookie', value]),
      ...more.map(([name, value]): [string, string] => [name, value]),
    ],
    body: packed ? gzipSync(answer.body) : answer.body,
  }
}

function write(res: ServerResponse, request: ReceivedRequest, answer: Answer, chunked: boolean): void {
  request.status = answer.status
  const named = answer.headers.some(([name]) => name.toLowerCase() === 'content-length')
  const length: [string, string][] = chunked || named ? [] : [['Content-Length', String(answer.body.length)]]
  res.writeHead(answer.status, [...answer.headers, ...length].flat())
  if (!chunked) {
    res.end(answer.body)
    return
  }
  const half = Math.ceil(answer.body.length / 2)
  res.write(answer.body.subarray(0, half))
  res.end(answer.body.subarray(half))
}

async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal }).catch(() => false)
}
