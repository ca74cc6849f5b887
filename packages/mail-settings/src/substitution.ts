/**
 * Text of a configuration with the facts of one user and one device put in.
 *
 * Facts are put in once and never read again: a user named `$USERID$` stays so. What a fact lacks is named and not
 * guessed, so that nothing half filled is sent.
 * @module
 */
import { parseTemplate, type VariableName } from '@postern/contract/configurations/variables'

/** What is known of a user; null where the directory says nothing. */
export interface UserFacts {
  readonly email: string | null
  readonly userId: string | null
  readonly upn: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly displayName: string | null
  /** `$USER_CUSTOM1$` to `$USER_CUSTOM4$`; what is missing is unknown. */
  readonly custom: readonly (string | null)[]
}

/** What is known of a device; null where it has not told. */
export interface DeviceFacts {
  /** Id in Core: 1 to 128 of `A-Z a-z 0-9 _ -`. */
  readonly id: string
  /** As the device reports it (UDID), with its hyphens. */
  readonly uuid: string | null
  readonly serial: string | null
  /** iOS as the device reports it, such as "17.4.1". */
  readonly osVersion: string | null
}

/** Values of variables; what is missing, null or empty has none. */
export type VariableFacts = { readonly [K in VariableName]?: string | null }

/** The text, and why it must not be used: `unresolved` variables (`$NAME$`, each once), and faults of the text. */
export interface Substitution {
  readonly text: string
  readonly unresolved: readonly string[]
  /** Messages with rule and remedy; a configuration that was parsed has none. */
  readonly problems: readonly string[]
}

/** Every variable's value for this user and, when there is one, this device. */
export function variableFacts(user: UserFacts, device: DeviceFacts | null): VariableFacts {
  const at = user.email?.lastIndexOf('@') ?? -1
  return {
    EMAIL: user.email,
    EMAIL_LOCAL: at > 0 ? (user.email?.slice(0, at) ?? null) : null,
    EMAIL_DOMAIN: at > 0 ? (user.email?.slice(at + 1) ?? null) : null,
    USERID: user.userId,
    USER_UPN: user.upn,
    FIRST_NAME: user.firstName,
    LAST_NAME: user.lastName,
    DISPLAY_NAME: user.displayName,
    USER_CUSTOM1: user.custom[0] ?? null,
    USER_CUSTOM2: user.custom[1] ?? null,
    USER_CUSTOM3: user.custom[2] ?? null,
    USER_CUSTOM4: user.custom[3] ?? null,
    DEVICE_ID: device?.id ?? null,
    DEVICE_UUID: device?.uuid ?? null,
    DEVICE_UUID_NO_DASHES: device?.uuid?.replaceAll('-', '') ?? null,
    DEVICE_SERIAL: device?.serial ?? null,
  }
}

/** Never throws. A fact with control characters or half characters counts as none: no profile can carry it. */
export function substitute(template: string, facts: VariableFacts): Substitution {
  const unresolved = new Set<string>()
  const problems = new Set<string>()
  let text = ''
  for (const part of parseTemplate(template)) {
    if (part.kind === 'text') text += part.text
    else if (part.kind === 'fault') problems.add(part.message)
    else {
      const value = facts[part.name] ?? ''
      if (isUsable(value)) text += value
      else unresolved.add(`$${part.name}$`)
    }
  }
  return { text, unresolved: [...unresolved], problems: [...problems] }
}

function isUsable(value: string): boolean {
  return value.length > 0 && /^[^\p{Cc}\p{Cs}\ufffe\uffff]*$/u.test(value)
}
