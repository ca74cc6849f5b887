/**
 * The release that this Sentry is; a test compares it with package.json.
 * @module
 */

/** Told to Core at enrolment and in every report. */
export const SENTRY_VERSION = '0.1.0'
