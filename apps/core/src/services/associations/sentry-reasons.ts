/**
 * Reasons of Sentries that say something about a person or a device, for a help desk. Others are shown by their code; all
 * of them stand in the documentation of the Sentry.
 * @module
 */

/**
 * `posture`: Core decides it, so a change of posture ends it. `identity`: whoever asked did not prove who they are, and
 * no posture changes that.
 */
export interface SentryReasonRow {
  readonly kind: 'posture' | 'identity'
  readonly title: string
  readonly remedy: string
}

const identity = (title: string, remedy: string): SentryReasonRow => ({ kind: 'identity', title, remedy })
const posture = (title: string, remedy: string): SentryReasonRow => ({ kind: 'posture', title, remedy })

const SENTRY_REASONS: Readonly<Record<string, SentryReasonRow>> = {
  DEVICE_UNKNOWN: posture(
    'No device that Core knows has this certificate or ActiveSync id',
    'Link the association to a device, add the device, or allow the association',
  ),
  DEVICE_BLOCKED: posture('The device is blocked', 'See the other reasons'),
  DEVICE_WIPED: posture('The mail account was removed from the device', 'Remove the device and add it again'),
  WIPE_PENDING: posture('The device is told to remove the mail account', 'Nothing; it is done when it connects'),
  WIPE_NOT_SUPPORTED: posture(
    'The device is to remove the mail account but speaks a protocol before 16.1, which cannot; it is blocked',
    'Update the device',
  ),
  USER_BLOCKED: posture('The user is blocked', 'Unblock the user'),
  DEVICE_ID_MISMATCH: identity(
    'The certificate is not one of the device that the ActiveSync id names',
    'Register the certificate for the device; if nobody of yours did this, block the user',
  ),
  CERTIFICATE_USER_MISMATCH: identity(
    "The certificate names another user than the device's owner",
    'Give the device a certificate of its owner',
  ),
  TOKEN_USER_MISMATCH: identity(
    'The person who signed in is not the owner of the device or certificate',
    'Sign in as the owner, or give the device to this user in Core',
  ),
  QUERY_USER_MISMATCH: identity('The request names another user than the device', 'Mend the user name on the device'),
  TOKEN_TENANT: identity(
    'The sign-in was at a directory that is not among the Tenant IDs',
    'Add the directory to the Tenant IDs of the Standalone Sentry',
  ),
  TOKEN_CLIENT: identity(
    'The sign-in was by an application that is not among the OAuth Client Applications',
    'Add the application to the Standalone Sentry',
  ),
  CERTIFICATE_MISSING: identity('The device sent no certificate', 'Send the device its configuration again'),
  CERTIFICATE_REQUIRED: identity(
    'The device has a registered certificate and did not show it',
    'Send the device its configuration again',
  ),
  CERTIFICATE_UNTRUSTED: identity(
    'The certificate is of no authority among the Trusted Roots',
    'Add its authority to the Standalone Sentry, or give the device another certificate',
  ),
  CERTIFICATE_EXPIRED: identity('The certificate has expired', 'Renew the certificate of the device'),
  CERTIFICATE_NOT_YET_VALID: identity('The certificate is not valid yet', 'Wait until it is, or check the clocks'),
  CERTIFICATE_USAGE: identity('The certificate is not made for clients', 'Issue one with the usage clientAuth'),
  CERTIFICATE_IS_CA: identity('The certificate is that of an authority', 'Give the device a certificate of its own'),
  CERTIFICATE_NAMES: identity(
    'The certificate names several users or devices',
    'Issue one with one user principal name at most',
  ),
  CERTIFICATE_REVOKED: identity('The certificate is revoked', 'Issue a new one if that was wrong'),
  POLICY_STALE: posture(
    'The Sentry had no word from Core for longer than it may serve',
    'See why the Sentry does not reach Core',
  ),
  POLICY_MISSING: posture('The Sentry had no word from Core yet', 'See why the Sentry does not reach Core'),
}

/** Codes of which no posture can say that the next request gets through. */
export const IDENTITY_REASONS: readonly string[] = Object.entries(SENTRY_REASONS)
  .filter(([, { kind }]) => kind === 'identity')
  .map(([code]) => code)

/** The row of a code; undefined for one that says nothing about person or device. */
export function sentryReasonRow(code: string): SentryReasonRow | undefined {
  return Object.hasOwn(SENTRY_REASONS, code) ? SENTRY_REASONS[code] : undefined
}
