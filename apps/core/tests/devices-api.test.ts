import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { DEVICE_LIMITS } from '@postern/contract/api/devices'
import { type DirectoryLab, type LabRequest, startDirectoryLab } from './support/directory-lab.ts'

interface DeviceReply {
  id: string
  version: number
  name: string
  userName: string
  state: string
  decision: string
  reasons: string[]
  easDeviceIds: string[]
  lastCheckIn: string | null
  facts: Record<string, unknown>
  identities: { id: string; fingerprint: string; revoked: unknown }[]
  labels: { name: string }[]
}

const BASE = { userName: 'tu1@example.com', name: 'phone', platform: 'iOS', ownership: 'company' } as const
const HEX = 'a'.repeat(64)

let lab: DirectoryLab
before(async () => {
  lab = await startDirectoryLab()
  for (const userName of ['tu1@example.com', 'tu2@example.com']) {
    assert.equal((await lab.call('POST', '/api/v1/users', { body: { userName } })).status, 201)
  }
})
after(() => lab[Symbol.asyncDispose]())

async function add(more: object = {}): Promise<DeviceReply> {
  const reply = await lab.call('POST', '/api/v1/devices', { body: { ...BASE, ...more } })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body as DeviceReply
}

async function read(id: string): Promise<DeviceReply> {
  return (await lab.call('GET', `/api/v1/devices/${id}`)).body as DeviceReply
}

async function act(id: string, verb: string, body: object = { note: 'why not' }, more: LabRequest = {}) {
  const { status, body: reply } = await lab.call('POST', `/api/v1/devices/${id}/${verb}`, { body, ...more })
  return { status, code: (reply as { code?: string }).code, reply: reply as DeviceReply }
}

async function list(query: string): Promise<string[]> {
  const names: string[] = []
  let cursor = ''
  do {
    const { body, status } = await lab.call('GET', `/api/v1/devices?${query}${cursor}`)
    assert.equal(status, 200, JSON.stringify(body))
    const page = body as { items: DeviceReply[]; next: string | null }
    names.push(...page.items.map(({ name }) => name))
    cursor = page.next === null ? '' : `&cursor=${page.next}`
  } while (cursor !== '')
  return names
}

async function lastAudit(id: string) {
  const query = lab.services.store.db
    .selectFrom('audit')
    .select(['action', 'note', 'before', 'after'])
    .where('object_id', '=', id)
  return query.where('action', '!=', 'posture.change').orderBy('seq', 'desc').limit(1).executeTakeFirstOrThrow()
}

describe('a device is refused', () => {
  const rejects = [
    { title: 'of nobody', body: { ...BASE, userName: 'nobody@example.com' }, says: /there is no user nobody/ },
    { title: 'of an unknown platform', body: { ...BASE, platform: 'ios' }, says: /platform/ },
    { title: 'that is retired from the start', body: { ...BASE, state: 'retired' }, says: /state/ },
    { title: 'with an id that no client sends', body: { ...BASE, easDeviceIds: ['a-b'] }, says: /easDeviceIds\[0\]/ },
    { title: 'with one id twice', body: { ...BASE, easDeviceIds: ['ab', 'AB'] }, says: /easDeviceIds\[1\].*repeats/ },
    {
      title: 'with too many ids',
      body: { ...BASE, easDeviceIds: Array.from({ length: DEVICE_LIMITS.easDeviceIds + 1 }, (_, i) => `id${i}`) },
      says: /easDeviceIds/,
    },
    { title: 'with a fact under an odd name', body: { ...BASE, facts: { 'a b': 1 } }, says: /facts/ },
    { title: 'with a fact that is a list', body: { ...BASE, facts: { a: [] } }, says: /facts/ },
    {
      title: 'with too many facts',
      body: {
        ...BASE,
        facts: Object.fromEntries(Array.from({ length: DEVICE_LIMITS.facts + 1 }, (_, i) => [`f${i}`, i])),
      },
      says: /facts/,
    },
    {
      title: 'seen on a day that there is not',
      body: { ...BASE, lastCheckIn: '2026-02-30T00:00:00.000Z' },
      says: /no time that there is/,
    },
    { title: 'with a posture of its own', body: { ...BASE, decision: 'allow' }, says: /decision/ },
  ]
  for (const { title, body, says } of rejects) {
    test(title, async () => {
      const reply = await lab.call('POST', '/api/v1/devices', { body })
      assert.equal(reply.status, 400)
      assert.match(JSON.stringify(reply.body), says)
    })
  }
  test('whoever may only view cannot add, block, retire or wipe one', async () => {
    const { id } = await add()
    const permissions = ['device:view'] as const
    assert.equal((await lab.call('POST', '/api/v1/devices', { body: BASE, permissions })).status, 403)
    for (const verb of ['block', 'allow', 'unblock', 'retire', 'wipe']) {
      assert.equal((await act(id, verb, { note: '' }, { permissions })).status, 403, verb)
    }
  })
})

describe('a device', () => {
  test('is added with its facts, labels and posture, once however often the same request comes', async () => {
    const facts = { floor: 3, vip: true, site: 'Bern' }
    const request = { body: { ...BASE, easDeviceIds: ['AppL1'], facts }, headers: { 'idempotency-key': 'd1' } }
    const first = await lab.call('POST', '/api/v1/devices', request)
    assert.deepEqual((await lab.call('POST', '/api/v1/devices', request)).body, first.body)
    const device = first.body as DeviceReply
    assert.equal(first.etag, '"1"')
    assert.deepEqual(device.facts, facts)
    assert.deepEqual(
      device.labels.map(({ name }) => name),
      ['All-Smartphones', 'Company-Owned', 'iOS'],
    )
    assert.deepEqual([device.decision, ...device.reasons], ['block', 'IDENTITY_MISSING'])
    const audit = await lastAudit(device.id)
    assert.equal(audit.action, 'device.create')
    assert.match(JSON.stringify(audit.after), /"AppL1"/)
  })
  test('is edited by version; another platform gives other labels', async () => {
    const { id } = await add()
    const edit = (version: number) =>
      lab.call('PUT', `/api/v1/devices/${id}`, {
        body: { ...BASE, userName: 'TU2@example.com', platform: 'Android', state: 'checkedOut' },
        headers: { 'if-match': `"${version}"` },
      })
    assert.equal((await edit(7)).status, 412)
    const device = (await edit(1)).body as DeviceReply
    assert.deepEqual(
      device.labels.map(({ name }) => name),
      ['All-Smartphones', 'Android', 'Company-Owned'],
    )
    assert.deepEqual(device.reasons, ['NOT_MANAGED', 'IDENTITY_MISSING'])
    assert.equal(device.userName, 'tu2@example.com')
    const audit = await lastAudit(id)
    assert.match(JSON.stringify([audit.before, audit.after]), /"iOS".*"Android"/)
  })
  test('is removed only when retired', async () => {
    const { id } = await add()
    assert.equal((await lab.call('DELETE', `/api/v1/devices/${id}`)).status, 409)
    assert.equal((await act(id, 'retire')).status, 200)
    assert.equal((await lab.call('DELETE', `/api/v1/devices/${id}`)).status, 204)
    assert.equal((await lab.call('GET', `/api/v1/devices/${id}`)).status, 404)
    assert.equal((await lastAudit(id)).action, 'device.remove')
  })
})

describe('what is done with a device', () => {
  test("a block and an allowance by hand take each other's place and are taken back", async () => {
    const { id } = await add()
    assert.equal((await act(id, 'unblock')).code, 'CONFLICT')
    assert.equal((await act(id, 'allow')).reply.decision, 'allow')
    assert.equal((await act(id, 'block')).reply.decision, 'block')
    assert.deepEqual((await read(id)).reasons, ['BLOCKED_BY_HAND', 'IDENTITY_MISSING'])
    assert.equal((await act(id, 'unblock', { note: 'found' })).status, 200)
    assert.deepEqual((await read(id)).reasons, ['IDENTITY_MISSING'])
    const audit = await lastAudit(id)
    assert.deepEqual([audit.action, audit.note], ['device.unblock', 'found'])
  })
  test('an expiry that is none or past is refused', async () => {
    const { id } = await add()
    for (const expiresAt of ['2020-01-01T00:00:00.000Z', '2026-13-01T00:00:00.000Z', 'tomorrow']) {
      assert.equal((await act(id, 'block', { note: '', expiresAt })).status, 400, expiresAt)
    }
  })
  test('retirement is for ever', async () => {
    const { id } = await add()
    await act(id, 'allow')
    assert.equal((await act(id, 'retire')).reply.decision, 'block')
    assert.equal((await act(id, 'retire')).code, 'CONFLICT')
    assert.equal((await act(id, 'allow')).code, 'CONFLICT')
    const edit = { body: { ...BASE, state: 'active' }, headers: { 'if-match': '"2"' } }
    const reply = await lab.call('PUT', `/api/v1/devices/${id}`, edit)
    assert.equal((reply.body as { code: string }).code, 'CONFLICT')
    const { labels, reasons } = await read(id)
    assert.deepEqual([labels, reasons], [[], ['RETIRED', 'IDENTITY_MISSING', 'ALLOWED_BY_HAND']])
  })
  test('a wipe is requested once', async () => {
    const { id } = await add()
    assert.equal((await act(id, 'wipe')).reply.decision, 'wipe')
    assert.equal((await act(id, 'wipe')).code, 'CONFLICT')
    assert.equal((await lastAudit(id)).action, 'device.wipe')
  })
  test('why: every reason with source, time and remedy', async () => {
    const { id } = await add({ state: 'enrolling' })
    const expires = new Date(lab.now() + 60_000).toISOString()
    await act(id, 'allow', { note: 'new phone', expiresAt: expires })
    const { body } = await lab.call('GET', `/api/v1/devices/${id}/why`)
    const why = body as { decision: string; nextChange: string; reasons: Record<string, unknown>[] }
    assert.deepEqual([why.decision, why.nextChange], ['allow', expires])
    assert.deepEqual(
      why.reasons.map(({ code, effect, overridden, source }) => [code, effect, overridden, source]),
      [
        ['NOT_MANAGED', 'hold', true, 'enrolment'],
        ['IDENTITY_MISSING', 'hold', true, 'certificate'],
        ['ALLOWED_BY_HAND', 'permit', false, 'alice'],
      ],
    )
    const [, , allowed] = why.reasons
    assert.deepEqual([allowed?.['detail'], allowed?.['expires']], ['new phone', expires])
    assert.ok(why.reasons.every(({ title, remedy }) => title !== '' && remedy !== ''))
    assert.equal((await lab.call('GET', `/api/v1/devices/${crypto.randomUUID()}/why`)).status, 404)
  })
})

describe('certificates of a device', () => {
  const register = async (id: string, body: object) => {
    const reply = await lab.call('POST', `/api/v1/devices/${id}/identities`, { body })
    return {
      status: reply.status,
      text: JSON.stringify(reply.body),
      body: reply.body as { id: string; fingerprint: string },
    }
  }
  const valid = { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2027-01-01T00:00:00.000Z' }
  const rejects = [
    { title: 'no PEM', body: { pem: 'x' }, says: /pem/ },
    { title: 'another form of fingerprint', body: { fingerprint: HEX, ...valid }, says: /fingerprint/ },
    { title: 'no validity', body: { fingerprint: `sha256:${HEX}` }, says: /notBefore/ },
    {
      title: 'a validity that ends before it begins',
      body: { fingerprint: `sha256:${HEX}`, notBefore: valid.notAfter, notAfter: valid.notBefore },
      says: /later than notBefore/,
    },
    {
      title: 'one that has expired',
      body: {
        fingerprint: `sha256:${HEX}`,
        notBefore: '2025-01-01T00:00:00.000Z',
        notAfter: '2025-02-01T00:00:00.000Z',
      },
      says: /expired/,
    },
  ]
  for (const { title, body, says } of rejects) {
    test(`${title} is refused`, async () => {
      const { id } = await add()
      const reply = await register(id, body)
      assert.equal(reply.status, 400)
      assert.match(reply.text, says)
    })
  }
  test('by PEM: the device has mail; the certificate of an authority, or a chain, is refused', async () => {
    lab.at(Date.now())
    const authority = await createCa()
    const issued = await authority.issueDevice({ upn: 'tu1@example.com' })
    const { id } = await add()
    assert.match((await register(id, { pem: authority.certPem })).text, /authority/)
    assert.match((await register(id, { pem: `${issued.certPem}\n${authority.certPem}` })).text, /one certificate/)
    const done = await register(id, { pem: issued.certPem })
    assert.equal(done.status, 201, done.text)
    const device = await read(id)
    assert.deepEqual([device.decision, device.identities[0]?.fingerprint], ['allow', issued.fingerprint])
  })
  test('one belongs to one device only, and a revoked one to none again', async () => {
    const [one, two] = [await add({ name: 'one' }), await add({ name: 'two' })]
    const body = {
      fingerprint: `sha256:${'b'.repeat(64)}`,
      notBefore: valid.notBefore,
      notAfter: '2036-01-01T00:00:00.000Z',
    }
    const { body: identity } = await register(one.id, body)
    assert.match((await register(two.id, body)).text, /registered for the device one/)
    assert.match((await register(one.id, body)).text, /registered for this device/)
    const revoke = (device: string) =>
      lab.call('POST', `/api/v1/devices/${device}/identities/${identity.id}/revoke`, { body: { note: 'lost' } })
    assert.equal((await revoke(two.id)).status, 404)
    assert.equal((await revoke(one.id)).status, 200)
    assert.equal((await revoke(one.id)).status, 409)
    assert.deepEqual((await read(one.id)).reasons, ['IDENTITY_REVOKED'])
    assert.equal((await lastAudit(one.id)).action, 'identity.revoke')
  })
  test(`${DEVICE_LIMITS.identities} at most`, async () => {
    const { id } = await add()
    const nth = (i: number) => ({
      fingerprint: `sha256:c${i.toString(16).padStart(63, '0')}`,
      notBefore: valid.notBefore,
      notAfter: '2036-01-01T00:00:00.000Z',
    })
    for (let i = 0; i < DEVICE_LIMITS.identities; i += 1) assert.equal((await register(id, nth(i))).status, 201)
    assert.equal((await register(id, nth(99))).status, 409)
  })
})

describe('a list of devices', () => {
  before(async () => {
    const rows = [
      { name: 'L1 iPhone', osVersion: '9.3', easDeviceIds: ['ApplXYZ123'], lastCheckIn: '2026-01-03T00:00:00.000Z' },
      { name: 'L2 iPhone', osVersion: '17.10', serial: 'F2LX99', lastCheckIn: '2026-01-02T00:00:00.000Z' },
      { name: 'L3 Pixel', osVersion: '17.9', platform: 'Android', model: 'Pixel_9', userName: 'tu2@example.com' },
      { name: 'L4 iPad', osVersion: '17.9.0', platform: 'iOS', state: 'enrolling', userName: 'tu2@example.com' },
    ]
    for (const row of rows) await add(row)
  })
  const searches = [
    { title: 'a part of an ActiveSync id, in any case', query: 'search=xyz1', names: ['L1 iPhone'] },
    { title: 'a serial number', query: 'search=f2lx', names: ['L2 iPhone'] },
    { title: 'several words', query: 'search=l3+TU2@', names: ['L3 Pixel'] },
    { title: 'a sign that is none of the pattern', query: 'search=pixel_9', names: ['L3 Pixel'] },
    { title: 'a pattern that is none', query: 'search=l%25pixel', names: [] },
    { title: 'a platform', query: 'platform=Android&search=L3', names: ['L3 Pixel'] },
    { title: 'a state', query: 'state=enrolling&search=L4', names: ['L4 iPad'] },
    { title: 'a decision', query: 'decision=allow&search=l1', names: [] },
    { title: 'short words where a word begins', query: 'search=L+i', names: ['L1 iPhone', 'L2 iPhone', 'L4 iPad'] },
    {
      title: 'by version, number by number',
      query: 'search=iphone&sort=osVersion&limit=1',
      names: ['L1 iPhone', 'L2 iPhone'],
    },
    {
      title: 'by check-in, the last first',
      query: 'search=iphone&sort=-lastCheckIn&limit=1',
      names: ['L1 iPhone', 'L2 iPhone'],
    },
    { title: 'by user, the last first', query: 'search=L2+iPhone&sort=-user', names: ['L2 iPhone'] },
  ]
  for (const { title, query, names } of searches) {
    test(title, async () => assert.deepEqual(await list(query), names))
  }
  test('of a user', async () => {
    const { body } = await lab.call('GET', '/api/v1/users?search=tu2')
    const [user] = (body as { items: { id: string; devices: number }[] }).items
    assert.equal((await list(`user=${user?.id ?? ''}`)).length, user?.devices)
  })
  for (const sort of ['name', '-name', 'user', '-user', 'lastCheckIn', '-lastCheckIn', 'osVersion', '-osVersion']) {
    test(`by ${sort}, two at a time, holds every device once`, async () => {
      const all = await list('limit=500')
      assert.deepEqual((await list(`limit=2&sort=${sort}`)).toSorted(), all.toSorted())
    })
  }
  test('refuses a cursor of another order, and an order that there is not', async () => {
    const { body } = await lab.call('GET', '/api/v1/devices?limit=1')
    const { next } = body as { next: string }
    assert.equal((await lab.call('GET', `/api/v1/devices?sort=user&cursor=${next}`)).status, 400)
    assert.equal((await lab.call('GET', '/api/v1/devices?sort=id')).status, 400)
  })
})
