/**
 * Ways to be known to Core: an API token, a person's session, or nobody.
 * @module
 */
import { CliError } from '../exits.ts'
import type { Surroundings } from '../surroundings.ts'
import type { SignIn } from './client.ts'
import { type Credentials, type StoredSession, writeCredentials } from './credentials.ts'

/** Name of the session's cookie at Core. */
const SESSION_COOKIE = '__Host-postern'

const REMEDY = 'sign in with postern login, or set POSTERN_TOKEN'

/** What every API token looks like; nothing else is sent as one. */
const TOKEN = /^[\x21-\x7e]{1,500}$/

/** @throws CliError usage when it is no token at all, such as an empty line */
export function parseToken(text: string, from: string): string {
  const token = text.trim()
  if (!TOKEN.test(token))
    throw new CliError('usage', `${from}: is no API token; it is one line of printable characters`)
  return token
}

/** Known by an API token. */
export function tokenSignIn(token: string, code: SignIn['code']): SignIn {
  return {
    headers: () => ({ authorization: `Bearer ${token}` }),
    cookies: async () => undefined,
    code,
    remedy: 'the API token has ended, was revoked, or is of another Core; make a new one',
  }
}

/** Not known: enough for signing in. Keeps the cookie that Core sets. */
export function anonymousSignIn(): SignIn & { readonly cookie: () => string | null } {
  let cookie: string | null = null
  return {
    headers: (): Record<string, string> => (cookie === null ? {} : { cookie: `${SESSION_COOKIE}=${cookie}` }),
    cookies: async (lines) => {
      cookie = sessionCookie(lines) ?? cookie
    },
    code: async () => null,
    remedy: REMEDY,
    cookie: () => cookie,
  }
}

/** Known by a session; when Core changes its cookie, the file is written anew. */
export function sessionSignIn(
  around: Surroundings,
  credentials: Credentials,
  session: StoredSession,
  code: SignIn['code'],
): SignIn {
  let cookie = session.cookie
  return {
    headers: (method) => ({
      cookie: `${SESSION_COOKIE}=${cookie}`,
      ...(method === 'GET' ? {} : { 'x-csrf-token': session.csrfToken }),
    }),
    cookies: async (lines) => {
      const next = sessionCookie(lines)
      if (next === null || next === cookie) return
      cookie = next
      await writeCredentials(around.credentialsFile, { ...credentials, session: { ...session, cookie } })
    },
    code,
    remedy: `the session of ${session.userName} has ended; sign in with postern login`,
  }
}

/** The session's cookie among those that are set; null when it is not. */
function sessionCookie(lines: readonly string[]): string | null {
  for (const line of lines) {
    const found = /^__Host-postern=([^;\s]+)/.exec(line)?.[1]
    if (found !== undefined) return found
  }
  return null
}
