/**
 * Users from a file: those that are new are added, others changed in the columns that the file has. All or nothing, unless
 * asked to do what can be done.
 * @module
 */
import { sql } from 'kysely'
import type { UserImportResult } from '@postern/contract/api/users'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import { refreshLabels } from '../labels/membership.ts'
import { refreshPosture, setUserBlocked } from '../posture/posture.ts'
import { toColumns, toFacts } from './users.ts'
import type { UserField, UserFile, UserFileRow } from './user-file.ts'

/** Users looked up, written and put into one row of the audit log together. */
const BATCH = 1_000

type Columns = ReturnType<typeof toColumns>

interface Known extends Columns {
  readonly id: string
  readonly blocked_at: Date | null
}

interface Planned {
  readonly before: Known | null
  readonly after: Columns
}

interface Plan {
  readonly created: readonly Planned[]
  readonly updated: readonly Planned[]
  readonly unchanged: number
}

/** What an import would do. */
export async function planImport(db: Db, file: UserFile): Promise<UserImportResult> {
  return resultOf(file, await plan(db, file), { dryRun: true, applied: false })
}

/** Does it, unless rows have problems and `partial` is false. @throws CoreError CONFLICT when somebody was faster */
export async function importUsers(change: Change, file: UserFile, partial: boolean): Promise<UserImportResult> {
  const { created, updated, unchanged } = await plan(change.tx, file)
  const result = resultOf(file, { created, updated, unchanged }, { dryRun: false, applied: true })
  if (file.refused > 0 && !partial) return { ...result, applied: false }
  const all = [...created, ...updated]
  for (let from = 0; from < all.length; from += BATCH) {
    const some = all.slice(from, from + BATCH)
    await write(change, some)
    change.audit({
      action: 'user.import',
      object: { kind: 'user' },
      before: some.flatMap(({ before }) => (before === null ? [] : [toFacts(before)])),
      after: some.map(({ before, after }) => toFacts({ ...after, blocked_at: before?.blocked_at ?? null })),
    })
  }
  await tellSentries(change, all)
  return result
}

async function plan(db: Db, { fields, rows }: UserFile): Promise<Plan> {
  const created: Planned[] = []
  const updated: Planned[] = []
  for (let from = 0; from < rows.length; from += BATCH) {
    const some = rows.slice(from, from + BATCH)
    const known = await knownUsers(db, some)
    for (const [i, { input }] of some.entries()) {
      const before = known.get(i) ?? null
      if (before === null) created.push({ before, after: toColumns(input) })
      else {
        const after = merged(before, toColumns(input), fields, input.userId !== undefined)
        if (COLUMNS.some((name) => before[name] !== after[name])) updated.push({ before, after })
      }
    }
  }
  return { created, updated, unchanged: rows.length - created.length - updated.length }
}

/** By position in `rows`. PostgreSQL folds the names, so that it finds what its unique index would. */
async function knownUsers(db: Db, rows: readonly UserFileRow[]): Promise<ReadonlyMap<number, Known>> {
  const names = rows.map(({ input }) => input.userName)
  const { rows: found } = await sql<Known & { position: number }>`
    select told.position - 1 as position, u.id, u.user_name, u.user_id, u.email, u.first_name, u.last_name,
      u.display_name, u.custom1, u.custom2, u.custom3, u.custom4, u.disabled, u.blocked_at
    from unnest(${names}::text[]) with ordinality as told (name, position)
    join users u on u.user_key = lower(told.name)`.execute(db)
  return new Map(found.map(({ position, ...user }) => [position, user]))
}

const COLUMN_OF = {
  userName: 'user_name',
  userId: 'user_id',
  email: 'email',
  firstName: 'first_name',
  lastName: 'last_name',
  displayName: 'display_name',
  custom1: 'custom1',
  custom2: 'custom2',
  custom3: 'custom3',
  custom4: 'custom4',
  disabled: 'disabled',
} as const satisfies Record<UserField, keyof Columns>
const COLUMNS = Object.values(COLUMN_OF)

/** What the file does not name stays as it is; so does the user id where its cell is empty. */
function merged(before: Known, told: Columns, fields: readonly UserField[], hasUserId: boolean): Columns {
  const { id: _id, blocked_at: _blocked, ...columns } = before
  const named = fields.filter((field) => field !== 'userId' || hasUserId).map((field) => COLUMN_OF[field])
  return { ...columns, ...Object.fromEntries(named.map((name) => [name, told[name]])) }
}

async function write(change: Change, planned: readonly Planned[]): Promise<void> {
  const rows = JSON.stringify(planned.map(({ before, after }) => ({ id: before?.id ?? null, ...after })))
  await sql`
    with told as (
      select * from jsonb_to_recordset(${rows}::jsonb) as row (
        id uuid, user_name text, user_id text, email text, first_name text, last_name text, display_name text,
        custom1 text, custom2 text, custom3 text, custom4 text, disabled boolean)
    ), changed as (
      update users set version = version + 1, updated_at = ${change.now}, user_name = told.user_name,
        user_id = told.user_id, email = told.email, first_name = told.first_name, last_name = told.last_name,
        display_name = told.display_name, custom1 = told.custom1, custom2 = told.custom2, custom3 = told.custom3,
        custom4 = told.custom4, disabled = told.disabled,
        disabled_at = case when told.disabled then coalesce(users.disabled_at, ${change.now}) end
      from told where users.id = told.id
    )
    insert into users (created_at, updated_at, user_name, user_id, email, first_name, last_name, display_name,
      custom1, custom2, custom3, custom4, disabled, disabled_at)
    select ${change.now}, ${change.now}, user_name, user_id, email, first_name, last_name, display_name,
      custom1, custom2, custom3, custom4, disabled, case when disabled then ${change.now}::timestamptz end
    from told where id is null`.execute(change.tx)
}

async function tellSentries(change: Change, planned: readonly Planned[]): Promise<void> {
  const isBlocked = ({ before, after }: Planned): boolean => after.disabled || (before?.blocked_at ?? null) !== null
  const oldNames = planned.flatMap(({ before, after }) =>
    before !== null && before.user_name !== after.user_name ? [before.user_name] : [],
  )
  await setUserBlocked(change, oldNames, false)
  await setUserBlocked(
    change,
    planned.filter(isBlocked).map(({ after }) => after.user_name),
    true,
  )
  const free = planned.filter((one) => one.before?.disabled === true && !isBlocked(one))
  await setUserBlocked(
    change,
    free.map(({ after }) => after.user_name),
    false,
  )
  const ids = planned.flatMap(({ before }) => (before === null ? [] : [before.id]))
  const { rows } = await sql<{ id: string }>`select id from devices where user_id = any(${ids}::uuid[])`.execute(
    change.tx,
  )
  const deviceIds = rows.map(({ id }) => id)
  await refreshLabels(change, deviceIds)
  await refreshPosture(change, deviceIds)
}

function resultOf(
  { refused, problems }: UserFile,
  { created, updated, unchanged }: Plan,
  how: { readonly dryRun: boolean; readonly applied: boolean },
): UserImportResult {
  return {
    ...how,
    created: created.length,
    updated: updated.length,
    unchanged,
    refused,
    problems: [...problems],
  }
}
