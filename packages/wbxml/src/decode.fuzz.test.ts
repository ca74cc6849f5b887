/**
 * Any bytes in, a tree or a WbxmlError out, in bounded time and memory; and a tree is read again from its encoding.
 * POSTERN_FUZZ_MS sets the time in milliseconds (default 1500), POSTERN_FUZZ_SEED another start.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeWbxml, WbxmlError } from './decode.ts'
import { encodeWbxml } from './encode.ts'
import type { WbxmlElement } from './model.ts'

const BUDGET_MS = Number(process.env['POSTERN_FUZZ_MS'] ?? 1_500)
const SEED = Number(process.env['POSTERN_FUZZ_SEED'] ?? 0x0b1e)
const MAX_INPUT_MS = 250
const MAX_HEAP_GROWTH = 192 * 1_048_576

const GOLDEN = [
  '03016a00000e454b033100013b01',
  '03016a00000e457b4b033100010101',
  '03016a00000d454703350001480333353430000101',
  '03016a0000154550c3036100620101',
  '03016a00455c4f5003436f6e746163747300014b0332000152033200014e03310001010101',
].map((hex) => [...Buffer.from(hex, 'hex')])

/** Bytes that mean something to WBXML, more often than chance would bring them. */
const TELLING = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0e, 0x19, 0x1a, 0x43, 0x45, 0x7b, 0x80, 0x83, 0x85, 0xc3, 0xff]

test(`fuzz: decodeWbxml, seed ${String(SEED)}`, () => {
  for (const golden of GOLDEN) assert.ok(decodeWbxml(Uint8Array.from(golden)))
  const random = randomNumbers(SEED)
  const end = performance.now() + BUDGET_MS
  const heapBefore = process.memoryUsage().heapUsed
  let runs = 0
  for (; performance.now() < end; runs += 1) {
    const bytes = Uint8Array.from(nextInput(random))
    const limits = { allowUnknownTokens: random(2) === 0 }
    const started = performance.now()
    const root = attempt(bytes, limits)
    const took = performance.now() - started
    assert.ok(took < MAX_INPUT_MS, `${String(took)} ms for ${shown(bytes)}`)
    if (root !== null) assert.deepEqual(decodeWbxml(encodeWbxml(root), limits), root, shown(bytes))
    if (runs % 1_024 === 0) assert.ok(process.memoryUsage().heapUsed - heapBefore < MAX_HEAP_GROWTH)
  }
  assert.ok(runs > 100, `only ${String(runs)} inputs`)
})

function attempt(bytes: Uint8Array, limits: { allowUnknownTokens: boolean }): WbxmlElement | null {
  try {
    return decodeWbxml(bytes, limits)
  } catch (error) {
    if (!(error instanceof WbxmlError)) throw new Error(`foreign error for ${shown(bytes)}`, { cause: error })
    assert.ok(error.offset >= 0 && error.offset <= bytes.length)
    return null
  }
}

function nextInput(random: (below: number) => number): number[] {
  const bytes = [...(GOLDEN[random(GOLDEN.length)] ?? [])]
  switch (random(4)) {
    case 0:
      return Array.from({ length: random(200) }, () => random(256))
    case 1: {
      // One piece over and over: depth, floods of elements, strings and switches.
      const piece = Array.from({ length: 1 + random(4) }, () => telling(random))
      return [0x03, 0x01, 0x6a, 0x00, 0x45, ...Array.from({ length: random(2_000) }, () => piece).flat()]
    }
    case 2:
      return [0x03, 0x01, 0x6a, 0x00, ...Array.from({ length: random(100) }, () => telling(random))]
    default:
      for (let times = random(4); times >= 0; times -= 1) {
        bytes.splice(random(bytes.length + 1), random(3), ...(random(3) === 0 ? [] : [telling(random)]))
      }
      return bytes
  }
}

function telling(random: (below: number) => number): number {
  return random(4) === 0 ? random(256) : (TELLING[random(TELLING.length)] ?? 0)
}

function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 400)).toString('hex')
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
