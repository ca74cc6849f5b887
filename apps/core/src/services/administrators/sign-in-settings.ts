/**
 * How administrators sign in beside password and code: at an identity provider, and in an emergency.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { OidcSettings } from '@postern/contract/api/administrators'
import { type Permission, PERMISSION_NAMES } from '@postern/contract/api/permissions'
import { isLoopback } from '../../config/core-config.ts'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import { CoreError, invalid } from '../../failure.ts'
import type { Vault } from '../../secrets/vault.ts'
import { permissionsOfRole } from '../sign-in/permissions-of.ts'
import { endSessions } from '../sign-in/sessions.ts'
import { requireHeld, rolesById } from './roles.ts'

/** Settings as they are stored, and how the break-glass account is. */
export interface SignInSettingsRow {
  readonly version: number
  readonly oidc: OidcSettings | null
  readonly client_secret_id: string | null
  readonly breakGlass: { readonly enabledAt: Date | null; readonly lastSignInAt: Date | null }
}

/** As they are now. */
export async function readSignInSettings(db: Db): Promise<SignInSettingsRow> {
  const row = await db.selectFrom('sign_in_settings').selectAll().executeTakeFirstOrThrow()
  const account = await breakGlass(db)
  return {
    ...row,
    breakGlass: {
      enabledAt: account.password === null ? null : account.password_at,
      lastSignInAt: account.last_sign_in_at,
    },
  }
}

/** Settings of the provider. `clientSecret`: undefined leaves it, null takes it away. */
export interface OidcEdit {
  readonly oidc: OidcSettings
  readonly clientSecret?: string | null | undefined
}

/** Who sets the provider decides who comes in with which role. @throws CoreError CHANGED, INVALID, FORBIDDEN */
export async function updateOidcSettings(
  { tx, audit }: Change,
  vault: Vault,
  { held, version }: { held: ReadonlySet<Permission>; version: number | null },
  { oidc, clientSecret }: OidcEdit,
): Promise<void> {
  const before = await tx.selectFrom('sign_in_settings').selectAll().forUpdate().executeTakeFirstOrThrow()
  if (version !== null && before.version !== version) {
    throw new CoreError('CHANGED', `the settings are at version ${before.version} now; read them again`)
  }
  requireIssuer(oidc.issuer)
  const ids = (settings: OidcSettings | null): string[] => [
    ...new Set(settings?.groupRoles.map(({ roleId }) => roleId)),
  ]
  const roles = await rolesById(tx, ids(oidc), 'groupRoles')
  requireHeld([...roles, ...(await rolesById(tx, ids(before.oidc), 'groupRoles'))].flatMap(permissionsOfRole), held)
  let secretId = before.client_secret_id
  if (clientSecret !== undefined) {
    secretId = clientSecret === null ? null : await vault.put(tx, 'oidc-client-secret', clientSecret)
  }
  await tx
    .updateTable('sign_in_settings')
    .set({ version: sql`version + 1`, oidc: JSON.stringify(oidc), client_secret_id: secretId })
    .execute()
  if (secretId !== before.client_secret_id && before.client_secret_id !== null) {
    await vault.remove(tx, before.client_secret_id)
  }
  const shown = (settings: OidcSettings | null, secret: string | null): object | null =>
    settings === null ? null : { ...settings, clientSecret: secret === null ? null : '(secret)' }
  audit({
    action: 'sign-in.update-oidc',
    object: { kind: 'sign-in-settings' },
    before: shown(before.oidc, before.client_secret_id),
    after: { ...shown(oidc, secretId), ...(clientSecret === undefined ? {} : { clientSecretReplaced: true }) },
  })
}

/** The members that the contract names, whatever else a draft has. */
export function oidcPart(draft: OidcSettings): OidcSettings {
  const { enabled, title, issuer, clientId, scopes, groupClaim, groupRoles } = draft
  return { enabled, title, issuer, clientId, scopes, groupClaim, groupRoles }
}

function requireIssuer(issuer: string): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : null
  const plain = url !== null && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (url === null || !plain) {
    throw invalid('issuer', 'must be a URL without query, fragment and credentials, as the provider writes its issuer')
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol !== 'https:' && !isLoopback(host)) {
    throw invalid('issuer', 'must begin with https://; only a provider on this very machine may do without')
  }
}

async function breakGlass(db: Db) {
  return db.selectFrom('administrators').selectAll().where('kind', '=', 'break-glass').executeTakeFirstOrThrow()
}

/** A password of 32 characters for the emergency account: 160 bits and more, without characters that look alike. */
export function newBreakGlassPassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789-'
  return [...randomBytes(32)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('')
}

/** Enables the account with this hash of a new password. @throws CoreError FORBIDDEN for whoever may do less than it. */
export async function enableBreakGlass(
  { tx, now, audit }: Change,
  held: ReadonlySet<Permission>,
  passwordHash: string,
): Promise<string> {
  requireHeld(PERMISSION_NAMES, held)
  const { id, user_name } = await breakGlass(tx)
  const set = { password: passwordHash, password_at: now, updated_at: now }
  await tx.updateTable('administrators').set(set).where('id', '=', id).execute()
  const object = { kind: 'administrator', id, name: user_name }
  audit({ action: 'break-glass.enable', object, after: { password: '(secret)' } })
  return user_name
}

/** Its sessions end as well. */
export async function disableBreakGlass({ tx, now, audit }: Change): Promise<void> {
  const { id, user_name } = await breakGlass(tx)
  await tx.updateTable('administrators').set({ password: null, updated_at: now }).where('id', '=', id).execute()
  await endSessions(tx, id)
  audit({ action: 'break-glass.disable', object: { kind: 'administrator', id, name: user_name } })
}
