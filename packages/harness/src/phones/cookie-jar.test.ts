import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CookieJar } from './cookie-jar.ts'

describe('RFC 6265 cookies of a phone', () => {
  const url = (path: string, host = 'a.test'): URL => new URL(`https://${host}${path}`)

  test('another host gets nothing; another path neither', () => {
    const jar = new CookieJar()
    jar.store(url('/x/y'), ['a=1; Path=/x', 'b=2; HttpOnly', 'broken'])
    assert.equal(jar.headerFor(url('/x', 'b.test')), null)
    assert.equal(jar.headerFor(url('/xy')), null)
    assert.equal(jar.headerFor(url('/x/z')), 'a=1; b=2')
  })

  test('a newer value replaces, an expired one removes', () => {
    const jar = new CookieJar()
    jar.store(url('/'), ['a=1; Path=/', 'b=1; Path=/'])
    jar.store(url('/q'), ['a=2; Path=/', 'b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
    assert.equal(jar.headerFor(url('/z')), 'a=2')
  })
})
