import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isSafe } from './identity-provider.ts'
import { groupsOf, personOf } from './oidc-person.ts'

describe('addresses of an identity provider', () => {
  const rows = [
    { url: 'http://id.example.com/token', safe: false },
    { url: 'http://127.0.0.1.example.com/', safe: false },
    { url: 'http://localhost.example.com/', safe: false },
    { url: 'http://10.0.0.1/', safe: false },
    { url: 'ftp://127.0.0.1/', safe: false },
    { url: 'javascript:alert(1)', safe: false },
    { url: '//id.example.com', safe: false },
    { url: 'https://id.example.com/token', safe: true },
    { url: 'http://127.0.0.1:3000/', safe: true },
    { url: 'http://[::1]:3000/', safe: true },
  ]
  for (const { url, safe } of rows) {
    test(`${url} is ${safe ? '' : 'not '}used`, () => assert.equal(isSafe(url), safe))
  }
})

describe('claims of an ID token', () => {
  const groups = [
    { claims: {}, found: [] },
    { claims: { groups: null }, found: [] },
    { claims: { groups: [1, { name: 'admins' }, ['admins']] }, found: [] },
    { claims: { groups: { admins: true } }, found: [] },
    { claims: { groups: 'admins' }, found: ['admins'] },
    { claims: { groups: ['admins', 'all'] }, found: ['admins', 'all'] },
  ]
  for (const { claims, found } of groups) {
    test(`${JSON.stringify(claims)} has the groups ${JSON.stringify(found)}`, () => {
      assert.deepEqual(groupsOf(claims, 'groups'), found)
    })
  }
  test('a claim is never one of the object itself', () => assert.deepEqual(groupsOf({}, 'constructor'), []))
  test('names have no control characters and an end', () => {
    assert.deepEqual(personOf({ sub: 's', preferred_username: 'a\nb\u0000', name: 'x'.repeat(500) }), {
      userName: 'ab',
      displayName: 'x'.repeat(100),
    })
    assert.deepEqual(personOf({ sub: 's', preferred_username: 7 }), { userName: 's', displayName: 's' })
  })
})
