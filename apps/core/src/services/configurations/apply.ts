/**
 * Which labels a configuration is applied to.
 * @module
 */
import type { Configuration } from '@postern/contract/api/configurations'
import type { Change } from '../../database/store.ts'
import { lockVersion } from '../../database/versioned.ts'
import { CoreError } from '../../failure.ts'
import { configurationRow, readConfiguration } from './read.ts'

/** Which labels, and what an administrator says about it. */
export interface LabelChange {
  readonly labels: readonly string[]
  readonly note?: string | undefined
}

/** Those that it is applied to already stay as they are. @throws CoreError NOT_FOUND naming labels that are not there */
export async function applyConfiguration(change: Change, id: string, wanted: LabelChange): Promise<Configuration> {
  await lockVersion(change, 'configurations', 'configuration', id, null)
  const names = await labelNames(change, wanted.labels)
  const added = await change.tx
    .insertInto('configuration_labels')
    .values(wanted.labels.map((label) => ({ configuration_id: id, label_id: label, at: change.now })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('label_id')
    .execute()
  return written(change, id, 'configuration.apply', added, names, wanted.note)
}

/** Those that it is not applied to are passed over. @throws CoreError NOT_FOUND */
export async function withdrawConfiguration(change: Change, id: string, wanted: LabelChange): Promise<Configuration> {
  await lockVersion(change, 'configurations', 'configuration', id, null)
  const names = await labelNames(change, wanted.labels)
  const removed = await change.tx
    .deleteFrom('configuration_labels')
    .where('configuration_id', '=', id)
    .where('label_id', 'in', wanted.labels)
    .returning('label_id')
    .execute()
  return written(change, id, 'configuration.withdraw', removed, names, wanted.note)
}

async function labelNames(change: Change, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await change.tx.selectFrom('labels').select(['id', 'name']).where('id', 'in', ids).forShare().execute()
  const names = new Map(rows.map(({ id, name }) => [id, name]))
  const missing = ids.filter((id) => !names.has(id))
  if (missing.length === 0) return names
  const problems = missing.map((id) => ({
    path: `labels[${ids.indexOf(id)}]`,
    message: `names no label (${id}); it may have been removed`,
  }))
  throw new CoreError('NOT_FOUND', `there is no label ${missing.join(', ')}`, { problems })
}

async function written(
  change: Change,
  id: string,
  action: string,
  touched: readonly { readonly label_id: string }[],
  names: ReadonlyMap<string, string>,
  note: string | undefined,
): Promise<Configuration> {
  const { name } = await configurationRow(change.tx, id)
  const labels = touched.map(({ label_id: label }) => ({ id: label, name: names.get(label) ?? '' }))
  const object = { kind: 'configuration', id, name }
  if (labels.length > 0) change.audit({ action, object, after: { labels }, note: note ?? null })
  return readConfiguration(change.tx, id)
}
