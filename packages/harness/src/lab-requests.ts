/**
 * Single requests to a lab's Sentry, as tests want them: every part has a sensible default and can be replaced.
 * @module
 */
import type { Agent } from 'node:https'
import type { Issued } from './ca.ts'
import type { LabDevice } from './lab-config.ts'
import { request } from './lab-net.ts'
import type { LabNet, LabReply } from './lab-net.ts'
import { connectRaw } from './raw-client.ts'
import type { RawClient, RawClientOptions } from './raw-client.ts'

/** An answer; header names in lower case, body as it came. */
export interface TimedReply extends LabReply {
  ms: number
}

interface Common {
  method?: string
  /** Added to the usual ones and put over them; null takes a usual one away. */
  headers?: Record<string, string | string[] | null>
  body?: string | Uint8Array
  /** Certificate to present; null: none. Default: the device's on ActiveSync, none elsewhere. */
  identity?: Issued | null
  /** Connections to reuse; default: one of its own. */
  agent?: Agent
  signal?: AbortSignal
  /** Name of another Sentry; default the lab's first. */
  sentry?: string
}

/** An ActiveSync request. */
export interface EasRequest extends Common {
  /** Default FolderSync. */
  command?: string
  /** The whole query, without `?`; default a plain one for the device. '' sends none. */
  query?: string
  /** Further plain parameters, as `name=value`. */
  parameters?: string
  /** `User` of the plain query; default the device's user. */
  user?: string
  /** `DeviceId` of the plain query; default the device's. */
  deviceId?: string
  /** Bearer token; null: no Authorization. Default: one minted for the device's user. */
  token?: string | null
  /** Default 16.1; null: no MS-ASProtocolVersion. */
  version?: string | null
  /** X-MS-PolicyKey; default: none. */
  policyKey?: string
}

/** Any other request. */
export interface OtherRequest extends Common {
  /** Sent as application/x-www-form-urlencoded by POST. */
  form?: Record<string, string> | URLSearchParams | [string, string][]
  /** Added to the path. */
  query?: Record<string, string>
}

/** What a lab can send. */
export interface LabRequests {
  /** Sends one ActiveSync request as a device. */
  eas(device: LabDevice, options?: EasRequest): Promise<TimedReply>
  /** Sends a request to a path of Sentry: `/proxyservice/oauth2/token` and the like. */
  oauth(path: string, options?: OtherRequest): Promise<TimedReply>
  /** Opens a raw TLS connection to Sentry, with a device's certificate or none. */
  raw(device: LabDevice | null, options?: Partial<RawClientOptions>): Promise<RawClient>
}

/** What the requests need of the lab. */
export interface RequestGrounds {
  net: LabNet
  sentryName: string
  token: (upn: string) => string
}

/** The body a request has when none is given: FolderSync with key 0. */
const FOLDER_SYNC = Buffer.from('03016a00000756520330000101', 'hex')

/** Binds the requests to a lab. */
export function labRequests(grounds: RequestGrounds): LabRequests {
  return {
    eas: (device, options = {}) => sendEas(grounds, device, options),
    oauth: (path, options = {}) => sendOther(grounds, path, options),
    raw: (device, options = {}) => {
      const at = grounds.net.lookup(grounds.sentryName, 443)
      const { certPem: cert, keyPem: key } = device?.identity ?? {}
      const identity = cert === undefined || key === undefined ? {} : { cert, key }
      const usual = { port: at.port, ca: grounds.net.ca, servername: grounds.sentryName, ...identity }
      return connectRaw({ ...usual, ...options })
    },
  }
}

async function sendEas(grounds: RequestGrounds, device: LabDevice, options: EasRequest): Promise<TimedReply> {
  const { command = 'FolderSync', method = 'POST', version = '16.1', policyKey } = options
  const token = options.token === undefined ? grounds.token(device.user) : options.token
  const body = options.body ?? (method === 'POST' && command === 'FolderSync' ? FOLDER_SYNC : undefined)
  const usual = {
    'User-Agent': 'Apple-iPhone15C4/2207.62',
    ...(version === null ? {} : { 'MS-ASProtocolVersion': version }),
    ...(policyKey === undefined ? {} : { 'X-MS-PolicyKey': policyKey }),
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/vnd.ms-sync.wbxml' }),
    ...(body === undefined && method === 'POST' ? { 'Content-Length': '0' } : {}),
  }
  const query = options.query ?? plainQuery(device, command, options)
  const url = `https://${options.sentry ?? grounds.sentryName}/Microsoft-Server-ActiveSync${query === '' ? '' : `?${query}`}`
  const identity = options.identity === undefined ? device.identity : options.identity
  return send(grounds.net, url, { ...options, method, identity, headers: merged(usual, options.headers) }, body)
}

function plainQuery(device: LabDevice, command: string, options: EasRequest): string {
  const user = encodeURIComponent(options.user ?? device.user)
  const deviceId = encodeURIComponent(options.deviceId ?? device.easDeviceId)
  const rest = options.parameters === undefined ? '' : `&${options.parameters}`
  return `Cmd=${command}&User=${user}&DeviceId=${deviceId}&DeviceType=iPhone${rest}`
}

async function sendOther(grounds: RequestGrounds, path: string, options: OtherRequest): Promise<TimedReply> {
  const url = new URL(path, `https://${options.sentry ?? grounds.sentryName}`)
  for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.append(name, value)
  const form = options.form === undefined ? undefined : new URLSearchParams(options.form).toString()
  const usual: Record<string, string> =
    form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' }
  const method = options.method ?? (form === undefined ? 'GET' : 'POST')
  const headers = merged(usual, options.headers)
  return send(grounds.net, url.href, { ...options, method, headers }, options.body ?? form)
}

interface Ready extends Omit<Common, 'headers'> {
  headers: Record<string, string | string[]>
}

async function send(net: LabNet, url: string, ready: Ready, body?: string | Uint8Array): Promise<TimedReply> {
  const { method, headers, identity, agent, signal } = ready
  const since = performance.now()
  const reply = await request(net, {
    url,
    headers,
    ...(method === undefined ? {} : { method }),
    ...(body === undefined ? {} : { body }),
    ...(identity === undefined || identity === null
      ? {}
      : { cert: `${identity.certPem}\n${identity.chainPem ?? ''}`, key: identity.keyPem }),
    ...(agent === undefined ? {} : { agent }),
    ...(signal === undefined ? {} : { signal }),
  })
  return { ...reply, ms: performance.now() - since }
}

/** `changes` over `usual`, by name without regard to case; null removes. */
function merged(
  usual: Record<string, string>,
  changes: Record<string, string | string[] | null> = {},
): Record<string, string | string[]> {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()))
  const kept = Object.entries(usual).filter(([name]) => !changed.has(name.toLowerCase()))
  const added = Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  return Object.fromEntries<string | string[]>([...kept, ...added])
}
