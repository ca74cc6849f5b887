/**
 * One-time tokens: whoever holds one may register one machine, within an hour.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import type { EnrolmentInvitation } from '@postern/contract/api/sentries'
import { ENROLMENT_TOKEN_SECONDS, formatEnrolmentToken, parseEnrolmentToken } from '@postern/contract/feed/enrolment'
import type { Change } from '../../database/store.ts'
import { authorityForToken } from './authority.ts'

const SECRET_BYTES = 32
/** Where the command that an administrator pastes puts the Sentry's files; a path of the machine that is registered. */
const DATA_FOLDER = '/var/lib/postern-sentry'

/** What a token tells of Core. `core`: origin of the feed. */
export interface CoreIdentity {
  readonly core: string
  readonly authorityPem: string
}

/** A new token for a Sentry in place of any other. Only its hash is kept. The caller has locked the row. */
export async function issueToken(change: Change, sentryId: string, where: CoreIdentity): Promise<EnrolmentInvitation> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const expiresAt = new Date(change.now.getTime() + ENROLMENT_TOKEN_SECONDS * 1_000)
  await change.tx
    .updateTable('sentries')
    .set({ token_hash: hashOf(secret), token_expires_at: expiresAt })
    .where('id', '=', sentryId)
    .execute()
  const token = formatEnrolmentToken({ secret, authority: authorityForToken(where.authorityPem) })
  return {
    token,
    expiresAt: expiresAt.toISOString(),
    core: where.core,
    command: `postern-sentry enroll --core ${where.core} --token ${token} --data ${DATA_FOLDER}`,
  }
}

/** SHA-256 of the secret in a token; null: it is no token. */
export function tokenHash(token: string): Buffer | null {
  const parsed = parseEnrolmentToken(token)
  return parsed === null ? null : hashOf(parsed.secret)
}

// The secret has 256 random bits, so a plain hash is enough. Rows are looked up by it: what the time of that look-up tells
// is about the hash, which nobody can turn into a secret.
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
