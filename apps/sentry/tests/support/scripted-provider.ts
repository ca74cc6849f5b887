/**
 * An identity provider that says what a test tells it to and keeps every request: for answers that no honest one gives.
 *
 * It has a CA of its own, so that it can be started before the lab that Sentry's configuration belongs to.
 * @module
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCa } from '@postern/harness/ca'

/** One request as it came. Header names are in lower case. */
export interface ProviderRequest {
  method: string
  target: string
  headers: Record<string, string>
  body: string
}

/** An answer. Absent `headers`: `Content-Type: application/json`. It waits for `when`. */
export interface ProviderAnswer {
  kind: 'respond'
  status: number
  headers?: Record<string, string | string[]>
  body: string | Uint8Array
  when?: Promise<unknown>
}

/** What to do with the next request. */
export type ProviderAction =
  | ProviderAnswer
  | { kind: 'hang' }
  | { kind: 'reset' }
  /** Half of an answer, then the end of the connection. */
  | { kind: 'cut'; body: string }

/** A running provider. It must be closed: `await using`. */
export interface ScriptedProvider extends AsyncDisposable {
  readonly port: number
  /** `https://<first name>:<port>` */
  readonly origin: string
  /** PEM file of the CA that issued its certificate. */
  readonly caFile: string
  /** What Sentry's configuration needs to find it. */
  readonly oauth: { authorizationEndpoint: string; tokenEndpoint: string; caFile: string }
  /** Requests since the start, oldest first; a test may empty it. */
  readonly received: ProviderRequest[]
  /** Queues an action for one request; a request without one gets {@link V1_ANSWER}. */
  next(action: ProviderAction): void
}

/** A v1 token answer as Entra writes it, with numbers as text and members that nobody knows. */
export const V1_ANSWER =
  '{"token_type":"Bearer","scope":"EAS.AccessAsUser.All","expires_in":"3599","ext_expires_in":"3599",' +
  '"expires_on":"1795463999","not_before":"1795460099","resource":"https://outlook.office365.com/",' +
  '"access_token":"opaque-access","refresh_token":"opaque-refresh","foci":"1",' +
  '"later_member":{"a":[1.0, 1e2, 12345678901234567890],"resource":"https://outlook.office365.com/","b":"\\u00fc"}}'

/** Starts one for these names; the first is the one of the endpoints. */
export async function startScriptedProvider(
  names: readonly string[] = ['login.windows.net'],
): Promise<ScriptedProvider> {
  const ca = await createCa({ commonName: 'Provider CA' })
  const issued = await ca.issueServer({ names: [...names] })
  const dir = await mkdtemp(join(tmpdir(), 'postern-provider-'))
  const caFile = join(dir, 'provider-ca.crt')
  await writeFile(caFile, ca.certPem)
  const received: ProviderRequest[] = []
  const queue: ProviderAction[] = []
  const server = createServer({ cert: issued.certPem, key: issued.keyPem }, (req, res) => {
    const action = queue.shift() ?? { kind: 'respond', status: 200, body: V1_ANSWER }
    keep(req, received)
      .then(() => (action.kind === 'respond' ? action.when : undefined))
      .then(
        () => act(action, res),
        () => res.destroy(),
      )
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `https://${names[0] ?? ''}:${String(port)}`
  return {
    port,
    origin,
    caFile,
    oauth: {
      authorizationEndpoint: `${origin}/common/oauth2/authorize`,
      tokenEndpoint: `${origin}/common/oauth2/token`,
      caFile,
    },
    received,
    next: (action) => {
      queue.push(action)
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      await closed
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function keep(req: IncomingMessage, received: ProviderRequest[]): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(req.headersDistinct)) headers[name] = (values ?? []).join(', ')
  const body = Buffer.concat(chunks).toString('latin1')
  received.push({ method: req.method ?? '', target: req.url ?? '', headers, body })
}

function act(action: ProviderAction, res: ServerResponse): void {
  switch (action.kind) {
    case 'respond':
      res.writeHead(action.status, action.headers ?? { 'Content-Type': 'application/json; charset=utf-8' })
      res.end(action.body)
      return
    case 'hang':
      return
    case 'reset':
      res.destroy()
      return
    case 'cut':
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(action.body.length + 100) })
      res.write(action.body, () => res.destroy())
      return
    default:
      action satisfies never
  }
}
