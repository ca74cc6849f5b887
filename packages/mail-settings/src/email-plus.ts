/**
 * The pairs of Email+ for one user and device, as iOS and as Android take them.
 * @module
 */
import {
  type EmailPlusConfiguration,
  type EmailPlusPair,
  emailPlusProblems,
  emailPlusWarnings,
} from '@postern/contract/configurations/email-plus'
import type { ChosenSentry } from '@postern/contract/configurations/exchange'
import type { Problem } from '@postern/contract/problems'
import { startFilling } from './filled-fields.ts'
import { type DeviceFacts, type UserFacts, variableFacts } from './substitution.ts'

/** Package of Email+ for Android, from its vendor's documentation. */
const EMAIL_PLUS_ANDROID_PACKAGE = 'com.mobileiron.android.emailplus'

/** Stands for a certificate that is put in when the pairs are sent; never stored, and in no preview. */
export interface CertificateReference {
  readonly certificateRef: string
}

/** A value as an app takes it. */
export type EmailPlusValue = string | boolean | number | CertificateReference

/** An Android app restriction; the types are those of Android's RestrictionEntry. */
export interface AndroidRestriction {
  readonly key: string
  readonly type: 'string' | 'bool' | 'integer'
  readonly value: EmailPlusValue
}

/** One configuration for one user and device. */
export interface EmailPlusInput {
  readonly configuration: EmailPlusConfiguration
  /** The one that `sentryProfileId` names; null when it names none. */
  readonly sentry: ChosenSentry | null
  readonly user: UserFacts
  readonly device: DeviceFacts
}

/** Both forms, or why there are none. `certificates`: settings whose identity must be put in before sending. */
export type RenderedEmailPlus =
  | {
      readonly kind: 'settings'
      /** Managed app configuration of iOS: a dictionary in the order of the pairs. */
      readonly managedAppConfiguration: Readonly<Record<string, EmailPlusValue>>
      readonly android: { readonly packageName: string; readonly restrictions: readonly AndroidRestriction[] }
      readonly certificates: readonly string[]
      readonly warnings: readonly Problem[]
    }
  | { readonly kind: 'not-sendable'; readonly reason: 'SENTRY_DOES_NOT_FIT'; readonly remedy: string }
  | { readonly kind: 'unresolved'; readonly variables: readonly string[] }

/** @throws ContractError when a text of the configuration was never checked */
export function renderEmailPlus({ configuration, sentry, user, device }: EmailPlusInput): RenderedEmailPlus {
  const problems = emailPlusProblems(configuration, sentry)
  if (problems.length > 0) {
    const remedy = problems.map(({ path, message }) => `${path}: ${message}`).join('; ')
    return { kind: 'not-sendable', reason: 'SENTRY_DOES_NOT_FIT', remedy }
  }
  const filling = startFilling(variableFacts(user, device))
  const rendered = configuration.pairs.map((pair, index) => ({
    key: pair.key,
    type: ANDROID_TYPE[pair.type],
    value: valueOf(pair, (template) => filling.fill(`pairs[${index}].value`, template)),
  }))
  if (filling.unresolved().length > 0) return { kind: 'unresolved', variables: filling.unresolved() }
  return {
    kind: 'settings',
    managedAppConfiguration: Object.fromEntries(rendered.map(({ key, value }) => [key, value])),
    android: { packageName: EMAIL_PLUS_ANDROID_PACKAGE, restrictions: rendered },
    certificates: certificatesOf(configuration.pairs),
    warnings: emailPlusWarnings(configuration, sentry),
  }
}

const ANDROID_TYPE = { string: 'string', boolean: 'bool', integer: 'integer', certificateRef: 'string' } as const

function valueOf({ type, value }: EmailPlusPair, fill: (template: string) => string): EmailPlusValue {
  if (type === 'certificateRef') return { certificateRef: String(value) }
  return typeof value === 'string' ? fill(value) : value
}

function certificatesOf(pairs: readonly EmailPlusPair[]): string[] {
  const names = pairs.filter(({ type }) => type === 'certificateRef').map(({ value }) => String(value))
  return [...new Set(names)]
}
