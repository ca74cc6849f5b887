import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createServerGroup, outcomeOf } from './server-group.ts'
import type { Scheduling, ServerGroup, ServerOutcome } from './server-group.ts'
import { startHealthCheck } from './health-check.ts'
import type { HealthResult } from './health-check.ts'

const A = { host: 'a.test', port: 443 }
const B = { host: 'b.test', port: 443 }
const C = { host: 'c.test', port: 443 }
const RULES = { deadThreshold: 3, failureWindowMs: 30_000, deadMs: 60_000, liveThreshold: 2 }

function setUp(scheduling: Scheduling = 'priority'): {
  group: ServerGroup
  clock: { now: number }
  hosts: () => string
} {
  const clock = { now: 1_000 }
  const group = createServerGroup({ servers: [A, B, C], scheduling, rules: RULES, now: () => clock.now })
  const hosts = (): string =>
    group
      .order()
      .map(({ host }) => host.charAt(0))
      .join('')
  return { group, clock, hosts }
}

function times(count: number, act: () => void): void {
  for (let i = 0; i < count; i++) act()
}

describe('server group: passive detection', () => {
  test('the third failure within the window takes a server out', () => {
    const { group, hosts } = setUp()
    times(2, () => group.failed(A))
    assert.equal(hosts(), 'abc')
    group.failed(A)
    assert.equal(hosts(), 'bca')
    assert.deepEqual(group.states()[0], { target: A, state: 'dead', since: 1_000, failures: 3 })
  })

  test('failures older than the window do not count', () => {
    const { group, clock, hosts } = setUp()
    times(2, () => group.failed(A))
    clock.now += 30_000
    group.failed(A)
    assert.equal(hosts(), 'abc')
    assert.equal(group.states()[0]?.failures, 1)
  })

  test('a success forgets the failures before it', () => {
    const { group, hosts } = setUp()
    times(10, () => {
      times(2, () => group.failed(A))
      group.succeeded(A)
    })
    assert.equal(hosts(), 'abc')
  })

  test('after the dead time it is tried, and one failure is enough', () => {
    const { group, clock, hosts } = setUp()
    times(3, () => group.failed(A))
    clock.now += 59_999
    assert.equal(hosts(), 'bca')
    clock.now += 1
    assert.equal(hosts(), 'abc')
    assert.equal(group.states()[0]?.since, 61_000)
    group.failed(A)
    assert.equal(hosts(), 'bca')
    clock.now += 60_000
    group.succeeded(A)
    times(2, () => group.failed(A))
    assert.equal(hosts(), 'abc')
  })

  test('a late success of a request brings a dead server back', () => {
    const { group, hosts } = setUp()
    times(3, () => group.failed(A))
    group.succeeded(A)
    assert.equal(hosts(), 'abc')
  })

  test('failures while dead do not lengthen the dead time', () => {
    const { group, clock, hosts } = setUp()
    times(3, () => group.failed(A))
    clock.now += 50_000
    group.failed(A)
    clock.now += 10_000
    assert.equal(hosts(), 'abc')
  })

  test('when all are dead, all are still tried', () => {
    const { group, hosts } = setUp('roundRobin')
    for (const target of [A, B, C]) times(3, () => group.failed(target))
    assert.equal(hosts(), 'abc')
    assert.equal(hosts(), 'abc')
  })

  test('targets that are not of the group change nothing', () => {
    const { group, hosts } = setUp()
    times(3, () => group.failed({ host: 'a.test', port: 444 }))
    group.probed({ host: 'x.test', port: 443 }, false)
    assert.equal(hosts(), 'abc')
  })

  test('a group without servers is our bug', () =>
    assert.throws(
      () => createServerGroup({ servers: [], scheduling: 'priority', rules: RULES, now: () => 0 }),
      TypeError,
    ))
})

describe('server group: scheduling and probes', () => {
  test('round robin takes each living server in turn', () => {
    const { group, hosts } = setUp('roundRobin')
    assert.deepEqual([hosts(), hosts(), hosts(), hosts()], ['abc', 'bca', 'cab', 'abc'])
    times(3, () => group.failed(B))
    assert.deepEqual(new Set([hosts(), hosts()]), new Set(['acb', 'cab']))
  })

  test('two good probes in a row end the dead time', () => {
    const { group, hosts } = setUp()
    times(3, () => group.failed(A))
    group.probed(A, true)
    group.probed(A, false)
    group.probed(A, true)
    assert.equal(hosts(), 'bca')
    group.probed(A, true)
    assert.equal(hosts(), 'abc')
  })

  test('three bad probes in a row take a server out however far apart, and keep it out', () => {
    const { group, clock, hosts } = setUp()
    times(3, () => {
      clock.now += 30_000
      group.probed(A, false)
    })
    assert.equal(hosts(), 'bca')
    times(4, () => {
      clock.now += 30_000
      group.probed(A, false)
    })
    assert.equal(hosts(), 'bca')
  })

  test('a good probe does not forget the failures of requests', () => {
    const { group, hosts } = setUp()
    times(2, () => group.failed(A))
    group.probed(A, true)
    group.failed(A)
    assert.equal(hosts(), 'bca')
  })
})

describe('what a result says about a server', () => {
  const rows: [Parameters<typeof outcomeOf>[0], ServerOutcome][] = [
    [{ failure: 'UPSTREAM_UNREACHABLE' }, 'failed'],
    [{ failure: 'UPSTREAM_TLS' }, 'failed'],
    [{ failure: 'UPSTREAM_TIMEOUT' }, 'failed'],
    [{ failure: 'UPSTREAM_RESET' }, 'failed'],
    [{ failure: 'UPSTREAM_MALFORMED' }, 'failed'],
    [{ failure: 'UPSTREAM_ABORTED' }, 'neither'],
    [{ failure: 'REQUEST_BODY_FAILED' }, 'neither'],
    [{ status: 502, hasRetryAfter: true }, 'failed'],
    [{ status: 504, hasRetryAfter: false }, 'failed'],
    [{ status: 503, hasRetryAfter: false }, 'failed'],
    [{ status: 503, hasRetryAfter: true }, 'succeeded'],
    [{ status: 500, hasRetryAfter: false }, 'succeeded'],
    [{ status: 451, hasRetryAfter: false }, 'succeeded'],
    [{ status: 401, hasRetryAfter: false }, 'succeeded'],
    [{ status: 200, hasRetryAfter: false }, 'succeeded'],
  ]
  for (const [result, outcome] of rows)
    test(`${JSON.stringify(result)}: ${outcome}`, () => assert.equal(outcomeOf(result), outcome))
})

describe('health check', () => {
  test('the first round runs at once, tells the group and never rejects', async () => {
    const { group } = setUp()
    const results: HealthResult[] = []
    const probe = async ({ host }: typeof A): Promise<void> => {
      if (host === 'b.test') throw new Error('certificate')
    }
    using check = startHealthCheck({
      group,
      probe,
      intervalMs: 60_000,
      timeoutMs: 100,
      onResult: (result) => results.push(result),
    })
    const round = await check.firstRound
    assert.deepEqual(
      round.map(({ error }) => error?.message ?? null),
      [null, 'certificate', null],
    )
    assert.equal(results.length, 3)
  })

  test('rounds repeat, never overlap, and end with disposal', async () => {
    const { group } = setUp()
    let running = 0
    let most = 0
    let rounds = 0
    const third = Promise.withResolvers<undefined>()
    const probe = async ({ host }: typeof A): Promise<void> => {
      if (host !== 'a.test') return
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 12))
      running--
      if (++rounds === 3) third.resolve(undefined)
    }
    const check = startHealthCheck({ group, probe, intervalMs: 5, timeoutMs: 100 })
    const alive = setInterval(() => undefined, 1_000)
    await third.promise
    check[Symbol.dispose]()
    clearInterval(alive)
    const before = rounds
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(most, 1)
    assert.ok(rounds - before <= 1)
  })
})
