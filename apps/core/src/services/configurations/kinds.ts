/**
 * What the two kinds of configuration have in common, and where they differ: one switch each.
 * @module
 */
import type { ConfigurationKind } from '@postern/contract/api/configurations'
import {
  type EmailPlusConfiguration,
  emailPlusProblems,
  emailPlusWarnings,
  forcesResync,
  parseEmailPlusConfiguration,
} from '@postern/contract/configurations/email-plus'
import {
  type ChosenSentry,
  type ExchangeConfiguration,
  exchangeProblems,
  exchangeWarnings,
  parseExchangeConfiguration,
} from '@postern/contract/configurations/exchange'
import type { Problem } from '@postern/contract/problems'

/** Settings with the kind that they are of. */
export type Settings =
  | { readonly kind: 'exchange'; readonly settings: ExchangeConfiguration }
  | { readonly kind: 'emailPlus'; readonly settings: EmailPlusConfiguration }

/** Platforms whose devices take a kind. The native account of Android has no settings that could be sent. */
export const PLATFORMS = {
  exchange: ['iOS'],
  emailPlus: ['iOS', 'Android'],
} as const satisfies Record<ConfigurationKind, readonly string[]>

/** @throws ContractError naming every field, rule and remedy */
export function parseSettings(kind: ConfigurationKind, input: unknown): Settings {
  return kind === 'exchange'
    ? { kind, settings: parseExchangeConfiguration(input) }
    : { kind, settings: parseEmailPlusConfiguration(input) }
}

/** A row again: `save.ts` writes nothing that the parser of its kind has not given. */
export function storedSettings(row: {
  readonly kind: ConfigurationKind
  readonly settings: ExchangeConfiguration | EmailPlusConfiguration
}): Settings {
  return row as Settings // see above
}

/** Why devices must not be sent it, beside the chosen Sentry; null: none is chosen, or it is gone. */
export function problemsBeside({ kind, settings }: Settings, sentry: ChosenSentry | null): readonly Problem[] {
  return kind === 'exchange' ? exchangeProblems(settings, sentry) : emailPlusProblems(settings, sentry)
}

/** What is odd about it beside the chosen Sentry. */
export function warningsBeside({ kind, settings }: Settings, sentry: ChosenSentry | null): readonly Problem[] {
  return kind === 'exchange' ? exchangeWarnings(settings, sentry) : emailPlusWarnings(settings, sentry)
}

/** Keys of Email+ whose change from `before` makes every app start from the beginning. */
export function resyncKeys(before: Settings, after: Settings): readonly string[] {
  if (before.kind !== 'emailPlus' || after.kind !== 'emailPlus') return []
  return forcesResync(before.settings.pairs, after.settings.pairs)
}

/** The same as warnings at the pairs of `after`; `devices` is how many it happens to. */
export function resyncWarnings(before: Settings, after: Settings, devices: number): readonly Problem[] {
  return resyncKeys(before, after).map((key) => {
    const index = after.kind === 'emailPlus' ? after.settings.pairs.findIndex((pair) => pair.key === key) : -1
    const many = `${devices} ${devices === 1 ? 'device' : 'devices'}`
    return {
      path: index === -1 ? 'pairs' : `pairs[${index}].value`,
      message: `${key} changes: Email+ drops its mail and fetches all of it again, on ${many}`,
    }
  })
}

/** True when certificates may go over a channel that lies readable on the device. */
export function allowsInsecureDelivery({ kind, settings }: Settings): boolean {
  return kind === 'emailPlus' && settings.allowInsecureDelivery
}
