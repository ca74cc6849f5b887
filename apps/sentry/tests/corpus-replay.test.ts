/**
 * Recorded exchanges of real clients with real servers: decoded, encoded again, and passed through Sentry.
 *
 * The recordings are no part of the repository; without them nothing is replayed.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseEasVersion } from '@postern/eas-query/commands'
import { decodeEasQuery, encodeBase64Query, encodePlainQuery } from '@postern/eas-query/query'
import type { EasQuery } from '@postern/eas-query/query'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import type { RawResponse } from '@postern/harness/raw-client'
import { decodeWbxml } from '@postern/wbxml/decode'
import { encodeWbxml } from '@postern/wbxml/encode'
import {
  type CorpusIdentity,
  identifiedQuery,
  identifiedRequest,
  isBase64,
  recordedExchanges,
  type RecordedExchange,
  valuesOf,
} from './support/corpus.ts'
import { reconfigure } from './support/observe.ts'
import { type ReplayRequest, type ReplayServer, startReplayServer } from './support/replay-server.ts'

const EXCHANGES = recordedExchanges()
/** What the recordings are; a file with others needs another look at these tests. */
const RECORDED = { exchanges: 173, withUnknownVersion: 14 }
const WBXML = 'application/vnd.ms-sync.wbxml'
const SERVER = 'outlook.office365.com'
const AUTHORIZATION_URI = 'authorization_uri="https://sentry.example.com/proxyservice/oauth2/authorize"'

/** Fields that reach the other side as they are. */
const TO_SERVER = ['accept', 'accept-language', 'content-type', 'ms-asprotocolversion', 'user-agent', 'x-ms-policykey']
const TO_DEVICE = [
  'cache-control',
  'content-type',
  'expires',
  'ms-asprotocolcommands',
  'ms-asprotocolversions',
  'ms-server-activesync',
  'x-ms-rp',
]
/** Fields of the recordings that must not. */
const NOT_TO_SERVER = ['sec-fetch-mode', 'keep-alive']
const NOT_TO_DEVICE = ['server', 'x-powered-by', 'x-z-push-version', 'x-push-capabilities', 'allow', 'public']

const WHO: Omit<CorpusIdentity, 'token'> = {
  user: 'ann@example.com',
  deviceId: 'ANNPHONE0001',
  host: 'sentry.example.com',
}

/** A recording whose base64 query begins with 145, which is no version (1.3: 121, 140, 141, 160, 161). */
function hasUnknownVersion({ request }: RecordedExchange): boolean {
  return isBase64(request.query) && Buffer.from(request.query, 'base64')[0] === 145
}

/** What a query says, apart from the form in which it says it. */
function meaningOf({ command, user, deviceId, deviceKey, deviceType, parameters, extra }: EasQuery): unknown {
  return { command, user, deviceId, deviceKey, deviceType, parameters, extra }
}

if (EXCHANGES.length === 0) {
  test('no corpus beside the checkout: nothing to replay', () => {
    assert.deepEqual(EXCHANGES, [])
  })
} else {
  describe('recorded exchanges', () => {
    test('the recordings are those that these tests are for', () => {
      assert.deepEqual(
        { exchanges: EXCHANGES.length, withUnknownVersion: EXCHANGES.filter(hasUnknownVersion).length },
        RECORDED,
      )
    })
    describe('bodies', () => {
      for (const exchange of EXCHANGES) replayBodies(exchange)
    })
    describe('queries', () => {
      for (const exchange of EXCHANGES) replayQuery(exchange)
    })
    replayThroughSentry()
  })
}

function replayBodies({ title, request, response }: RecordedExchange): void {
  for (const [whose, { rawHeaders, body }] of Object.entries({ request, response })) {
    if (body.length === 0) continue
    test(`${title}: the ${whose}'s body is WBXML, and encoded again means the same`, () => {
      assert.deepEqual(valuesOf(rawHeaders, 'content-type'), [WBXML])
      const tree = decodeWbxml(new Uint8Array(body))
      const encoded = encodeWbxml(tree)
      assert.deepEqual(decodeWbxml(encoded), tree)
      assert.ok(encoded.length <= body.length)
    })
  }
}

function replayQuery(exchange: RecordedExchange): void {
  const { title, request } = exchange
  const query = identifiedQuery(request.query, { ...WHO, token: '' })
  if (hasUnknownVersion(exchange)) {
    test(`${title}: the query names a version that does not exist, and is refused`, () => {
      for (const raw of [request.query, query]) {
        assert.throws(() => decodeEasQuery(raw), { name: 'EasQueryError', code: 'EAS_QUERY_VERSION' })
      }
    })
    return
  }
  test(`${title}: the query, encoded again, means the same`, () => {
    const commandRequired = request.method === 'POST'
    const decoded = decodeEasQuery(query, { commandRequired })
    const again = decodeEasQuery(encodePlainQuery(decoded), { commandRequired })
    assert.deepEqual(meaningOf(again), meaningOf(decoded))
    assert.deepEqual(new URLSearchParams(encodePlainQuery(decoded)).size, new URLSearchParams(query).size)
    if (!commandRequired) return
    const version = parseEasVersion(valuesOf(request.rawHeaders, 'ms-asprotocolversion')[0] ?? '')
    assert.ok(version !== null)
    const asBase64 = decodeEasQuery(encodeBase64Query({ ...decoded, version }))
    assert.deepEqual(meaningOf(asBase64), meaningOf(decoded))
    assert.equal(asBase64.version, version)
  })
}

function replayThroughSentry(): void {
  describe('through Sentry', () => {
    let lab: Lab
    let upstream: ReplayServer

    before(async () => {
      lab = await startLab()
      upstream = await startReplayServer(await lab.serverCa.issueServer({ names: [SERVER] }))
      const activeSync = { ...(lab.config['activeSync'] as ConfigFile), servers: [`${SERVER}:${upstream.port}`] }
      await reconfigure(lab, { ...lab.config, activeSync })
    })

    after(async () => {
      await lab[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    })

    const pass = async (exchange: RecordedExchange): Promise<RawResponse> => {
      upstream.load(exchange.response)
      await using client = await lab.raw(lab.devices['ann-phone'])
      await client.send(identifiedRequest(exchange, { ...WHO, token: lab.token(WHO.user) }))
      return await client.readResponse() // the connection ends with this block
    }

    for (const exchange of EXCHANGES) {
      if (hasUnknownVersion(exchange)) {
        test(`${exchange.title}: refused with 400, UP=0`, async () => {
          assert.equal((await pass(exchange)).status, 400)
          assert.deepEqual(upstream.requests, [])
        })
      } else {
        test(`${exchange.title}: passes, bodies byte for byte`, async () => {
          const answer = await pass(exchange)
          assert.equal(upstream.requests.length, 1)
          assertSentAsRecorded(exchange, upstream.requests[0] ?? assert.fail())
          assertAnsweredAsRecorded(exchange, answer)
        })
      }
    }
  })
}

function assertSentAsRecorded({ request }: RecordedExchange, received: ReplayRequest): void {
  assert.equal(received.method, request.method)
  assert.equal(received.body.toString('hex'), request.body.toString('hex'))
  const [path, query = ''] = received.target.split('?')
  assert.equal(path, '/Microsoft-Server-ActiveSync')
  const sorted = (text: string): string[][] => [...new URLSearchParams(text)].toSorted()
  assert.deepEqual(sorted(query), sorted(identifiedQuery(request.query, { ...WHO, token: '' })))
  for (const name of TO_SERVER) {
    assert.equal(received.headers[name], valuesOf(request.rawHeaders, name)[0], name)
  }
  for (const name of NOT_TO_SERVER) assert.equal(received.headers[name], undefined, name)
  assert.match(received.headers['authorization'] ?? '', /^Bearer eyJ/)
}

/** 401 and 451 have answers of Sentry's own; everything else is the server's business with its device. */
function assertAnsweredAsRecorded({ response }: RecordedExchange, answer: RawResponse): void {
  if (response.status === 451) {
    assert.equal(answer.status, 503)
    return
  }
  assert.equal(answer.status, response.status)
  assert.equal(answer.body.toString('hex'), response.body.toString('hex'))
  for (const name of TO_DEVICE) assert.deepEqual(answer.all(name), valuesOf(response.rawHeaders, name), name)
  for (const name of NOT_TO_DEVICE) assert.deepEqual(answer.all(name), [], name)
  if (response.status === 401) {
    for (const challenge of answer.all('www-authenticate')) assert.ok(challenge.includes(AUTHORIZATION_URI))
  }
  const nameAndValue = (cookie: string): string => cookie.split(';', 1)[0] ?? ''
  const cookies = answer.all('set-cookie')
  assert.deepEqual(cookies.map(nameAndValue), valuesOf(response.rawHeaders, 'set-cookie').map(nameAndValue))
  for (const cookie of cookies) assert.ok(cookie.endsWith('; Secure'), 'a cookie without Secure')
  // The framing is the server's too: a length stays a length, chunks stay chunks.
  assert.deepEqual(answer.all('transfer-encoding'), valuesOf(response.rawHeaders, 'transfer-encoding'))
  assert.deepEqual(answer.all('content-length'), valuesOf(response.rawHeaders, 'content-length'))
}
