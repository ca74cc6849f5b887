/**
 * How long it takes from an administrator's call to what every Sentry does, and whether held requests live through it.
 * Times are taken in one process by one clock: the call, and the phones' requests in a tight loop beside it.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallResult, CoreClient } from '@postern/harness/core-client'
import type { RawClient } from '@postern/harness/raw-client'
import { tag, writeWbxml } from '@postern/harness/wbxml'
import type { Fleet, Phone } from './fleet.ts'

/** Milliseconds: from the sending of the call and from its answer (0: it acted before), until the last Sentry acted. */
export interface Sample {
  readonly fromSend: number
  readonly fromAnswer: number
}

/** What became of held Pings. */
export interface HeldReport {
  readonly held: number
  readonly saves: number
  /** Ended or answered during the saves. */
  readonly lost: number
  /** Answered with the news of a mail afterwards. */
  readonly woken: number
}

/** Between two probes of one connection: the machine has to carry Core and Sentries too. Milliseconds. */
const BREATH_MS = 1
/** A change that does not act in so long will not. */
const PATIENCE_MS = 10_000

/** Blocks and unblocks a phone in turn, `pairs` times. */
export async function measureBlocks(fleet: Fleet, pairs: number): Promise<{ block: Sample[]; unblock: Sample[] }> {
  const { client, lab } = fleet
  lab.grounds.exchange.clearScript()
  lab.grounds.exchange.script({ match: 'FolderSync', times: Infinity, action: { kind: 'respond', status: 200 } })
  const block: Sample[] = []
  const unblock: Sample[] = []
  for (let n = 0; n < pairs; n += 1) {
    const phone = phoneAt(fleet, n)
    const body = { note: 'lost' }
    const params = { id: phone.id }
    block.push(await measure(fleet, phone, 'FolderSync', isRefused, () => client.call('blockDevice', { params, body })))
    const call = () => client.call('unblockDevice', { params, body: { note: 'found' } })
    unblock.push(await measure(fleet, phone, 'FolderSync', isAllowed, call))
    lab.grounds.exchange.clearReceived()
  }
  lab.grounds.exchange.clearScript()
  return { block, unblock }
}

/** A change of posture: whether it was a block, and how long after the call it acted. Milliseconds. */
export interface PostureChange {
  readonly kind: 'block' | 'unblock'
  readonly actedMs: number
}

/** Blocks and unblocks a phone through `client`, again and again, and waits each time until the Sentries follow. */
export async function changesUntil(fleet: Fleet, client: CoreClient, stop: AbortSignal): Promise<PostureChange[]> {
  const { exchange } = fleet.lab.grounds
  exchange.script({ match: 'FolderSync', times: Infinity, action: { kind: 'respond', status: 200 } })
  const phone = phoneAt(fleet, 0)
  const input = { params: { id: phone.id }, body: { note: 'watched' } }
  const changes: PostureChange[] = []
  while (!stop.aborted) {
    const kind = changes.length % 2 === 0 ? 'block' : 'unblock'
    const acts = kind === 'block' ? isRefused : isAllowed
    const call = () => client.call(kind === 'block' ? 'blockDevice' : 'unblockDevice', input)
    changes.push({ kind, actedMs: (await measure(fleet, phone, 'FolderSync', acts, call)).fromSend })
  }
  return changes
}

/** Saves another authorization endpoint each time; it acts when the sign-in is sent there. */
export async function measureSaves(fleet: Fleet, saves: number): Promise<Sample[]> {
  const { client, profileId } = fleet
  const samples: Sample[] = []
  for (let n = 0; n < saves; n += 1) {
    const { body: profile } = await client.call('readSentryProfile', { params: { id: profileId } })
    const tenant = n % 2 === 0 ? 'organizations' : 'common'
    const { settings } = profile
    const authorizationEndpoint = `https://login.windows.net/${tenant}/oauth2/authorize`
    const changed = { ...settings, serverAuthentication: { ...settings.serverAuthentication, authorizationEndpoint } }
    const save = () =>
      client.call('updateSentryProfile', {
        params: { id: profileId },
        ifMatch: profile.version,
        body: { settings: changed },
      })
    const acts = ({ status, location }: Answer): boolean => status === 302 && location.includes(`/${tenant}/`)
    samples.push(await measure(fleet, phoneAt(fleet, n), null, acts, save))
  }
  return samples
}

/** A held Ping on every Sentry, ended by the block of its device: from the call until the last of them ended. */
export async function measureHeldBlocks(fleet: Fleet, count: number): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let n = 0; n < count; n += 1) {
    const phone = phoneAt(fleet, n)
    const params = { id: phone.id }
    const pings = await Promise.all(fleet.sentries.map((sentry) => fleet.connect(phone, sentry)))
    const before = heldCount(fleet)
    await Promise.all(pings.map((ping) => ping.send(fleet.request(phone, 'Ping', PING))))
    await until(() => heldCount(fleet) === before + pings.length, 'the Pings are held')
    const sent = performance.now()
    const call = fleet.client.call('blockDevice', { params, body: { note: 'lost' } }).then(() => performance.now())
    const ended = await Promise.all(pings.map((ping) => endOf(ping)))
    samples.push(toSample(sent, await call, Math.max(...ended)))
    for (const ping of pings) ping.destroy()
    await fleet.client.call('unblockDevice', { params, body: { note: 'found' } })
    await fleet.administration.applied()
    fleet.lab.grounds.exchange.clearReceived()
  }
  return samples
}

/** Holds a Ping for every phone, saves real changes, delivers mail to everybody. */
export async function holdThroughSaves(fleet: Fleet, saves: number): Promise<HeldReport> {
  const { phones, sentries, lab } = fleet
  const clients: RawClient[] = []
  try {
    for (let from = 0; from < phones.length; from += 20) {
      const some = await Promise.all(
        phones.slice(from, from + 20).map(async (phone, n) => {
          const sentry = sentries[(from + n) % sentries.length]
          if (sentry === undefined) throw new Error('no Sentry')
          const client = await fleet.connect(phone, sentry)
          await client.send(fleet.request(phone, 'Ping', PING))
          return client
        }),
      )
      clients.push(...some)
    }
    await until(() => heldCount(fleet) >= phones.length, 'all Pings are held')
    for (let n = 0; n < saves; n += 1) await saveSomething(fleet, n)
    await sleep(500)
    const lost = clients.filter(({ socket, unread }) => socket.destroyed || unread.length > 0).length
    for (const user of new Set(phones.map((phone) => phone.user))) {
      lab.grounds.exchange.deliver(user, { subject: 'news' })
    }
    const answers = await Promise.all(clients.map((client) => wakes(client)))
    return { held: clients.length, saves, lost, woken: answers.filter((awake) => awake).length }
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  }
}

/** The value that `share` of the samples do not exceed; nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Ping of the inbox for nearly an hour. MS-ASCMD 2.2.1.13; folder 1 is the inbox of the stand-in. */
const PING = writeWbxml(
  tag(
    'Ping:Ping',
    tag('Ping:HeartbeatInterval', '3540'),
    tag('Ping:Folders', tag('Ping:Folder', tag('Ping:Id', '1'), tag('Ping:Class', 'Email'))),
  ),
)

/** The stand-in's answer is empty; Sentry tells a refusal inside of the protocol. */
const isRefused = ({ status, bytes }: Answer): boolean => status === 200 && bytes > 0
const isAllowed = ({ status, bytes }: Answer): boolean => status === 200 && bytes === 0

function phoneAt({ phones }: Fleet, n: number): Phone {
  const phone = phones[n % phones.length]
  if (phone === undefined) throw new Error('the fleet has no phones')
  return phone
}

/** Probes every Sentry until each acts as wanted, with the call beside it. */
async function measure(
  fleet: Fleet,
  phone: Phone,
  command: 'FolderSync' | null,
  acts: (answer: Answer) => boolean,
  call: () => Promise<unknown>,
): Promise<Sample> {
  const bytes = command === null ? authorizeRequest(fleet) : fleet.request(phone, command)
  const probes = await Promise.all(fleet.sentries.map((sentry) => probe(() => fleet.connect(phone, sentry), bytes)))
  try {
    for (const one of probes) {
      if (acts(await one.ask())) throw new Error('it acts before anything changed')
    }
    const sent = performance.now()
    const watched = Promise.all(
      probes.map(async (one) => {
        for (;;) {
          const answer = await one.ask()
          const at = performance.now()
          if (acts(answer)) return at
          if (at - sent > PATIENCE_MS) throw new Error(`the change did not act; last: ${JSON.stringify(answer)}`)
          await sleep(BREATH_MS)
        }
      }),
    )
    const [last, answered] = await Promise.all([watched, call().then(() => performance.now())])
    return toSample(sent, answered, Math.max(...last))
  } finally {
    for (const one of probes) one.end()
  }
}

function toSample(sent: number, answered: number, acted: number): Sample {
  return { fromSend: acted - sent, fromAnswer: Math.max(0, acted - answered) }
}

interface Answer {
  readonly status: number
  readonly location: string
  /** Length of the body. */
  readonly bytes: number
}

interface Probe {
  ask(): Promise<Answer>
  end(): void
}

/** Asks again and again over one connection, and over a new one where Sentry has closed it after a refusal. */
async function probe(connect: () => Promise<RawClient>, bytes: Buffer): Promise<Probe> {
  let client = await connect()
  return {
    ask: async () => {
      if (client.socket.destroyed || !client.socket.writable) client = await connect()
      await client.send(bytes)
      const answer = await client.readResponse({ timeoutMs: PATIENCE_MS })
      if (answer.header('connection')?.toLowerCase() === 'close') client.destroy()
      return { status: answer.status, location: answer.header('location') ?? '', bytes: answer.body.length }
    },
    end: () => {
      client.destroy()
    },
  }
}

function authorizeRequest({ lab }: Fleet): Buffer {
  const query = new URLSearchParams({
    client_id: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
    response_type: 'code',
    redirect_uri: 'com.apple.mobilemail://oauth-redirect',
    resource: `https://${lab.sentryName}`,
    state: 'fleet',
  }).toString()
  return Buffer.from(`GET /proxyservice/oauth2/authorize?${query} HTTP/1.1\r\nHost: ${lab.sentryName}\r\n\r\n`)
}

function heldCount({ lab }: Fleet): number {
  return lab.grounds.exchange.received.filter((ping) => ping.command === 'Ping' && !ping.aborted && !ping.finished)
    .length
}

async function endOf(ping: RawClient): Promise<number> {
  await Promise.race([ping.closed, ping.readResponse({ timeoutMs: PATIENCE_MS }).catch(() => null)])
  return performance.now()
}

async function wakes(client: RawClient): Promise<boolean> {
  const answer = await client.readResponse({ timeoutMs: 20_000 }).catch(() => null)
  return answer?.status === 200 && answer.body.length > 0
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`)
    await sleep(20)
  }
}

/** A change that every Sentry must take: server health, limits, name with certificate, TLS, sign-in in turn. */
async function saveSomething(fleet: Fleet, n: number): Promise<void> {
  const { client, profileId, administration } = fleet
  const { body: profile } = await client.call('readSentryProfile', { params: { id: profileId } })
  const { settings } = profile
  const change = CHANGES[n % CHANGES.length]
  if (change === undefined) throw new Error('no change')
  const body = { settings: { ...settings, ...(await change(settings, n, fleet)) } }
  await client.call('updateSentryProfile', { params: { id: profileId }, ifMatch: profile.version, body })
  await administration.applied(10_000)
}

type Settings = CallResult<'readSentryProfile'>['body']['settings']
type SettingsChange = (settings: Settings, n: number, fleet: Fleet) => Partial<Settings> | Promise<Partial<Settings>>

const CHANGES: readonly SettingsChange[] = [
  ({ activeSync }, n) => ({ activeSync: { ...activeSync, deadThreshold: 3 + n } }),
  async ({ tls }, n, { client, lab }) => {
    const more = `more-${n}.example.com`
    const { certPem, keyPem } = await lab.grounds.serverCa.issueServer({ names: [lab.sentryName, more] })
    const chainPem = certPem + lab.grounds.serverCa.certPem
    const { body } = await client.call('uploadCertificate', {
      body: { name: `Certificate with ${more}`, chainPem, privateKeyPem: keyPem },
    })
    return { alternativeNames: [more], tls: { ...tls, certificateId: body.id } }
  },
  ({ limits }, n) => ({ limits: { ...limits, heldPerUser: 100 + n, connectionsPerCertificate: 50 + n } }),
  ({ devices }, n) => ({ devices: { ...devices, servedHours: 24 + n } }),
  ({ tls }) => ({ tls: { ...tls, minVersion: tls.minVersion === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2' } }),
  ({ deviceAuthentication: how }) => ({
    deviceAuthentication: { ...how, onOAuth: how.onOAuth === 'optional' ? 'required' : 'optional' },
  }),
]
