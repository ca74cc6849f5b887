/**
 * Core on a PostgreSQL over TCP with Sentries, a crowd of devices, and some phones among them that really connect.
 * @module
 */
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Issued } from '@postern/harness/ca'
import type { CoreClient } from '@postern/harness/core-client'
import { type Administration, type CoreLab, startCoreLab } from '@postern/harness/core-lab'
import { type CoreProcess, startCoreProcess } from '@postern/harness/core-process'
import { connectRaw, type RawClient } from '@postern/harness/raw-client'
import type { RegisteredSentry, SentryProcess } from '@postern/harness/sentry-process'
import { SYSTEM } from '../../src/audit/chain.ts'
import { refreshPosture } from '../../src/services/posture/posture.ts'
import { startBalancer } from './balancer.ts'
import { openStore, startServer, type TestStore } from './databases.ts'

/** Sizes. `devices` counts the phones too. */
export interface FleetSize {
  readonly sentries: number
  readonly devices: number
  readonly phones: number
  /** Two Cores on the database, and a balancer before their feeds; default one. */
  readonly cores?: 1 | 2
}

/** A device that connects. `id`: Core's. */
export interface Phone {
  readonly id: string
  readonly user: string
  readonly easDeviceId: string
  readonly identity: Issued
}

/** Everything running, and every Sentry up to date. */
export interface Fleet extends AsyncDisposable {
  readonly lab: CoreLab
  /** The Core beside the one of the lab, when there is one. */
  readonly other: CoreProcess | null
  readonly administration: Administration
  readonly client: CoreClient
  readonly profileId: string
  readonly sentries: readonly (SentryProcess & { readonly id: string })[]
  readonly phones: readonly Phone[]
  /** A TLS connection of a phone to a Sentry. */
  connect(phone: Phone, sentry: SentryProcess): Promise<RawClient>
  /** The bytes of an ActiveSync request. */
  request(phone: Phone, command: string, body?: Buffer): Buffer
}

/** Devices of one user among the phones. */
const PHONES_PER_USER = 5
/** Devices whose posture is decided in one transaction. */
const BATCH = 10_000
/** Certificates that are made at a time. */
const ISSUED_AT_ONCE = 50

/** Starts one: some seconds, and about ten for 20,000 devices. */
export async function startFleet(size: FleetSize): Promise<Fleet> {
  const owned = new AsyncDisposableStack()
  try {
    const server = owned.use(await startServer('external'))
    const target = await server.emptyDatabase()
    if (!('url' in target)) throw new Error('an external server is reached by URL')
    const shared = { databaseUrl: target.url, keysFolder: join(server.folder, 'keys') }
    const lab = owned.use(await startCoreLab({ ...shared, exchange: { requirePolicy: false } }))
    const administration = await lab.setUp() // first: each Core that starts before it replaces the link
    const other =
      size.cores === 2 ? owned.use(await startCoreProcess({ ...shared, dir: join(server.folder, 'other') })) : null
    const feeds = [lab.core, ...(other === null ? [] : [other])].map(({ ports }) => ports.feed)
    const balancer = owned.use(await startBalancer(feeds))
    const store = await openStore(target, shared.keysFolder)
    const phones = await addDevices(lab, store, size).finally(() => store[Symbol.asyncDispose]())
    const profileId = await administration.addStandaloneSentry()
    await liftLimits(administration.client, profileId)
    const sentries = await startSentries(lab, administration, profileId, size.sentries, balancer.port)
    await administration.applied(60_000)
    return {
      ...{ lab, other, administration, client: administration.client, profileId, phones, sentries },
      connect: ({ identity }, { port }) =>
        connectRaw({
          port,
          ca: lab.grounds.serverCa.certPem,
          servername: lab.sentryName,
          cert: identity.certPem,
          key: identity.keyPem,
          connectTimeoutMs: 30_000,
        }),
      request: (phone, command, body) => easRequest(lab, phone, command, body),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  } catch (cause) {
    await owned.disposeAsync()
    throw cause
  }
}

/** One address asks for everybody, and asks all the time. */
async function liftLimits(client: CoreClient, id: string): Promise<void> {
  const { settings, version } = (await client.call('readSentryProfile', { params: { id } })).body
  const limits = { ...settings.limits, oauthRequestsPerSecondPerAddress: 100_000 }
  await client.call('updateSentryProfile', {
    params: { id },
    ifMatch: version,
    body: { settings: { ...settings, limits } },
  })
}

async function startSentries(
  lab: CoreLab,
  administration: Administration,
  profileId: string,
  count: number,
  feedPort: number,
): Promise<Fleet['sentries']> {
  const started: { id: string; sentry: RegisteredSentry }[] = []
  for (let n = 1; n <= count; n += 1) {
    const { id, token } = await administration.createSentry(`Sentry ${n}`, profileId)
    started.push({ id, sentry: await lab.startSentry(token, `sentry-${n}`, 1, `https://127.0.0.1:${feedPort}`) })
  }
  return Promise.all(started.map(async ({ id, sentry }) => ({ ...(await lab.serving(sentry)), id })))
}

async function addDevices(lab: CoreLab, store: TestStore, { devices, phones }: FleetSize): Promise<Phone[]> {
  const rows = Array.from({ length: phones }, (_, n) => ({
    user: `phone${Math.floor(n / PHONES_PER_USER)}@example.com`,
    easDeviceId: `FLEETPHONE${n}`,
  }))
  const users = [...new Set(rows.map(({ user }) => user))]
  const crowd = devices - phones
  const { db } = store.store
  await sql`
    insert into users (user_name, user_id, display_name)
    select name, split_part(name, '@', 1), name from (
      select unnest(${users}::text[]) as name union all
      select 'crowd' || n || '@example.com' from generate_series(1, ${sql.lit(crowd)}) n
    ) names`.execute(db)
  const issued: Issued[] = []
  for (let from = 0; from < rows.length; from += ISSUED_AT_ONCE) {
    const some = rows.slice(from, from + ISSUED_AT_ONCE)
    issued.push(...(await Promise.all(some.map(({ user }) => lab.grounds.deviceCa.issueDevice({ upn: user })))))
  }
  const known = rows.map((row, n) => ({ ...row, fingerprint: issued[n]?.fingerprint ?? '' }))
  const ids = await insertDevices(store, known, crowd)
  for (let from = 0; from < ids.length; from += BATCH) {
    const some = ids.slice(from, from + BATCH).map(({ id }) => id)
    await store.store.change(SYSTEM, (change) => refreshPosture(change, some))
  }
  await sql`vacuum analyze`.execute(db)
  const idOf = new Map(ids.map(({ id, eas }) => [eas, id]))
  return rows.flatMap((row, n) => {
    const [id, identity] = [idOf.get(row.easDeviceId), issued[n]]
    return id === undefined || identity === undefined ? [] : [{ ...row, id, identity }]
  })
}

async function insertDevices(
  { store: { db } }: TestStore,
  phones: readonly { user: string; easDeviceId: string; fingerprint: string }[],
  crowd: number,
): Promise<{ id: string; eas: string }[]> {
  const { rows } = await sql<{ id: string; eas: string }>`
    insert into devices (user_id, user_name, user_display_name, name, platform, os_version, ownership, eas_device_ids,
      state)
    select u.id, u.user_name, u.display_name, 'Device ' || told.eas, 'iOS', '18.6', 'company', array[told.eas], 'active'
    from (
      select "user" as user_name, "easDeviceId" as eas
      from jsonb_to_recordset(${JSON.stringify(phones)}::jsonb) as phone ("user" text, "easDeviceId" text) union all
      select 'crowd' || n || '@example.com', 'CROWD' || n from generate_series(1, ${sql.lit(crowd)}) n
    ) told join users u on u.user_name = told.user_name
    returning id, eas_device_ids[1] as eas`.execute(db)
  await sql`
    insert into identities (device_id, fingerprint, not_before, not_after)
    select d.id, coalesce(phone.fingerprint, 'sha256:' || encode(sha256(d.id::text::bytea), 'hex')),
      now() - interval '1 day', now() + interval '30 days'
    from devices d left join jsonb_to_recordset(${JSON.stringify(phones)}::jsonb)
      as phone ("easDeviceId" text, fingerprint text) on phone."easDeviceId" = d.eas_device_ids[1]`.execute(db)
  return rows
}

const TOKENS = new WeakMap<CoreLab, Map<string, string>>()

/** One token for each user: what is measured is Sentry and not the signing of tokens. */
function tokenOf(lab: CoreLab, upn: string): string {
  const tokens = TOKENS.get(lab) ?? new Map<string, string>()
  TOKENS.set(lab, tokens)
  const token = tokens.get(upn) ?? lab.grounds.entra.mint({ upn })
  tokens.set(upn, token)
  return token
}

function easRequest(
  lab: CoreLab,
  { user, easDeviceId }: Phone,
  command: string,
  body: Buffer = Buffer.alloc(0),
): Buffer {
  const query = `Cmd=${command}&User=${encodeURIComponent(user)}&DeviceId=${easDeviceId}&DeviceType=iPhone`
  const head = [
    `POST /Microsoft-Server-ActiveSync?${query} HTTP/1.1`,
    `Host: ${lab.sentryName}`,
    `Authorization: Bearer ${tokenOf(lab, user)}`,
    'MS-ASProtocolVersion: 16.1',
    'User-Agent: Apple-iPhone15C4/2207.62',
    'Content-Type: application/vnd.ms-sync.wbxml',
    `Content-Length: ${body.length}`,
    '\r\n',
  ]
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), body])
}
