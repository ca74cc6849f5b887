import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { USER_IMPORT } from '@postern/contract/api/users'
import { type DirectoryLab, startDirectoryLab } from './support/directory-lab.ts'

interface UserReply {
  id: string
  version: number
  userName: string
  userId: string
  email: string
  disabled: boolean
  blocked: { by: string; note: string } | null
  devices: number
}
interface ImportReply {
  dryRun: boolean
  applied: boolean
  created: number
  updated: number
  unchanged: number
  refused: number
  problems: { line: number; field: string; message: string }[]
}

let lab: DirectoryLab
before(async () => void (lab = await startDirectoryLab()))
after(() => lab[Symbol.asyncDispose]())

async function add(userName: string, more: object = {}): Promise<UserReply> {
  const reply = await lab.call('POST', '/api/v1/users', { body: { userName, ...more } })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body as UserReply
}

async function addDevice(userName: string, name: string): Promise<string> {
  const body = { userName, name, platform: 'iOS', ownership: 'company', requiresIdentity: false }
  const reply = await lab.call('POST', '/api/v1/devices', { body })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return (reply.body as { id: string }).id
}

async function decisionOf(id: string): Promise<string> {
  const { body } = await lab.call('GET', `/api/v1/devices/${id}`)
  const { decision, reasons } = body as { decision: string; reasons: string[] }
  return [decision, ...reasons].join(' ')
}

async function entry(kind: 'user' | 'device', key: string): Promise<unknown> {
  const { db } = lab.services.store
  const row = await db
    .selectFrom('posture_entries')
    .select('value')
    .where('kind', '=', kind)
    .where('key', '=', key)
    .executeTakeFirst()
  return row?.value ?? null
}

async function lastAudit(): Promise<{ action: string; note: string | null; before: unknown; after: unknown }> {
  const query = lab.services.store.db.selectFrom('audit').select(['action', 'note', 'before', 'after'])
  return query.orderBy('seq', 'desc').where('action', 'like', 'user.%').limit(1).executeTakeFirstOrThrow()
}

function codeOf(body: unknown): string {
  return (body as { code: string }).code
}

describe('a user is refused', () => {
  const rejects = [
    { title: 'without a name', body: {}, says: /userName/ },
    { title: 'whose name is no UPN', body: { userName: 'alice' }, says: /userName/ },
    { title: 'with two @', body: { userName: 'a@b@c' }, says: /userName/ },
    { title: 'with a control character', body: { userName: 'a@b.c', firstName: 'a\u0001' }, says: /firstName/ },
    { title: 'with an address that is none', body: { userName: 'a@b.c', email: 'x' }, says: /email/ },
    { title: 'with an unknown field', body: { userName: 'a@b.c', admin: true }, says: /admin/ },
  ]
  for (const { title, body, says } of rejects) {
    test(title, async () => {
      const reply = await lab.call('POST', '/api/v1/users', { body })
      assert.equal(reply.status, 400)
      assert.match(JSON.stringify(reply.body), says)
    })
  }
  test('whose name differs only in case', async () => {
    await add('Case@Example.com')
    const reply = await lab.call('POST', '/api/v1/users', { body: { userName: 'cASE@example.com' } })
    assert.equal(codeOf(reply.body), 'CONFLICT')
  })
})

describe('a user', () => {
  test('is added once however often the same request comes', async () => {
    const request = { body: { userName: 'again@example.com' }, headers: { 'idempotency-key': 'k1' } }
    const [first, second] = [
      await lab.call('POST', '/api/v1/users', request),
      await lab.call('POST', '/api/v1/users', request),
    ]
    assert.equal(first.status, 201)
    assert.deepEqual(second.body, first.body)
    assert.equal((first.body as UserReply).userId, 'again')
  })
  test('is edited by version only', async () => {
    const user = await add('edit@example.com')
    const edit = (version: string | null) =>
      lab.call('PUT', `/api/v1/users/${user.id}`, {
        body: { userName: 'edit@example.com', email: 'e@example.com' },
        headers: version === null ? {} : { 'if-match': version },
      })
    assert.equal((await edit(null)).status, 428)
    const done = await edit('"1"')
    assert.equal(done.etag, '"2"')
    assert.equal((done.body as UserReply).email, 'e@example.com')
    assert.equal(codeOf((await edit('"1"')).body), 'CHANGED')
  })
  test('is found by words of any field, with its signs as they are', async () => {
    await add('find.me@example.com', { displayName: 'Zoë 100%_Berg', lastName: 'Berg' })
    const search = async (words: string): Promise<string[]> => {
      const { body } = await lab.call('GET', `/api/v1/users?search=${encodeURIComponent(words)}`)
      return (body as { items: UserReply[] }).items.map(({ userName }) => userName)
    }
    assert.deepEqual(await search('BERG find.me'), ['find.me@example.com'])
    assert.deepEqual(await search('zoë'), ['find.me@example.com'])
    assert.deepEqual(await search('0%_b'), ['find.me@example.com'])
    assert.deepEqual(await search('0%%b'), [])
    assert.deepEqual(await search('berg nobody'), [])
  })
  test('who is blocked has no mail on any device, until unblocked', async () => {
    const user = await add('Block@example.com')
    const device = await addDevice('block@EXAMPLE.com', 'phone of block')
    assert.equal(await decisionOf(device), 'allow MANAGED')
    const blocked = await lab.call('POST', `/api/v1/users/${user.id}/block`, { body: { note: 'left' } })
    assert.deepEqual((blocked.body as UserReply).blocked, {
      since: new Date(lab.now()).toISOString(),
      by: 'alice',
      note: 'left',
    })
    assert.equal(await decisionOf(device), 'block USER_BLOCKED')
    assert.deepEqual(await entry('user', 'Block@example.com'), { blocked: true })
    assert.equal((await lastAudit()).note, 'left')
    assert.equal(
      codeOf((await lab.call('POST', `/api/v1/users/${user.id}/block`, { body: { note: '' } })).body),
      'CONFLICT',
    )
    await lab.call('POST', `/api/v1/users/${user.id}/unblock`, { body: { note: 'back' } })
    assert.equal(await entry('user', 'Block@example.com'), null)
    assert.equal(await decisionOf(device), 'allow MANAGED')
    assert.equal(
      codeOf((await lab.call('POST', `/api/v1/users/${user.id}/unblock`, { body: { note: '' } })).body),
      'CONFLICT',
    )
  })
  test('who is renamed while blocked stays blocked under the new name only', async () => {
    const user = await add('old@example.com')
    const device = await addDevice('old@example.com', 'phone of old')
    await lab.call('POST', `/api/v1/users/${user.id}/block`, { body: { note: '' } })
    const edit = { body: { userName: 'new@example.com' }, headers: { 'if-match': '"2"' } }
    assert.equal((await lab.call('PUT', `/api/v1/users/${user.id}`, edit)).status, 200)
    assert.equal(await entry('user', 'old@example.com'), null)
    assert.deepEqual(await entry('user', 'new@example.com'), { blocked: true })
    assert.equal(((await entry('device', device)) as { user: string }).user, 'new@example.com')
  })
  test('whose account is disabled is blocked for that reason', async () => {
    const user = await add('disabled@example.com', { disabled: true })
    const device = await addDevice('disabled@example.com', 'phone of disabled')
    assert.equal(await decisionOf(device), 'block USER_DISABLED')
    assert.deepEqual(await entry('user', 'disabled@example.com'), { blocked: true })
    const edit = { body: { userName: 'disabled@example.com' }, headers: { 'if-match': '"1"' } }
    await lab.call('PUT', `/api/v1/users/${user.id}`, edit)
    assert.equal(await decisionOf(device), 'allow MANAGED')
    assert.equal(await entry('user', 'disabled@example.com'), null)
  })
  test('with devices is removed only together with them, and only by who may retire', async () => {
    const user = await add('leaver@example.com')
    const device = await addDevice('leaver@example.com', 'phone of leaver')
    assert.equal(codeOf((await lab.call('DELETE', `/api/v1/users/${user.id}`)).body), 'IN_USE')
    const path = `/api/v1/users/${user.id}?retire=true`
    assert.equal(codeOf((await lab.call('DELETE', path, { permissions: ['user:manage'] })).body), 'FORBIDDEN')
    assert.equal((await lab.call('DELETE', path)).status, 204)
    assert.equal((await lab.call('GET', `/api/v1/devices/${device}`)).status, 404)
    assert.equal((await lab.call('GET', `/api/v1/users/${user.id}`)).status, 404)
    assert.equal(await entry('device', device), null)
    assert.equal((await lastAudit()).action, 'user.remove')
  })
})

describe('a file of users', () => {
  const send = async (csv: string, query = ''): Promise<{ status: number; body: ImportReply }> => {
    const reply = await lab.call('POST', `/api/v1/users/import${query}`, {
      body: csv,
      headers: { 'content-type': 'text/csv' },
    })
    return { status: reply.status, body: reply.body as ImportReply }
  }
  const rejects = [
    { title: 'empty', csv: '\n', says: /line 1.*missing/ },
    { title: 'with an unknown column', csv: 'userName,colour\na@b.c,red', says: /\\"colour\\" is no field/ },
    { title: 'without names', csv: 'email\na@b.c', says: /must name userName/ },
    { title: 'with a column twice', csv: 'userName,UPN\na@b.c,a@b.c', says: /names userName twice/ },
    { title: 'with a quote that never ends', csv: 'userName,email\na@b.c,"x', says: /CSV_QUOTE_NOT_CLOSED/ },
    { title: 'with a row without end', csv: `userName\n${'a'.repeat(20_000)}@b.c`, says: /CSV_MAX_RECORD_SIZE/ },
    { title: 'that is binary', csv: 'userName\n\0', says: /is no text/ },
  ]
  for (const { title, csv, says } of rejects) {
    test(`${title} is refused`, async () => {
      const { status, body } = await send(csv)
      assert.equal(status, 400)
      assert.match(JSON.stringify(body), says)
    })
  }
  test('that is no CSV by its media type, or a CSV where JSON is meant, is refused', async () => {
    const json = await lab.call('POST', '/api/v1/users/import', { body: { userName: 'x' } })
    assert.equal(json.status, 400)
    const csv = await lab.call('POST', '/api/v1/users', { body: 'userName', headers: { 'content-type': 'text/csv' } })
    assert.equal(codeOf(csv.body), 'MEDIA_TYPE')
  })
  test(`of more than ${USER_IMPORT.bytes} bytes is refused`, async () => {
    const { status, body } = await send(`userName\n${'#'.repeat(USER_IMPORT.bytes)}`)
    assert.equal(status, 413)
    assert.equal(codeOf(body), 'TOO_LARGE')
  })
  test(`of more than ${USER_IMPORT.rows} rows is refused`, async () => {
    const { status } = await send(`userName\n${'x\n'.repeat(USER_IMPORT.rows + 1)}`)
    assert.equal(status, 413)
  })
  const mixed = [
    '\uFEFFUser Principal Name,E-Mail,First_Name,disabled',
    'csv1@example.com,csv1@example.com,"Anna, B.",no',
    'no name,,,',
    'csv2@example.com,csv2@example.com,=1+1,yes',
    'CSV1@example.com,,,',
    'csv3@example.com,,',
    'csv4@example.com,,,maybe',
  ].join('\r\n')
  test('with problems changes nothing, and names each with its line', async () => {
    const { body } = await send(mixed)
    assert.deepEqual(
      { ...body, problems: body.problems.map(({ line, field }) => `${line} ${field}`) },
      {
        dryRun: false,
        applied: false,
        created: 2,
        updated: 0,
        unchanged: 0,
        refused: 4,
        problems: ['3 userName', '5 userName', '6 ', '7 disabled'],
      },
    )
    const { body: found } = await lab.call('GET', '/api/v1/users?search=csv1')
    assert.deepEqual((found as { items: unknown[] }).items, [])
  })
  test('can be tried', async () => {
    const { body } = await send('userName\ncsv9@example.com', '?dryRun=true')
    assert.deepEqual(body, {
      dryRun: true,
      applied: false,
      created: 1,
      updated: 0,
      unchanged: 0,
      refused: 0,
      problems: [],
    })
    const { body: found } = await lab.call('GET', '/api/v1/users?search=csv9')
    assert.deepEqual((found as { items: unknown[] }).items, [])
  })
  test('is taken in part when asked, and the same again changes nothing', async () => {
    const { body } = await send(mixed, '?partial=true')
    assert.equal(body.applied, true)
    assert.deepEqual(await entry('user', 'csv2@example.com'), { blocked: true })
    const again = await send(mixed, '?partial=true')
    assert.deepEqual([again.body.created, again.body.updated, again.body.unchanged], [0, 0, 2])
    const { body: found } = await lab.call('GET', '/api/v1/users?search=csv2')
    const [user] = (found as { items: (UserReply & { firstName: string })[] }).items
    assert.equal(user?.firstName, '=1+1')
  })
  test('changes only the columns that it has, tells Sentries, and stands in the audit log', async () => {
    await add('csv5@example.com', { email: 'keep@example.com', custom1: 'x', userId: 'five' })
    const device = await addDevice('csv5@example.com', 'phone of csv5')
    const { body } = await send('upn;custom1;disabled;userId\nCSV5@example.com;y;true;')
    assert.deepEqual([body.created, body.updated], [0, 1])
    const { body: found } = await lab.call('GET', '/api/v1/users?search=csv5')
    const [user] = (found as { items: (UserReply & { custom1: string })[] }).items
    assert.deepEqual(
      [user?.userName, user?.email, user?.custom1, user?.userId, user?.version],
      ['CSV5@example.com', 'keep@example.com', 'y', 'five', 2],
    )
    assert.equal(await decisionOf(device), 'block USER_DISABLED')
    const audit = await lastAudit()
    assert.equal(audit.action, 'user.import')
    assert.match(JSON.stringify(audit.before), /"custom1":"x"/)
    assert.match(JSON.stringify(audit.after), /"custom1":"y"/)
  })
  test('of 5,000 users is taken whole', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => `bulk${i}@example.com,Bulk ${i}`)
    const { body } = await send(`userName,displayName\n${rows.join('\n')}`)
    assert.deepEqual([body.applied, body.created], [true, 5_000])
    const { rows: counted } = await sql<{
      n: number
    }>`select count(*) as n from users where user_key like 'bulk%'`.execute(lab.services.store.db)
    assert.equal(counted[0]?.n, 5_000)
  })
})

describe('a list of users', () => {
  test('gives every user once, a page at a time', async () => {
    const names: string[] = []
    let cursor = ''
    do {
      const { body } = await lab.call('GET', `/api/v1/users?limit=500${cursor}`)
      const page = body as { items: UserReply[]; next: string | null }
      names.push(...page.items.map(({ userName }) => userName.toLowerCase()))
      cursor = page.next === null ? '' : `&cursor=${page.next}`
    } while (cursor !== '')
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.length > 5_000)
  })
  test('of those that are blocked or disabled', async () => {
    const { body } = await lab.call('GET', '/api/v1/users?blocked=true')
    const items = (body as { items: UserReply[] }).items
    assert.ok(items.length > 0 && items.every(({ blocked, disabled }) => blocked !== null || disabled))
  })
  test('refuses a cursor of somebody else', async () => {
    assert.equal((await lab.call('GET', '/api/v1/users?cursor=abc')).status, 400)
  })
})
