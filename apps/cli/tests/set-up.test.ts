/**
 * `postern set-up` against a real Core: the first administrator, and one who was invited.
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { Authenticator } from '@postern/harness/core-administrator'
import { type CoreProcess, startCoreProcess } from '@postern/harness/core-process'
import { runCli } from '../src/cli.ts'
import type { Surroundings } from '../src/surroundings.ts'

const PASSWORD = 'seventeen green bottles'

describe('postern set-up', () => {
  let folder: string
  let core: CoreProcess
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-set-up-'))
    core = await startCoreProcess({ dir: join(folder, 'core') })
  })
  after(async () => {
    await core.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** A person at a terminal: answers in order, and the authenticator's code whenever one is asked for. */
  function person(answers: readonly (string | null)[]): Surroundings & { told(): string } {
    const left = [...answers]
    let told = ''
    const sink = { isTty: true, columns: 80, write: async (text: string | Uint8Array) => void (told += String(text)) }
    return {
      out: sink,
      err: sink,
      readInput: async () => new Uint8Array(),
      ask: async (question) => {
        if (!question.startsWith('Code')) return left.shift() ?? null
        return new Authenticator(/secret: +(\S+)/.exec(told)?.[1] ?? '').code()
      },
      now: Date.now,
      credentialsFile: join(folder, 'config', 'cli.json'),
      environment: { url: null, token: null, ca: null },
      version: '0.1.0',
      told: () => told,
    }
  }
  const run = async (args: string[], answers: readonly (string | null)[] = []): Promise<[number, string]> => {
    const around = person(answers)
    return [await runCli(args, around, ENDPOINTS), around.told()]
  }

  const refused: [title: string, args: string[], answers: (string | null)[], says: RegExp][] = [
    ['half a link', ['http://127.0.0.1:8440/setup'], [], /LINK: must be the whole link/],
    ['a page of the console', ['http://127.0.0.1:8440/devices#x'], [], /LINK: must be the whole link/],
    ['no terminal', ['LINK'], [null], /there is none; programs use/],
    ['two different passwords', ['LINK'], ['ada', 'Ada', PASSWORD, `${PASSWORD}!`], /the two differ/],
    ['a short password', ['LINK'], ['ada', 'Ada', 'short', 'short'], /password/],
  ]
  for (const [title, args, answers, says] of refused)
    test(`refuses ${title}`, async () => {
      const link = args.map((arg) => (arg === 'LINK' ? (core.setupUrl ?? '') : arg))
      const [code, told] = await run(['set-up', ...link], answers)
      assert.notEqual(code, 0)
      assert.match(told, says)
    })
  test('makes the first administrator, who is signed in; a second time it is too late', async () => {
    const link = core.setupUrl ?? ''
    const [code, told] = await run(['set-up', link], ['ada', 'Ada Lovelace', PASSWORD, PASSWORD])
    assert.equal(code, 0, told)
    assert.match(told, /signed in at .* as ada/)
    assert.ok(!told.includes(PASSWORD))
    assert.equal((await stat(join(folder, 'config', 'cli.json'))).mode & 0o777, 0o600)
    assert.equal((await run(['label', 'list']))[0], 0)
    assert.equal((await run(['set-up', link], ['eve', 'Eve', PASSWORD, PASSWORD]))[0], 1)
  })
})
