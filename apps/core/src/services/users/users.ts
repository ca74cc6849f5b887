/**
 * Users: who owns devices. Their names are those of the directory and compare without regard to case.
 * @module
 */
import { type SelectQueryBuilder, sql } from 'kysely'
import type { UserInput } from '@postern/contract/api/users'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { Change } from '../../database/store.ts'
import type { Tables } from '../../database/tables.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid, notFound } from '../../failure.ts'
import { refreshLabels } from '../labels/membership.ts'
import { refreshPosture, setUserBlocked } from '../posture/posture.ts'
import { containsWords } from '../search.ts'

/** A user as it is stored, with the number of devices. */
export interface UserRow {
  readonly id: string
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly user_name: string
  readonly user_id: string
  readonly email: string
  readonly first_name: string
  readonly last_name: string
  readonly display_name: string
  readonly custom1: string
  readonly custom2: string
  readonly custom3: string
  readonly custom4: string
  readonly disabled: boolean
  readonly blocked_at: Date | null
  readonly blocked_by: string | null
  readonly blocked_note: string | null
  readonly devices: number
}

/** What a list of users may be narrowed to. */
export interface UserFilter {
  readonly search?: string | undefined
  readonly blocked?: boolean | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** A page of users by name. @throws CoreError INVALID for a foreign cursor */
export async function listUsers(db: Db, { search, blocked, limit, cursor }: UserFilter): Promise<Page<UserRow>> {
  let query = selectUsers(db)
  if (search !== undefined) query = query.where(containsWords(sql.ref('users.search'), search))
  if (blocked !== undefined)
    query = query.where(sql<boolean>`(users.blocked_at is not null or users.disabled)`, '=', blocked)
  const columns = [{ by: 'users.user_key', type: 'text' }] as const
  return pageOf(query, { limit, cursor, sort: 'userName', columns })
}

/** @throws CoreError NOT_FOUND */
export async function readUser(db: Db, id: string): Promise<UserRow> {
  const row = await selectUsers(db).where('users.id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('user', id)
  return row
}

/** @throws CoreError CONFLICT when the name is taken */
export async function createUser(change: Change, input: UserInput): Promise<UserRow> {
  await refuseTakenName(change, input.userName, null)
  const { id } = await change.tx
    .insertInto('users')
    .values({ ...toColumns(input), ...disabledSince(change, input.disabled ?? false, null), ...stamps(change) })
    .returning('id')
    .executeTakeFirstOrThrow()
  if (input.disabled === true) await setUserBlocked(change, [input.userName], true)
  const row = await readUser(change.tx, id)
  change.audit({ action: 'user.create', object: objectOf(row), after: toFacts(row) })
  return row
}

/** Puts `input` in the place of what was; absent members become empty. @throws CoreError NOT_FOUND, CHANGED, CONFLICT */
export async function updateUser(
  change: Change,
  id: string,
  version: number | null,
  input: UserInput,
): Promise<UserRow> {
  await lockVersion(change, 'users', 'user', id, version)
  const before = await readUser(change.tx, id)
  await refuseTakenName(change, input.userName, id)
  const since = await change.tx.selectFrom('users').select('disabled_at').where('id', '=', id).executeTakeFirstOrThrow()
  await change.tx
    .updateTable('users')
    .set({
      ...toColumns(input),
      ...disabledSince(change, input.disabled ?? false, since.disabled_at),
      ...nextVersion(change),
    })
    .where('id', '=', id)
    .execute()
  const after = await readUser(change.tx, id)
  change.audit({ action: 'user.update', object: objectOf(after), before: toFacts(before), after: toFacts(after) })
  if (before.user_name !== after.user_name) await setUserBlocked(change, [before.user_name], false)
  await tellSentries(change, after)
  return after
}

/** @throws CoreError NOT_FOUND, CONFLICT when it is blocked already */
export async function blockUser(change: Change, id: string, note: string): Promise<UserRow> {
  await lockVersion(change, 'users', 'user', id, null)
  const before = await readUser(change.tx, id)
  if (before.blocked_at !== null) throw new CoreError('CONFLICT', `${before.user_name} is blocked already`)
  const columns = { blocked_at: change.now, blocked_by: change.actor.name, blocked_note: note }
  return setBlock(change, before, 'user.block', note, columns)
}

/** @throws CoreError NOT_FOUND, CONFLICT when it is not blocked */
export async function unblockUser(change: Change, id: string, note: string): Promise<UserRow> {
  await lockVersion(change, 'users', 'user', id, null)
  const before = await readUser(change.tx, id)
  if (before.blocked_at === null) throw new CoreError('CONFLICT', `${before.user_name} is not blocked`)
  const columns = { blocked_at: null, blocked_by: null, blocked_note: null }
  return setBlock(change, before, 'user.unblock', note, columns)
}

/** Removes a user without devices; `removal.ts` takes the devices along. @throws CoreError NOT_FOUND, IN_USE */
export async function removeUser(change: Change, id: string): Promise<void> {
  await lockVersion(change, 'users', 'user', id, null)
  const row = await readUser(change.tx, id)
  if (row.devices > 0) {
    const many = row.devices === 1 ? 'a device' : `${row.devices} devices`
    throw new CoreError('IN_USE', `${row.user_name} has ${many}; remove them first, or retire them with the user`)
  }
  await change.tx.deleteFrom('users').where('id', '=', id).execute()
  await setUserBlocked(change, [row.user_name], false)
  change.audit({ action: 'user.remove', object: objectOf(row), before: toFacts(row) })
}

/** The user of a name, without regard to case, locked against renaming. @throws CoreError INVALID at `userName` */
export async function userByName(
  change: Change,
  userName: string,
): Promise<{ id: string; user_name: string; display_name: string }> {
  const row = await change.tx
    .selectFrom('users')
    .select(['id', 'user_name', 'display_name'])
    .where('user_key', '=', sql<string>`lower(${userName})`)
    .forShare()
    .executeTakeFirst()
  if (row === undefined) throw invalid('userName', `there is no user ${userName}; add the user first`)
  return row
}

/** Columns of what people say of a user; absent members are empty, and the user id is the name before the @. */
export function toColumns(input: UserInput) {
  return {
    user_name: input.userName,
    user_id: input.userId ?? input.userName.slice(0, input.userName.indexOf('@')),
    email: input.email ?? '',
    first_name: input.firstName ?? '',
    last_name: input.lastName ?? '',
    display_name: input.displayName ?? '',
    custom1: input.custom1 ?? '',
    custom2: input.custom2 ?? '',
    custom3: input.custom3 ?? '',
    custom4: input.custom4 ?? '',
    disabled: input.disabled ?? false,
  }
}

/** What people say of a user, as columns. */
export type UserColumns = ReturnType<typeof toColumns> & { readonly blocked_at: Date | null }

/** What stands in the audit log. */
export function toFacts(row: UserColumns) {
  return {
    userName: row.user_name,
    userId: row.user_id,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    displayName: row.display_name,
    custom1: row.custom1,
    custom2: row.custom2,
    custom3: row.custom3,
    custom4: row.custom4,
    disabled: row.disabled,
    blocked: row.blocked_at !== null,
  }
}

function selectUsers(db: Db): SelectQueryBuilder<Tables, 'users', UserRow> {
  return db
    .selectFrom('users')
    .select([
      ...(['users.id', 'version', 'created_at', 'updated_at', 'user_name', 'user_id', 'email', 'first_name'] as const),
      ...(['last_name', 'display_name', 'custom1', 'custom2', 'custom3', 'custom4', 'disabled'] as const),
      ...(['blocked_at', 'blocked_by', 'blocked_note'] as const),
      sql<number>`(select count(*) from devices where devices.user_id = users.id)`.as('devices'),
    ])
}

async function setBlock(
  change: Change,
  before: UserRow,
  action: string,
  note: string,
  columns: { blocked_at: Date | null; blocked_by: string | null; blocked_note: string | null },
): Promise<UserRow> {
  await change.tx
    .updateTable('users')
    .set({ ...columns, ...nextVersion(change) })
    .where('id', '=', before.id)
    .execute()
  const blocked = columns.blocked_at !== null
  const facts = { before: { blocked: !blocked }, after: { blocked } }
  change.audit({ action, object: objectOf(before), ...facts, note })
  const after = await readUser(change.tx, before.id)
  await tellSentries(change, after)
  return after
}

/** A disabled account counts as a blocked user for Sentries; the devices' reasons say which it is. */
async function tellSentries(change: Change, { id, user_name, disabled, blocked_at }: UserRow): Promise<void> {
  await setUserBlocked(change, [user_name], disabled || blocked_at !== null)
  const rows = await change.tx.selectFrom('devices').select('id').where('user_id', '=', id).execute()
  const deviceIds = rows.map((row) => row.id)
  await refreshLabels(change, deviceIds)
  await refreshPosture(change, deviceIds)
}

async function refuseTakenName(change: Change, userName: string, exceptId: string | null): Promise<void> {
  const taken = await change.tx
    .selectFrom('users')
    .select('id')
    .where('user_key', '=', sql<string>`lower(${userName})`)
    .executeTakeFirst()
  if (taken !== undefined && taken.id !== exceptId) {
    throw new CoreError('CONFLICT', `there is a user ${userName} already; names differ by more than case`)
  }
}

function disabledSince(change: Change, disabled: boolean, since: Date | null): { disabled_at: Date | null } {
  return { disabled_at: disabled ? (since ?? change.now) : null }
}

function stamps(change: Change): { created_at: Date; updated_at: Date } {
  return { created_at: change.now, updated_at: change.now }
}

function objectOf({ id, user_name }: Pick<UserRow, 'id' | 'user_name'>) {
  return { kind: 'user', id, name: user_name }
}
