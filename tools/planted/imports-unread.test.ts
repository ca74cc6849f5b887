import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imports } from '../checks/imports.ts'
import { startSample } from './sample.ts'

// This is how dependency-cruiser behaves where it has no compiler that it can use: success, having read nothing.
test('the check imports does not pass when the cruiser reads no TypeScript', async () => {
  await using sample = await startSample()
  await sample.plant('.dependency-cruiser.cjs', "module.exports = { forbidden: [], options: { exclude: '[.]ts$' } }\n")
  const findings = await imports.run(sample.root)
  assert.ok(findings.some((f) => f.where === 'packages/wbxml/src/decode.ts' && f.message.startsWith('was not read')))
})

test('the check imports does not pass when the cruiser sees files and no imports in them', async () => {
  await using sample = await startSample()
  await sample.plant(
    '.dependency-cruiser.cjs',
    "module.exports = { forbidden: [], options: { includeOnly: 'decode' } }\n",
  )
  const findings = await imports.run(sample.root)
  assert.ok(findings.some((f) => f.message.includes('node:assert/strict was not seen')))
})
