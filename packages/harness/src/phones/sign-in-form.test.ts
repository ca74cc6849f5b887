import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asksForPassword, fillForm, findForm, wordsOf } from './sign-in-form.ts'

describe('forms of sign-in pages', () => {
  test('a page without a form has none', () => assert.equal(findForm('<p>Signed out</p>'), null))

  test('only the first form counts, and disabled, nameless or unticked fields are not sent', () => {
    const form = findForm(
      `<form action='/a?x=1&amp;y=2' method="post"><input name=t type=hidden value="1&quot;2"><input type=submit>
       <input name=d disabled value=1><input type=checkbox name=c value=on><button name=go value=1>Go</button></form>
       <form action="/b"></form>`,
    )
    assert.equal(form?.action, '/a?x=1&y=2')
    assert.equal(form.method, 'POST')
    assert.deepEqual(
      [...fillForm(form, { user: 'u', password: 'p' })],
      [
        ['t', '1"2'],
        ['go', '1'],
      ],
    )
    assert.equal(asksForPassword(form), false)
  })

  test('name and password go where they are asked for', () => {
    const form = findForm('<FORM method=POST><input name="login"><input name="pw" type="password"></FORM>')
    assert.ok(form)
    assert.ok(asksForPassword(form))
    assert.equal(
      fillForm(form, { user: 'ann@example.com', password: 'a&b' }).toString(),
      'login=ann%40example.com&pw=a%26b',
    )
  })

  test('words of a page are its visible text', () =>
    assert.equal(wordsOf('<style>p{}</style><h1>No &amp; no</h1>\n<p>again</p>'), 'No & no again'))
})
