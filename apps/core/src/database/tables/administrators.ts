/**
 * Tables of migration 0002.
 * @module
 */
import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { OidcSettings } from '@postern/contract/api/administrators'
import type { Permission } from '@postern/contract/api/permissions'

/** Columns as Kysely reads and writes them. */
export interface AdministratorsTables {
  administrators: {
    id: Generated<string>
    version: Generated<number>
    kind: 'local' | 'oidc' | 'break-glass'
    user_name: string
    display_name: string
    disabled: Generated<boolean>
    password: string | null
    password_at: Date | null
    totp_secret_id: string | null
    totp_last_step: Generated<number>
    invitation_hash: Buffer | null
    invitation_expires_at: Date | null
    draft_password: string | null
    draft_totp_secret_id: string | null
    oidc_issuer: string | null
    oidc_subject: string | null
    last_sign_in_at: Date | null
    created_at: Generated<Date>
    updated_at: Generated<Date>
  }
  roles: {
    id: Generated<string>
    version: Generated<number>
    name: string
    built_in: Generated<boolean>
    permissions: JSONColumnType<readonly Permission[]>
    created_at: Generated<Date>
    updated_at: Generated<Date>
  }
  administrator_roles: { administrator_id: string; role_id: string }
  sessions: {
    id: Generated<string>
    token_hash: Buffer
    administrator_id: string
    created_at: Date
    used_at: Date
    expires_at: Date
    proved_at: Date
    remote: string
  }
  api_tokens: {
    id: Generated<string>
    token_hash: Buffer
    administrator_id: string
    name: string
    permissions: JSONColumnType<readonly Permission[]>
    created_at: Date
    expires_at: Date
    last_used_at: Date | null
    last_used_from: string | null
  }
  set_up: {
    one: Generated<boolean>
    secret_hash: Buffer
    user_name: string | null
    display_name: string | null
    password: string | null
    totp_secret_id: string | null
  }
  sign_in_attempts: { key: Buffer; failures: number; failed_at: Date; locked_until: Date | null }
  sign_in_settings: {
    one: Generated<boolean>
    version: Generated<number>
    oidc: ColumnType<OidcSettings | null, string | null, string | null>
    client_secret_id: string | null
  }
  oidc_sign_ins: {
    id: Generated<string>
    cookie_hash: Buffer
    secret_id: string
    session_id: string | null
    remote: string
    created_at: Date
    expires_at: Date
  }
}
