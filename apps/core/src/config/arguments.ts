/**
 * Core's command line.
 * @module
 */
import { parseArgs } from 'node:util'
import { type CoreConfig, DEFAULT_PORTS, portsFrom } from './core-config.ts'

/** What `--help` prints. */
export const USAGE = `postern-core [options]                  runs Core
postern-core restore FILE [options]     restores a backup into an empty database, while no Core runs
postern-core verify-audit [options]     says whether the audit log is whole, while no Core runs

  --config FILE       settings (JSON); every key has a default
  --data DIR          where everything is kept; default ./data
  --ports-from N      admin N, device N+1, feed N+2 instead of ${DEFAULT_PORTS.admin}, ${DEFAULT_PORTS.device}, ${DEFAULT_PORTS.feed}
  --setup-json        print the set-up link and the ports as one JSON line
`

/** A command with what it was given. File names are absolute. */
export type CoreCommand = { readonly name: 'restore'; readonly file: string } | { readonly name: 'verify-audit' }

/** The command line, checked. */
export interface CoreArguments {
  readonly help: boolean
  /** Null: run Core. */
  readonly command: CoreCommand | null
  readonly configFile: string | null
  readonly data: string | null
  readonly portsFrom: number | null
  readonly setupJson: boolean
  /** For `npm start` only: it registers the Sentry beside Core over the process's own channel. */
  readonly localSentry: boolean
}

/** @throws Error naming the option, the rule and the remedy. */
export function parseArguments(args: readonly string[]): CoreArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      config: { type: 'string' },
      data: { type: 'string' },
      'ports-from': { type: 'string' },
      'setup-json': { type: 'boolean' },
      'local-sentry': { type: 'boolean' },
    },
  })
  const first = values['ports-from']
  return {
    help: values.help === true,
    command: commandOf(positionals),
    configFile: values.config ?? null,
    data: values.data ?? null,
    portsFrom: first === undefined ? null : firstPort(first),
    setupJson: values['setup-json'] === true,
    localSentry: values['local-sentry'] === true,
  }
}

function commandOf([name, file, ...more]: readonly string[]): CoreCommand | null {
  if (name === undefined) return null
  if (name === 'restore') {
    if (file === undefined || more.length > 0) throw new Error('restore takes the name of one backup file')
    return { name, file }
  }
  if (name !== 'verify-audit') throw new Error(`there is no command ${name}; see --help`)
  if (file !== undefined) throw new Error('verify-audit takes no file')
  return { name }
}

/** Five ports follow each other, so the last possible first one is 65531; 0 lets the system choose each. */
function firstPort(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_531 || (value > 0 && value < 1_024)) {
    throw new Error('--ports-from must be a whole number from 1024 to 65531, or 0 for any free ports')
  }
  return value
}

/** The settings with the command line put over them. */
export function withArguments(config: CoreConfig, args: CoreArguments): CoreConfig {
  const ports =
    args.portsFrom === null ? null : args.portsFrom === 0 ? { admin: 0, device: 0, feed: 0 } : portsFrom(args.portsFrom)
  return {
    ...config,
    data: args.data ?? config.data,
    admin: { ...config.admin, port: ports?.admin ?? config.admin.port },
    device: { ...config.device, port: ports?.device ?? config.device.port },
    feed: { ...config.feed, port: ports?.feed ?? config.feed.port },
  }
}
