import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { type ReportOutcome, ReportTimer } from './report-timer.ts'

/** A timer whose reports are counted, in a time that stands still until it is moved. */
function scene(outcome: () => ReportOutcome | Promise<ReportOutcome>): {
  at: number[]
  timer: ReportTimer
  pass: (ms: number) => Promise<void>
  end: () => void
} {
  let now = 1_000
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = mock.method(performance, 'now', () => now)
  const at: number[] = []
  const timer = new ReportTimer(async () => {
    at.push(now - 1_000)
    return outcome()
  })
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 10) {
      now += 10
      mock.timers.tick(10)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const end = (): void => {
    clock.mock.restore()
    mock.timers.reset()
  }
  return { at, timer, pass, end }
}

describe('when reports go out', () => {
  test('every ten seconds when nothing happens', async () => {
    const { at, pass, end } = scene(() => 'done')
    await pass(20_000)
    assert.deepEqual(at, [10_000, 20_000])
    end()
  })
  test('soon after a change, and five times a second at most', async () => {
    const { at, timer, pass, end } = scene(() => 'done')
    for (let i = 0; i < 100; i += 1) {
      timer.soon()
      timer.soon()
      await pass(10)
    }
    assert.equal(at[0], 10)
    assert.ok(at.length >= 4 && at.length <= 6, at.join(' '))
    end()
  })
  test('at once again when there is more, and a second later when it failed', async () => {
    const outcomes: ReportOutcome[] = ['more', 'failed', 'done']
    const { at, timer, pass, end } = scene(() => outcomes.shift() ?? 'done')
    timer.soon()
    await pass(3_000)
    assert.deepEqual(at, [10, 210, 1_210])
    end()
  })
  test('what changes while one is on its way is told in the next', async () => {
    const answer = Promise.withResolvers<ReportOutcome>()
    const answers = [answer.promise]
    const { at, timer, pass, end } = scene(() => answers.shift() ?? 'done')
    timer.soon()
    await pass(500)
    timer.soon()
    await pass(500)
    assert.deepEqual(at, [10]) // one at a time
    answer.resolve('done')
    await pass(100)
    assert.equal(at.length, 2)
    end()
  })
})
