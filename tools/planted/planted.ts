/**
 * How a planted violation is tested: the clean sample passes, the planted one is found where it was planted.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Check } from '../checks/model.ts'
import { startSample } from './sample.ts'

/** A fault, and what the check must say about it. `where` defaults to `path`. */
export interface Planted {
  readonly title: string
  readonly path: string
  readonly content: string
  /** A part of the message. */
  readonly says: string
  readonly where?: string
  /** Another file that the fault needs. */
  readonly beside?: { readonly path: string; readonly content: string }
}

/**
 * One run of the check on the clean sample and one with everything planted, because most checks cost seconds to start.
 * Each fault has its own file, so that one cannot stand in for another.
 */
export function testPlanted(check: Check, planted: readonly Planted[]): void {
  describe(`the check ${check.name}`, () => {
    test('passes a clean workspace', async () => {
      await using sample = await startSample()
      assert.deepEqual(await check.run(sample.root), [])
    })
    test('finds what is planted', async (t) => {
      await using sample = await startSample()
      for (const { path, content, beside } of planted) {
        await sample.plant(path, content)
        if (beside !== undefined) await sample.plant(beside.path, beside.content)
      }
      const findings = await check.run(sample.root)
      for (const { title, path, says, where = path } of planted) {
        await t.test(title, () => {
          const found = findings.some(
            (f) => (f.where === where || f.where.startsWith(`${where}:`)) && f.message.includes(says),
          )
          assert.ok(found, `${where} with "${says}" is not among ${JSON.stringify(findings, null, 1)}`)
        })
      }
    })
  })
}
