import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { evaluate, type IdentityFacts, type OverrideFacts, type PostureFacts, reasonCodes } from './evaluate.ts'
import { POSTURE_REASONS, REASON_CODES, reasonRow } from './reasons.ts'

const NOW = 1_000_000

function identity(over: Partial<IdentityFacts> = {}): IdentityFacts {
  return { fingerprint: 'sha256:aa', notBefore: 0, notAfter: 2_000_000, revokedAt: null, revokedBy: '', ...over }
}

function override(over: Partial<OverrideFacts> = {}): OverrideFacts {
  return { of: 'device', kind: 'block', actor: 'alice', note: 'lost', at: 10, expiresAt: null, ...over }
}

function facts(over: Partial<PostureFacts> = {}): PostureFacts {
  return {
    state: 'active',
    stateSince: 5,
    stateBy: 'Core',
    stateNote: '',
    requiresIdentity: true,
    wipeRequested: null,
    userBlocked: null,
    userDisabledSince: null,
    identities: [identity()],
    overrides: [],
    ...over,
  }
}

const done = { at: 7, by: 'bob', note: 'gone' }
const allow = override({ kind: 'allow' })
const revoked = identity({ revokedAt: 9, revokedBy: 'bob' })
const expired = identity({ notAfter: NOW })

describe('a device is blocked', () => {
  const cases = [
    { title: 'by hand', facts: { overrides: [override()] }, codes: ['BLOCKED_BY_HAND'] },
    {
      title: 'by hand on an association',
      facts: { overrides: [override({ of: 'association' })] },
      codes: ['ASSOCIATION_BLOCKED'],
    },
    { title: 'retired', facts: { state: 'retired' }, codes: ['RETIRED'] },
    {
      title: 'retired, though allowed by hand',
      facts: { state: 'retired', overrides: [allow] },
      codes: ['RETIRED', 'ALLOWED_BY_HAND'],
    },
    { title: 'wiped', facts: { state: 'wiped', wipeRequested: done }, codes: ['WIPED'] },
    { title: 'its only certificate revoked', facts: { identities: [revoked] }, codes: ['IDENTITY_REVOKED'] },
    {
      title: 'its only certificate revoked, though it needs none and is allowed by hand',
      facts: { identities: [revoked], requiresIdentity: false, overrides: [allow] },
      codes: ['IDENTITY_REVOKED', 'ALLOWED_BY_HAND'],
    },
    {
      title: 'its certificate expired this very millisecond',
      facts: { identities: [expired] },
      codes: ['IDENTITY_EXPIRED'],
    },
    {
      title: 'its certificate not valid yet',
      facts: { identities: [identity({ notBefore: NOW + 1 })] },
      codes: ['IDENTITY_NOT_YET_VALID'],
    },
    { title: 'no certificate', facts: { identities: [] }, codes: ['IDENTITY_MISSING'] },
    { title: 'enrolling', facts: { state: 'enrolling' }, codes: ['NOT_MANAGED'] },
    { title: 'checked out', facts: { state: 'checkedOut' }, codes: ['NOT_MANAGED'] },
    {
      title: 'its user blocked, though allowed by hand',
      facts: { userBlocked: done, overrides: [allow] },
      codes: ['USER_BLOCKED', 'ALLOWED_BY_HAND'],
    },
    { title: 'its user disabled', facts: { userDisabledSince: 3 }, codes: ['USER_DISABLED'] },
    {
      title: 'block and allowance by hand at once',
      facts: { overrides: [allow, override({ of: 'association' })] },
      codes: ['ASSOCIATION_BLOCKED', 'ALLOWED_BY_HAND'],
    },
    {
      title: 'allowance by hand has run out',
      facts: { state: 'enrolling', overrides: [override({ kind: 'allow', expiresAt: NOW })] },
      codes: ['NOT_MANAGED'],
    },
    {
      title: 'for several reasons, all told',
      facts: { state: 'retired', userBlocked: done, identities: [], overrides: [override()] },
      codes: ['RETIRED', 'USER_BLOCKED', 'BLOCKED_BY_HAND', 'IDENTITY_MISSING'],
    },
  ] as const
  for (const { title, facts: over, codes } of cases) {
    test(title, () => {
      const posture = evaluate(facts(over), NOW)
      assert.equal(posture.decision, 'block')
      assert.deepEqual(
        posture.reasons.map(({ code }) => code),
        codes,
      )
    })
  }
})

describe('a device is allowed', () => {
  const cases = [
    { title: 'managed with a valid certificate', facts: {}, codes: ['MANAGED'], told: [] },
    {
      title: 'one valid certificate beside a revoked one',
      facts: { identities: [revoked, identity({ fingerprint: 'b' })] },
      codes: ['MANAGED'],
      told: [],
    },
    {
      title: 'one valid certificate beside an expired one',
      facts: { identities: [expired, identity({ fingerprint: 'b' })] },
      codes: ['MANAGED'],
      told: [],
    },
    {
      title: 'no certificate where none is needed',
      facts: { identities: [], requiresIdentity: false },
      codes: ['MANAGED'],
      told: [],
    },
    {
      title: 'by hand although not managed',
      facts: { state: 'checkedOut', overrides: [allow] },
      codes: ['NOT_MANAGED', 'ALLOWED_BY_HAND'],
      told: ['NOT_MANAGED', 'ALLOWED_BY_HAND'],
    },
    { title: 'block has run out', facts: { overrides: [override({ expiresAt: NOW })] }, codes: ['MANAGED'], told: [] },
  ] as const
  for (const { title, facts: over, codes, told } of cases) {
    test(title, () => {
      const posture = evaluate(facts(over), NOW)
      assert.equal(posture.decision, 'allow')
      assert.deepEqual(
        posture.reasons.map(({ code }) => code),
        codes,
      )
      assert.deepEqual(reasonCodes(posture), told)
    })
  }
})

describe('what is told', () => {
  test('a requested wipe outweighs every block and lasts until it is done', () => {
    const posture = evaluate(facts({ wipeRequested: done, state: 'retired', overrides: [override()] }), NOW)
    assert.equal(posture.decision, 'wipe')
    assert.deepEqual(posture.reasons[0], {
      code: 'WIPE_REQUESTED',
      source: 'bob',
      since: 7,
      expires: null,
      detail: 'gone',
      overridden: false,
    })
  })
  test('what an allowance outweighs is marked', () => {
    const { reasons } = evaluate(facts({ state: 'enrolling', overrides: [allow] }), NOW)
    assert.deepEqual(
      reasons.map(({ code, overridden }) => [code, overridden]),
      [
        ['NOT_MANAGED', true],
        ['ALLOWED_BY_HAND', false],
      ],
    )
  })
  test('the next change is the earliest of what ends or begins', () => {
    const at = (over: Partial<PostureFacts>): number | null => evaluate(facts(over), NOW).nextChange
    assert.equal(at({}), 2_000_000)
    assert.equal(at({ overrides: [override({ expiresAt: NOW + 5 })] }), NOW + 5)
    assert.equal(at({ identities: [revoked] }), null)
    assert.equal(at({ identities: [expired] }), null)
  })
  test('each code has a row; a foreign one has none', () => {
    for (const code of REASON_CODES) assert.equal(reasonRow(code), POSTURE_REASONS[code])
    assert.equal(reasonRow('constructor'), undefined)
  })
})

const time = fc.integer({ min: NOW - 50, max: NOW + 50 })
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(one, { nil: null })
const anyDone = fc.record({ at: time, by: fc.constantFrom('alice', 'bob'), note: fc.constantFrom('', 'lost') })
const anyIdentity = fc
  .record({
    fingerprint: fc.constantFrom('a', 'b', 'c', 'd'),
    start: time,
    length: fc.integer({ min: 1, max: 60 }),
    revokedAt: maybe(time),
  })
  .map(({ fingerprint, start, length, revokedAt }) =>
    identity({ fingerprint, notBefore: start, notAfter: start + length, revokedAt, revokedBy: 'bob' }),
  )
const anyOverride = fc.record({
  of: fc.constantFrom('device', 'association'),
  kind: fc.constantFrom('allow', 'block'),
  actor: fc.constantFrom('alice', 'bob'),
  note: fc.constantFrom('', 'lost'),
  at: time,
  expiresAt: maybe(time),
})
const anyFacts: fc.Arbitrary<PostureFacts> = fc.record({
  state: fc.constantFrom('enrolling', 'active', 'checkedOut', 'retired', 'wiped'),
  stateSince: time,
  stateBy: fc.constant('Core'),
  stateNote: fc.constant(''),
  requiresIdentity: fc.boolean(),
  wipeRequested: maybe(anyDone),
  userBlocked: maybe(anyDone),
  userDisabledSince: maybe(time),
  identities: fc.uniqueArray(anyIdentity, { maxLength: 4, selector: ({ fingerprint }) => fingerprint }),
  overrides: fc.array(anyOverride, { maxLength: 4 }),
})

describe('for any facts', () => {
  test('the order of facts does not matter', () => {
    fc.assert(
      fc.property(anyFacts, (one) => {
        const turned = { ...one, identities: one.identities.toReversed(), overrides: one.overrides.toReversed() }
        assert.deepEqual(evaluate(turned, NOW), evaluate(one, NOW))
      }),
    )
  })
  test('a retired or wiped device is never allowed, whenever asked', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom('retired', 'wiped'), time, (one, state, now) => {
        assert.notEqual(evaluate({ ...one, state }, now).decision, 'allow')
      }),
    )
  })
  test('one more fact that blocks never makes an allowed device of a blocked one', () => {
    const worse: ((one: PostureFacts) => PostureFacts)[] = [
      (one) => ({ ...one, overrides: [...one.overrides, override()] }),
      (one) => ({ ...one, state: 'retired' }),
      (one) => ({ ...one, wipeRequested: done }),
      (one) => ({ ...one, userBlocked: done }),
      (one) => ({ ...one, userDisabledSince: 3 }),
      (one) => ({ ...one, requiresIdentity: true }),
      (one) => ({ ...one, identities: one.identities.map((two) => ({ ...two, revokedAt: two.revokedAt ?? 9 })) }),
      (one) => ({ ...one, overrides: one.overrides.filter(({ kind }) => kind === 'block') }),
    ]
    fc.assert(
      fc.property(anyFacts, fc.constantFrom(...worse), (one, more) => {
        if (evaluate(one, NOW).decision !== 'allow') assert.notEqual(evaluate(more(one), NOW).decision, 'allow')
      }),
    )
  })
  test('nothing changes before the time that is told', () => {
    fc.assert(
      fc.property(anyFacts, time, (one, now) => {
        const { nextChange, ...first } = evaluate(one, now)
        for (let later = now; later < Math.min(nextChange ?? NOW + 120, NOW + 120); later += 1) {
          const { decision, reasons } = evaluate(one, later)
          assert.deepEqual({ decision, reasons }, first)
        }
      }),
      { numRuns: 50 },
    )
  })
  test('there is always a reason', () => {
    fc.assert(fc.property(anyFacts, (one) => assert.ok(evaluate(one, NOW).reasons.length > 0)))
  })
})
