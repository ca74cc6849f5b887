/**
 * Why a device may or may not have mail.
 * @module
 */

/** Placeholder until the module is written. */
export const POSTURE_REASONS = {} as const
