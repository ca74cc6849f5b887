/**
 * How long to wait before the next dial: doubled at each failure, with half of it left to chance so that the Sentries
 * of a company do not come back in one instant.
 * @module
 */

const FIRST_MS = 200
const LONGEST_MS = 10_000

/**
 * Milliseconds, 100 to 10,000.
 * @param failures in a row, 1 or more
 * @param chance 0 to 1
 */
export function backoffMs(failures: number, chance: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1))
  return whole / 2 + (chance * whole) / 2
}
