/**
 * An administrator of Core: takes the set-up link as a person would, signs in, confirms. The authenticator is our own
 * few lines, so that a fault of Core's library cannot hide.
 * @module
 */
import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoreClient } from './core-client.ts'

/** What somebody signs in with. */
export interface Credentials {
  readonly userName: string
  readonly password: string
  readonly authenticator: Authenticator
}

/** Time as the authenticator sees it. `now`: ms since 1970. `wait` lets so many ms pass. */
export interface AuthenticatorClock {
  now(): number
  wait(ms: number): Promise<void>
}

const REAL_TIME: AuthenticatorClock = { now: Date.now, wait: (ms) => sleep(ms) }
const STEP_MS = 30_000

/** Shows each code once, as Core takes it once: the next one early (clocks may be a step apart), else it waits. */
export class Authenticator {
  readonly #key: Buffer
  readonly #clock: AuthenticatorClock
  #lastStep = 0

  /** `secret`: base32. */
  constructor(secret: string, clock: AuthenticatorClock = REAL_TIME) {
    this.#key = fromBase32(secret)
    this.#clock = clock
  }

  /** A code that was not shown before. */
  async code(): Promise<string> {
    const step = Math.max(Math.floor(this.#clock.now() / STEP_MS), this.#lastStep + 1)
    const early = (step - 1) * STEP_MS - this.#clock.now()
    if (early > 0) await this.#clock.wait(early)
    this.#lastStep = step
    return totpCode(this.#key, step)
  }
}

/** RFC 6238 with SHA-1 and six digits. `step`: number of the 30 seconds since 1970. */
function totpCode(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', key).update(counter).digest()
  const offset = mac.readUInt8(mac.length - 1) & 0xf
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0')
}

function fromBase32(text: string): Buffer {
  const bits = [...text.replace(/=+$/, '')]
    .map((character) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(character).toString(2).padStart(5, '0'))
    .join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

/** Name and password of administrators that tests and the demo make. */
export const FIRST_ADMINISTRATOR = {
  userName: 'ada',
  displayName: 'Ada Lovelace',
  password: 'analytical engines weave',
} as const

/** Does set-up with the link that Core printed. The client is signed in afterwards. @throws CoreRefusal */
export async function setUpCore(
  setupUrl: string,
  { ca, clock }: { ca?: string; clock?: AuthenticatorClock } = {},
): Promise<{ client: CoreClient; credentials: Credentials }> {
  const link = new URL(setupUrl)
  const client = new CoreClient({ origin: link.origin, ...(ca === undefined ? {} : { ca }) })
  const secret = link.hash.slice(1)
  const started = await client.call('startSetUp', { body: { secret, ...FIRST_ADMINISTRATOR } })
  const authenticator = new Authenticator(started.body.totp.secret, clock)
  await client.call('confirmSetUp', { body: { secret, code: await authenticator.code() } })
  const { userName, password } = FIRST_ADMINISTRATOR
  return { client, credentials: { userName, password, authenticator } }
}

/** Accepts an invitation. The client is signed in afterwards. @throws CoreRefusal */
export async function acceptInvitation(
  client: CoreClient,
  { secret, password, clock }: { secret: string; password: string; clock?: AuthenticatorClock },
): Promise<Credentials> {
  const { body } = await client.call('openInvitation', { body: { secret, password } })
  const authenticator = new Authenticator(body.totp.secret, clock)
  await client.call('confirmInvitation', { body: { secret, code: await authenticator.code() } })
  return { userName: body.userName, password, authenticator }
}

/** Signs a client in. @throws CoreRefusal */
export async function signIn(client: CoreClient, credentials: Credentials): Promise<void> {
  const { userName, password, authenticator } = credentials
  await client.call('signIn', { body: { userName, password, code: await authenticator.code() } })
}

/** Fresh proof of identity, good for five minutes. @throws CoreRefusal */
export async function stepUp(client: CoreClient, { authenticator }: Credentials): Promise<void> {
  await client.call('stepUp', { body: { code: await authenticator.code() } })
}
