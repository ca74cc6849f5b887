/**
 * Every way in which the API says no: a closed set, each with its HTTP status. Replies are RFC 9457 problem documents.
 * @module
 */

/** `title` is the same for every occurrence; what happened this time stands in `detail`. */
export const FAILURES = {
  INVALID: { status: 400, title: 'The request has problems' },
  NOT_SIGNED_IN: { status: 401, title: 'Sign in first' },
  SIGN_IN_FAILED: { status: 401, title: 'Name, password or code are not right' },
  STEP_UP_REQUIRED: { status: 401, title: 'Confirm that it is you' },
  FORBIDDEN: { status: 403, title: 'Your roles do not allow this' },
  CSRF: { status: 403, title: 'The request does not come from the console' },
  NOT_FOUND: { status: 404, title: 'There is no such thing' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Not done in this way' },
  CONFLICT: { status: 409, title: 'It does not fit what is there' },
  IN_USE: { status: 409, title: 'Something still uses it' },
  ALREADY_SET_UP: { status: 409, title: 'Set-up has been done' },
  CHANGED: { status: 412, title: 'Somebody changed it meanwhile' },
  TOO_LARGE: { status: 413, title: 'The request is too large' },
  MEDIA_TYPE: { status: 415, title: 'Send JSON' },
  MISDIRECTED: { status: 421, title: 'Not under this name' },
  IDEMPOTENCY_MISMATCH: { status: 422, title: 'The idempotency key was used for another request' },
  LOCKED: { status: 423, title: 'The account is locked' },
  PRECONDITION_REQUIRED: { status: 428, title: 'Say which version you change (If-Match)' },
  TOO_MANY: { status: 429, title: 'Too many attempts' },
  INTERNAL: { status: 500, title: 'Core failed' },
  UNAVAILABLE: { status: 503, title: 'Try again' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>

/** Code of a failure; programs match on it, never on texts. */
export type FailureCode = keyof typeof FAILURES

/** Media type of a problem document. */
export const PROBLEM_TYPE = 'application/problem+json'

/** `type` of a problem document. */
export function problemUri(code: FailureCode): string {
  return `urn:postern:problem:${code.toLowerCase().replaceAll('_', '-')}`
}
