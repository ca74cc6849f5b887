/**
 * What went wrong in products of this kind, acted out on ours: section 8 of the product document, row by row. The table
 * of the rows is in support/section-8-rows.ts.
 * @module
 */
import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import { CoreClient, type RawRequest } from '@postern/harness/core-client'
import { startCoreProcess } from '@postern/harness/core-process'
import { call, caOf } from './support/feed-lab.ts'
import { exchange, filesOf, FORGOTTEN, messages, ROOT, sources, WALK_AROUND } from './support/section-8-inputs.ts'
import { SECTION_8 } from './support/section-8-rows.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

let core: TestCore
let ada: CoreClient
/** Who signed the certificates of the device and the feed listener. */
let ca: string
/** Counts who comes: nothing of what is sent may make Core dial it. */
const bait = createServer((socket) => socket.destroy())
let baited = 0

before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
  ca = caOf((await ada.call('createSentry', { body: { name: 'first', profileId: null } })).body.invitation.token)
  bait.on('connection', () => (baited += 1))
  bait.listen(0, '127.0.0.1')
  await once(bait, 'listening')
})
after(async () => {
  bait.close()
  await core[Symbol.asyncDispose]()
})

/** Product 4,321 × 1,000,003 and nothing else has these digits. */
const EVALUATED = '4321012963'
const braced = (text: string): string => ['$', '{', text, '}'].join('')
const expressions = (): string[] => [
  braced('4321*1000003'),
  '#{4321*1000003}',
  '{{4321*1000003}}',
  '<%= 4321*1000003 %>',
  braced("T(java.lang.Runtime).getRuntime().exec('id')"),
  braced(`jndi:ldap://127.0.0.1:${(bait.address() as AddressInfo).port}/a`),
  '$(touch pwned) `touch pwned` ; touch pwned | touch pwned',
  "x' or 1=1 --",
  '%s%n %(a)s',
]

/** Sends to a listener without credentials, and gives the status. */
const STRANGER: readonly { readonly name: string; readonly send: (request: RawRequest) => Promise<number> }[] = [
  { name: 'admin', send: async (request) => (await core.client().request(request)).status },
  ...(['device', 'feed'] as const).map((name) => ({
    name,
    send: async ({ method, path, body }: RawRequest): Promise<number> => {
      const text = body === undefined ? {} : { text: body.toString() }
      return (await call({ port: core.core.ports[name], ca }, null, { method, path, ...text })).status
    },
  })),
]

describe('the table', () => {
  test('has each row covered here, elsewhere, or a reason', async () => {
    const own = await readFile(import.meta.filename, 'utf8')
    for (const { row, here, elsewhere, open } of SECTION_8) {
      assert.ok(here || elsewhere.length > 0 || open !== null, row)
      if (here) assert.ok(own.includes(`'${row}`), `no test here is named after ${row}`)
      for (const { file, words } of elsewhere) {
        const text = await readFile(join(ROOT, file), 'utf8').catch(() => assert.fail(`${file} of ${row} is not there`))
        assert.ok(text.includes(words), `${row}: ${file} has no test ${words}`)
      }
    }
  })
})

describe('ways around the check', () => {
  for (const [title, paths] of [
    ['CVE-2020-15505 path tricks', WALK_AROUND],
    ['CVE-2023-35078 paths that no filter covers', FORGOTTEN],
    ['CVE-2023-35082 the same class on older paths', FORGOTTEN.map((path) => path.replace('/mifs/', '/mifs/rs/'))],
  ] as const) {
    test(`${title} give a stranger nothing, on every listener`, async () => {
      for (const { name, send } of STRANGER) {
        for (const path of paths) {
          for (const method of ['GET', 'POST', 'PUT']) {
            const status = await send({ method, path, ...(method === 'GET' ? {} : { body: '{}' }) })
            assert.ok([400, 401, 404, 405].includes(status), `${name} ${method} ${path}: ${status}`)
          }
        }
      }
    })
  }
})

describe('input is data', () => {
  test('CVE-2025-4427 an expression in any text comes back as it was', async () => {
    for (const text of expressions()) {
      const label = (await ada.call('createLabel', { body: { name: text, description: text, filter: null } })).body
      assert.deepEqual([label.name, label.description], [text, text])
      const person = { userName: `u${label.id}@example.com`, displayName: text, firstName: text, custom1: text }
      const user = (await ada.call('createUser', { body: person })).body
      assert.deepEqual([user.displayName, user.firstName, user.custom1], [text, text, text])
      const { items } = (await ada.call('listUsers', { query: { search: text } })).body
      assert.deepEqual(
        items.map(({ id }) => id),
        [user.id],
      )
    }
  })
  test('CVE-2025-4427 an expression in a refused value is not evaluated in the message', async () => {
    for (const text of expressions()) {
      const bodies = [
        { method: 'POST', path: '/api/v1/users', body: { userName: text, [text]: text } },
        { method: 'POST', path: '/api/v1/labels', body: { name: 'x', filter: text } },
        { method: 'POST', path: '/api/v1/sentry-profiles', body: { settings: { name: text, sentryHost: text } } },
        { method: 'POST', path: '/api/v1/configurations', body: { kind: text } },
      ]
      for (const { method, path, body } of bodies) {
        const headers = { 'content-type': 'application/json' }
        const answer = await ada.request({ method, path, headers, body: JSON.stringify(body) })
        assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`)
        assert.ok(!answer.body.includes(EVALUATED), path)
      }
      const query = new URLSearchParams({ sort: text, limit: text }).toString()
      const { status, body } = await ada.request({ method: 'GET', path: `/api/v1/devices?${query}` })
      assert.deepEqual([status, body.includes(EVALUATED)], [400, false])
    }
  })
  test('CVE-2025-4427 who may not gets no word about the value', async () => {
    const permissions = ['label:view'] as const
    const body = { name: 'looks', permissions: [...permissions], expiresInSeconds: 3_600 }
    const looker = core.client().another((await ada.call('createApiToken', { body })).body.secret)
    for (const [client, status] of [
      [core.client(), 401],
      [looker, 403],
    ] as const) {
      for (const path of ['/api/v1/users', '/api/v1/labels', '/api/v1/roles']) {
        const sent = JSON.stringify({ name: braced('4321*1000003'), wrong: 1 })
        const headers = { 'content-type': 'application/json' }
        const answer = await client.request({ method: 'POST', path, headers, body: sent })
        assert.equal(answer.status, status, path)
        assert.doesNotMatch(answer.body.toString(), /4321|wrong/)
      }
    }
  })
  test('CVE-2021-44228 what a request says is one line of JSON in the log, and nobody is called', async () => {
    const folder = join(core.folder, 'logged')
    await using other = await startCoreProcess({ dir: folder })
    const stranger = new CoreClient({ origin: other.adminUrl })
    for (const text of [...expressions(), 'a\r\n{"event":"forged"}', '\u001b[2J\u0000\u2028{"event":"forged"}']) {
      const body = JSON.stringify({ userName: text, password: text, code: '123456' })
      const headers = {
        'content-type': 'application/json',
        'user-agent': encodeURI(text),
        'x-request-id': encodeURI(text),
      }
      const path = `/api/v1/session?${encodeURIComponent(text)}`
      await stranger.request({ method: 'POST', path: '/api/v1/session', headers, body })
      await stranger.request({ method: 'GET', path, headers })
    }
    await other.stop()
    const lines = `${other.stdout()}${other.stderr()}`.split('\n').filter((line) => line !== '')
    assert.ok(lines.length > 1)
    for (const line of lines) {
      const { event } = JSON.parse(line) as { event?: string }
      assert.notEqual(event, 'forged')
    }
    assert.equal(baited, 0)
  })
  test('CVE-2023-35081 no name from input becomes a file', async () => {
    const before = await filesOf(core.folder)
    const names = ['../../../pwned', '/tmp/../pwned', 'pwned\u2215..', '..\\..\\pwned', 'C:pwned', 'pwned%2f..']
    for (const name of names) {
      await ada.call('createLabel', { body: { name, filter: null } })
      const pem = { name, chainPem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', privateKeyPem: 'x' }
      await assert.rejects(ada.call('uploadCertificate', { body: pem }), { status: 400 })
      const content = `user_name,display_name\nf${names.indexOf(name)}@example.com,${name}\n`
      const headers = { 'content-type': 'text/csv', 'content-disposition': `attachment; filename="${encodeURI(name)}"` }
      await ada.request({ method: 'POST', path: '/api/v1/users/import', headers, body: content })
    }
    assert.deepEqual(await filesOf(core.folder), before)
  })
})

describe('nothing runs what it is told', () => {
  test('CVE-2026-1281 no source starts a program but those whose work it is, none through a shell', async () => {
    const starts: string[] = []
    for (const file of await sources()) {
      const text = await readFile(join(ROOT, file), 'utf8')
      if (/['"](node:)?child_process['"]/.test(text)) starts.push(file)
      assert.doesNotMatch(text, /\bshell: ?(true|['"])|\bexecSync\(|\beval\(|new Function\(|['"](node:)?vm['"]/, file)
      assert.doesNotMatch(text, /import \{[^}]*\bexec\b[^}]*\} from 'node:child_process'/, file)
    }
    assert.deepEqual(starts.sort(), [
      'apps/cli/src/verbs/backup.ts',
      'apps/start/src/programs.ts',
      'packages/postgres-server/src/binaries.ts',
      'packages/postgres-server/src/data-directory.ts',
      'packages/postgres-server/src/identity.ts',
      'packages/postgres-server/src/supervised-process.ts',
    ])
    // The watcher of PostgreSQL is a fixed text: nothing but numbers of the source stands in it.
    const watcher = await readFile(join(ROOT, 'packages/postgres-server/src/supervised-process.ts'), 'utf8')
    assert.match(watcher, /spawn\('\/bin\/sh', \['-c', WATCHED, 'postern-postgres', program, \.\.\.args\]/)
    const [, text = ''] = /const WATCHED = `([^`]*)`/.exec(watcher) ?? []
    const values = [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, value = '']) => value)
    assert.ok(
      values.every((value) => /^[A-Z_]+_MS \/ 1_000$/.test(value)),
      values.join(),
    )
  })
  test('CVE-2026-5788 names of the language are no names of ours', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']
    const json = { 'content-type': 'application/json' }
    for (const name of names) {
      for (const path of [`/api/v1/${name}`, `/api/v1/labels/${name}`, `/${name}`, `/api/v1/session/${name}/call`]) {
        for (const method of ['GET', 'POST', 'DELETE']) {
          const { status } = await ada.request({
            method,
            path,
            headers: json,
            ...(method === 'POST' ? { body: '{}' } : {}),
          })
          assert.ok([400, 404].includes(status), `${method} ${path}: ${status}`)
        }
      }
      const bodies = [
        ['/api/v1/labels', `{"name":"p ${name}","filter":null,"${name}":{"polluted":1}}`],
        ['/api/v1/labels/preview', JSON.stringify({ filter: `"${name}.polluted" = "1"` })],
        ['/api/v1/labels/preview', JSON.stringify({ filter: `"common.${name}" = "1"` })],
        ['/api/v1/roles', JSON.stringify({ name: 'r', permissions: [name] })],
        ['/api/v1/api-tokens', JSON.stringify({ name: 't', permissions: [name], expiresInSeconds: 3_600 })],
        ['/api/v1/sentry-profiles', `{"settings":{"${name}":{"polluted":1},"name":"p"}}`],
      ] as const
      for (const [path, body] of bodies) {
        const answer = await ada.request({ method: 'POST', path, headers: json, body })
        assert.equal(answer.status, 400, `${path} ${body}: ${answer.body.toString()}`)
      }
      for (const query of [`sort=${name}`, `${name}=1`, `${name}[polluted]=1`]) {
        const { status } = await ada.request({ method: 'GET', path: `/api/v1/devices?${query}` })
        assert.equal(status, 400, query)
      }
      const csv = { 'content-type': 'text/csv' }
      const sent = { headers: csv, body: `user_name,${name}\npolluted@example.com,1\n` }
      const answer = await ada.request({ method: 'POST', path: '/api/v1/users/import', ...sent })
      const { items } = (await ada.call('listUsers', { query: { search: 'polluted@' } })).body
      assert.deepEqual(items, [], `a column ${name}: ${answer.body.toString()}`)
    }
    assert.ok(!('polluted' in {}))
    await ada.call('createRole', { body: { name: 'r', permissions: ['label:view'] } }) // the body of above is right
  })
  for (const [row, paths] of [
    ['CVE-2023-38035', ['/mics/services/MICSLogService', '/mics/services/MIPayloadService', '/services/LogService']],
    ['CVE-2023-41724', ['/mics/api/v2/sentry/exec', '/admin/services/upload', '/upload']],
    ['CVE-2026-10520', ['/mics/api/v2/sentry/mics-config/handleMessage', '/handleMessage', '/api/v1/message']],
    ['CVE-2026-10523', ['/mics/api/v2/administrators', '/api/v1/administrators', '/api/v1/set-up', '/api/v1/roles']],
  ] as const) {
    test(`${row} a stranger's message runs nothing and makes nobody, on any listener`, async () => {
      const mark = await evidence()
      const real = [
        '/api/v1/backups',
        '/api/v1/keys/rotation',
        FEED_PATHS.enrol,
        FEED_PATHS.report,
        FEED_PATHS.renew,
        '/',
      ]
      for (const { name, send } of STRANGER) {
        for (const path of [...paths, ...real]) {
          for (const body of messages()) {
            const status = await send({ method: 'POST', path, body, headers: { 'content-type': 'application/json' } })
            assert.ok(status >= 400 && status < 500, `${name} ${path}: ${status}`)
          }
        }
      }
      assert.deepEqual(await evidence(), mark)
    })
  }
})

describe('risks of our own', () => {
  test('SSRF by configurable endpoints: only https, and no address of the machine or its network', async () => {
    const wrong = [
      'http://login.example.com/authorize',
      'https://127.0.0.1/token',
      'https://169.254.169.254/latest',
      'https://[::1]/token',
      'https://localhost/token',
      'https://user:pw@login.example.com/token',
      'file:///etc/passwd',
    ]
    for (const url of wrong) {
      const serverAuthentication = {
        authorizationEndpoint: url,
        tokenEndpoint: url,
        destinationResource: 'https://outlook.office365.com',
      }
      const settings = { name: 'ssrf', sentryHost: 'sentry.example.com', serverAuthentication }
      const { problems } = (await ada.call('checkSentryProfile', { body: { settings } })).body
      assert.ok(
        problems.some(({ path }) => path.includes('tokenEndpoint')),
        `${url}: ${JSON.stringify(problems)}`,
      )
    }
  })
  test('SSRF by configurable endpoints: the true ones pass', async () => {
    const of = (what: string): string => `https://login.microsoftonline.com/common/oauth2/${what}`
    const endpoints = { authorizationEndpoint: of('authorize'), tokenEndpoint: of('token') }
    const serverAuthentication = { ...endpoints, destinationResource: 'https://outlook.office365.com' }
    const settings = { name: 'no ssrf', sentryHost: 'sentry.example.com', serverAuthentication }
    const { problems } = (await ada.call('checkSentryProfile', { body: { settings } })).body
    assert.deepEqual(
      problems.filter(({ path }) => path.includes('Endpoint')),
      [],
    )
  })
  test('parameter pollution: a name that comes twice is refused', async () => {
    for (const query of ['limit=1&limit=2', 'search=a&search=b', 'decision=allow&decision=block']) {
      assert.equal((await ada.request({ method: 'GET', path: `/api/v1/devices?${query}` })).status, 400, query)
    }
  })
  test('request smuggling: two framings are one refusal, and the request behind it is never read', async () => {
    const { port, hostname } = new URL(core.core.adminUrl)
    const behind = 'GET /api/v1/sign-in-options HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
    for (const lines of [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Content-Length: 5', 'Content-Length: 6'],
      ['Transfer-Encoding: xchunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding : chunked'],
    ]) {
      const head = ['POST /api/v1/session HTTP/1.1', `Host: ${hostname}:${port}`, ...lines, '', ''].join('\r\n')
      const answer = await exchange(Number(port), `${head}0\r\n\r\n${behind}`)
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, lines.join())
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, `${lines.join()}: ${answer}`)
    }
  })
})

/** Who there is, and what lies where Core may write. */
async function evidence(): Promise<unknown> {
  const people = (await ada.call('listAdministrators', {})).body.items.map(({ userName }) => userName)
  const sentries = (await ada.call('listSentries', {})).body.items.map(({ name }) => name)
  const files = await filesOf(core.folder)
  const here = await access('pwned').then(
    () => true,
    () => false,
  )
  return { people, sentries, files, here, baited }
}
