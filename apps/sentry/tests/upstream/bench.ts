/**
 * What the tests of the upstream client share: a peer with a good certificate, a client that trusts it, a request.
 * @module
 */
import type { LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { createCa } from '@postern/harness/ca'
import type { Issued, TestCa } from '@postern/harness/ca'
import { createUpstreamClient } from '../../src/transport/upstream/upstream-client.ts'
import type {
  UpstreamClient,
  UpstreamClientOptions,
  UpstreamRequest,
} from '../../src/transport/upstream/upstream-client.ts'
import { startPeer } from './scripted-peer.ts'
import type { ScriptedPeer } from './scripted-peer.ts'

export const HOST = 'mail.test'
const toLoopback: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

let made: Promise<{ ca: TestCa; good: Issued }> | null = null

/** One authority for all tests of a file, with a certificate for HOST. */
export function authority(): Promise<{ ca: TestCa; good: Issued }> {
  made ??= createCa().then(async (ca) => ({ ca, good: await ca.issueServer({ names: [HOST] }) }))
  return made
}

/** A client that trusts the tests' authority and resolves every name to loopback. */
export async function newClient(options: Partial<UpstreamClientOptions> = {}): Promise<UpstreamClient> {
  const { ca } = await authority()
  return createUpstreamClient({
    caPem: [ca.certPem],
    lookup: toLoopback,
    maxIdlePerPool: 8,
    idleMs: 60_000,
    ...options,
  })
}

/** A peer with a good certificate and a client; both end with the disposal. */
export async function newBench(options: Partial<UpstreamClientOptions> = {}): Promise<Bench> {
  const { good } = await authority()
  const peer = await startPeer({ cert: good.certPem, key: good.keyPem })
  const client = await newClient(options)
  return {
    peer,
    client,
    request: (change = {}) => toRequest(peer, change),
    [Symbol.asyncDispose]: async () => {
      client.close()
      await peer[Symbol.asyncDispose]()
    },
  }
}

export interface Bench extends AsyncDisposable {
  readonly peer: ScriptedPeer
  readonly client: UpstreamClient
  /** An empty POST to the peer, with changes. */
  request(change?: Partial<UpstreamRequest>): UpstreamRequest
}

/** An empty POST to a peer. */
export function toRequest(peer: ScriptedPeer, change: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    target: { host: HOST, port: peer.port },
    method: 'POST',
    path: '/Microsoft-Server-ActiveSync?Cmd=Ping',
    headers: [['Authorization', 'Bearer x']],
    hostHeader: HOST,
    body: { kind: 'none' },
    affinity: null,
    timeouts: { connectMs: 5_000, responseHeadMs: 5_000, responseIdleMs: 5_000 },
    ...change,
  }
}

/** All of a body as latin1 text. */
export async function textOf(body: Readable): Promise<string> {
  let text = ''
  for await (const chunk of body) text += (chunk as Buffer).toString('latin1')
  return text
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Until the condition holds; fails after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('the condition did not come true')
    await wait(2)
  }
}
