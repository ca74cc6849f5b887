import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { needsDevice, parseTemplate, SUBSTITUTION_VARIABLES, templateProblems } from './substitution-variables.ts'

describe('text with substitution variables', () => {
  const refused = [
    { text: '$PASSWORD$', message: /no password is stored; leave it out/ },
    { text: 'x$Password$', message: /no password is stored/ },
    { text: '$EMIAL$', message: /unknown variable \$EMIAL\$; use one of \$EMAIL\$/ },
    { text: '$email$', message: /unknown variable \$email\$/ },
    { text: '$constructor$', message: /unknown variable \$constructor\$/ },
    { text: '$__proto__$', message: /single \$/ },
    { text: '$EMAIL', message: /single \$; write a variable such as/ },
    { text: 'EMAIL$', message: /single \$/ },
    { text: '$' + '{userEmailAddress}', message: /single \$/ },
    { text: '$$EMAIL$', message: /single \$/ },
  ]
  for (const { text, message } of refused) {
    test(`${text} is refused`, () => {
      const problems = templateProblems('userName', text)
      assert.equal(problems.length, 1)
      assert.equal(problems[0]?.path, 'userName')
      assert.match(problems[0].message, message)
    })
  }

  const read = [
    { text: '', parts: [] },
    { text: 'plain', parts: [{ kind: 'text', text: 'plain' }] },
    { text: '$EMAIL$', parts: [{ kind: 'variable', name: 'EMAIL' }] },
    {
      text: 'corp\\$USERID$',
      parts: [
        { kind: 'text', text: 'corp\\' },
        { kind: 'variable', name: 'USERID' },
      ],
    },
    {
      text: '$FIRST_NAME$$LAST_NAME$',
      parts: [
        { kind: 'variable', name: 'FIRST_NAME' },
        { kind: 'variable', name: 'LAST_NAME' },
      ],
    },
    {
      text: '$$5',
      parts: [
        { kind: 'text', text: '$' },
        { kind: 'text', text: '5' },
      ],
    },
    {
      text: '$$$USER_CUSTOM4$',
      parts: [
        { kind: 'text', text: '$' },
        { kind: 'variable', name: 'USER_CUSTOM4' },
      ],
    },
  ]
  for (const { text, parts } of read) {
    test(`${JSON.stringify(text)} is read piece by piece`, () => assert.deepEqual(parseTemplate(text), parts))
  }

  test('every variable of the table is read, and knows whether it needs a device', () => {
    for (const [name, { of }] of Object.entries(SUBSTITUTION_VARIABLES)) {
      assert.deepEqual(parseTemplate(`$${name}$`), [{ kind: 'variable', name }])
      assert.equal(needsDevice(`a $${name}$ b`), of === 'device')
    }
    assert.equal(needsDevice('$$DEVICE_ID$$'), false)
  })

  test('nothing of a text is lost, whatever it is', () => {
    const text = fc.array(fc.constantFrom('$', '$$', 'EMAIL', '$EMAIL$', 'a', '{', '\n')).map((all) => all.join(''))
    fc.assert(
      fc.property(text, (template) => {
        const parts = parseTemplate(template)
        if (parts.some(({ kind }) => kind === 'fault')) return
        const back = parts.map((part) =>
          part.kind === 'variable' ? `$${part.name}$` : part.kind === 'text' ? part.text.replaceAll('$', '$$$$') : '',
        )
        assert.equal(back.join(''), template)
      }),
    )
  })
})
