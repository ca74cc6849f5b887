import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts'

describe('rules of a new password', () => {
  const refused = [
    { title: '14 characters', password: 'abcdefg hijklm', rule: /15 to 256/ },
    { title: '257 characters', password: 'abcdefg hijklm '.repeat(18).slice(0, 257), rule: /15 to 256/ },
    { title: 'an emoji counts once', password: '😀😁😂😃😄😅😆😇', rule: /15 to 256/ },
    { title: 'the user name in capitals', password: 'the secret of GRACE is long', rule: /user name/ },
    { title: 'few different characters', password: 'ababababababababab', rule: /6 different/ },
    { title: 'a row of the keyboard', password: 'QwertyUiopAsdfgh', rule: /tried first/ },
    { title: 'a common word with digits', password: 'Administrator!2026', rule: /tried first/ },
    { title: 'a common word twice', password: 'passwordpassword', rule: /tried first/ },
    { title: 'a famous example', password: 'correct horse battery staple', rule: /tried first/ },
  ]
  for (const { title, password, rule } of refused) {
    test(`${title} is refused`, () => assert.match(passwordProblem(password, 'grace') ?? '', rule))
  }
  const good = ['fifteen letters', 'a few random words here', 'пароль из многих слов', 'x'.repeat(250) + 'abcdef']
  for (const password of good) {
    test(`${password.slice(0, 30)} is good`, () => assert.equal(passwordProblem(password, 'grace'), null))
  }
})

describe('hashes of passwords', () => {
  test('are argon2id with at least what OWASP asks for', async () => {
    const phc = await hashPassword('a few random words here')
    assert.match(phc, /^\$argon2id\$v=19\$m=32768,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
    assert.notEqual(phc, await hashPassword('a few random words here'))
    assert.equal(await verifyPassword('a few random words here', phc), true)
    assert.equal(await verifyPassword('a few random words her', phc), false)
  })
  test('RFC 9106: another implementation gives the same', async () => {
    // The reference implementation's test: argon2id, 64 MiB, 2 passes, 1 lane, "password", "somesalt".
    const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    assert.equal(await verifyPassword('password', phc), true)
    assert.equal(await verifyPassword('Password', phc), false)
  })
  test('the same text typed on two keyboards is the same password', async () => {
    const phc = await hashPassword('cafe\u0301 au lait et croissant')
    assert.equal(await verifyPassword('caf\u00e9 au lait et croissant', phc), true)
  })
  test('nobody has a password, and finding that out takes as long', async () => {
    const phc = await hashPassword('a few random words here')
    const timed = async (hash: string | null): Promise<number> => {
      const begun = performance.now()
      assert.equal(await verifyPassword('something else', hash), false)
      return performance.now() - begun
    }
    const [real, none] = [await timed(phc), await timed(null)]
    assert.ok(none > real / 4, `${none} ms for nobody, ${real} ms for somebody`)
    assert.equal(await verifyPassword('', null), false)
  })
  test('too many at once are turned away', async () => {
    const all = await Promise.allSettled(Array.from({ length: 24 }, () => verifyPassword('x', null)))
    const codes = all.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code: unknown }).code] : []))
    assert.deepEqual(codes, new Array(6).fill('UNAVAILABLE')) // 2 at work, 16 waiting
  })
})
