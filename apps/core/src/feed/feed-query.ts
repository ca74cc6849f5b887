/**
 * What a Sentry that opens the feed says it has.
 * @module
 */
import { FEED_QUERY } from '@postern/contract/feed/enrolment'
import { CoreError } from '../failure.ts'

/** The query, read. `etag` and `epoch` null: nothing yet. `seq` counts only within `epoch`. */
export interface FeedQuery {
  readonly schemas: readonly number[]
  readonly version: string
  readonly etag: string | null
  readonly epoch: string | null
  readonly seq: number
}

const RULES: Readonly<Record<keyof typeof FEED_QUERY, RegExp>> = {
  schemas: /^\d{1,4}(,\d{1,4}){0,31}$/,
  version: /^[\x21-\x7e]{1,64}$/,
  etag: /^[\x21-\x7e]{0,128}$/,
  epoch: /^[\x21-\x7e]{0,64}$/,
  seq: /^\d{0,15}$/,
}

/** Text behind the `?`. @throws CoreError INVALID naming every field that is wrong, missing, repeated or unknown */
export function parseFeedQuery(text: string | null): FeedQuery {
  const query = new URLSearchParams(text ?? '')
  const unknown = [...query.keys()].filter((name) => !Object.hasOwn(FEED_QUERY, name))
  const wrong = Object.entries(RULES).filter(([name, rule]) => {
    const [value, ...more] = query.getAll(name)
    return more.length > 0 || !rule.test(value ?? '')
  })
  const problems = [
    ...unknown.map((path) => ({ path, message: 'is no field of the feed; leave it out' })),
    ...wrong.map(([path, rule]) => ({ path, message: `must be there once and match ${String(rule)}` })),
  ].slice(0, 50)
  if (problems.length > 0) throw new CoreError('INVALID', 'the query of the feed has problems', { problems })
  return {
    schemas: (query.get(FEED_QUERY.schemas) ?? '').split(',').map(Number),
    version: query.get(FEED_QUERY.version) ?? '',
    etag: textOf(query.get(FEED_QUERY.etag)),
    epoch: textOf(query.get(FEED_QUERY.epoch)),
    seq: Number(query.get(FEED_QUERY.seq) ?? ''),
  }
}

function textOf(value: string | null): string | null {
  return value === null || value === '' ? null : value
}
