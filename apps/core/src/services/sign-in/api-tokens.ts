/**
 * API tokens: what programs call with. Shown once, kept hashed, never worth more than whoever made them.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Permission } from '@postern/contract/api/permissions'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import type { AdministratorsTables } from '../../database/tables/administrators.ts'
import { CoreError, invalid, notFound } from '../../failure.ts'
import { TOKEN_PREFIX } from './authenticator.ts'
import { newSecret, secretHash } from './secrets.ts'

/** A token's row. */
export type ApiTokenRow = Selectable<AdministratorsTables['api_tokens']>

/** Tokens of one administrator at most. */
const MOST_TOKENS = 100

/** What a token is made from. `held`: what its maker may do now. `seconds`: the contract's TOKEN_SECONDS. */
export interface ApiTokenDraft {
  readonly administratorId: string
  readonly held: ReadonlySet<Permission>
  readonly name: string
  readonly permissions: readonly Permission[]
  readonly seconds: number
}

/** Makes one. Returns the secret, which nobody can read again. @throws CoreError INVALID, CONFLICT */
export async function createApiToken(
  { tx, now, audit }: Change,
  { administratorId, held, name, permissions, seconds }: ApiTokenDraft,
): Promise<{ row: ApiTokenRow; secret: string }> {
  const beyond = permissions.filter((permission) => !held.has(permission))
  if (beyond.length > 0) {
    throw invalid('permissions', `you do not have ${beyond.join(', ')} yourself; leave out what you cannot do`)
  }
  const { kind } = await tx
    .selectFrom('administrators')
    .select('kind')
    .where('id', '=', administratorId)
    .executeTakeFirstOrThrow()
  if (kind === 'break-glass') {
    throw new CoreError('CONFLICT', 'the emergency account lasts an hour and makes no tokens; sign in as a person')
  }
  await tx
    .deleteFrom('api_tokens')
    .where('administrator_id', '=', administratorId)
    .where('expires_at', '<', now)
    .execute()
  if ((await listApiTokens(tx, administratorId)).length >= MOST_TOKENS) {
    throw new CoreError('CONFLICT', `an administrator has ${MOST_TOKENS} API tokens at most; remove one first`)
  }
  const secret = TOKEN_PREFIX + newSecret()
  const expires = new Date(now.getTime() + seconds * 1_000)
  const row = await tx
    .insertInto('api_tokens')
    .values({
      ...{ token_hash: secretHash(secret), administrator_id: administratorId, name },
      ...{ permissions: JSON.stringify(permissions), created_at: now, expires_at: expires },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = { permissions, expiresAt: expires.toISOString(), secret: '(secret)' }
  audit({ action: 'api-token.create', object: { kind: 'api-token', id: row.id, name }, after })
  return { row, secret }
}

/** All of one administrator, oldest first. */
export async function listApiTokens(db: Db, administratorId: string): Promise<ApiTokenRow[]> {
  return db
    .selectFrom('api_tokens')
    .selectAll()
    .where('administrator_id', '=', administratorId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Revokes one. @throws CoreError NOT_FOUND */
export async function removeApiToken({ tx, audit }: Change, administratorId: string, id: string): Promise<void> {
  const row = await tx
    .deleteFrom('api_tokens')
    .where('id', '=', id)
    .where('administrator_id', '=', administratorId)
    .returning(['name', 'permissions'])
    .executeTakeFirst()
  if (row === undefined) throw notFound('API token', id)
  audit({
    action: 'api-token.remove',
    object: { kind: 'api-token', id, name: row.name },
    before: { permissions: row.permissions },
  })
}
