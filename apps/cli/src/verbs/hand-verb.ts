/**
 * Verbs that are more than one call.
 * @module
 */
import type { EndpointTable } from '@postern/contract/api/endpoint'
import type { OwnOption } from '../commands/command-options.ts'
import type { Options } from '../commands/parse-options.ts'
import type { Surroundings } from '../surroundings.ts'

/** A verb: `postern <name>`. */
export interface HandVerb {
  readonly name: string
  /** An imperative, without a full stop. */
  readonly summary: string
  /** What is written without a flag, such as `DEVICE`. Each must be given. */
  readonly positionals: readonly string[]
  readonly options: readonly OwnOption[]
  /** Values that completion offers for the first positional. */
  readonly choices?: readonly string[]
  /** @throws CliError */
  run(around: Surroundings, table: EndpointTable, options: Options): Promise<void>
}
