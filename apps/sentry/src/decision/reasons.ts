/**
 * Every reason a Sentry can have, one row each: what the device is told, who is to blame, what a person can do.
 * @module
 */

/**
 * `eas`: the Status told in the protocol (MS-ASCMD 2.2.2) to 14.0 and later. `http`: the code where no EAS answer fits.
 * `posture`: report mode lets it through; failures of identity and form are refused in both modes.
 * `alarm`: no honest client does this.
 */
export interface ReasonRow {
  readonly eas: number | null
  readonly http: number
  readonly posture: boolean
  readonly alarm: boolean
  readonly remedy: string
}

const posture = { posture: true, alarm: false } as const
const form = { posture: false, alarm: false, eas: null } as const
const identity = { posture: false, alarm: true, eas: 130, http: 403 } as const
const untrusted = { posture: false, alarm: false, eas: null, http: 403 } as const

/** Refusals of ActiveSync requests; protocol document 5.5. */
export const REASONS = {
  DEVICE_UNKNOWN: { ...posture, eas: 129, http: 403, remedy: 'Register the device or its certificate in the policy.' },
  DEVICE_BLOCKED: {
    ...posture,
    eas: 129,
    http: 403,
    remedy: 'Its posture is block; reasons beside this one, if any, are those of the policy.',
  },
  DEVICE_WIPED: {
    ...posture,
    eas: 129,
    http: 403,
    remedy: 'The account was removed as asked; set the posture to allow before the device is used again.',
  },
  WIPE_PENDING: { ...posture, eas: 140, http: 403, remedy: 'The device is told to remove the account.' },
  WIPE_NOT_SUPPORTED: {
    ...posture,
    eas: 129,
    http: 403,
    remedy: 'Below 16.1 no account-only wipe exists; blocked instead.',
  },
  USER_BLOCKED: { ...posture, eas: 126, http: 403, remedy: 'Take the user off blockedUsers.' },
  POLICY_STALE: {
    posture: false,
    alarm: false,
    eas: 111,
    http: 503,
    remedy: 'The policy is older than staleAfterSeconds; see why nothing writes it.',
  },
  POLICY_MISSING: { posture: false, alarm: false, eas: 111, http: 503, remedy: 'No valid policy file was read yet.' },
  DEVICE_ID_MISMATCH: {
    ...identity,
    remedy:
      'The certificate is not one of the device that the DeviceId names. A renewed certificate must be registered first.',
  },
  CERTIFICATE_USER_MISMATCH: { ...identity, remedy: "The certificate names another user than the device's." },
  TOKEN_USER_MISMATCH: { ...identity, remedy: "The token is another user's." },
  QUERY_USER_MISMATCH: { ...identity, remedy: 'The User parameter names another user.' },
  TOKEN_TENANT: { ...identity, remedy: 'The token comes from a tenant that is not on tenantIds.' },
  TOKEN_CLIENT: { ...identity, remedy: 'The token was given to an app that is not on oauth.clients.' },
  CERTIFICATE_MISSING: { ...untrusted, remedy: 'The device sent no certificate; push its identity again.' },
  CERTIFICATE_REQUIRED: { ...untrusted, remedy: 'This device has a registered certificate and must show it.' },
  CERTIFICATE_UNTRUSTED: {
    ...untrusted,
    remedy: 'The certificate does not chain to a device CA of the configuration.',
  },
  CERTIFICATE_EXPIRED: { ...untrusted, remedy: 'The certificate is past its end; renew it.' },
  CERTIFICATE_NOT_YET_VALID: { ...untrusted, remedy: 'The certificate is not valid yet; look at the clocks.' },
  CERTIFICATE_USAGE: { ...untrusted, remedy: 'The certificate lacks the clientAuth extended key usage.' },
  CERTIFICATE_IS_CA: { ...untrusted, remedy: 'A CA certificate is no device identity.' },
  CERTIFICATE_NAMES: { ...untrusted, remedy: 'At most one UPN and one device URI, without control characters.' },
  CERTIFICATE_REVOKED: { ...untrusted, remedy: 'The certificate was revoked; issue a new one if that was wrong.' },
  CLIENT_CERT_HEADER: { ...form, http: 400, remedy: 'Client-Cert of the balancer must be one RFC 9440 byte sequence.' },
  TOKEN_MISSING: { ...form, http: 401, remedy: 'No Bearer token; the device is asked to sign in.' },
  TOKEN_BASIC: { ...form, http: 401, remedy: 'A password was offered; only OAuth is accepted.' },
  TOKEN_UNREADABLE: { ...form, http: 401, remedy: 'The token names no user; see oauth.opaqueTokens.' },
  TOKEN_AUDIENCE: { ...form, http: 401, remedy: 'The token is for another resource than destinationResource.' },
  QUERY_MALFORMED: { ...form, http: 400, remedy: 'The request query is not of MS-ASHTTP.' },
  COMMAND_UNKNOWN: { ...form, eas: null, http: 501, remedy: 'No such ActiveSync command.' },
  VERSION_MALFORMED: { ...form, http: 400, remedy: 'No protocol version, or one that does not exist.' },
  VERSION_CONTRADICTION: { ...form, http: 400, remedy: 'Header and query disagree on version or policy key.' },
  VERSION_NOT_ALLOWED: { posture: false, alarm: false, eas: 138, http: 400, remedy: 'See activeSync.versions.' },
  HTTP_MALFORMED: { ...form, http: 400, remedy: 'The bytes are no HTTP/1.1 request, or read two ways.' },
  HEADER_MALFORMED: { ...form, http: 400, remedy: 'A header that must be single is repeated, or has no proper value.' },
  CONNECTION_HEADER: { ...form, http: 400, remedy: 'Connection may only say close or keep-alive.' },
  TRANSFER_ENCODING: { ...form, http: 400, remedy: 'Only chunked, once.' },
  HOST_UNKNOWN: { ...form, http: 421, remedy: 'Host must be the Sentry Resource or one of listen.names.' },
  SNI_MISMATCH: { ...form, http: 421, remedy: 'TLS server name and Host must be the same name.' },
  TARGET_FORM: { ...form, http: 400, remedy: 'The request target must begin with a slash.' },
  PATH_UNKNOWN: { ...form, http: 404, remedy: 'Only the paths that docs/sentry.md lists are served here.' },
  METHOD_NOT_ALLOWED: { ...form, http: 405, remedy: 'See Allow.' },
  METHOD_UNKNOWN: { ...form, http: 501, remedy: 'No such method here.' },
  UPGRADE_REFUSED: { ...form, http: 501, remedy: 'Nothing can be upgraded to here.' },
  HTTP_VERSION: { ...form, http: 505, remedy: 'HTTP/1.1 only.' },
  CROSS_ORIGIN: { ...form, http: 403, remedy: 'No web page may call this.' },
  EXPECTATION: { ...form, http: 417, remedy: 'Expect may only say 100-continue.' },
  HEAD_TOO_LARGE: { ...form, http: 431, remedy: 'Headers: 32 KiB and 100 fields at most, Authorization 16 KiB.' },
  TARGET_TOO_LONG: { ...form, http: 414, remedy: 'The request target is too long.' },
  BODY_TOO_LARGE: { ...form, http: 413, remedy: "The body is over its command's limit." },
  BODY_ENCODING: { ...form, http: 415, remedy: 'Request bodies are never compressed.' },
  BODY_TOO_SLOW: { ...form, http: 408, remedy: 'The body came slower than 1 KiB a second.' },
  BODY_BROKEN: { ...form, http: 400, remedy: 'The body ended before it was whole, or its framing broke.' },
  BODY_UNDECODABLE: { ...form, eas: 102, http: 400, remedy: 'A body that had to be read is no WBXML.' },
  TOO_MANY_REQUESTS: { ...form, http: 429, remedy: 'See limits.oauthRequestsPerSecondPerAddress.' },
  OAUTH_REFUSED: {
    ...form,
    http: 400,
    remedy: 'The request breaks a rule of OAuth; the note beside this one says which.',
  },
  IDENTITY_PROVIDER: { ...form, http: 502, remedy: 'The identity provider did not give a usable answer.' },
  AUTODISCOVER_REFUSED: { ...form, http: 400, remedy: 'Not an Autodiscover request that is answered here.' },
  TOO_MANY_HELD: { ...form, http: 503, remedy: 'A newer request of the same device took its place.' },
  UPSTREAM_UNREACHABLE: { ...form, http: 503, remedy: 'No ActiveSync server could be reached.' },
  UPSTREAM_TLS: { ...form, http: 503, remedy: "The server's certificate was not accepted; see caFile." },
  UPSTREAM_TIMEOUT: { ...form, http: 503, remedy: 'The server did not answer in time.' },
  UPSTREAM_RESET: { ...form, http: 503, remedy: 'The server closed the connection.' },
  UPSTREAM_MALFORMED: { ...form, http: 503, remedy: 'The server sent no valid HTTP answer.' },
  UPSTREAM_NOT_EXCHANGE: { ...form, http: 503, remedy: 'A front end answered in the place of the mail server.' },
  UPSTREAM_REDIRECT: { ...form, http: 503, remedy: 'The server sent the device elsewhere; see redirectHosts.' },
  UPSTREAM_CERTIFICATE_AUTH: {
    ...form,
    alarm: true,
    http: 503,
    remedy: 'The server took the request for certificate sign-in: a request without token got through. Report it.',
  },
  OPTIONS_UNKNOWN: { ...form, http: 503, remedy: 'The versions of the server are not known yet.' },
  CLIENT_GONE: { ...form, http: 400, remedy: 'The device closed the connection.' },
  STOPPING: { ...form, http: 503, remedy: 'This Sentry is being stopped.' },
  INTERNAL: { ...form, http: 503, remedy: 'A fault of ours; see the log with this id.' },
} as const satisfies Record<string, ReasonRow>

/** A row of {@link REASONS}. */
export type Reason = keyof typeof REASONS

/** The row of a reason with its members widened. */
export function reasonRow(reason: Reason): ReasonRow {
  return REASONS[reason]
}
