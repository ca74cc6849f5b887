/**
 * The figures of the feed at a size, as the slow test asserts them and `npm run bench -- feed` prints them.
 * @module
 */
import { cpus, totalmem } from 'node:os'
import {
  type HeldReport,
  holdThroughSaves,
  measureBlocks,
  measureHeldBlocks,
  measureSaves,
  percentile,
  type Sample,
} from './feed-times.ts'
import { type FleetSize, startFleet } from './fleet.ts'

/** How much is measured. `pairs`: blocks with their unblocks. `saves` change a value that a phone sees. */
export interface Measures extends FleetSize {
  readonly pairs: number
  readonly saves: number
  readonly heldBlocks: number
  /** Saves while every phone holds a Ping. */
  readonly heldSaves: number
}

/** What is measured. */
export const CHANGES = ['block', 'unblock', 'save', 'block of a held Ping'] as const

/** Samples of each, and what became of the held Pings. */
export interface Figures {
  readonly size: Measures
  readonly samples: Readonly<Record<(typeof CHANGES)[number], readonly Sample[]>>
  readonly held: HeldReport
}

/** With one Sentry and a thousand held Pings, and with three. */
export const FULL_SIZES: readonly Measures[] = [
  { sentries: 1, devices: 20_000, phones: 1_000, pairs: 200, saves: 200, heldBlocks: 20, heldSaves: 10 },
  { sentries: 3, devices: 20_000, phones: 1_000, pairs: 200, saves: 200, heldBlocks: 20, heldSaves: 10 },
]

/** Starts a fleet, measures, ends it. */
export async function measureFeed(size: Measures): Promise<Figures> {
  await using fleet = await startFleet(size)
  const { block, unblock } = await measureBlocks(fleet, size.pairs)
  const save = await measureSaves(fleet, size.saves)
  const heldBlocks = await measureHeldBlocks(fleet, size.heldBlocks)
  const held = await holdThroughSaves(fleet, size.heldSaves)
  return { size, samples: { block, unblock, save, 'block of a held Ping': heldBlocks }, held }
}

/** The figures as lines for people: milliseconds from the answer of the call, and from its sending. */
export function tableOf({ size, samples, held }: Figures): string[] {
  const rows = CHANGES.map((change) => {
    const times = samples[change]
    const columns = (['fromAnswer', 'fromSend'] as const).flatMap((from) =>
      [0.5, 0.99, 1].map((share) =>
        percentile(
          times.map((sample) => sample[from]),
          share,
        )
          .toFixed(1)
          .padStart(7),
      ),
    )
    return `${change.padEnd(20)} ${String(times.length).padStart(7)} ${columns.join(' ')}`
  })
  const [cpu] = cpus()
  return [
    `machine: ${cpus().length} x ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    `Sentries with one worker: ${size.sentries}, ${size.devices} devices, PostgreSQL over TCP, all on this machine`,
    `${'milliseconds'.padEnd(29)}${'from the answer'.padStart(23)} ${'from the call'.padStart(23)}`,
    `${''.padEnd(20)} samples ${['p50', 'p99', 'max', 'p50', 'p99', 'max'].map((title) => title.padStart(7)).join(' ')}`,
    ...rows,
    `held Pings: ${held.held} through ${held.saves} saves: ${held.lost} lost, ${held.woken} woken afterwards`,
  ]
}
