/**
 * A whole mail service on loopback: CAs, Exchange and Entra stand-ins, one Sentry with a policy, registered devices.
 *
 * Everything lives in a directory of its own that goes away with the lab. Nothing outside 127.0.0.1 is spoken to.
 * @module
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Issued } from './ca.ts'
import type { EntraClient, MintOptions } from './entra/entra.ts'
import type { ExchangeOptions } from './exchange/exchange.ts'
import * as parts from './lab-config.ts'
import type { ConfigFile, DeviceName } from './lab-config.ts'
import { layGrounds, writeCertificates } from './lab-grounds.ts'
import type { Grounds } from './lab-grounds.ts'
import type { LabNet } from './lab-net.ts'
import { labPolicy } from './lab-policy.ts'
import type { LabPolicy } from './lab-policy.ts'
import { labRequests } from './lab-requests.ts'
import type { LabRequests } from './lab-requests.ts'
import { EmailPlusPhone } from './phones/email-plus-phone.ts'
import { MailPhone } from './phones/mail-phone.ts'
import { startSentryProcess } from './sentry-process.ts'
import type { SentryProcess } from './sentry-process.ts'

export type { ConfigFile, DeviceName, LabDevice } from './lab-config.ts'

/** How a lab differs from the usual one. */
export interface LabOptions {
  /** Put over Sentry's configuration, section by section. */
  config?: ConfigFile
  /** Changes the first policy before Sentry starts. */
  policy?: (draft: LabPolicy['snapshot']) => void
  /** Put over the Exchange stand-in's options: `versions`, `secondMs`, `requirePolicy`. */
  exchange?: Partial<ExchangeOptions>
  /** Applications that may sign in beside those of the phones, known to Sentry and to the Entra stand-in. */
  clients?: readonly EntraClient[]
  /** Sentry's workers; default 2. */
  workers?: number
  /** Divides every timeout of Sentry (`--lab-speed`); default 1. */
  speed?: number
  /** Put over the environment of every Sentry of the lab. */
  env?: Record<string, string>
  /** Where files go; default a new directory under the system's temporary one. It is removed in the end. */
  dir?: string
}

/** A running lab. It must be ended: `await using`. */
export interface Lab extends Grounds, LabRequests, AsyncDisposable {
  readonly dir: string
  readonly sentry: SentryProcess
  readonly sentryName: string
  readonly policy: LabPolicy
  readonly destinationResource: string
  /** Configuration as written for the first Sentry. */
  readonly config: ConfigFile
  /** An access token of a person for mail, as Entra would give it; minted, so no sign-in is needed. */
  token(upn: string, options?: Omit<MintOptions, 'upn'>): string
  /** Whether a URL is one of the identity provider's. */
  isIdentityProvider(url: URL | null): boolean
  mailPhone(device: DeviceName, options?: { identity?: Issued | null }): MailPhone
  emailPlusPhone(device: DeviceName, options?: { identity?: Issued | null }): EmailPlusPhone
  /** Starts another Sentry that reads the same policy; it ends with the lab. `name` is its public name. */
  addSentry(name: string, options?: { config?: ConfigFile; workers?: number }): Promise<SentryProcess>
}

/** Boots everything. @throws SentryStartError when Sentry does not start; nothing is left running then. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const owned = new AsyncDisposableStack()
  try {
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'postern-lab-')))
    await rm(dir, { recursive: true, force: true })
    owned.defer(() => rm(dir, { recursive: true, force: true }))
    const grounds = await layGrounds(options, owned)
    return await raise(resolve(dir), grounds, options, owned)
  } catch (cause) {
    await owned.disposeAsync()
    throw cause
  }
}

async function raise(dir: string, grounds: Grounds, options: LabOptions, owned: AsyncDisposableStack): Promise<Lab> {
  const { net, entra, exchange } = grounds
  const base = parts.labConfig({ exchange: exchange.port, entra: entra.port }, options.clients)
  const config = parts.withOverride(base, options.config ?? {})
  const first = parts.firstPolicy(Object.values(grounds.devices))
  options.policy?.(first)
  const sentries: SentryProcess[] = []
  const policy = labPolicy(first, () => sentries)
  const args = options.speed === undefined ? [] : ['--lab-speed', String(options.speed)]
  const launch = async (name: string, place: string, own: ConfigFile, workers: number): Promise<SentryProcess> => {
    await mkdir(place, { recursive: true })
    await writeCertificates(place, grounds, await grounds.serverCa.issueServer({ names: [name] }))
    await writeFile(join(place, 'policy.json'), JSON.stringify(policy.snapshot, null, 2))
    const sentry = await startSentryProcess(own, { dir: place, workers, args, env: options.env ?? {} })
    owned.use(sentry)
    sentries.push(sentry)
    // One that has ended reads no policy any more.
    void sentry.exited.then(() => sentries.splice(sentries.indexOf(sentry), 1))
    net.map(`${name}:443`, '127.0.0.1', sentry.port)
    return sentry
  }
  const sentry = await launch(parts.SENTRY_NAME, dir, config, options.workers ?? 2)
  const token: Lab['token'] = (upn, more = {}) => entra.mint({ upn, ...more })
  return {
    ...grounds,
    ...labRequests({ net, sentryName: parts.SENTRY_NAME, token }),
    ...phonesOf(grounds),
    dir,
    sentry,
    sentryName: parts.SENTRY_NAME,
    policy,
    destinationResource: parts.DESTINATION_RESOURCE,
    config,
    token,
    isIdentityProvider: (url) => url !== null && parts.ENTRA_NAMES.includes(url.hostname),
    addSentry: (name, more = {}) =>
      launch(name, join(dir, name), parts.withOverride(ownNames(config, name), more.config ?? {}), more.workers ?? 1),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Another Sentry's configuration: the same, under its own name. */
function ownNames(config: ConfigFile, name: string): ConfigFile {
  return parts.withOverride(config, { oauth: { sentryResource: `https://${name}` } })
}

function phonesOf({ net, devices }: Grounds): Pick<Lab, 'mailPhone' | 'emailPlusPhone'> {
  const usual = (
    name: DeviceName,
  ): { net: LabNet; user: string; password: string; deviceId: string; identity: Issued } => {
    const { user, easDeviceId, identity } = devices[name]
    const password = parts.PEOPLE.find(({ upn }) => upn === user)?.password ?? ''
    return { net, user, password, deviceId: easDeviceId, identity }
  }
  const host = parts.SENTRY_NAME
  return {
    mailPhone: (name, options = {}) => new MailPhone({ ...usual(name), host, ...options }),
    emailPlusPhone: (name, options = {}) => {
      const pairs = {
        eas_min_allowed_auth_mode: 'modern_auth',
        modern_auth_authority_url: `https://${host}/proxyservice`,
        modern_auth_resource_url: `https://${host}`,
        email_login_certificate: `${name}.pfx`,
        email_exchange_host: host,
      }
      return new EmailPlusPhone({ ...usual(name), pairs, ...options })
    },
  }
}
