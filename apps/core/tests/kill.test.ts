/**
 * Core is killed: nothing that was acknowledged is lost. The hundred kills of each database are in kill.slow.test.ts.
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setUpCore } from '@postern/harness/core-administrator'
import type { CoreClient } from '@postern/harness/core-client'
import { startCoreProcess } from '@postern/harness/core-process'
import { DATABASE_KINDS, startServer } from './support/databases.ts'
import { killUnderWrites, labelNames, sameSession, writeLabel } from './support/killed-core.ts'

describe('kill -9 of Core under writes', () => {
  for (const kind of DATABASE_KINDS) {
    test(`loses no acknowledged write on the ${kind} database`, async () => {
      const report = await killUnderWrites(kind, 3)
      assert.ok(report.acknowledged > 20)
      assert.ok(report.interrupted > 0)
    })
  }
  test('of one of two Cores fails no request but those under way there, and loses nothing', async () => {
    await using server = await startServer('external')
    const target = await server.emptyDatabase()
    assert.ok('url' in target)
    const options = { databaseUrl: target.url, keysFolder: join(server.folder, 'keys') }
    await using one = await startCoreProcess({ ...options, dir: join(server.folder, 'one') })
    assert.ok(one.setupUrl)
    const { client } = await setUpCore(one.setupUrl)
    await using other = await startCoreProcess({ ...options, dir: join(server.folder, 'other') })
    const clients = [client, sameSession(client, other.adminUrl)] as const
    const done: string[] = []
    const failed: string[] = []
    const stop = new AbortController()
    const writer = async (to: CoreClient, n: number): Promise<void> => {
      for (let i = 0; !stop.signal.aborted; i += 1) {
        const name = `two-${n}-${i}`
        const came = await writeLabel(to, name).then(
          () => true,
          () => false,
        )
        ;(came ? done : failed).push(name)
        if (!came) return
      }
    }
    const writers = [0, 1, 2, 3].map((n) => writer(clients[n < 2 ? 0 : 1], n))
    await sleep(300)
    await one.kill()
    await sleep(700)
    stop.abort()
    await Promise.all(writers)
    assert.ok(
      failed.every((name) => /^two-[01]-/.test(name)),
      `failed on the other Core: ${failed.join(' ')}`,
    )
    assert.ok(failed.length <= 2)
    const [, survivor] = clients
    for (const name of failed) await writeLabel(survivor, name)
    assert.deepEqual((await labelNames(survivor, 'two-')).toSorted(), [...done, ...failed].sort())
    assert.equal((await survivor.call('verifyAudit', { body: {} })).body.ok, true)
    const instances = (await survivor.call('readSystem')).body.instances.map(({ pid }) => pid)
    assert.deepEqual(instances.toSorted(), [one.pid, other.pid].toSorted())
  })
})
