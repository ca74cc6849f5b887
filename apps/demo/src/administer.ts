/**
 * The documented procedure as an administrator goes through it, from the set-up link to what the phones will be sent.
 * @module
 */
import type { Administration, CoreLab, DeviceIds } from '@postern/harness/core-lab'
import { DOCUMENTED } from '@postern/harness/core-lab'
import type { RegisteredSentry, SentryProcess } from '@postern/harness/sentry-process'
import type { Seen, Steps } from './steps.ts'

/** What the procedure leaves behind. `sent`: the settings for each kind of phone, as rendered. */
export interface Administered {
  readonly administration: Administration
  readonly devices: DeviceIds
  readonly sentry: SentryProcess
  readonly sent: { readonly exchangePlist: string; readonly emailPlus: Readonly<Record<string, string>> }
}

/** Walks it. @throws Error when a step failed on which everything after it stands */
export async function administer(steps: Steps, lab: CoreLab): Promise<Administered> {
  const administration = await setUp(steps, lab)
  const { machine, sentryId } = await registerSentry(steps, lab, administration)
  const { profileId, sentry } = await saveStandaloneSentry(steps, lab, administration, machine, sentryId)
  const devices = await addPeople(steps, administration)
  const exchangePlist = await pushExchange(steps, administration, profileId, devices)
  const emailPlus = await pushEmailPlus(steps, administration, profileId, devices)
  return { administration, devices, sentry, sent: { exchangePlist, emailPlus } }
}

/** Runs a step that the others stand on, and hands on what it made. */
async function found<T>(
  steps: Steps,
  name: string,
  expected: string,
  act: () => Promise<Seen & { made: T }>,
): Promise<T> {
  const kept: T[] = []
  await steps.run(`Core: ${name}`, expected, async () => {
    const { made, ...seen } = await act()
    kept.push(made)
    return seen
  })
  const [made] = kept
  if (made === undefined) throw new Error(`${name}: nothing to go on with`)
  return made
}

function setUp(steps: Steps, lab: CoreLab): Promise<Administration> {
  return found(steps, 'set-up link', 'the first administrator, with a second factor', async () => {
    const administration = await lab.setUp()
    const { body } = await administration.client.call('readSession')
    return {
      seen: `signed in as ${body.administrator.userName}`,
      holds: body.permissions.length > 10,
      made: administration,
    }
  })
}

function registerSentry(
  steps: Steps,
  lab: CoreLab,
  { client }: Administration,
): Promise<{ machine: RegisteredSentry; sentryId: string }> {
  return found(steps, 'Services > Sentry, enrol', 'Core and the machine show the same key', async () => {
    const { body } = await client.call('createSentry', { body: { name: 'sentry-1', profileId: null } })
    const machine = await lab.startSentry(body.invitation.token)
    const { registration } = (await client.call('readSentry', { params: { id: body.sentry.id } })).body
    const shown = registration.fingerprint ?? 'no key'
    const holds = registration.state === 'registered' && shown.startsWith('sha256:')
    return { seen: `${registration.state}, ${shown.slice(0, 23)}…`, holds, made: { machine, sentryId: body.sentry.id } }
  })
}

function saveStandaloneSentry(
  steps: Steps,
  lab: CoreLab,
  administration: Administration,
  machine: RegisteredSentry,
  sentryId: string,
): Promise<{ profileId: string; sentry: SentryProcess }> {
  const { client } = administration
  return found(steps, 'Add New > Standalone Sentry', 'documented values saved and applied', async () => {
    const profileId = await administration.addStandaloneSentry()
    const since = performance.now()
    const before = await client.call('readSentry', { params: { id: sentryId } })
    await client.call('updateSentry', {
      params: { id: sentryId },
      ifMatch: before.body.version,
      body: { profileId },
    })
    const sentry = await lab.serving(machine)
    const ms = performance.now() - since
    await administration.applied()
    const { settings } = (await client.call('readSentryProfile', { params: { id: profileId } })).body
    const { authorizationEndpoint, tokenEndpoint, sentryResource, destinationResource } = settings.serverAuthentication
    const kept =
      authorizationEndpoint === DOCUMENTED.authorizationEndpoint &&
      tokenEndpoint === DOCUMENTED.tokenEndpoint &&
      sentryResource === DOCUMENTED.sentryResource &&
      destinationResource === DOCUMENTED.destinationResource
    const servers = settings.activeSync.servers.join(', ')
    const seen = `${kept ? 'as documented' : 'changed'}, servers ${servers}, phones can connect after ${ms.toFixed(0)} ms`
    return { seen, holds: kept && servers === 'outlook.office365.com', ms, made: { profileId, sentry } }
  })
}

function addPeople(steps: Steps, administration: Administration): Promise<DeviceIds> {
  return found(steps, 'users and devices', 'each with its certificate, and allowed', async () => {
    const devices = await administration.addPeople()
    const { items } = (await administration.client.call('listDevices')).body
    const allowed = items.filter(({ decision }) => decision === 'allow').length
    const all = Object.keys(devices).length
    return { seen: `${String(allowed)} of ${String(all)} allowed`, holds: allowed === all, made: devices }
  })
}

function pushExchange(
  steps: Steps,
  { client }: Administration,
  sentryProfileId: string,
  devices: DeviceIds,
): Promise<string> {
  return found(steps, 'Exchange, Use OAuth', 'iOS gets the two documented URLs', async () => {
    const { body } = await client.call('createExchangeConfiguration', {
      body: { name: 'Mail on iOS', sentryProfileId, useOAuth: true, identityCertificate: 'Lab devices' },
    })
    await applyTo(client, body.id, 'iOS')
    const plist = await previewed(client, body.id, devices['ann-phone'], (rendered) =>
      rendered.kind === 'profile' ? rendered.plist : null,
    )
    const holds = plist.includes(DOCUMENTED.signInUrl) && plist.includes(DOCUMENTED.tokenRequestUrl)
    return { seen: holds ? `${DOCUMENTED.signInUrl} and …/token` : 'other URLs', holds, made: plist }
  })
}

function pushEmailPlus(
  steps: Steps,
  { client }: Administration,
  sentryProfileId: string,
  devices: DeviceIds,
): Promise<Readonly<Record<string, string>>> {
  return found(steps, 'Email+ key-value pairs', 'the five documented pairs', async () => {
    const template = await client.call('readEmailPlusTemplate', {
      query: { sentryProfileId, certificate: 'Lab devices' },
    })
    const { body } = await client.call('createEmailPlusConfiguration', {
      body: { name: 'Email+', sentryProfileId, pairs: template.body.pairs, allowInsecureDelivery: true },
    })
    await applyTo(client, body.id, 'Android')
    const sent = await previewed(client, body.id, devices['bob-tablet'], (rendered) =>
      rendered.kind === 'settings' ? rendered.managedAppConfiguration : null,
    )
    const pairs = Object.fromEntries(
      Object.entries(sent).map(([key, value]) => [
        key,
        typeof value === 'object' ? `${value.certificateRef}.pfx` : String(value),
      ]),
    )
    const documented = {
      eas_min_allowed_auth_mode: 'modern_auth',
      modern_auth_authority_url: `${DOCUMENTED.sentryResource}/proxyservice`,
      modern_auth_resource_url: DOCUMENTED.sentryResource,
      email_exchange_host: new URL(DOCUMENTED.sentryResource).host,
    }
    const holds = Object.entries(documented).every(([key, value]) => pairs[key] === value)
    return { seen: `${String(Object.keys(pairs).length)} pairs`, holds, made: pairs }
  })
}

type Client = Administration['client']
type Rendered = Awaited<ReturnType<typeof preview>>

async function applyTo(client: Client, id: string, labelName: string): Promise<void> {
  const { items } = (await client.call('listLabels')).body
  const label = items.find(({ name }) => name === labelName)
  if (label === undefined) throw new Error(`there is no label ${labelName}`)
  await client.call('applyConfiguration', { params: { id }, body: { labels: [label.id] } })
}

async function previewed<T>(
  client: Client,
  id: string,
  deviceId: string,
  pick: (rendered: Rendered) => T | null,
): Promise<T> {
  const rendered = await preview(client, id, deviceId)
  const picked = pick(rendered)
  if (picked === null) throw new Error(`nothing can be sent: ${JSON.stringify(rendered)}`)
  return picked
}

async function preview(client: Client, id: string, deviceId: string) {
  const { userId } = (await client.call('readDevice', { params: { id: deviceId } })).body
  const { body } = await client.call('previewConfiguration', {
    params: { id },
    query: { user: userId, device: deviceId },
  })
  return body.rendered
}
