import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { sql } from 'kysely'
import { FEED_PATHS, FEED_SERVER_NAME } from '@postern/contract/feed/enrolment'
import type { FeedMessage } from '@postern/contract/feed/feed-messages'
import { SYSTEM } from '../src/audit/chain.ts'
import { startFeedListener } from '../src/feed/feed-listener.ts'
import { revokeSentry } from '../src/services/sentries/edit-sentries.ts'
import { deviceRow, enrol, type FeedLab, type Machine, startFeedLab } from './support/feed-lab.ts'

const DEVICES = 100_000
/** What a paused snapshot of about 40 MB may hold in Core, with everything else that runs in this process. Bytes. */
const MOST_HELD = 12_000_000

let lab: FeedLab
before(async () => {
  lab = await startFeedLab(1)
  await sql`insert into posture_entries (kind, key, value, seq)
    select 'device', 'bulk-' || i, jsonb_build_object('id', 'bulk-' || i, 'user', 'user-' || i || '@example.com',
      'easDeviceIds', jsonb_build_array('EAS' || i), 'certificates', jsonb_build_array('sha256:' || repeat(md5(i::text), 2)),
      'posture', 'allow', 'reasons', jsonb_build_array(repeat('because ', 24))), nextval('posture_seq')
    from generate_series(1, ${sql.lit(DEVICES)}) i`.execute(lab.core.services.store.db)
})
after(() => lab[Symbol.asyncDispose]())

async function machineOf(name: string): Promise<Machine & { id: string }> {
  const { id, token } = await lab.add(name)
  return { ...(await enrol(lab.core.port, token)), id }
}

/** A reader that takes nothing until it is told to. */
async function openPaused(port: number, { ca, identity }: Machine): Promise<IncomingMessage> {
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port, ca, servername: FEED_SERVER_NAME, agent: false, ...identity },
    path: `${FEED_PATHS.feed}?schemas=2&version=1`,
  })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.on('error', () => undefined) // a stream that Core cuts off ends so
  return response
}

/** Reads to the end, or until `enough`; keeps counts only. */
async function readOn(response: IncomingMessage, enough: (message: FeedMessage) => boolean): Promise<Counted> {
  const counted: Counted = { lines: 0, devices: 0, last: null }
  const parts: string[] = []
  const take = (text: string): boolean => {
    const end = text.indexOf('\n')
    if (end < 0) {
      parts.push(text)
      return false
    }
    const message = JSON.parse(parts.splice(0).join('') + text.slice(0, end)) as FeedMessage
    counted.lines += 1
    counted.last = message
    if (message.type === 'entries') counted.devices += message.entries.length
    return enough(message) || take(text.slice(end + 1))
  }
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const finish = (): void => resolve(undefined)
  response.setEncoding('utf8').once('close', finish)
  response.on('data', (text: string) => {
    if (take(text)) finish()
  })
  await promise
  return counted
}

interface Counted {
  lines: number
  devices: number
  last: FeedMessage | null
}

function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test(`a snapshot of ${DEVICES} devices waits for its reader in bounded memory, and what changes meanwhile follows`, async () => {
  const machine = await machineOf('slow')
  const before = heldBytes()
  const response = await openPaused(lab.core.port, machine)
  await sleep(1_000)
  const held = heldBytes() - before
  assert.ok(held < MOST_HELD, `${held} bytes are held for a reader that takes nothing`)
  await lab.posture([deviceRow('bulk-99999', 'block'), { kind: 'device', key: 'bulk-1', value: null }])
  const told = await readOn(response, ({ type }) => type === 'delta')
  assert.ok(told.devices >= DEVICES - 1 && told.devices <= DEVICES, `${told.devices} devices`)
  const { last } = told
  const kinds = last?.type === 'delta' ? last.entries.map((entry) => entry.kind) : [last?.type]
  assert.deepEqual(kinds, ['device', 'device-removed'])
  response.destroy()
})

test('a reader that takes nothing is given up', async () => {
  const machine = await machineOf('stuck')
  await using feed = await startFeedListener(lab.core.services, { drainMs: 300 })
  const response = await openPaused(feed.port, machine)
  const gone = async () =>
    lab.core.log.some(({ event, fields }) => event === 'feed-stream-failed' && fields['name'] === 'stalled')
  for (let i = 0; i < 100 && !(await gone()); i += 1) await sleep(50)
  assert.ok(await gone(), 'the stream still waits')
  const told = await readOn(response, () => false)
  assert.ok(told.devices < DEVICES, 'it was cut off')
})

test('a slow reader that is revoked does not get the rest', async () => {
  const machine = await machineOf('slow and revoked')
  const response = await openPaused(lab.core.port, machine)
  await sleep(300)
  await lab.core.services.store.change(SYSTEM, (change) => revokeSentry(change, machine.id, null))
  const told = await readOn(response, () => false)
  assert.ok(told.devices < DEVICES / 2, `${told.devices} devices were told after all`)
  assert.equal(told.last?.type === 'bye' ? told.last.reason : told.last?.type, 'revoked')
})
