/**
 * What a machine is told about itself on the command line: where Core is, where it listens, a laboratory's names.
 * @module
 */
import type { GatewayFile } from '@postern/contract/feed/gateway-file'
import { parseLabAddress } from '@postern/contract/lab-address'
import { RegistrationError } from './registration.ts'

/** What both `enroll` and a start may say of a machine, as typed. */
export interface AddressFlags {
  readonly listen: string
  readonly local: string
  readonly lab: boolean
  readonly host: readonly string[]
}

/** A machine's own file from its flags. @throws RegistrationError naming flag, rule and remedy */
export function gatewayOf(core: string, { listen, local, lab, host }: AddressFlags): GatewayFile {
  if (host.length > 0 && !lab) throw new RegistrationError('--host is for laboratories only; take it out, or add --lab')
  return {
    core: coreOf(core),
    listen: addressOf('--listen', listen),
    local: localOf(local),
    auditFile: 'audit.jsonl',
    ...(lab ? { lab: true, hosts: Object.fromEntries(host.map(hostOf)) } : {}),
  }
}

/** The file as it is for one start: what the flags say of addresses holds instead. @throws RegistrationError */
export function withAddresses(
  gateway: GatewayFile,
  flags: { readonly [K in 'core' | 'listen' | 'local']?: string | undefined },
): GatewayFile {
  return {
    ...gateway,
    ...(flags.core === undefined ? {} : { core: coreOf(flags.core) }),
    ...(flags.listen === undefined ? {} : { listen: addressOf('--listen', flags.listen) }),
    ...(flags.local === undefined ? {} : { local: localOf(flags.local) }),
  }
}

function coreOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'https:' && url.username + url.password === '' && url.pathname + url.search === '/') {
    return url.origin
  }
  throw new RegistrationError(`--core must be https://host:port without user or path, such as https://core:8442`)
}

function localOf(text: string): GatewayFile['local'] {
  const address = addressOf('--local', text)
  if (/^(localhost|::1|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.test(address.host)) return address
  throw new RegistrationError('--local must be a loopback address: metrics carry no log-in; use 127.0.0.1 or [::1]')
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
  if (!/^[A-Za-z0-9._-]+$/.test(name) || parseLabAddress(address) === null) {
    throw new RegistrationError(
      '--host must be NAME=ADDRESS or NAME=ADDRESS:PORT, such as outlook.office365.com=127.0.0.1:20443',
    )
  }
  return [name, address]
}
