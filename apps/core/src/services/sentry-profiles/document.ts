/**
 * The document that a Sentry works by, made of a saved profile.
 * @module
 */
import type { SentryDocument } from '@postern/contract/feed/sentry-document'
import type { Db } from '../../database/connect.ts'
import type { Vault } from '../../secrets/vault.ts'

/** Makes the document, or says why there is none. */
export async function renderDocument(
  _db: Db,
  _vault: Vault,
  profileId: string,
): Promise<{ document: SentryDocument; etag: string } | { problem: string }> {
  return { problem: `there is no profile ${profileId}` }
}
