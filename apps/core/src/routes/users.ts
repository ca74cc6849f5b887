/**
 * Handlers of the endpoints: users.
 * @module
 */
import { type User, USER_IMPORT, type usersEndpoints } from '@postern/contract/api/users'
import type { Handlers, RequestContext } from '../api/handlers.ts'
import { CoreError, invalid } from '../failure.ts'
import type { Services } from '../services/services.ts'
import { importUsers, planImport } from '../services/users/import.ts'
import { removeUserWithDevices } from '../services/devices/remove-user.ts'
import { readUserFile } from '../services/users/user-file.ts'
import {
  blockUser,
  createUser,
  listUsers,
  readUser,
  removeUser,
  unblockUser,
  updateUser,
  type UserRow,
} from '../services/users/users.ts'

/** Wires endpoints to services. */
export function usersRoutes({ store }: Services): Handlers<typeof usersEndpoints> {
  return {
    listUsers: async ({ query }) => {
      const { items, next } = await listUsers(store.db, query)
      return { body: { items: items.map(toUser), next } }
    },
    readUser: async ({ params }) => answer(await readUser(store.db, params.id)),
    createUser: async ({ body }, context) => {
      const created = await context.change(async (change) => toUser(await createUser(change, body)))
      return { body: created, version: created.version }
    },
    updateUser: async ({ params, body }, context) =>
      answer(await context.change((change) => updateUser(change, params.id, context.ifMatch, body))),
    blockUser: async ({ params, body }, context) =>
      answer(await context.change((change) => blockUser(change, params.id, body.note))),
    unblockUser: async ({ params, body }, context) =>
      answer(await context.change((change) => unblockUser(change, params.id, body.note))),
    removeUser: async ({ params, query }, context) => {
      if (query.retire === true) requireRetire(context)
      const remove = query.retire === true ? removeUserWithDevices : removeUser
      await context.change((change) => remove(change, params.id))
      return { body: null }
    },
    importUsers: async ({ query, body }, context) => {
      const file = await readUserFile(textOf(body))
      const { dryRun = false, partial = false } = query
      if (dryRun) return { body: await planImport(store.db, file) }
      return { body: await context.change((change) => importUsers(change, file, partial)) }
    },
  }
}

function toUser(row: UserRow): User {
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
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
    blocked:
      row.blocked_at === null
        ? null
        : { since: row.blocked_at.toISOString(), by: row.blocked_by ?? '', note: row.blocked_note ?? '' },
    devices: row.devices,
  }
}

function answer(row: UserRow) {
  return { body: toUser(row), version: row.version }
}

// The endpoint's own permission does not let one retire devices.
function requireRetire({ principal }: RequestContext): void {
  if (principal?.permissions.has('device:retire') === true) return
  throw new CoreError('FORBIDDEN', 'to retire the devices too needs the permission device:retire')
}

function textOf(body: unknown): string {
  const text = Buffer.isBuffer(body) ? body.toString() : body
  if (typeof text !== 'string' || text === '') throw invalid('body', 'is empty; send a CSV file as text/csv')
  if (Buffer.byteLength(text) > USER_IMPORT.bytes) {
    throw new CoreError('TOO_LARGE', `the file is larger than ${USER_IMPORT.bytes} bytes; split it`)
  }
  if (text.includes('\0')) throw invalid('body', 'is no text; export the file as UTF-8 CSV')
  return text
}
