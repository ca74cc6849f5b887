import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { SENTRY_VERSION } from './version.ts'

test('the version is that of the package', async () => {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  assert.equal((JSON.parse(text) as { version: string }).version, SENTRY_VERSION)
})
