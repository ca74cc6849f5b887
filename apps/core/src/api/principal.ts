/**
 * Who sends a request to the admin listener.
 * @module
 */
import type { Permission } from '@postern/contract/api/permissions'
import type { Actor } from '../audit/chain.ts'
import { CoreError } from '../failure.ts'

/** Somebody who signed in, or a program with a token. */
export interface Principal {
  readonly kind: 'administrator' | 'token'
  readonly id: string
  /** The administrator who signed in, or whose token it is. */
  readonly administratorId: string
  readonly name: string
  readonly permissions: ReadonlySet<Permission>
  /** Null for a token. */
  readonly sessionId: string | null
  /** When identity was proved last with a second factor; ms since 1970. A token never proves it. */
  readonly provedAt: number | null
}

/** What a sign-in is recognised by. Header values as they came. */
export interface Credentials {
  readonly sessionCookie: string | null
  readonly authorization: string | null
  readonly csrfToken: string | null
  readonly method: string
  readonly remote: string
}

/** Recognises whoever signed in before. */
export interface Authenticator {
  /** Null: nobody. @throws CoreError CSRF, TOO_MANY */
  authenticate(credentials: Credentials): Promise<Principal | null>
}

/** Fresh proof lasts this long. Milliseconds. */
export const STEP_UP_MS = 300_000

/** @throws CoreError STEP_UP_REQUIRED, FORBIDDEN for a token: it cannot prove anything. */
export function requireStepUp(principal: Principal, now: number): void {
  if (principal.kind === 'token') throw new CoreError('FORBIDDEN', 'an API token cannot do this; sign in as a person')
  if (principal.provedAt !== null && now - principal.provedAt <= STEP_UP_MS) return
  throw new CoreError('STEP_UP_REQUIRED', 'confirm with a code of your authenticator (POST /api/v1/session/step-up)')
}

/** For the audit log. */
export function actorOf(principal: Principal | null, remote: string, requestId: string): Actor {
  if (principal === null) return { kind: 'system', id: null, name: 'nobody signed in', remote, requestId }
  const { kind, id, name, sessionId } = principal
  return { kind, id, name, sessionId, remote, requestId }
}
