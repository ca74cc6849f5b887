/**
 * In what two versions of settings differ, field by field. Pure.
 * @module
 */
import type { EmailPlusPair } from '@postern/contract/configurations/email-plus'
import { canonical } from '../../audit/chain.ts'
import type { Settings } from './kinds.ts'

/** One field. `path` is dotted; null: not there. */
export interface SettingsChange {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** In alphabetical order of paths. Pairs of Email+ are compared by key, and their order as `pairs`. */
export function settingsDifference(from: Settings, to: Settings): readonly SettingsChange[] {
  const [old, now] = [leaves(from), leaves(to)]
  const paths = [...new Set([...old.keys(), ...now.keys()])].toSorted()
  return paths
    .map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }))
    .filter((change) => canonical(change.before) !== canonical(change.after))
}

function leaves(stored: Settings): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  if (stored.kind === 'exchange') {
    collect('', stored.settings, found)
    return found
  }
  const { pairs, ...rest } = stored.settings
  collect('', rest, found)
  found.set(
    'pairs',
    pairs.map(({ key }) => key),
  )
  for (const pair of pairs) found.set(`pairs.${pair.key}`, shown(pair))
  return found
}

function shown({ type, value }: EmailPlusPair): unknown {
  return type === 'certificateRef' ? { certificateRef: value } : value
}

function collect(path: string, value: unknown, found: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    found.set(path, value)
    return
  }
  for (const [name, member] of Object.entries(value)) collect(path === '' ? name : `${path}.${name}`, member, found)
}
