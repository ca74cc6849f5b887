import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { deviceIdsOfLabel, labelsOfDevice } from '../src/services/labels/membership.ts'
import { type DirectoryLab, startDirectoryLab } from './support/directory-lab.ts'

interface LabelReply {
  id: string
  version: number
  name: string
  kind: string
  builtIn: boolean
  members: number
}

let lab: DirectoryLab
const ids = new Map<string, string>()

const DEVICES = [
  { name: 'a', platform: 'iOS', osVersion: '17.10', model: 'iPhone 15', facts: { floor: 3, vip: true, site: 'Bern' } },
  { name: 'b', platform: 'iOS', osVersion: '9.3.5', model: 'iPad', ownership: 'employee', facts: { floor: 10 } },
  {
    name: 'c',
    platform: 'Android',
    osVersion: '14',
    model: 'Pixel_9',
    userName: 'tu2@example.com',
    facts: { floor: '3' },
  },
  { name: 'd', platform: 'other', state: 'enrolling', model: 'O\'Brien "X" \\', userName: 'tu2@example.com' },
]

before(async () => {
  lab = await startDirectoryLab()
  const users = [
    { userName: 'tu1@example.com', email: 'tu1@example.org', custom1: 'Sales' },
    { userName: 'tu2@example.com', displayName: 'Two' },
  ]
  for (const body of users) assert.equal((await lab.call('POST', '/api/v1/users', { body })).status, 201)
  for (const device of DEVICES) {
    const body = { userName: 'tu1@example.com', ownership: 'company', ...device }
    const reply = await lab.call('POST', '/api/v1/devices', { body })
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
    ids.set(device.name, (reply.body as { id: string }).id)
  }
})
after(() => lab[Symbol.asyncDispose]())

function idOf(name: string): string {
  return ids.get(name) ?? assert.fail(name)
}

async function add(name: string, filter: string | null): Promise<LabelReply> {
  const reply = await lab.call('POST', '/api/v1/labels', { body: { name, filter } })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body as LabelReply
}

async function members(id: string): Promise<string> {
  const { body } = await lab.call('GET', `/api/v1/labels/${id}/members?limit=500`)
  return (body as { items: { name: string }[] }).items.map(({ name }) => name).join('')
}

async function call(path: string, body: object) {
  const reply = await lab.call('POST', `/api/v1/labels/${path}`, { body })
  return { status: reply.status, text: JSON.stringify(reply.body), body: reply.body as LabelReply & { code?: string } }
}

describe('a filter means', () => {
  const cases = [
    { filter: '"common.platform" = "ios"', devices: 'ab' },
    { filter: '"common.platform" != "iOS"', devices: 'cd' },
    { filter: '"common.platform" IN ("Android", "other")', devices: 'cd' },
    { filter: '"common.os_version" < "17.9"', devices: 'bc' },
    { filter: '"common.os_version" >= "17.10"', devices: 'a' },
    { filter: '"common.os_version" = "14.0"', devices: 'c' },
    { filter: 'NOT "common.os_version" < "99"', devices: 'd' },
    { filter: '"common.owner" = "employee"', devices: 'b' },
    { filter: '"common.model" CONTAINS "IP"', devices: 'ab' },
    { filter: '"common.model" CONTAINS "_"', devices: 'c' },
    { filter: '"common.model" CONTAINS "%"', devices: '' },
    { filter: '"common.model" STARTS WITH "iphone"', devices: 'a' },
    { filter: '"common.model" = "O\'Brien \\"X\\" \\\\"', devices: 'd' },
    { filter: '"common.model" = "x\' OR 1=1 --"', devices: '' },
    { filter: '"common.retired" = false AND NOT "common.state" = "active"', devices: 'd' },
    { filter: '"common.retired" != false', devices: '' },
    { filter: '"user.email" CONTAINS "@EXAMPLE.ORG"', devices: 'ab' },
    { filter: '"user.name" = "tu2@example.com" AND "common.platform" = "Android"', devices: 'c' },
    { filter: '"user.custom1" = "sales" OR "user.display_name" = "two"', devices: 'abcd' },
    { filter: '"custom.floor" >= 3', devices: 'ab' },
    { filter: '"custom.floor" = 3.0', devices: 'a' },
    { filter: '"custom.floor" = "3"', devices: 'c' },
    { filter: '"custom.floor" IN (10, "3")', devices: 'bc' },
    { filter: '"custom.vip" = true', devices: 'a' },
    { filter: '"custom.vip" != true', devices: 'bcd' },
    { filter: '"custom.site" STARTS WITH "BE"', devices: 'a' },
    { filter: '"custom.nothing" = "x"', devices: '' },
    {
      filter: '("common.platform" = "iOS" OR "common.platform" = "Android") AND "common.owner" = "company"',
      devices: 'ac',
    },
  ]
  for (const { filter, devices } of cases) {
    test(filter, async () => {
      const { body } = await lab.call('POST', '/api/v1/labels/preview', { body: { filter } })
      const { count, devices: shown } = body as { count: number; devices: { name: string }[] }
      assert.deepEqual([shown.map(({ name }) => name).join(''), count], [devices, devices.length])
      const label = await add(`f ${filter}`.slice(0, 199).trim(), filter)
      assert.equal(await members(label.id), devices)
      assert.equal(label.members, devices.length)
    })
  }
  test('nothing with a fault; its place is told', async () => {
    const reply = await call('preview', { filter: '"common.platform" = "Windows"' })
    assert.equal(reply.status, 400)
    assert.match(reply.text, /filter: at character 21: should be one of iOS/)
    assert.equal((await lab.call('POST', '/api/v1/labels', { body: { name: 'x', filter: 'x' } })).status, 400)
  })
})

describe('a filter label', () => {
  test('follows its devices, their users and its own filter', async () => {
    const label = await add('follows', '"user.custom1" = "HR" AND "common.platform" = "Android"')
    assert.equal(await members(label.id), '')
    const { body } = await lab.call('GET', '/api/v1/users?search=tu2')
    const [user] = (body as { items: { id: string; version: number }[] }).items
    const edit = {
      body: { userName: 'tu2@example.com', custom1: 'HR' },
      headers: { 'if-match': `"${user?.version ?? 0}"` },
    }
    assert.equal((await lab.call('PUT', `/api/v1/users/${user?.id ?? ''}`, edit)).status, 200)
    assert.equal(await members(label.id), 'c')
    const device = { userName: 'tu2@example.com', name: 'd', platform: 'Android', ownership: 'company' }
    assert.equal(
      (await lab.call('PUT', `/api/v1/devices/${idOf('d')}`, { body: device, headers: { 'if-match': '"1"' } })).status,
      200,
    )
    assert.equal(await members(label.id), 'cd')
    const changed = {
      body: { name: 'follows', filter: '"user.custom1" = "HR" AND "common.owner" = "employee"' },
      headers: { 'if-match': '"1"' },
    }
    const reply = await lab.call('PUT', `/api/v1/labels/${label.id}`, changed)
    assert.equal((reply.body as LabelReply).members, 0)
    assert.equal((await lab.call('PUT', `/api/v1/labels/${label.id}`, changed)).status, 412)
  })
  test('takes no members by hand and stays of its kind', async () => {
    const label = await add('by filter', '"common.platform" = "iOS"')
    assert.equal((await call(`${label.id}/members/add`, { deviceIds: [idOf('c')] })).body.code, 'CONFLICT')
    const manual = { body: { name: 'by filter', filter: null }, headers: { 'if-match': '"1"' } }
    assert.equal((await lab.call('PUT', `/api/v1/labels/${label.id}`, manual)).status, 409)
  })
})

describe('a manual label', () => {
  test('has the devices that are put into it', async () => {
    const label = await add('Pilot', null)
    const some = { deviceIds: [idOf('a'), idOf('c')] }
    const added = await call(`${label.id}/members/add`, some)
    assert.deepEqual([added.body.members, added.body.version], [2, 2])
    assert.equal((await call(`${label.id}/members/add`, some)).body.version, 2)
    assert.equal((await call(`${label.id}/members/remove`, { deviceIds: [idOf('a'), idOf('b')] })).body.members, 1)
    assert.equal(await members(label.id), 'c')
    const audit = await lab.services.store.db
      .selectFrom('audit')
      .select('action')
      .where('object_id', '=', label.id)
      .orderBy('seq')
      .execute()
    assert.deepEqual(
      audit.map(({ action }) => action),
      ['label.create', 'label.add-devices', 'label.remove-devices'],
    )
  })
  test('refuses unknown devices, no devices and too many', async () => {
    const label = await add('Refuses', null)
    const unknown = await call(`${label.id}/members/add`, { deviceIds: [idOf('a'), crypto.randomUUID()] })
    assert.match(unknown.text, /deviceIds\[1\]: there is no device/)
    assert.equal(await members(label.id), '')
    assert.equal((await call(`${label.id}/members/add`, { deviceIds: [] })).status, 400)
    const many = Array.from({ length: 1_001 }, () => crypto.randomUUID())
    assert.equal((await call(`${label.id}/members/add`, { deviceIds: many })).status, 400)
  })
  test('cannot have the name of another, and is removed', async () => {
    const label = await add('Gone', null)
    assert.equal((await lab.call('POST', '/api/v1/labels', { body: { name: 'gONE', filter: null } })).status, 409)
    assert.equal((await lab.call('DELETE', `/api/v1/labels/${label.id}`)).status, 204)
    assert.equal((await lab.call('GET', `/api/v1/labels/${label.id}`)).status, 404)
    assert.equal((await lab.call('GET', `/api/v1/labels/${label.id}/members`)).status, 404)
  })
  test('that something refers to is not removed', async () => {
    const label = await add('Used', null)
    const { db } = lab.services.store
    await sql`create table uses_label (label_id uuid references labels (id))`.execute(db)
    await sql`insert into uses_label values (${label.id})`.execute(db)
    const reply = await lab.call('DELETE', `/api/v1/labels/${label.id}`)
    await sql`drop table uses_label`.execute(db)
    assert.equal((reply.body as { code: string }).code, 'IN_USE')
  })
})

describe('built-in labels', () => {
  test('are there, and cannot be changed or removed', async () => {
    const { body } = await lab.call('GET', '/api/v1/labels?limit=500')
    const builtIn = (body as { items: LabelReply[] }).items.filter((label) => label.builtIn)
    assert.deepEqual(
      builtIn.map(({ name }) => name),
      ['All-Smartphones', 'Android', 'Company-Owned', 'Employee-Owned', 'iOS'],
    )
    const [first] = builtIn
    assert.equal((await lab.call('DELETE', `/api/v1/labels/${first?.id ?? ''}`)).status, 409)
    const edit = { body: { name: 'x', filter: '"common.platform" = "iOS"' }, headers: { 'if-match': '"1"' } }
    assert.equal((await lab.call('PUT', `/api/v1/labels/${first?.id ?? ''}`, edit)).status, 409)
  })
  test('are read by other services from either side', async () => {
    const { db } = lab.services.store
    const labels = await labelsOfDevice(db, idOf('b'))
    assert.ok(labels.some(({ name }) => name === 'Employee-Owned'))
    const ios = labels.find(({ name }) => name === 'iOS')?.id ?? ''
    const first = await deviceIdsOfLabel(db, ios, { limit: 1 })
    const second = await deviceIdsOfLabel(db, ios, { limit: 1, cursor: first.next ?? undefined })
    assert.deepEqual([...first.items, ...second.items].toSorted(), [idOf('a'), idOf('b')].toSorted())
    assert.equal(second.next, null)
  })
})
