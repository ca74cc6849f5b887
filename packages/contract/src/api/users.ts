/**
 * Endpoints: users.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ById, Id, Instant, Note, orNull, pageOf, pageQuery, strict } from './common.ts'
import type { EndpointTable } from './endpoint.ts'

/** A line of text, possibly empty: no control characters, no space at the ends. */
function line(title: string, maxLength = 200) {
  return Type.String({ title, maxLength, pattern: '^(?! )[^\\u0000-\\u001f\\u007f]*(?<! )$' })
}

/** UPN or address; compares without regard to case. */
export const UserName = Type.String({
  title: 'User name',
  description: 'User principal name as in the directory, such as tu1@example.com. Unique without regard to case.',
  minLength: 3,
  maxLength: 320,
  pattern: '^[^\\s@\\u0000-\\u001f\\u007f]+@[^\\s@\\u0000-\\u001f\\u007f]+$',
})

const userFields = {
  userName: UserName,
  userId: Type.Optional(
    Type.String({
      title: 'User id',
      description: 'Name with which the user signs in ($USERID$); when absent, the user name before the @.',
      minLength: 1,
      maxLength: 200,
      pattern: '^[^\\s\\u0000-\\u001f\\u007f]+$',
    }),
  ),
  email: Type.Optional(
    Type.String({
      title: 'E-mail address',
      maxLength: 320,
      pattern: '^$|^[^\\s@\\u0000-\\u001f\\u007f]+@[^\\s@\\u0000-\\u001f\\u007f]+$',
    }),
  ),
  firstName: Type.Optional(line('First name')),
  lastName: Type.Optional(line('Last name')),
  displayName: Type.Optional(line('Display name')),
  custom1: Type.Optional(line('Custom attribute 1')),
  custom2: Type.Optional(line('Custom attribute 2')),
  custom3: Type.Optional(line('Custom attribute 3')),
  custom4: Type.Optional(line('Custom attribute 4')),
  disabled: Type.Optional(
    Type.Boolean({ title: 'Account disabled', description: 'As the directory says; devices of the user are blocked.' }),
  ),
}

/** What people say of a user. Absent members are empty. */
export const UserInput = Type.Object(userFields, strict)
export type UserInput = Static<typeof UserInput>

/** A user. `blocked`: by an administrator; null when not. */
export const User = Type.Object(
  {
    id: Id,
    version: Type.Integer(),
    createdAt: Instant,
    updatedAt: Instant,
    ...Type.Required(UserInput).properties,
    blocked: orNull(Type.Object({ since: Instant, by: Type.String(), note: Type.String() }, strict)),
    devices: Type.Integer({ title: 'Devices', minimum: 0 }),
  },
  strict,
)
export type User = Static<typeof User>

/** The reason that goes into the audit log. */
export const NoteBody = Type.Object({ note: Note }, strict)

/** A file of users at most. Bytes and rows. */
export const USER_IMPORT = { bytes: 10_485_760, rows: 100_000, problems: 1_000 } as const

/** What an import did, or would do. */
export const UserImportResult = Type.Object(
  {
    dryRun: Type.Boolean(),
    applied: Type.Boolean({ description: 'False when nothing was written: a dry run, or problems without `partial`.' }),
    created: Type.Integer({ minimum: 0 }),
    updated: Type.Integer({ minimum: 0 }),
    unchanged: Type.Integer({ minimum: 0 }),
    refused: Type.Integer({ minimum: 0, description: 'Rows with problems.' }),
    problems: Type.Array(
      Type.Object(
        {
          line: Type.Integer({ minimum: 1, description: 'Line of the file on which the row ends; 1 is the header.' }),
          field: Type.String(),
          message: Type.String(),
        },
        strict,
      ),
      { maxItems: USER_IMPORT.problems },
    ),
  },
  strict,
)
export type UserImportResult = Static<typeof UserImportResult>

const columns = ['userName', 'displayName', 'email', 'disabled', 'blocked.since', 'devices']

/** See the module's comment. */
export const usersEndpoints = {
  listUsers: {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'List users by name',
    access: 'user:view',
    query: Type.Object(
      {
        ...pageQuery,
        search: Type.Optional(
          Type.String({
            maxLength: 200,
            description:
              'Words that names, id or address contain, all of them; of one or two characters where a word begins.',
          }),
        ),
        blocked: Type.Optional(
          Type.Boolean({ description: 'Only users that are blocked or disabled, or only others.' }),
        ),
      },
      strict,
    ),
    reply: pageOf(User),
    cli: { noun: 'user', verb: 'list', columns },
    failures: [],
  },
  readUser: {
    method: 'GET',
    path: '/api/v1/users/:id',
    summary: 'Show a user',
    access: 'user:view',
    params: ById,
    reply: User,
    cli: { noun: 'user', verb: 'show' },
    failures: ['NOT_FOUND'],
  },
  createUser: {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Add a user',
    access: 'user:manage',
    body: UserInput,
    reply: User,
    idempotent: true,
    cli: { noun: 'user', verb: 'add' },
    failures: ['CONFLICT'],
  },
  updateUser: {
    method: 'PUT',
    path: '/api/v1/users/:id',
    summary: 'Change a user',
    access: 'user:manage',
    params: ById,
    body: UserInput,
    reply: User,
    ifMatch: 'required',
    cli: { noun: 'user', verb: 'set' },
    failures: ['NOT_FOUND', 'CHANGED', 'CONFLICT'],
  },
  blockUser: {
    method: 'POST',
    path: '/api/v1/users/:id/block',
    summary: 'Block a user: no device of theirs has mail',
    access: 'user:manage',
    params: ById,
    body: NoteBody,
    reply: User,
    cli: { noun: 'user', verb: 'block' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  unblockUser: {
    method: 'POST',
    path: '/api/v1/users/:id/unblock',
    summary: 'Lift the block of a user',
    access: 'user:manage',
    params: ById,
    body: NoteBody,
    reply: User,
    cli: { noun: 'user', verb: 'unblock' },
    failures: ['NOT_FOUND', 'CONFLICT'],
  },
  removeUser: {
    method: 'DELETE',
    path: '/api/v1/users/:id',
    summary: 'Remove a user who has no devices, or together with them',
    access: 'user:manage',
    params: ById,
    query: Type.Object(
      {
        retire: Type.Optional(
          Type.Boolean({ description: 'Retire and remove the devices too; needs the permission device:retire.' }),
        ),
      },
      strict,
    ),
    reply: null,
    cli: { noun: 'user', verb: 'remove' },
    failures: ['NOT_FOUND', 'IN_USE'],
  },
  importUsers: {
    method: 'POST',
    path: '/api/v1/users/import',
    summary: 'Add and change users from a CSV file (UTF-8, first row names the fields)',
    access: 'user:manage',
    query: Type.Object(
      {
        dryRun: Type.Optional(Type.Boolean({ description: 'Only tell what would be done.' })),
        partial: Type.Optional(Type.Boolean({ description: 'Do what can be done when some rows have problems.' })),
      },
      strict,
    ),
    bodyMedia: 'text/csv',
    bodyBytes: USER_IMPORT.bytes,
    reply: UserImportResult,
    cli: { noun: 'user', verb: 'import' },
    failures: ['TOO_LARGE', 'CONFLICT'],
  },
} as const satisfies EndpointTable
