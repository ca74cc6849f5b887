import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runSentry, startSentryProcess } from './sentry-process.ts'

describe('a Sentry process that does not start', () => {
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'postern-process-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  test('a refused configuration is an error that holds what Sentry said', async () => {
    const starting = startSentryProcess({ listen: 1 }, { dir, workers: 1 })
    await assert.rejects(starting, (error: Error) => {
      assert.equal(error.name, 'SentryStartError')
      assert.match(error.message, /ended with 1 before it listened/)
      assert.match(error.message, /listen/)
      return true
    })
  })

  test('--check ends by itself and says what is wrong', async () => {
    const { exitCode, stderr } = await runSentry({ listen: 1 }, { dir }, ['--check'])
    assert.equal(exitCode, 1)
    assert.match(stderr, /listen/)
  })
})
