/**
 * An Entra stand-in: v1 and v2.0 endpoints around a certified OpenID library, with a real sign-in page.
 *
 * Source: protocol notes 2.5 and 3; observed clients. Everything is kept in memory.
 * @module
 */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Issued } from '../ca.ts'
import { Directory } from './directory.ts'
import type { EntraClient, EntraUser } from './directory.ts'
import { EntraHandler } from './handler.ts'
import type { EntraRequest, TokenFault } from './received.ts'
import { TokenSigner } from './token-signer.ts'
import type { MintOptions } from './token-signer.ts'

export type { EntraClient, EntraUser } from './directory.ts'
export type { EntraRequest, TokenFault } from './received.ts'
export type { MintOptions } from './token-signer.ts'

/** What an Entra stand-in is made from. */
export interface EntraOptions {
  /** Certificate, key and chain that it presents. */
  cert: Issued
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free one. */
  port?: number
  /** Name in error bodies; default login.windows.net. Endpoints are named after the host that was asked. */
  publicHost?: string
  tenantId?: string
  users: readonly EntraUser[]
  clients: readonly EntraClient[]
  /** Default `https://outlook.office365.com`; Graph is always there too. */
  resources?: readonly string[]
  /** Default 4,799 seconds. */
  accessTokenSeconds?: number
  /** Default 600 seconds. */
  codeSeconds?: number
}

/** A running stand-in. It must be closed: `close()` or `await using`. */
export interface EntraStandIn extends AsyncDisposable {
  readonly port: number
  readonly tenantId: string
  /** `https://<host>:<port>`; the certificate may be for other names. */
  readonly url: string
  /** All requests since the start or `clearReceived`, oldest first. */
  readonly received: readonly EntraRequest[]
  clearReceived(): void
  /** Token requests among them. */
  tokenRequests(): EntraRequest[]
  /** Makes the token endpoint answer otherwise; several are used up one after the other. */
  fail(next: TokenFault): void
  /** A signed access token without a sign-in; for any user, known or not. */
  mint(options: MintOptions): string
  /** Whether a token carries this stand-in's signature. */
  verify(token: string): boolean
  /** Ends a user's sessions, codes and refresh tokens: the next refresh is AADSTS50173. */
  revoke(upn: string): void
  /** Ends everything at once; calling it again is harmless. */
  close(): Promise<void>
}

const TENANT_ID = '7f3a9c1e-5b2d-4e8a-9c47-1d6e0f2b8a35'
const PUBLIC_HOST = 'login.windows.net'

/** Starts one. */
export async function startEntra(options: EntraOptions): Promise<EntraStandIn> {
  const { cert, users, clients, tenantId = TENANT_ID } = options
  const directory = new Directory({
    tenantId,
    users,
    clients,
    resources: options.resources ?? ['https://outlook.office365.com'],
  })
  const signer = await TokenSigner.create(directory)
  const lifetimes = { accessToken: options.accessTokenSeconds ?? 4_799, code: options.codeSeconds ?? 600 }
  const handler = new EntraHandler(options.publicHost ?? PUBLIC_HOST, directory, signer, lifetimes)
  const server = createServer(
    { cert: cert.certPem + (cert.chainPem ?? ''), key: cert.keyPem, maxHeaderSize: 128 * 1024 },
    (req, res) => {
      handler.handle(req, res).catch((cause: unknown) => {
        // A client that left in the middle of its request is no mistake.
        if (!req.complete) return
        // A mistake of the stand-in itself is told aloud, and must not look like an answer of Entra.
        process.emitWarning(cause instanceof Error ? cause : String(cause))
        res.destroy()
      })
    },
  )
  server.keepAliveTimeout = 120_000
  // A client that refuses the certificate, or speaks no HTTP: it is the client's test.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('clientError', (_error, socket) => socket.destroy())
  const host = options.host ?? '127.0.0.1'
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    handler.close()
    server.closeAllConnections()
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    await closed
  }
  return {
    port,
    tenantId,
    url: `https://${host}:${String(port)}`,
    received: handler.received,
    clearReceived: () => {
      handler.received.length = 0
    },
    tokenRequests: () => handler.received.filter(({ url }) => (url.split('?')[0] ?? '').endsWith('/token')),
    fail: (next) => handler.faults.push({ ...next, times: next.times ?? 1 }),
    mint: (mint) => signer.mint(mint),
    verify: (token) => signer.verify(token),
    revoke: (upn) => handler.revoke(upn),
    close,
    [Symbol.asyncDispose]: close,
  }
}
