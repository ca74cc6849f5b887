/**
 * From claims of an ID token to an administrator.
 * @module
 */
import type { Change } from '../../database/store.ts'
import { endSessions } from './sessions.ts'

/** How somebody is called. */
export interface Person {
  readonly userName: string
  readonly displayName: string
}

/** Who comes in: known by issuer and subject only. An e-mail address proves nothing, and links to no other account. */
export interface Incoming extends Person {
  /** Of the row that is there, or of the one to be made. */
  readonly id: string
  readonly issuer: string
  readonly subject: string
  /** Sorted. */
  readonly roles: readonly string[]
}

const MOST_CHARACTERS = 100

/** Groups as the claim has them: one text or several. */
export function groupsOf(claims: Readonly<Record<string, unknown>>, claim: string): string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : []
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((group) => typeof group === 'string')
}

/** The first claim that has a name. */
export function personOf(claims: Readonly<Record<string, unknown>> & { readonly sub: string }): Person {
  const first = (names: readonly string[]): string =>
    names.map((name) => readable(claims[name])).find((text) => text !== '') ?? readable(claims.sub)
  const userName = first(['preferred_username', 'upn', 'email'])
  return { userName, displayName: readable(claims['name']) || userName }
}

function readable(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value
    .replace(/[\u0000-\u001f\u007f]/g, '')
    .trim()
    .slice(0, MOST_CHARACTERS)
}

/** Makes or updates the administrator; roles follow the groups. False when the account was disabled here. */
export async function admitted(change: Change, incoming: Incoming): Promise<boolean> {
  const { tx, now, audit } = change
  const { id, issuer, subject, userName, displayName, roles } = incoming
  const row = await tx.selectFrom('administrators').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (row?.disabled === true) return false
  const object = { kind: 'administrator', id, name: userName }
  const names = { user_name: userName, display_name: displayName, updated_at: now }
  if (row === undefined) {
    const keys = { id, kind: 'oidc' as const, oidc_issuer: issuer, oidc_subject: subject, created_at: now }
    await tx
      .insertInto('administrators')
      .values({ ...keys, ...names })
      .execute()
    audit({ action: 'administrator.create', object, after: { userName, displayName, roles, issuer } })
  } else await tx.updateTable('administrators').set(names).where('id', '=', id).execute()
  const before = await tx
    .selectFrom('administrator_roles')
    .select('role_id')
    .where('administrator_id', '=', id)
    .execute()
  const had = before.map(({ role_id }) => role_id).sort()
  if (had.join() === roles.join()) return true
  await tx.deleteFrom('administrator_roles').where('administrator_id', '=', id).execute()
  const rows = roles.map((role_id) => ({ administrator_id: id, role_id }))
  if (rows.length > 0) await tx.insertInto('administrator_roles').values(rows).execute()
  if (row !== undefined) {
    await endSessions(tx, id)
    audit({ action: 'administrator.update', object, before: { roles: had }, after: { roles } })
  }
  return true
}
