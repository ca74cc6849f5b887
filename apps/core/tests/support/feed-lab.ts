/**
 * Cores without their admin side, and machines that register and listen: what the tests of the feed are made of. The
 * machines speak plain HTTPS and share no code with the feed.
 * @module
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { FEED_PATHS, FEED_SERVER_NAME, parseEnrolmentToken } from '@postern/contract/feed/enrolment'
import type { FeedMessage } from '@postern/contract/feed/feed-messages'
import { createKeyPair, createRequest, type KeyPair } from '@postern/pki/certificate-request'
import { startPostgres } from '@postern/postgres-server/server'
import { SYSTEM } from '../../src/audit/chain.ts'
import { parseCoreConfig } from '../../src/config/core-config.ts'
import { openServices } from '../../src/core.ts'
import { type FeedOptions, startFeedListener } from '../../src/feed/feed-listener.ts'
import { openServiceAuthority } from '../../src/services/sentries/authority.ts'
import { createSentry, newSentryToken } from '../../src/services/sentries/edit-sentries.ts'
import type { LogFields, Services } from '../../src/services/services.ts'

/** A line that a Core wrote. */
export interface LoggedLine {
  readonly event: string
  readonly fields: LogFields
}

/** One Core: its services and its feed. */
export interface LabCore {
  readonly services: Services
  readonly port: number
  readonly log: readonly LoggedLine[]
  /** Ends the feed only; the services stay. */
  stopFeed(): Promise<void>
  restartFeed(): Promise<void>
}

/** Several Cores on one database. Disposing ends everything. */
export interface FeedLab extends AsyncDisposable {
  readonly cores: readonly LabCore[]
  /** The first Core. */
  readonly core: LabCore
  /** Lets time pass for every Core. */
  advance(ms: number): void
  /** Adds a Sentry. */
  add(name: string, profileId?: string | null): Promise<{ id: string; token: string }>
  token(id: string): Promise<string>
  /** Writes posture rows as the posture service does, from the given Core. Null: gone. */
  posture(rows: readonly PostureRow[], core?: LabCore): Promise<void>
}

/** A row of posture. */
export interface PostureRow {
  readonly kind: 'device' | 'certificate' | 'user' | 'mode'
  readonly key: string
  readonly value: object | null
}

const PASSWORD = 'loopback-only'

/** Starts PostgreSQL and `count` Cores. */
export async function startFeedLab(count: number, options: FeedOptions = {}): Promise<FeedLab> {
  const owned = new AsyncDisposableStack()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'postern-feed-'))
    owned.defer(() => rm(folder, { recursive: true, force: true }))
    const listen = { kind: 'tcp' as const, password: PASSWORD }
    const server = owned.use(await startPostgres({ dataDir: join(folder, 'postgres'), listen, log: () => undefined }))
    const { host, port, user, database } = server.connection
    const url = `postgres://${user}:${PASSWORD}@${host}:${port}/${database}`
    let ahead = 0
    const now = (): number => Date.now() + ahead
    const cores: LabCore[] = []
    for (let i = 0; i < count; i += 1) cores.push(await startLabCore(folder, url, now, options, owned))
    const [core] = cores
    if (core === undefined) throw new Error('a lab has one Core at least')
    return {
      cores,
      core,
      advance: (ms) => void (ahead += ms),
      ...registrar(core),
      posture: (rows, by = core) => writePosture(by.services, rows),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

async function startLabCore(
  folder: string,
  url: string,
  now: () => number,
  options: FeedOptions,
  owned: AsyncDisposableStack,
): Promise<LabCore> {
  const anywhere = { host: '127.0.0.1', port: 0 }
  const config = parseCoreConfig({
    ...{ data: 'data', secrets: { folder: 'keys' }, database: { url } },
    ...{ admin: anywhere, device: anywhere, feed: anywhere },
  })
  const log: LoggedLine[] = []
  const told = (_level: string, event: string, fields: LogFields = {}) => void log.push({ event, fields })
  const services = await openServices(config, { folder, log: told, now }, owned)
  let feed = await startFeedListener(services, options)
  owned.defer(async () => feed[Symbol.asyncDispose]())
  return {
    services,
    log,
    get port() {
      return feed.port
    },
    stopFeed: async () => feed[Symbol.asyncDispose](),
    restartFeed: async () => {
      feed = await startFeedListener(services, options)
    },
  }
}

function registrar({ services }: LabCore): Pick<FeedLab, 'add' | 'token'> {
  const where = async () => ({
    core: 'https://127.0.0.1:1',
    authorityPem: (await openServiceAuthority(services)).certificatePem,
  })
  return {
    add: async (name, profileId = null) => {
      const at = await where()
      const added = await services.store.change(SYSTEM, (change) => createSentry(change, { name, profileId }, at))
      return { id: added.id, token: added.invitation.token }
    },
    token: async (id) => {
      const at = await where()
      return (await services.store.change(SYSTEM, (change) => newSentryToken(change, id, at))).token
    },
  }
}

async function writePosture({ store }: Services, rows: readonly PostureRow[]): Promise<void> {
  await store.change(SYSTEM, async ({ tx, wake }) => {
    await sql`select pg_advisory_xact_lock(7205099)`.execute(tx)
    for (const { kind, key, value } of rows) {
      const json = value === null ? null : JSON.stringify(value)
      await sql`insert into posture_entries (kind, key, value, seq)
        values (${kind}, ${key}, ${json}::jsonb, nextval('posture_seq'))
        on conflict (kind, key) do update set value = excluded.value, seq = excluded.seq, at = now()`.execute(tx)
    }
    wake('posture')
  })
}

/** A posture row of a device. */
export function deviceRow(id: string, posture: 'allow' | 'block' = 'allow'): PostureRow {
  const value = { id, user: `${id}@example.com`, easDeviceIds: [], certificates: [], posture, reasons: [] }
  return { kind: 'device', key: id, value }
}

/** What a machine presents. */
export interface ClientIdentity {
  readonly cert: string
  readonly key: string
}

/** A reply, read whole. */
export interface FeedReply {
  readonly status: number
  readonly body: unknown
}

/** One call of the feed. `identity` null: without a certificate. @throws when the connection fails */
export async function call(
  { port, ca }: { readonly port: number; readonly ca: string },
  identity: ClientIdentity | null,
  options: { readonly method: string; readonly path: string; readonly body?: unknown; readonly text?: string },
): Promise<FeedReply> {
  const text = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  const response = await send(port, ca, identity, options, text)
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  const reply = Buffer.concat(chunks).toString()
  const json = (response.headers['content-type'] ?? '').includes('json')
  return {
    status: response.statusCode ?? 0,
    body: json && reply !== '' ? JSON.parse(reply.split('\n')[0] ?? '') : reply,
  }
}

async function send(
  port: number,
  ca: string,
  identity: ClientIdentity | null,
  options: RequestOptions,
  text?: string,
): Promise<IncomingMessage> {
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port, ca, servername: FEED_SERVER_NAME, agent: false, ...identity },
    ...{ method: options.method ?? 'GET', path: options.path ?? '/' },
    headers: { 'content-type': 'application/json' },
  })
  request.end(text)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

/** The CA that a token names, as a machine pins it. */
export function caOf(token: string): string {
  const der = Buffer.from(parseEnrolmentToken(token)?.authority ?? '', 'base64url').toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${(der.match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
}

/** A machine: a key of its own, and what Core gave it. */
export interface Machine {
  readonly ca: string
  readonly keys: KeyPair
  readonly identity: ClientIdentity
  readonly reply: FeedReply
}

/** Sends a request for registration. `claims`: a name to put into the certificate request. */
export async function enrol(
  port: number,
  token: string,
  options: { readonly keys?: KeyPair; readonly claims?: string; readonly schemas?: readonly number[] } = {},
): Promise<Machine> {
  const keys = options.keys ?? (await createKeyPair('P-256'))
  const csr = await csrOf(keys, options.claims)
  const ca = caOf(token)
  const body = { token, csr, version: '0.1.0', schemas: options.schemas ?? [2, 1] }
  const reply = await call({ port, ca }, null, { method: 'POST', path: FEED_PATHS.enrol, body })
  return { ca, keys, reply, identity: { cert: pemOf(reply), key: keys.privateKeyPem } }
}

/** PKCS#10 of a key. */
export function csrOf(keys: KeyPair, claims = 'sentry'): Promise<string> {
  return createRequest({ privateKeyPem: keys.privateKeyPem, commonName: claims, dnsNames: [] })
}

/** The certificate in a reply to a registration; empty when it was refused. */
export function pemOf({ body }: FeedReply): string {
  return typeof body === 'object' && body !== null && 'certificatePem' in body ? String(body.certificatePem) : ''
}

/** An open feed. */
export interface OpenFeed extends AsyncDisposable {
  /** Everything so far, in order. */
  readonly messages: readonly FeedMessage[]
  /** The first message that fits, from the start or later. @throws when it does not come within 10 s, or the stream ends */
  until(fits: (message: FeedMessage) => boolean): Promise<FeedMessage>
  /** Settles when Core, or `close`, has ended the stream. */
  readonly ended: Promise<void>
  /** Stops and starts reading. */
  pause(): void
  resume(): void
  close(): void
}

/** Opens the feed. `query` beside the schemas and the version. */
export async function openFeed(
  port: number,
  machine: Pick<Machine, 'ca' | 'identity'>,
  query: Readonly<Record<string, string>> = {},
): Promise<OpenFeed> {
  const text = new URLSearchParams({ schemas: '2,1', version: '0.1.0', etag: '', epoch: '', seq: '', ...query })
  const path = `${FEED_PATHS.feed}?${text.toString()}`
  const response = await send(port, machine.ca, machine.identity, { path })
  if (response.statusCode !== 200) throw new Error(`the feed answers ${response.statusCode ?? 0}`)
  const messages: FeedMessage[] = []
  const waiting = new Set<() => void>()
  let over = false
  let rest = ''
  response.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) messages.push(JSON.parse(line) as FeedMessage)
    for (const look of waiting) look()
  })
  const ended = once(response, 'close').then(
    () => undefined,
    () => undefined,
  )
  response.on('error', () => undefined) // it is `ended` that tells
  void ended.then(() => {
    over = true
    for (const look of waiting) look()
  })
  return {
    messages,
    ended,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = messages.find(fits)
          if (found === undefined && !over) return
          clearTimeout(timer)
          waiting.delete(look)
          if (found === undefined) reject(new Error(`the stream has ended after ${messages.length} messages`))
          else resolve(found)
        }
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`it did not come; there were ${messages.map(({ type }) => type).join(' ')}`))
        }, 10_000)
        waiting.add(look)
        look()
      }),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: () => void response.destroy(),
    [Symbol.asyncDispose]: async () => {
      response.destroy()
      await ended
    },
  }
}
