/**
 * `postern-sentry enroll`: flags to an enrolment, and its outcome to words.
 * @module
 */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { GatewayFile } from '@postern/contract/feed/gateway-file'
import { enrol } from './enrol.ts'
import { RegistrationError } from './registration.ts'

/** Shown for `--help`, and when a needed flag is missing. */
export const ENROLL_USAGE = `postern-sentry enroll --core URL --token TOKEN --data DIR [options]
  --core URL          Core's feed listener, https://host:port
  --token TOKEN       one-time token from Core; - reads it from standard input
  --data DIR          where this machine keeps its registration
  --listen HOST:PORT  where phones connect; 0.0.0.0:8443 when left out
  --local HOST:PORT   metrics and health; 127.0.0.1:9464 when left out
  --replace           give up an earlier registration in DIR
  --lab               a laboratory; allows --host
  --host NAME=ADDRESS address of a name, in a laboratory only; may be repeated
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

interface AddressFlags {
  readonly listen: string
  readonly local: string
  readonly lab: boolean
  readonly host: readonly string[]
}

function gatewayOf(core: string, { listen, local, lab, host }: AddressFlags): GatewayFile {
  const url = URL.canParse(core) ? new URL(core) : null
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '' || url.pathname + url.search !== '/') {
    throw new RegistrationError(`--core must be https://host:port without user or path, such as https://core:8442`)
  }
  if (host.length > 0 && !lab) throw new RegistrationError('--host is for laboratories only; take it out, or add --lab')
  const localAddress = addressOf('--local', local)
  if (!/^(localhost|::1|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.test(localAddress.host)) {
    throw new RegistrationError('--local must be a loopback address: metrics carry no log-in; use 127.0.0.1 or [::1]')
  }
  return {
    core: url.origin,
    listen: addressOf('--listen', listen),
    local: localAddress,
    auditFile: 'audit.jsonl',
    ...(lab ? { lab: true, hosts: Object.fromEntries(host.map(hostOf)) } : {}),
  }
}

/** `host:port`, `[::]:port`. */
function addressOf(flag: string, text: string): GatewayFile['listen'] {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) {
    throw new RegistrationError(`${flag} must be HOST:PORT with a port from 0 to 65535, such as 0.0.0.0:8443`)
  }
  return { host, port }
}

function hostOf(text: string): [string, string] {
  const [name = '', address = ''] = text.split('=', 2)
  if (!/^[A-Za-z0-9._-]+$/.test(name) || isIP(address) === 0) {
    throw new RegistrationError('--host must be NAME=ADDRESS, such as outlook.office365.com=127.0.0.1')
  }
  return [name, address]
}
