/**
 * How `postern` ends: a closed set of exit codes that scripts can rely on.
 * @module
 */

/** Exit codes. `refused`: Core said no, or what was checked is not as it should be. */
export const EXITS = { ok: 0, refused: 1, usage: 2, unreachable: 3, notSignedIn: 4 } as const

/** Every end that is not well. */
export type Fault = Exclude<keyof typeof EXITS, 'ok'>

/** Ends the command. `message` is what a person reads: one or more lines, each naming what is wrong and the remedy. */
export class CliError extends Error {
  override name = 'CliError'
  readonly fault: Fault
  constructor(fault: Fault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/** The command line is wrong. */
export function usage(message: string): CliError {
  return new CliError('usage', message)
}
