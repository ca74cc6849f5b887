/**
 * Core's services on a database of their own, with the API of Standalone Sentries and certificates in front, without a
 * listener. Its clock is set by hand.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificatesEndpoints } from '@postern/contract/api/certificates'
import { PERMISSION_NAMES } from '@postern/contract/api/permissions'
import { sentryProfilesEndpoints } from '@postern/contract/api/sentry-profiles'
import { parseCoreConfig } from '../../src/config/core-config.ts'
import { openServices } from '../../src/core.ts'
import { buildAdminApp } from '../../src/listeners/admin-listener.ts'
import { certificatesRoutes } from '../../src/routes/certificates.ts'
import { sentryProfilesRoutes } from '../../src/routes/sentry-profiles.ts'
import type { Services } from '../../src/services/services.ts'

/** What came back. `text` is the body as it went out. */
export interface ProfileReply {
  readonly status: number
  readonly etag: string | null
  readonly text: string
  readonly body: unknown
}

/** Disposing ends the database and removes its folder. */
export interface ProfileLab extends AsyncDisposable {
  readonly services: Services
  /** Every reply so far. */
  readonly replies: readonly ProfileReply[]
  /** Sets the clock; ms since 1970. */
  at(ms: number): void
  now(): number
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ProfileReply>
}

/** Starts one: a second or two. */
export async function startProfileLab(start: number): Promise<ProfileLab> {
  const owned = new AsyncDisposableStack()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'postern-profiles-'))
    owned.defer(() => rm(folder, { recursive: true, force: true }))
    let time = start
    const now = (): number => time
    const services = await openServices(parseCoreConfig({}), { folder, log: () => undefined, now }, owned)
    const app = owned.adopt(await buildApp(services), (one) => one.close())
    const replies: ProfileReply[] = []
    return {
      services,
      replies,
      now,
      at: (ms) => void (time = ms),
      call: async (method, url, body, headers = {}) => {
        const sent = body === undefined ? {} : { payload: body }
        const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...sent })
        const etag = reply.headers['etag']
        const parsed: unknown = reply.body === '' ? null : JSON.parse(reply.body)
        const told = {
          status: reply.statusCode,
          etag: typeof etag === 'string' ? etag : null,
          text: reply.body,
          body: parsed,
        }
        replies.push(told)
        return told
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

function buildApp(services: Services) {
  const table = { ...sentryProfilesEndpoints, ...certificatesEndpoints }
  const handlers = { ...sentryProfilesRoutes(services), ...certificatesRoutes(services) }
  const authenticate = async () => ({
    kind: 'administrator' as const,
    id: 'alice',
    name: 'alice',
    administratorId: 'alice',
    permissions: new Set(PERMISSION_NAMES),
    sessionId: null,
    provedAt: services.now(),
  })
  return buildAdminApp(services, { table, handlers, authenticator: { authenticate } })
}
