/**
 * What a command is given of the world. `main.ts` alone takes it from the process; tests bring their own.
 * @module
 */

/** Where text goes. Resolves when it may go on: the reader is slower than we are. */
export interface Sink {
  readonly isTty: boolean
  /** Columns of the terminal; null when it is none. */
  readonly columns: number | null
  write(bytes: string | Uint8Array): Promise<void>
}

/** Surroundings of one run. */
export interface Surroundings {
  readonly out: Sink
  readonly err: Sink
  /** All of standard input. @throws CliError usage when it has more than `maxBytes` */
  readInput(maxBytes: number): Promise<Uint8Array>
  /** Asks on the terminal; null when there is none to ask on. `hidden`: what is typed is not shown. */
  ask(question: string, hidden: boolean): Promise<string | null>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** File that keeps address and sign-in. */
  readonly credentialsFile: string
  /** POSTERN_URL, POSTERN_TOKEN and POSTERN_CA; null where not set. They go before what is kept. */
  readonly environment: { readonly url: string | null; readonly token: string | null; readonly ca: string | null }
  /** Release of this program. */
  readonly version: string
}
