/**
 * What the tests of section 8 send and look through: paths, orders, files, sources.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'

/** The folder of the workspaces. */
export const ROOT = resolve(import.meta.dirname, '../../../..')

/** Paths that a front and a server behind it read differently. */
export const WALK_AROUND = [
  '/mifs/.;/services/LogService',
  '/mifs/..;/services/LogService',
  '/.;/api/v1/administrators',
  '/api/v1/session/..;/administrators',
  '/api/v1/sign-in-options/../administrators',
  '/api/v1/sign-in-options/%2e%2e/administrators',
  '/api/v1/sign-in-options/%252e%252e/administrators',
  '/api/v1/sign-in-options%2f..%2fadministrators',
  '/api/v1/sign-in-options\\..\\administrators',
  '/healthz/..;/api/v1/administrators',
  '/healthz/%2e%2e/api/v1/administrators',
  `${FEED_PATHS.enrol}/..;/feed`,
  `${FEED_PATHS.enrol}/%2e%2e/feed`,
  `/x/..${FEED_PATHS.feed}`,
  `//${FEED_PATHS.feed}`,
]

/** Paths of older and neighbouring interfaces, that a filter by path forgets. */
export const FORGOTTEN = [
  '/mifs/aad/api/v2/authorized/users',
  '/mifs/asfV3/api/v2/admins/users',
  '/api/v2/administrators',
  '/api/administrators',
  '/api/v1/administrators.json',
  '/API/V1/administrators',
  '/rest/api/v1/administrators',
]

/** Bodies that such interfaces have taken for orders: text commands, serialised objects, messages with a method's name. */
export function messages(): string[] {
  const order = 'touch pwned'
  return [
    order,
    JSON.stringify({ command: order, isRoot: true }),
    JSON.stringify({ method: 'uploadFileUsingFileInput', params: [order], isRoot: true }),
    JSON.stringify({ message: { type: 'exec', payload: order }, __proto__: { admin: true } }),
    JSON.stringify({ userName: 'mallory', password: 'mallory mallory mallory', roles: ['super-administrator'] }),
    JSON.stringify({ token: '0'.repeat(64), csr: order, version: order, schemas: [2] }),
    Buffer.from('aced00057372001164617461', 'hex').toString('latin1'),
    'c\u0001\u0000m\u0000\u0004execS\u0000\u000btouch pwnedz',
    `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
    '[[[[[[[[[[[[',
    '',
  ]
}

/** Files under a folder but for those of PostgreSQL. */
export async function filesOf(folder: string): Promise<string[]> {
  const all = await readdir(folder, { recursive: true })
  return all.filter((name) => !/(^|\/)postgres(\/|$)/.test(name) && !name.startsWith('logged')).sort()
}

/** Every source of the product: no tests, no stand-ins, nothing generated. */
export async function sources(): Promise<string[]> {
  const found: string[] = []
  for (const top of ['apps', 'packages']) {
    for (const name of await readdir(join(ROOT, top), { recursive: true })) {
      const file = `${top}/${name}`
      const ours = /^(apps|packages)\/[^/]+\/src\/.*\.tsx?$/.test(file)
      if (ours && !/\.test\.ts$|node_modules|^packages\/harness\//.test(file)) found.push(file)
    }
  }
  assert.ok(found.length > 200)
  return found
}

/** Sends bytes and reads until the other side closes, or nothing has come for a while. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.setTimeout(1_000, () => socket.destroy())
  socket.write(bytes)
  await once(socket, 'close')
  return text
}
