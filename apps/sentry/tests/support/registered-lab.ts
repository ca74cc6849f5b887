/**
 * A lab whose Sentry is registered with a scripted Core: the same stand-ins and phones, no configuration file.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PostureEntry } from '@postern/contract/feed/feed-messages'
import { type SentryDocument, SERVER_HEALTH_DEFAULTS } from '@postern/contract/feed/sentry-document'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import { type ConfigFile, type DeviceName, type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import {
  enrolSentry,
  launchRegisteredSentry,
  type RegisteredSentry,
  type RegisteredSentryOptions,
  type SentryProcess,
} from '@postern/harness/sentry-process'
import { type ScriptedCore, startScriptedCore } from './scripted-core.ts'

/** Public name of the registered Sentry; the lab's own, which works by a file, has another. */
export const GATE = 'gate.example.com'

/** Lab, Core, and an enrolled data directory. */
export interface RegisteredLab extends AsyncDisposable {
  readonly lab: Lab
  readonly core: ScriptedCore
  readonly dir: string
  /** A document that works in this lab, with changes put over it. */
  document(change?: (draft: SentryDocument) => void): SentryDocument
  entry(device: DeviceName, more?: Partial<PolicyDevice>): PostureEntry
  /** Starts the Sentry of `dir` without waiting; it ends with the lab. */
  launch(options?: Partial<RegisteredSentryOptions>): RegisteredSentry
  /** Starts it and waits until phones find it under {@link GATE}. */
  start(options?: Partial<RegisteredSentryOptions>): Promise<SentryProcess>
  /** Status of one FolderSync on a connection of its own: 200, or that of a refusal. */
  sync(device: LabDevice | DeviceName, more?: { deviceId?: string; identity?: LabDevice['identity'] }): Promise<number>
}

/** Starts everything but the Sentry. */
export async function startRegisteredLab(): Promise<RegisteredLab> {
  const owned = new AsyncDisposableStack()
  const lab = await startLab({ exchange: { requirePolicy: false }, workers: 1 })
  owned.use(lab)
  const core = await startScriptedCore()
  owned.use(core)
  const dir = await mkdtemp(join(tmpdir(), 'postern-gate-'))
  owned.defer(() => rm(dir, { recursive: true, force: true }))
  const hosts = lab.config['hosts'] as Record<string, string>
  const run = await enrolSentry({ dir, core: core.url, token: core.token(), hosts })
  if (run.exitCode !== 0) throw new Error(`enrolment failed: ${run.stderr}`)
  core.beginFeed()
  const document = await documentOf(lab)
  core.state.document = { etag: 'first', document }
  core.state.posture = Object.values(lab.devices).map((device) => entryOf(device))
  const launch: RegisteredLab['launch'] = (options = {}) => {
    const sentry = launchRegisteredSentry({ dir, workers: 1, ...options })
    owned.use(sentry)
    return sentry
  }
  return {
    lab,
    core,
    dir,
    document: (change = () => undefined) => {
      const draft = structuredClone(document)
      change(draft)
      return draft
    },
    entry: (device, more = {}) => entryOf(lab.devices[device], more),
    launch,
    start: async (options = {}) => {
      const sentry = await launch(options).listening()
      lab.net.map(`${GATE}:443`, '127.0.0.1', sentry.port)
      return sentry
    },
    sync: async (device, more = {}) => {
      const who = typeof device === 'string' ? lab.devices[device] : device
      const { status } = await lab.eas(who, { sentry: GATE, ...more })
      return status
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function entryOf(device: LabDevice, more: Partial<PolicyDevice> = {}): PostureEntry {
  return {
    kind: 'device',
    device: {
      id: device.id,
      user: device.user,
      easDeviceIds: [device.easDeviceId],
      certificates: [device.identity.fingerprint],
      posture: 'allow',
      reasons: [],
      ...more,
    },
  }
}

async function documentOf(lab: Lab): Promise<SentryDocument> {
  const server = await lab.serverCa.issueServer({ names: [GATE] })
  const serverCa = { name: 'Lab Server CA', pem: lab.serverCa.certPem }
  const { oauth, activeSync } = lab.config as { oauth: ConfigFile; activeSync: ConfigFile }
  const document = {
    profile: { id: 'profile-1', name: 'Gate', version: 1 },
    listen: { names: [], proxyProtocolFrom: [], clientCertificateFrom: [] },
    tls: {
      certificatePem: server.certPem,
      privateKeyPem: server.keyPem,
      reserve: null,
      minVersion: 'TLSv1.2',
      deviceCas: [{ name: 'Lab Device CA', pem: lab.deviceCa.certPem }],
      crls: [],
    },
    deviceCertificate: { onActiveSync: 'required', onOAuth: 'optional' },
    oauth: {
      ...without(oauth, 'caFile'),
      sentryResource: `https://${GATE}`,
      opaqueTokens: 'refuse',
      ca: serverCa,
    },
    activeSync: { ...without(activeSync, 'caFile'), ca: serverCa, health: SERVER_HEALTH_DEFAULTS },
    autodiscover: false,
    policy: { unknownDevices: 'block', unknownWhenCoreIsAway: 'block', staleAfterSeconds: 86_400 },
    limits: {},
  }
  return document as unknown as SentryDocument // Sentry checks it as it checks Core's
}

function without(section: ConfigFile, key: string): ConfigFile {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== key))
}
