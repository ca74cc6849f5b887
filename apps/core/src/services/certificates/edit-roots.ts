/**
 * Trusted roots and their revocation lists.
 * @module
 */
import type { CertificateFacts } from '@postern/pki/fingerprint'
import { readRevocationList } from '@postern/pki/revocation-list'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid } from '../../failure.ts'
import { type FileInput, inField, oneFile, readAuthorities } from './certificate-files.ts'
import { rootRow, toFacts, usersOfRoots } from './read-certificates.ts'

const KIND = 'trusted-root'

/** Trusts the CAs of a file. Returns the id. @throws CoreError INVALID, CONFLICT for a name that is taken */
export async function addRoot(
  change: Change,
  { name, purpose, ...file }: FileInput & { readonly name: string; readonly purpose: 'device' | 'upstream' },
): Promise<string> {
  const { pem, facts } = readAuthorities(file)
  const end = firstEnd(facts)
  if (end < change.now) {
    throw invalid(oneFile(file).field, `ended on ${end.toISOString().slice(0, 10)}; give the authority's present one`)
  }
  const row = { name, purpose, pem, not_after: end, created_at: change.now, updated_at: change.now }
  const { id } = await change.tx.insertInto('trusted_roots').values(row).returning('id').executeTakeFirstOrThrow()
  const after = { purpose, certificates: facts.map(toFacts) }
  change.audit({ action: 'trusted-root.create', object: { kind: KIND, id, name }, after })
  return id
}

/** Puts a revocation list to its root. @throws CoreError NOT_FOUND, INVALID also for a list older than the present one */
export async function setCrl(change: Change, id: string, file: FileInput): Promise<void> {
  await lockVersion(change, 'trusted_roots', KIND, id, null)
  const root = await rootRow(change.tx, id)
  const { field, content } = oneFile(file)
  const list = inField(field, () => readRevocationList(content, root.pem))
  if (root.crl_this_update !== null && list.thisUpdate < root.crl_this_update.getTime()) {
    throw invalid(field, `is older than the list of ${root.crl_this_update.toISOString()}; upload the newest one`)
  }
  const columns = {
    crl_pem: list.pem,
    crl_this_update: new Date(list.thisUpdate),
    crl_next_update: list.nextUpdate === null ? null : new Date(list.nextUpdate),
    crl_revoked: list.revoked,
  }
  await change.tx
    .updateTable('trusted_roots')
    .set({ ...columns, ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  const { crl_pem: _, ...after } = columns
  change.audit({ action: 'trusted-root.set-crl', object: { kind: KIND, id, name: root.name }, after })
  change.wake('sentries')
}

/** @throws CoreError NOT_FOUND, CHANGED, IN_USE */
export async function removeRoot(change: Change, id: string, version: number | null): Promise<void> {
  await lockVersion(change, 'trusted_roots', KIND, id, version)
  const { name, purpose } = await rootRow(change.tx, id)
  const users = (await usersOfRoots(change.tx, [id])).get(id) ?? []
  if (users.length > 0) {
    const names = users.map((user) => JSON.stringify(user.name)).join(', ')
    throw new CoreError('IN_USE', `Standalone Sentry ${names} uses it; choose another trusted root there first`)
  }
  await change.tx.deleteFrom('trusted_roots').where('id', '=', id).execute()
  change.audit({ action: 'trusted-root.remove', object: { kind: KIND, id, name }, before: { purpose } })
}

function firstEnd(facts: readonly CertificateFacts[]): Date {
  return new Date(Math.min(...facts.map(({ notAfter }) => notAfter)))
}
