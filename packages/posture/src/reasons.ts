/**
 * Why a device may or may not have mail: a closed set. Several reasons hold at once, and all of them are shown.
 * @module
 */

/**
 * What a reason does. `wipe`, `block`: whatever else holds. `hold`: blocks unless somebody allowed the device by hand.
 * `permit`: somebody did. `note`: it only says how things are.
 */
export type ReasonEffect = 'wipe' | 'block' | 'hold' | 'permit' | 'note'

/** `title`: what is so. `remedy`: what would change it; for people at a help desk. */
export interface ReasonRow {
  readonly title: string
  readonly remedy: string
  readonly effect: ReasonEffect
}

/** Every reason; the order is the one in which they are shown. */
export const POSTURE_REASONS = {
  WIPE_REQUESTED: {
    title: 'Removal of the mail account was requested',
    remedy: 'It is done when the device connects; then remove the device and add it again',
    effect: 'wipe',
  },
  WIPED: {
    title: 'The mail account was removed from the device',
    remedy: 'Remove the device and add it again',
    effect: 'block',
  },
  RETIRED: {
    title: 'The device is retired',
    remedy: 'A retired device never comes back; add it again with a new certificate',
    effect: 'block',
  },
  IDENTITY_REVOKED: {
    title: 'The certificate of the device is revoked and no other is valid',
    remedy: 'Register a new certificate for the device',
    effect: 'block',
  },
  USER_BLOCKED: { title: 'The user is blocked', remedy: 'Unblock the user', effect: 'block' },
  USER_DISABLED: {
    title: 'The account of the user is disabled',
    remedy: 'Enable the account in the directory, or the user here',
    effect: 'block',
  },
  BLOCKED_BY_HAND: {
    title: 'An administrator blocked the device',
    remedy: 'Lift the block, or wait until it expires',
    effect: 'block',
  },
  ASSOCIATION_BLOCKED: {
    title: 'An administrator blocked an ActiveSync association of the device',
    remedy: 'Allow or remove the association, or wait until the block expires',
    effect: 'block',
  },
  NOT_MANAGED: {
    title: 'The device is not managed',
    remedy: 'Finish the enrolment of the device, or allow the device by hand',
    effect: 'hold',
  },
  IDENTITY_MISSING: {
    title: 'The device has no certificate',
    remedy: 'Register its certificate, say that it needs none, or allow the device by hand',
    effect: 'hold',
  },
  IDENTITY_EXPIRED: {
    title: 'The certificate of the device has expired',
    remedy: 'Register a new certificate, or allow the device by hand',
    effect: 'hold',
  },
  IDENTITY_NOT_YET_VALID: {
    title: 'The certificate of the device is not valid yet',
    remedy: 'Wait until it is, check the clocks, or allow the device by hand',
    effect: 'hold',
  },
  ALLOWED_BY_HAND: {
    title: 'An administrator allowed the device',
    remedy: 'Take the decision back, or wait until it expires',
    effect: 'permit',
  },
  ASSOCIATION_ALLOWED: {
    title: 'An administrator allowed an ActiveSync association of the device',
    remedy: 'Block or remove the association, or wait until the allowance expires',
    effect: 'permit',
  },
  MANAGED: {
    title: 'The device is managed and its certificate is valid where it needs one',
    remedy: 'Block or retire the device',
    effect: 'note',
  },
} as const satisfies Record<string, ReasonRow>

/** Code of a reason; it stands in audit lines of Sentries too. */
export type ReasonCode = keyof typeof POSTURE_REASONS

/** All of them, in the order of the table. */
export const REASON_CODES = Object.keys(POSTURE_REASONS) as readonly ReasonCode[]

/** The row of a code that was stored; undefined for one that this release does not know. */
export function reasonRow(code: string): ReasonRow | undefined {
  return Object.hasOwn(POSTURE_REASONS, code) ? POSTURE_REASONS[code as ReasonCode] : undefined
}
