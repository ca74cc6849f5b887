/**
 * Signing in at an identity provider.
 * @module
 */
import type { Principal } from '../../api/principal.ts'
import type { Db } from '../../database/connect.ts'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'
import type { OpenedSession } from './sessions.ts'
import type { Visitor } from './visitor.ts'

/** What the sign-in page calls the provider; null: none. */
export async function oidcTitle(_db: Db): Promise<string | null> {
  return null
}

/** Where the browser comes from, and its cookie. */
export interface Browser extends Visitor {
  readonly origin: string
  readonly oidcCookie: string | null
}

/** A browser about to go to the provider. */
export interface Departure {
  readonly url: string
  readonly cookie: string
}

/** Begins a sign-in. */
export async function startOidc(_services: Services, _browser: Browser): Promise<Departure> {
  throw new CoreError('NOT_FOUND', 'no identity provider is set up')
}

/** Begins a step-up. */
export async function startOidcStepUp(
  _services: Services,
  _browser: Browser,
  _principal: Principal | null,
): Promise<Departure> {
  throw new CoreError('NOT_FOUND', 'no identity provider is set up')
}

/** Ends either. */
export async function finishOidc(_services: Services, _browser: Browser, _query: object): Promise<OpenedSession> {
  throw new CoreError('NOT_FOUND', 'no identity provider is set up')
}
