import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SUBSTITUTION_VARIABLES } from '@postern/contract/configurations/variables'
import { substitute, type UserFacts, variableFacts } from './substitution.ts'

const USER: UserFacts = {
  email: 'tu1@example.test',
  userId: 'tu1',
  upn: 'tu1@corp.example.test',
  firstName: 'Test',
  lastName: 'User',
  displayName: 'Test User',
  custom: ['one', null, 'three'],
}
const DEVICE = { id: 'dev-1', uuid: '00008030-001A-2B3C', serial: 'F17ABC', osVersion: '17.4.1' }

describe('substitution', () => {
  const refused = [
    { template: '$PASSWORD$', unresolved: [], problems: 1 },
    { template: 'a$EMIAL$ $EMIAL$', unresolved: [], problems: 1 },
    {
      template: '$USER_CUSTOM2$ $USER_CUSTOM4$ $USER_CUSTOM2$',
      unresolved: ['$USER_CUSTOM2$', '$USER_CUSTOM4$'],
      problems: 0,
    },
  ]
  for (const { template, unresolved, problems } of refused) {
    test(`${template} is not filled`, () => {
      const result = substitute(template, variableFacts(USER, DEVICE))
      assert.deepEqual(result.unresolved, unresolved)
      assert.equal(result.problems.length, problems)
    })
  }
  test('without a device its variables have no value', () => {
    const { unresolved } = substitute('$USERID$ $DEVICE_UUID_NO_DASHES$ $DEVICE_ID$', variableFacts(USER, null))
    assert.deepEqual(unresolved, ['$DEVICE_UUID_NO_DASHES$', '$DEVICE_ID$'])
  })
  for (const value of ['', null, 'a\nb', 'a\u0000', '\u0085', '\ud800', '\uffff']) {
    test(`a fact ${JSON.stringify(value)} is none`, () =>
      assert.deepEqual(substitute('$EMAIL$', { EMAIL: value }).unresolved, ['$EMAIL$']))
  }
  for (const email of ['nobody', '@example.test', 'tu1@']) {
    test(`${email} has no two parts`, () => {
      const facts = variableFacts({ ...USER, email }, null)
      assert.ok(substitute('$EMAIL_LOCAL$@$EMAIL_DOMAIN$', facts).unresolved.length > 0)
    })
  }

  const filled = [
    { template: '', text: '' },
    { template: '$EMAIL$', text: 'tu1@example.test' },
    { template: 'CORP\\$USERID$', text: 'CORP\\tu1' },
    { template: '$EMAIL_LOCAL$ at $EMAIL_DOMAIN$', text: 'tu1 at example.test' },
    { template: '$USER_UPN$', text: 'tu1@corp.example.test' },
    { template: '$FIRST_NAME$ $LAST_NAME$, $DISPLAY_NAME$', text: 'Test User, Test User' },
    { template: '$USER_CUSTOM1$$USER_CUSTOM3$', text: 'onethree' },
    { template: '$DEVICE_ID$ $DEVICE_UUID$ $DEVICE_SERIAL$', text: 'dev-1 00008030-001A-2B3C F17ABC' },
    { template: '$DEVICE_UUID_NO_DASHES$', text: '00008030001A2B3C' },
    { template: '$$EMAIL$$', text: '$EMAIL$' },
  ]
  for (const { template, text } of filled) {
    test(`${JSON.stringify(template)} is ${JSON.stringify(text)}`, () =>
      assert.deepEqual(substitute(template, variableFacts(USER, DEVICE)), { text, unresolved: [], problems: [] }))
  }

  test('every variable of the table has a fact behind it', () => {
    const facts = variableFacts({ ...USER, custom: ['1', '2', '3', '4'] }, DEVICE)
    for (const name of Object.keys(SUBSTITUTION_VARIABLES)) {
      assert.deepEqual(substitute(`$${name}$`, facts).unresolved, [], name)
    }
  })

  test('a fact is never filled again, whatever it says', () => {
    const names = ['EMAIL', 'USERID', 'DISPLAY_NAME'] as const
    const value = fc.array(fc.constantFrom('$EMAIL$', '$USERID$', '$$', '$', 'x', '$PASSWORD$'), { minLength: 1 })
    fc.assert(
      fc.property(value, value, fc.array(fc.constantFrom(...names)), (email, userId, used) => {
        const facts = { EMAIL: email.join(''), USERID: userId.join(''), DISPLAY_NAME: '$EMAIL$' }
        const { text } = substitute(used.map((name) => `<$${name}$>`).join(''), facts)
        assert.equal(text, used.map((name) => `<${facts[name]}>`).join(''))
      }),
    )
  })
})
