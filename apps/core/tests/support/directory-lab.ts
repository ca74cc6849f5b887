/**
 * Core's services on a database of their own, a clock that is set by hand, and the API without a listener: a principal
 * with every permission, or with those that a test names.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PERMISSION_NAMES, type Permission } from '@postern/contract/api/permissions'
import { devicesEndpoints } from '@postern/contract/api/devices'
import { labelsEndpoints } from '@postern/contract/api/labels'
import { usersEndpoints } from '@postern/contract/api/users'
import type { Actor } from '../../src/audit/chain.ts'
import { parseCoreConfig } from '../../src/config/core-config.ts'
import type { Principal } from '../../src/api/principal.ts'
import { openServices } from '../../src/core.ts'
import type { Change } from '../../src/database/store.ts'
import { buildAdminApp } from '../../src/listeners/admin-listener.ts'
import { devicesRoutes } from '../../src/routes/devices.ts'
import { labelsRoutes } from '../../src/routes/labels.ts'
import { usersRoutes } from '../../src/routes/users.ts'
import type { Services } from '../../src/services/services.ts'

/** What came back. `body`: parsed JSON, null without one. */
export interface LabReply {
  readonly status: number
  readonly etag: string | null
  readonly body: unknown
}

/** What goes along with a request. */
export interface LabRequest {
  readonly body?: object | string
  readonly headers?: Readonly<Record<string, string>>
  readonly permissions?: readonly Permission[]
}

/** Disposing ends the database and removes its folder. */
export interface DirectoryLab extends AsyncDisposable {
  readonly services: Services
  readonly actor: Actor
  /** Sets the clock; ms since 1970. */
  at(ms: number): void
  now(): number
  change<T>(work: (change: Change) => Promise<T>): Promise<T>
  call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, request?: LabRequest): Promise<LabReply>
}

/** Starts one: a second or two. */
export async function startDirectoryLab(start = Date.UTC(2026, 0, 10)): Promise<DirectoryLab> {
  const owned = new AsyncDisposableStack()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'postern-directory-'))
    owned.defer(() => rm(folder, { recursive: true, force: true }))
    let time = start
    const now = (): number => time
    const services = await openServices(parseCoreConfig({}), { folder, log: () => undefined, now }, owned)
    const actor: Actor = { kind: 'administrator', id: 'alice', name: 'alice' }
    const permissionsOf = { current: PERMISSION_NAMES }
    const app = owned.adopt(await buildLab(services, permissionsOf), (one) => one.close())
    return {
      services,
      actor,
      now,
      at: (ms) => void (time = ms),
      change: (work) => services.store.change(actor, work),
      call: async (method, url, { body, headers = {}, permissions = PERMISSION_NAMES } = {}) => {
        permissionsOf.current = permissions
        const sent = body === undefined ? {} : { payload: body }
        const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...sent })
        const etag = reply.headers['etag']
        const parsed: unknown = reply.body === '' ? null : JSON.parse(reply.body)
        return { status: reply.statusCode, etag: typeof etag === 'string' ? etag : null, body: parsed }
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

function buildLab(services: Services, permissions: { readonly current: readonly Permission[] }) {
  const table = { ...usersEndpoints, ...devicesEndpoints, ...labelsEndpoints }
  const handlers = { ...usersRoutes(services), ...devicesRoutes(services), ...labelsRoutes(services) }
  const authenticate = async (): Promise<Principal> => ({
    kind: 'administrator',
    id: 'alice',
    administratorId: 'alice',
    name: 'alice',
    permissions: new Set(permissions.current),
    sessionId: null,
    provedAt: services.now(),
  })
  return buildAdminApp(services, { table, handlers, authenticator: { authenticate } })
}
