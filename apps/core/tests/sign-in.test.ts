/**
 * Signing in.
 * @module
 */

import { after, before, describe, test } from 'node:test'
import { startTestCore, type TestCore } from './support/test-core.ts'

describe('sign-in', () => {
  let core: TestCore
  before(async () => {
    core = await startTestCore()
  })
  after(() => core[Symbol.asyncDispose]())
  test('x', async () => {
    const ada = await core.signIn()
    console.log((await ada.call('showSession')).body)
  })
})
