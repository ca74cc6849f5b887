/**
 * Passwords of administrators: argon2id, kept as PHC strings, so that the numbers can be raised later.
 *
 * Document: RFC 9106; OWASP Password Storage Cheat Sheet (19 MiB and 2 passes at least).
 * @module
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { CoreError } from '../../failure.ts'
import { COMMON_PASSWORDS } from './common-passwords.ts'

/** What new hashes are made with. `memory` in KiB. About 0.05 seconds. */
const ARGON2 = { memory: 32_768, passes: 2, parallelism: 1, tagLength: 32 } as const
/** Characters (code points) of a new password at least. */
const PASSWORD_LENGTH = { least: 15, most: 256 } as const
/** Different characters of a new password at least. */
const DISTINCT_CHARACTERS = 6
/** Hashes made at once, and waiting beside them: each takes 32 MiB and a core. */
const HASHING = { atOnce: 2, waiting: 16 } as const

const derive = promisify(argon2)
const SALT_BYTES = 16

let running = 0
const waiting: (() => void)[] = []

/** Hashes a new password. The rules are checked before, with `passwordProblem`. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES)
  const tag = await oneOfFew(() => derive('argon2id', { message: normal(password), nonce, ...ARGON2 }))
  const { memory, passes, parallelism } = ARGON2
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(nonce)}$${base64(tag)}`
}

/**
 * Whether the password is the hash's. With null, for an account that does not exist, it takes as long and is false.
 * @throws CoreError UNAVAILABLE when too many wait.
 */
export async function verifyPassword(password: string, phc: string | null): Promise<boolean> {
  const { nonce, tag, ...numbers } = parsePhc(phc ?? NOBODYS)
  const given = await oneOfFew(() => derive('argon2id', { message: normal(password), nonce, ...numbers }))
  return timingSafeEqual(given, tag) && phc !== null
}

/** What is wrong with a new password, with the rule; null: nothing. */
export function passwordProblem(password: string, userName: string): string | null {
  const characters = [...normal(password)]
  const { least, most } = PASSWORD_LENGTH
  if (characters.length < least || characters.length > most) return `must have ${least} to ${most} characters`
  const folded = normal(password).toLowerCase()
  if (userName !== '' && folded.includes(userName.toLowerCase())) return 'must not contain the user name'
  if (new Set(characters).size < DISTINCT_CHARACTERS) {
    return `must have ${DISTINCT_CHARACTERS} different characters at least`
  }
  if (isCommon(folded))
    return 'is one of the passwords that are tried first; choose another, such as a few random words'
  return null
}

/** The list, and what is made of it by adding digits and signs at the ends, or by saying it twice. */
function isCommon(folded: string): boolean {
  const core = folded.replace(/^[^a-z]+|[^a-z]+$/g, '')
  const half = core.slice(0, core.length / 2)
  return [folded, core, ...(half + half === core ? [half] : [])].some((form) => COMMON_PASSWORDS.has(form))
}

/** The same text typed on two keyboards may be other bytes (RFC 8265). */
function normal(password: string): string {
  return password.normalize('NFC')
}

interface Parsed {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly tagLength: number
  readonly nonce: Buffer
  readonly tag: Buffer
}

function parsePhc(phc: string): Parsed {
  const parts = /^\$argon2id\$v=19\$m=(\d{4,7}),t=(\d{1,2}),p=(\d)\$([\w+/-]{11,64})\$([\w+/-]{22,86})$/.exec(phc)
  const [, memory, passes, parallelism, nonce = '', tag = ''] = parts ?? []
  if (parts === null) throw new Error('a stored password hash has an unknown form')
  const expected = Buffer.from(tag, 'base64')
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
    nonce: Buffer.from(nonce, 'base64'),
    tag: expected,
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

/** Numbers as for a real one; no password has this tag. */
const NOBODYS = `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=1$${base64(Buffer.alloc(SALT_BYTES))}$${base64(Buffer.alloc(ARGON2.tagLength))}`

/** Anybody may ask for a hash by trying to sign in, so their number is bounded. */
async function oneOfFew<T>(work: () => Promise<T>): Promise<T> {
  if (running >= HASHING.atOnce) {
    if (waiting.length >= HASHING.waiting) {
      throw new CoreError('UNAVAILABLE', 'too many people sign in at once; try again', { retryAfterSeconds: 5 })
    }
    await new Promise<void>((resolve) => void waiting.push(resolve)) // whoever ends hands its place over
  } else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
