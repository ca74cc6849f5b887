import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { FileError, readJsonFile, readTextFile } from './json-file.ts'

const folder = await mkdtemp(join(tmpdir(), 'postern-json-'))
after(() => rm(folder, { recursive: true }))
const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
const names = (path: string) => (error: unknown) => error instanceof FileError && error.message.includes(path)

describe('files that cannot be read', () => {
  test('missing', async () => {
    await assert.rejects(readTextFile(join(folder, 'none')), names('none'))
    await assert.rejects(readJsonFile(join(folder, 'none')), names('ENOENT'))
  })
  test('a folder', async () => assert.rejects(readTextFile(folder), names('EISDIR')))
  test('a byte too large', async () => {
    const path = await file('large', '12345')
    await assert.rejects(readTextFile(path, 4), names('5 bytes, 4 are allowed'))
  })
  test('larger than 1 MiB, where nothing is said', async () => {
    await assert.rejects(readJsonFile(await file('huge', ' '.repeat(1_048_577))), names('huge'))
  })
  for (const [title, text] of [
    ['empty', ''],
    ['half', '{"a":'],
    ['with a comma too many', '{"a":1,}'],
    ['with a comment', '{} // x'],
    ['two documents', '{}{}'],
  ] as const)
    test(`no JSON: ${title}`, async () => assert.rejects(readJsonFile(await file('x.json', text)), names('x.json')))
})

describe('files that can', () => {
  test('text as it is, and when it was written', async () => {
    const path = await file('text', 'R\u00e9n\u00e9\r\n')
    assert.deepEqual(await readTextFile(path, 8), {
      text: 'R\u00e9n\u00e9\r\n',
      modifiedAt: (await stat(path)).mtimeMs,
    })
  })
  test('JSON of any kind', async () => {
    assert.deepEqual(await readJsonFile(await file('a.json', ' {"a": [1, null]} \n')), { a: [1, null] })
    assert.equal(await readJsonFile(await file('b.json', 'null')), null)
  })
})
