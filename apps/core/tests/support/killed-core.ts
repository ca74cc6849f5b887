/**
 * Kills Core while it is written to, again and again, and says what became of the writes.
 * @module
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setUpCore } from '@postern/harness/core-administrator'
import { CoreClient, CoreRefusal } from '@postern/harness/core-client'
import { type CoreProcess, startCoreProcess } from '@postern/harness/core-process'
import { type DatabaseKind, startServer } from './databases.ts'

/** What was seen. `acknowledged`, `interrupted`: writes; `milliseconds`: the longest start after a kill. */
export interface KillReport {
  readonly kills: number
  readonly acknowledged: number
  readonly interrupted: number
  readonly milliseconds: number
}

const WRITERS = 4

/** A client with the session of another: what a browser keeps over a restart of Core. */
export function sameSession(client: CoreClient, origin: string): CoreClient {
  const again = new CoreClient({ origin })
  for (const [name, value] of client.cookies) again.cookies.set(name, value)
  again.csrfToken = client.csrfToken
  return again
}

/** Writes one label; its name is also the key of the request, so that it can be sent again. */
export async function writeLabel(client: CoreClient, name: string): Promise<void> {
  const { body } = await client.call('createLabel', { body: { name, filter: null }, idempotencyKey: name })
  assert.equal(body.name, name)
}

/** Names of all labels that begin so. */
export async function labelNames(client: CoreClient, prefix: string): Promise<string[]> {
  const names: string[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) }
    const page: { items: { name: string }[]; next: string | null } = (await client.call('listLabels', { query })).body
    names.push(...page.items.map(({ name }) => name).filter((name) => name.startsWith(prefix)))
    cursor = page.next
  }
  return names
}

/** Core is killed `kills` times. Afterwards every acknowledged write is there once, and the audit log is whole. */
export async function killUnderWrites(kind: DatabaseKind, kills: number): Promise<KillReport> {
  await using server = await startServer(kind) // for the embedded kind only its folder is used
  const target = await server.emptyDatabase()
  const dir = join(server.folder, 'core')
  const options = { dir, ...('url' in target ? { databaseUrl: target.url } : {}) }
  let core: CoreProcess = await startCoreProcess(options)
  try {
    assert.ok(core.setupUrl)
    let { client } = await setUpCore(core.setupUrl)
    const acknowledged = new Set<string>()
    let interrupted = 0
    let milliseconds = 0
    for (let round = 0; round < kills; round += 1) {
      const open = await writesUntilKilled(core, client, round, acknowledged)
      const begun = performance.now()
      core = await startCoreProcess(options)
      milliseconds = Math.max(milliseconds, performance.now() - begun)
      client = sameSession(client, core.adminUrl)
      // Nobody knows whether these were done: sent again, they are done once.
      for (const name of open) await writeLabel(client, name)
      for (const name of open) acknowledged.add(name)
      interrupted += open.length
    }
    const names = await labelNames(client, 'kill-')
    assert.deepEqual(names.toSorted(), [...acknowledged].sort())
    const { body } = await client.call('verifyAudit', { body: {} })
    assert.deepEqual([body.ok, body.problem], [true, null])
    return { kills, acknowledged: acknowledged.size, interrupted, milliseconds: Math.round(milliseconds) }
  } finally {
    await core.kill()
  }
}

/** Returns names of writes that got no answer. */
async function writesUntilKilled(
  core: CoreProcess,
  client: CoreClient,
  round: number,
  acknowledged: Set<string>,
): Promise<string[]> {
  const open: string[] = []
  const writer = async (n: number): Promise<void> => {
    for (let i = 0; ; i += 1) {
      const name = `kill-${round}-${n}-${i}`
      try {
        await writeLabel(client, name)
        acknowledged.add(name)
      } catch (error) {
        if (error instanceof CoreRefusal && error.status < 500) throw error
        open.push(name)
        return
      }
    }
  }
  const writers = Array.from({ length: WRITERS }, (_, n) => writer(n))
  await sleep(randomInt(20, 400))
  await core.kill()
  await Promise.all(writers)
  return open
}
