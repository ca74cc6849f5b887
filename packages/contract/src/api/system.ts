/**
 * Endpoints: Core itself. Its API document, how it is, backups, and the keys that secrets are encrypted with.
 * @module
 */
import Type, { type Static } from 'typebox'
import { Instant, orNull, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Listening = Type.Object(
  { host: Type.String(), port: Type.Integer({ description: 'As configured; 0: any free one' }) },
  strict,
)

/** One Core process. */
export const CoreInstance = Type.Object(
  {
    id: Type.String(),
    host: Type.String({ description: 'Name of its machine' }),
    pid: Type.Integer(),
    version: Type.String(),
    startedAt: Instant,
    seenAt: Instant,
    alive: Type.Boolean({ description: 'It said within the last 30 seconds that it runs' }),
  },
  strict,
)
export type CoreInstance = Static<typeof CoreInstance>

/** State of the wrapping keys. */
export const KeyState = Type.Object(
  {
    current: Type.String({ title: 'Current key', description: 'Id of the key that new secrets are wrapped with' }),
    secrets: Type.Object(
      {
        current: Type.Integer({ ...Count, description: 'Secrets wrapped with the current key' }),
        older: Type.Integer({ ...Count, description: 'Secrets wrapped with earlier keys; rotate again to move them' }),
      },
      strict,
    ),
  },
  strict,
)
export type KeyState = Static<typeof KeyState>

/** How Core is. */
export const SystemState = Type.Object(
  {
    version: Type.String(),
    epoch: Type.String({ description: 'Of the posture that Sentries hold; a restore begins a new one' }),
    listeners: Type.Object({ admin: Listening, device: Listening, feed: Listening }, strict),
    database: Type.Object(
      {
        kind: Type.Enum(['embedded', 'external']),
        version: Type.String({ description: 'Of PostgreSQL' }),
        sizeBytes: Count,
        migrations: Type.Array(Type.Object({ number: Count, name: Type.String(), appliedAt: Instant }, strict)),
      },
      strict,
    ),
    keys: KeyState,
    instances: Type.Array(CoreInstance, { description: 'Core processes of the last day' }),
    audit: Type.Object({ rows: Count }, strict),
    backup: Type.Object({ lastAt: orNull(Instant) }, strict),
  },
  strict,
)
export type SystemState = Static<typeof SystemState>

/** What a rotation did. */
export const KeyRotation = Type.Object(
  {
    from: Type.String({ description: 'Id of the key until now; its file stays, because backups still need it' }),
    to: Type.String({ description: 'Id of the new key' }),
    rewrapped: Type.Integer({ ...Count, description: 'Secrets that were wrapped anew' }),
  },
  strict,
)
export type KeyRotation = Static<typeof KeyRotation>

/** See the module's comment. */
export const systemEndpoints = {
  readOpenApi: {
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'The API document (OpenAPI 3.1)',
    access: 'signed-in',
    reply: 'stream',
    media: 'application/json',
    failures: [],
  },
  readSystem: {
    method: 'GET',
    path: '/api/v1/system',
    summary: 'Show how Core is',
    access: 'system:view',
    reply: SystemState,
    cli: { noun: 'system', verb: 'show' },
    failures: [],
  },
  createBackup: {
    method: 'GET',
    path: '/api/v1/backup',
    summary: 'Take a backup of everything but the key folder, which is kept elsewhere',
    access: 'backup:create',
    reply: 'stream',
    media: 'application/gzip',
    cli: { noun: 'backup', verb: 'create' },
    failures: ['CONFLICT'],
  },
  rotateKeys: {
    method: 'POST',
    path: '/api/v1/keys/rotation',
    summary: 'Make a new wrapping key and wrap every secret with it',
    access: 'keys:rotate',
    reply: KeyRotation,
    cli: { noun: 'key', verb: 'rotate' },
    failures: ['CONFLICT'],
  },
} as const satisfies EndpointTable
