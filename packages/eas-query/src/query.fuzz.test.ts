/**
 * Any text in, a query or an EasQueryError out, in bounded time and memory; and what was read is read again from what
 * is sent on. POSTERN_FUZZ_MS sets the time in milliseconds (default 1500), POSTERN_FUZZ_SEED another start.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEasQuery, EasQueryError, encodeBase64Query, encodePlainQuery } from './query.ts'
import type { EasQuery } from './query.ts'

const BUDGET_MS = Number(process.env['POSTERN_FUZZ_MS'] ?? 1_500)
const SEED = Number(process.env['POSTERN_FUZZ_SEED'] ?? 0x0ea5)
const MAX_INPUT_MS = 250
const MAX_HEAP_GROWTH = 128 * 1_048_576

const GOLDEN = [
  'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l',
  'oQkJBBBBcHBsODc2NTQzMjFBQkNEBGBI6k0GaVBob25lCA9hbmFAY29udG9zby5jb20=',
  'oRIHBAZBQkMxMjMEAAAAAAdBbmRyb2lk',
  'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==',
  'jQIJBAZBQkMxMjME%2F%2F%2F%2F%2FwNQUEMBATUDBDU6MTIHAQE%3D',
  'oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg=',
  'Cmd=Sync&User=ann%40x.test&DeviceId=ABC&DeviceType=iPhone',
  'Cmd=SmartReply&User=X%5Cann&DeviceId=ABC&DeviceType=SP&CollectionId=mail%252F77&ItemId=5%3A12&SaveInSent=T&PolicyKey=1',
  'User=ann&DeviceId=ABC&DeviceType=SP',
]
const PIECES = [
  '&',
  '=',
  '%',
  '%00',
  '%2B',
  '+',
  '/',
  '-',
  '_',
  'Cmd=',
  'cmd=Ping',
  '%43md=',
  'DeviceId=',
  '\u0000',
  'é',
  '#',
]

test(`fuzz: decodeEasQuery, seed ${String(SEED)}`, () => {
  const random = randomNumbers(SEED)
  const end = performance.now() + BUDGET_MS
  const heapBefore = process.memoryUsage().heapUsed
  let runs = 0
  for (; performance.now() < end; runs += 1) {
    const raw = nextInput(random)
    const options = { commandRequired: random(4) > 0 }
    const started = performance.now()
    const query = attempt(raw, options)
    const took = performance.now() - started
    assert.ok(took < MAX_INPUT_MS, `${String(took)} ms for ${JSON.stringify(raw)}`)
    if (query !== null) assertReadsAgain(query, raw, options)
    if (runs % 4_096 === 0) assert.ok(process.memoryUsage().heapUsed - heapBefore < MAX_HEAP_GROWTH)
  }
  assert.ok(runs > 100, `only ${String(runs)} inputs`)
})

function attempt(raw: string, options: { commandRequired: boolean }): EasQuery | null {
  try {
    return decodeEasQuery(raw, options)
  } catch (error) {
    if (!(error instanceof EasQueryError)) throw new Error(`foreign error for ${JSON.stringify(raw)}`, { cause: error })
    assert.ok(error.offset >= 0 && error.offset <= Math.max(raw.length, 4_096))
    return null
  }
}

function assertReadsAgain(query: EasQuery, raw: string, options: { commandRequired: boolean }): void {
  const canonical = encodePlainQuery(query)
  // Escaping what came unescaped can make a long query longer than one may be.
  if (canonical.length > 4_096) return
  const again = decodeEasQuery(canonical, options)
  for (const fact of ['command', 'user', 'deviceId', 'deviceKey', 'deviceType', 'extra'] as const)
    assert.deepEqual(again[fact], query[fact], `${fact} of ${JSON.stringify(raw)}`)
  if (query.version === null) return
  assert.deepEqual(decodeEasQuery(encodeBase64Query({ ...query, version: query.version })), query, JSON.stringify(raw))
}

function nextInput(random: (below: number) => number): string {
  switch (random(4)) {
    case 0:
      return mutateText(GOLDEN[random(GOLDEN.length)] ?? '', random)
    case 1:
      return mutateBytes(GOLDEN[random(6)] ?? '', random)
    case 2:
      return Buffer.from(Array.from({ length: random(120) }, () => random(256))).toString('base64')
    default:
      return Array.from({ length: random(200) }, () =>
        String.fromCharCode(random(random(9) === 0 ? 0x300 : 0x80)),
      ).join('')
  }
}

function mutateText(text: string, random: (below: number) => number): string {
  let mutated = text
  for (let times = random(4); times >= 0; times -= 1) {
    const at = random(mutated.length + 1)
    const piece = PIECES[random(PIECES.length)] ?? ''
    mutated = mutated.slice(0, at) + (random(2) === 0 ? piece : '') + mutated.slice(at + random(3))
  }
  return random(50) === 0 ? mutated.repeat(random(100)) : mutated
}

function mutateBytes(text: string, random: (below: number) => number): string {
  const bytes = [...Buffer.from(decodeURIComponent(text), 'base64')]
  for (let times = random(4); times >= 0; times -= 1) bytes.splice(random(bytes.length + 1), random(3), random(256))
  return Buffer.from(bytes).toString('base64')
}

/** Mulberry32: the same numbers for the same seed, 0 up to but not `below`. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
