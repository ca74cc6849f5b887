/**
 * `postern-sentry enroll`: flags to an enrolment, and its outcome to words.
 * @module
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { enrol } from './enrol.ts'
import { gatewayOf } from './gateway-flags.ts'
import { RegistrationError } from './registration.ts'

/** Shown for `--help`, and when a needed flag is missing. */
const ENROLL_USAGE = `postern-sentry enroll --core URL --token TOKEN --data DIR [options]
  --core URL          Core's feed listener, https://host:port
  --token TOKEN       one-time token from Core; - reads it from standard input
  --data DIR          where this machine keeps its registration
  --listen HOST:PORT  where phones connect; 0.0.0.0:8443 when left out
  --local HOST:PORT   metrics and health; 127.0.0.1:9464 when left out
  --replace           give up an earlier registration in DIR
  --lab               a laboratory; allows --host
  --host NAME=ADDRESS[:PORT]  where a name (and its port 443) is, in a laboratory only; may be repeated
`

/** Standard input as text, and where to write; `readToken` is called for `--token -` only. */
export interface CommandPorts {
  readToken(): Promise<string>
  write(text: string): void
}

/** Runs it. @throws Error whose message names flag, rule and remedy */
export async function enrollCommand(args: readonly string[], ports: CommandPorts): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      core: { type: 'string' },
      token: { type: 'string' },
      data: { type: 'string' },
      listen: { type: 'string', default: '0.0.0.0:8443' },
      local: { type: 'string', default: '127.0.0.1:9464' },
      replace: { type: 'boolean', default: false },
      lab: { type: 'boolean', default: false },
      host: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.help === true) {
    ports.write(ENROLL_USAGE)
    return
  }
  const { core, token, data } = values
  if (core === undefined || token === undefined || data === undefined) {
    const missing = [['--core', core] as const, ['--token', token] as const, ['--data', data] as const]
    const names = missing.filter(([, value]) => value === undefined).map(([name]) => name)
    throw new RegistrationError(`${names.join(', ')} must be given\n${ENROLL_USAGE}`)
  }
  const gateway = gatewayOf(core, values)
  const dir = resolve(data)
  const { identity, fingerprint } = await enrol({
    dir,
    gateway,
    token: token === '-' ? await ports.readToken() : token,
    replace: values.replace,
  })
  ports.write(
    `Registered as ${identity.name} (${identity.sentryId}).\n` +
      `Fingerprint of its key: ${fingerprint}\n` +
      `Compare it with the page of this Sentry in Core. Then start it: postern-sentry --data ${dir}\n`,
  )
}
