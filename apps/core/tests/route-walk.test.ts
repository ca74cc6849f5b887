/**
 * Every route of the admin listener, walked by nobody, by the wrong people and on odd paths. Expectations come from the
 * contract's table and its roles; what is found comes from real requests.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { BUILT_IN_ROLES, type Permission, PERMISSION_NAMES, PERMISSIONS } from '@postern/contract/api/permissions'
import { acceptInvitation } from '@postern/harness/core-administrator'
import type { CoreClient, RawAnswer } from '@postern/harness/core-client'
import { allRoutes } from '../src/routes/all-routes.ts'
import { buildAdminApp } from '../src/listeners/admin-listener.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const ROWS: readonly (EndpointRow & { readonly name: string })[] = Object.entries(ENDPOINTS).map(([name, row]) => ({
  name,
  ...(row as EndpointRow),
}))

/** Whoever adds one to it reads docs/threat-model.md first. */
const ANONYMOUS = [
  ...['readSignInOptions', 'startSetUp', 'confirmSetUp', 'openInvitation', 'confirmInvitation'],
  ...['signIn', 'startOidcSignIn', 'finishOidcSignIn'],
]

/** The row's path with ids of things that are not there. */
function pathOf({ path }: EndpointRow): string {
  return path.replace(/:\w+/g, () => crypto.randomUUID())
}

/** Past the guard this cannot do anything: its body is no JSON. */
function harmless(row: EndpointRow): { method: string; path: string; headers?: Record<string, string>; body?: string } {
  if (row.method === 'GET') return { method: 'GET', path: pathOf(row) }
  return { method: row.method, path: pathOf(row), headers: { 'content-type': 'application/json' }, body: '{' }
}

function codeOf({ body }: RawAnswer): string {
  return (JSON.parse(body.toString()) as { code: string }).code
}

/** All of the walk's findings at once. */
async function walk(found: (row: (typeof ROWS)[number]) => Promise<string | null>, rows = ROWS): Promise<void> {
  const faults: string[] = []
  for (const row of rows) {
    const fault = await found(row)
    if (fault !== null) faults.push(`${row.name} (${row.method} ${row.path}): ${fault}`)
  }
  assert.deepEqual(faults, [])
}

describe('route walk', () => {
  let core: TestCore
  let ada: CoreClient
  /** A session for each role, all with fresh proof. */
  const people = new Map<string, CoreClient>()
  before(async () => {
    core = await startTestCore()
    ada = await core.signIn()
    for (const role of [...Object.keys(BUILT_IN_ROLES), 'none']) {
      const roles = role === 'none' ? [] : [role]
      const { body } = await ada.call('createAdministrator', {
        body: { userName: `the-${role}`, displayName: role, roles },
      })
      const client = core.client()
      const accepted = { secret: body.invitation.secret, password: 'a walk in the woods', clock: core.clock }
      await acceptInvitation(client, accepted)
      people.set(role, client)
    }
  })
  after(() => core[Symbol.asyncDispose]())

  test('every row has a handler, and its own name and path', () => {
    const handlers = allRoutes(core.core.services) as Readonly<Record<string, unknown>>
    assert.deepEqual(
      ROWS.filter(({ name }) => typeof handlers[name] !== 'function').map(({ name }) => name),
      [],
    )
    const places = ROWS.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ':')}`)
    assert.equal(new Set(places).size, places.length)
    assert.ok(ROWS.length > 60, String(ROWS.length))
  })

  test('anonymous are exactly those that one signs in with', () => {
    const found = ROWS.filter(({ access }) => access === 'anonymous').map(({ name }) => name)
    assert.deepEqual(found.sort(), [...ANONYMOUS].sort())
  })

  test('without credentials every other row is 401', async () => {
    await walk(async (row) => {
      const answer = await core.client().request(harmless(row))
      if (row.access === 'anonymous') return answer.status === 401 ? 'asks for credentials' : null
      return answer.status === 401 && codeOf(answer) === 'NOT_SIGNED_IN' ? null : String(answer.status)
    })
  })

  test('with a session that has ended every other row is 401', async () => {
    const gone = await core.signIn()
    const cookies = new Map(gone.cookies)
    const token = gone.csrfToken
    await gone.call('signOut')
    await walk(async (row) => {
      const client = core.client()
      for (const [name, value] of cookies) client.cookies.set(name, value)
      client.csrfToken = token
      const { status } = await client.request(harmless(row))
      return row.access === 'anonymous' || status === 401 ? null : String(status)
    })
  })

  test('without the CSRF token whatever changes something is 403', async () => {
    const rows = ROWS.filter(({ method, access }) => method !== 'GET' && access !== 'anonymous')
    await walk(async (row) => {
      const request = harmless(row)
      const answer = await ada.request({ ...request, headers: { ...request.headers, 'x-csrf-token': '' } })
      return answer.status === 403 && codeOf(answer) === 'CSRF' ? null : String(answer.status)
    }, rows)
  })

  test("with every permission but the row's it is 403", async () => {
    const robots = new Map<Permission, CoreClient>()
    for (const missing of PERMISSION_NAMES) {
      const permissions = PERMISSION_NAMES.filter((name) => name !== missing)
      const body = { name: `all but ${missing}`, permissions, expiresInSeconds: 3_600 }
      robots.set(missing, core.client().another((await ada.call('createApiToken', { body })).body.secret))
    }
    await walk(async (row) => {
      if (row.access === 'anonymous' || row.access === 'signed-in') return null
      const answer = await robots.get(row.access)?.request(harmless(row))
      const right = answer?.status === 403 && answer.body.toString().includes(`needs the permission ${row.access};`)
      return right ? null : String(answer?.status)
    })
  })

  for (const role of [...Object.keys(BUILT_IN_ROLES), 'none']) {
    test(`permission matrix: ${role}`, async () => {
      const granted: readonly Permission[] =
        role === 'none' ? [] : BUILT_IN_ROLES[role as keyof typeof BUILT_IN_ROLES].permissions
      await walk(async (row) => {
        const { access } = row
        const allowed = access === 'anonymous' || access === 'signed-in' || granted.includes(access)
        const answer = await people.get(role)?.request(harmless(row))
        const status = answer?.status ?? 0
        if (!allowed) return status === 403 ? null : `${status} instead of 403`
        if (row.method === 'GET') return status < 500 && status !== 403 ? null : `${status} instead of an answer`
        return status === 400 || status === 415 ? null : `${status} instead of 400`
      })
    })
  }

  test('what needs fresh proof is refused without it, for whoever may do everything', async () => {
    core.advance(301_000)
    await walk(async (row) => {
      const { access } = row
      const guarded = access !== 'anonymous' && access !== 'signed-in' && PERMISSIONS[access].stepUp
      const answer = await people.get('super-administrator')?.request(harmless(row))
      if (answer === undefined || row.method === 'GET') return null
      const stopped = answer.status === 401 && codeOf(answer) === 'STEP_UP_REQUIRED'
      return stopped === (guarded || row.stepUp === true) ? null : `${answer.status} with old proof`
    })
  })

  const odd: readonly { readonly title: string; readonly of: (path: string) => string }[] = [
    { title: 'a path parameter', of: (path) => `${path};x=1` },
    { title: 'a path parameter in the middle', of: (path) => path.replace('/api/', '/api;x/') },
    { title: 'dot segments', of: (path) => path.replace('/api/', '/api/./') },
    { title: 'dot segments upwards', of: (path) => path.replace('/api/', '/api/x/../') },
    { title: 'dot segments with a parameter', of: (path) => path.replace('/api/', '/x/..;/api/') },
    { title: 'encoded dots', of: (path) => path.replace('/api/', '/api/%2e/') },
    { title: 'encoded dots upwards', of: (path) => path.replace('/api/', '/api/x/%2E%2e/') },
    { title: 'a double slash', of: (path) => path.replace('/v1/', '//v1/') },
    { title: 'a double slash in front', of: (path) => `/${path}` },
    { title: 'an encoded slash', of: (path) => path.replace('/v1/', '%2fv1/') },
    { title: 'a slash encoded twice', of: (path) => path.replace('/v1/', '%252fv1/') },
    { title: 'a backslash', of: (path) => path.replace('/v1/', '\\v1\\') },
    { title: 'an encoded backslash', of: (path) => path.replace('/v1/', '%5cv1/') },
    { title: 'an encoded semicolon', of: (path) => `${path}%3bx` },
    { title: 'an encoded null', of: (path) => `${path}%00` },
    { title: 'upper case', of: (path) => path.replace('/api/v1', '/API/V1') },
    { title: 'a trailing slash', of: (path) => `${path}/` },
    { title: 'another version', of: (path) => path.replace('/v1/', '/v2/') },
    { title: 'a file extension', of: (path) => `${path}.json` },
    { title: 'broken encoding', of: (path) => `${path}%zz` },
  ]
  for (const { title, of } of odd) {
    test(`${title} leads nowhere, for nobody and for whoever may do everything`, async () => {
      await walk(async (row) => {
        const request = { ...harmless(row), path: of(pathOf(row)) }
        const answers = [await core.client().request(request), await ada.request(request)].map(({ status }) => status)
        // An odd end of a path that ends with an id is an id that is not there.
        const nowhere = answers.every((status) => [400, 401, 404].includes(status))
        return nowhere ? null : answers.join(' and ')
      })
    })
  }

  test('a method is what the request line says', async () => {
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-http-method': 'DELETE',
      'x-method-override': 'DELETE',
      'x-original-url': '/api/v1/sessions',
      'x-rewrite-url': '/api/v1/sessions',
    }
    assert.equal((await ada.request({ method: 'GET', path: '/api/v1/session?_method=DELETE', headers })).status, 200)
    assert.equal((await ada.request({ method: 'GET', path: '/api/v1/session' })).status, 200)
    assert.equal((await core.client().request({ method: 'GET', path: '/api/v1/sign-in-options', headers })).status, 200)
    for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'PATCH']) {
      assert.ok((await ada.request({ method, path: '/api/v1/session' })).status >= 400, method)
    }
  })

  test('under another name there is nobody (DNS rebinding)', async () => {
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:80']) {
      assert.equal((await ada.request({ method: 'GET', path: '/api/v1/session', headers: { host } })).status, 421)
    }
  })

  describe('a route that declares nothing does not start', () => {
    const build = (change: object, handlers: object = {}) => {
      const { services } = core.core
      const table = {
        one: {
          method: 'GET',
          path: '/api/v1/one',
          summary: 's',
          access: 'signed-in',
          reply: null,
          failures: [],
          ...change,
        },
      }
      return buildAdminApp(services, {
        table: table as never, // what a plain JavaScript file could pass
        handlers: { one: async () => ({ body: null }), ...handlers },
        authenticator: { authenticate: async () => null },
      })
    }
    test('a row without access', async () => {
      await assert.rejects(build({ access: undefined }), /declares no access/)
    })
    test('a row without a handler', async () => {
      await assert.rejects(build({}, { one: undefined }), /has no handler/)
    })
    test('a route beside the table', async () => {
      const app = await build({})
      assert.throws(() => app.get('/api/v1/beside', async () => 'open'), /declares no access/)
      await app.close()
    })
  })
})
