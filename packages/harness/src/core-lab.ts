/**
 * A whole mail service on loopback, managed by Core: what an administrator clicks in the documented procedure is done here
 * through the API, with the documented values, step by step.
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Credentials, setUpCore, stepUp } from './core-administrator.ts'
import type { CoreClient } from './core-client.ts'
import { type CoreProcess, type CoreProcessOptions, startCoreProcess } from './core-process.ts'
import {
  CLIENTS,
  DESTINATION_RESOURCE,
  type DeviceName,
  ENTRA_NAMES,
  EXCHANGE_NAMES,
  PEOPLE,
  SENTRY_NAME,
} from './lab-config.ts'
import { type Grounds, type GroundWishes, layGrounds } from './lab-grounds.ts'
import { enrolSentry, launchRegisteredSentry, type RegisteredSentry, type SentryProcess } from './sentry-process.ts'

/** The values of the documented procedure, as they stand there. */
export const DOCUMENTED = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  sentryResource: `https://${SENTRY_NAME}`,
  destinationResource: DESTINATION_RESOURCE,
  signInUrl: `https://${SENTRY_NAME}/proxyservice/oauth2/authorize`,
  tokenRequestUrl: `https://${SENTRY_NAME}/proxyservice/oauth2/token`,
} as const

/** Proof that ends sooner is given again. Milliseconds. */
const PROOF_LEFT_MS = 30_000

/** How the lab is started. */
export interface CoreLabOptions {
  /** PostgreSQL to use; absent: the embedded one. */
  databaseUrl?: string
  /** Folder of the keys when another Core shares the database; default beside the rest. */
  keysFolder?: string
  /** Where files go; default a new directory that is removed in the end. */
  dir?: string
  /** How the mail server differs from its usual behaviour. */
  exchange?: GroundWishes['exchange']
}

/** Devices of the lab as Core knows them. */
export type DeviceIds = Readonly<Record<DeviceName, string>>

/** Everything before an administrator did anything. It must be ended: `await using`. */
export class CoreLab implements AsyncDisposable {
  readonly dir: string
  readonly grounds: Grounds
  readonly sentryName = SENTRY_NAME
  core: CoreProcess
  readonly #options: CoreLabOptions
  readonly #owned: AsyncDisposableStack
  readonly #sentries: RegisteredSentry[] = []

  /** See {@link startCoreLab}. */
  constructor(dir: string, grounds: Grounds, core: CoreProcess, options: CoreLabOptions, owned: AsyncDisposableStack) {
    this.dir = dir
    this.grounds = grounds
    this.core = core
    this.#options = options
    this.#owned = owned
  }

  /** The first administrator, through the set-up link. */
  async setUp(): Promise<Administration> {
    const { setupUrl } = this.core
    if (setupUrl === null) throw new Error('Core has an administrator already')
    const { client, credentials } = await setUpCore(setupUrl)
    return new Administration(client, credentials, this.grounds)
  }

  /**
   * Registers a machine with a token, and starts its Sentry; devices can connect when it has a configuration.
   * `feedUrl`: where it dials when a balancer stands before Core.
   */
  async startSentry(
    token: string,
    name = 'sentry',
    workers = 2,
    feedUrl = this.core.feedUrl,
  ): Promise<RegisteredSentry> {
    const dir = join(this.dir, name)
    const enrolled = await enrolSentry({ dir, core: feedUrl, token, hosts: this.#hosts() })
    if (enrolled.exitCode !== 0) throw new Error(`the Sentry was not registered: ${enrolled.stderr}`)
    return this.launchSentry(name, workers)
  }

  /** Starts a Sentry that was registered before. */
  launchSentry(name = 'sentry', workers = 2): RegisteredSentry {
    const sentry = launchRegisteredSentry({ dir: join(this.dir, name), workers })
    this.#sentries.push(sentry)
    return sentry
  }

  /** Waits until phones can connect, and lets them find it under `hostName`. */
  async serving(sentry: RegisteredSentry, hostName: string = SENTRY_NAME): Promise<SentryProcess> {
    const serving = await sentry.listening()
    this.grounds.net.map(`${hostName}:443`, '127.0.0.1', serving.port)
    return serving
  }

  /** Ends Core and starts it again on the same ports and data. */
  async restartCore(how: 'stop' | 'kill' = 'stop'): Promise<void> {
    await this.core[how]()
    this.core = await startCoreProcess({ ...coreOptions(this.dir, this.#options), ports: this.core.ports })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sentries.map((sentry) => sentry.stop()))
    await this.core.stop()
    await this.#owned.disposeAsync()
  }

  /** Names of the world outside are found on the stand-ins, whatever port was asked for. */
  #hosts(): Record<string, string> {
    const { exchange, entra } = this.grounds
    const at = (names: readonly string[], port: number): [string, string][] =>
      names.map((name) => [name, `127.0.0.1:${String(port)}`])
    return Object.fromEntries([...at(EXCHANGE_NAMES, exchange.port), ...at(ENTRA_NAMES, entra.port)])
  }
}

/** Starts the stand-ins and Core. Nothing is left running when that fails. */
export async function startCoreLab(options: CoreLabOptions = {}): Promise<CoreLab> {
  const owned = new AsyncDisposableStack()
  try {
    const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'postern-core-lab-'))))
    if (options.dir !== undefined) await rm(dir, { recursive: true, force: true })
    owned.defer(() => rm(dir, { recursive: true, force: true }))
    const grounds = await layGrounds(options.exchange === undefined ? {} : { exchange: options.exchange }, owned)
    const core = await startCoreProcess(coreOptions(dir, options))
    return new CoreLab(dir, grounds, core, options, owned)
  } catch (cause) {
    await owned.disposeAsync()
    throw cause
  }
}

function coreOptions(dir: string, { databaseUrl, keysFolder }: CoreLabOptions): CoreProcessOptions {
  return {
    dir: join(dir, 'core'),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(keysFolder === undefined ? {} : { keysFolder }),
  }
}

/** What the administrator of the lab does, by the names of the procedure. */
export class Administration {
  readonly client: CoreClient
  readonly credentials: Credentials
  readonly #grounds: Grounds

  /** See {@link CoreLab.setUp}. */
  constructor(client: CoreClient, credentials: Credentials, grounds: Grounds) {
    this.client = client
    this.credentials = credentials
    this.#grounds = grounds
  }

  /**
   * Services > Sentry > Add New > Standalone Sentry, with the documented values; beside them what a lab needs: its own
   * authorities, and the client id of Email+. Returns the profile's id.
   */
  async addStandaloneSentry(host: string = SENTRY_NAME): Promise<string> {
    const { serverCa, deviceCa } = this.#grounds
    const served = await serverCa.issueServer({ names: [host] })
    const chainPem = served.certPem + serverCa.certPem
    const certificate = await this.client.call('uploadCertificate', {
      body: { name: `Certificate of ${host}`, chainPem, privateKeyPem: served.keyPem },
    })
    const deviceRoot = await this.#trustedRoot('Lab devices', 'device', deviceCa.certPem)
    const serverRoot = await this.#trustedRoot('Lab servers', 'upstream', serverCa.certPem)
    const { authorizationEndpoint, tokenEndpoint, destinationResource } = DOCUMENTED
    const profile = await this.client.call('createSentryProfile', {
      body: {
        settings: {
          name: `Standalone Sentry ${host}`,
          sentryHost: host,
          enableActiveSync: true,
          deviceAuthentication: { method: 'identityCertificate', trustedRootIds: [deviceRoot] },
          serverAuthentication: {
            method: 'passThrough',
            passThroughWithOAuth: true,
            authorizationEndpoint,
            tokenEndpoint,
            sentryResource: `https://${host}`,
            destinationResource,
            clients: CLIENTS.map((client, i) => ({ name: i === 0 ? 'iOS Mail' : 'Email+', ...client })),
            identityProviderRootId: serverRoot,
          },
          activeSync: { servers: [], serverRootId: serverRoot },
          tls: { certificateId: certificate.body.id },
        },
      },
    })
    return profile.body.id
  }

  async #trustedRoot(name: string, purpose: 'device' | 'upstream', pem: string): Promise<string> {
    const { body } = await this.client.call('listTrustedRoots', { query: { purpose } })
    const there = body.items.find((root) => root.name === name)
    if (there !== undefined) return there.id
    return (await this.client.call('createTrustedRoot', { body: { name, purpose, pem } })).body.id
  }

  /** Adds a Sentry; the token registers its machine. */
  async createSentry(name: string, profileId: string | null): Promise<{ id: string; token: string }> {
    const { body } = await this.client.call('createSentry', { body: { name, profileId } })
    return { id: body.sentry.id, token: body.invitation.token }
  }

  /** Users and devices of the lab, each with its certificate. */
  async addPeople(): Promise<DeviceIds> {
    for (const { upn } of PEOPLE) {
      await this.client.call('createUser', { body: { userName: upn, email: upn } })
    }
    const ids: [string, string][] = []
    for (const { id, user, easDeviceId, identity } of Object.values(this.#grounds.devices)) {
      const { body } = await this.client.call('createDevice', {
        body: {
          userName: user,
          name: id,
          platform: id.endsWith('phone') ? 'iOS' : 'Android',
          osVersion: id.endsWith('phone') ? '18.6' : '15',
          ownership: 'company',
          udid: udidOf(id),
          // Email+ takes its ActiveSync id from the pair `email_device_id`, the built-in mail has one of its own.
          easDeviceIds: [easDeviceId, udidOf(id).replaceAll('-', '')],
        },
      })
      await this.client.call('registerIdentity', { params: { id: body.id }, body: { pem: identity.certPem } })
      ids.push([id, body.id])
    }
    return Object.fromEntries(ids) as DeviceIds
  }

  /** Waits until every registered Sentry works by what was saved last; `timeoutMs` default 5,000. */
  async applied(timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const { items } = (await this.client.call('listSentries')).body
      const behind = items.filter(
        ({ configuration, posture }) => configuration.state !== 'applied' || posture.behind !== 0,
      )
      if (behind.length === 0) return
      if (performance.now() > deadline) {
        const states = behind.map(({ name, configuration, posture }) =>
          JSON.stringify({ name, configuration, posture }),
        )
        throw new Error(`not applied within ${String(timeoutMs)} ms: ${states.join('; ')}`)
      }
      await delay(20)
    }
  }

  /** Fresh proof of identity, for dangerous actions; what was proved a moment ago still holds. */
  async stepUp(): Promise<void> {
    const { provedUntil } = (await this.client.call('readSession')).body
    if (provedUntil !== null && Date.parse(provedUntil) - Date.now() > PROOF_LEFT_MS) return
    await stepUp(this.client, this.credentials)
  }
}

/** A UUID that a device of the lab has always had. */
function udidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
