/**
 * An allowed request on its way to the mail server and back. Bodies stream; nothing is sent twice.
 * @module
 */
import { EAS_COMMANDS } from '@postern/eas-query/commands'
import { encodePlainQuery } from '@postern/eas-query/query'
import type { Transform } from 'node:stream'
import { BodyError, guardedBody, readBody } from '../listener/request-body.ts'
import { outcomeOf } from '../servers/server-group.ts'
import { userKey } from '../snapshot/user-key.ts'
import type {
  UpstreamBody,
  UpstreamCall,
  UpstreamResponse,
  UpstreamTarget,
} from '../transport/upstream/upstream-types.ts'
import { UpstreamError } from '../transport/upstream/upstream-error.ts'
import type { Hold } from '../coordination/coordinator.ts'
import type { Verdict } from '../decision/decide.ts'
import { deviceFields, EAS_PATH, serverFields } from './forwarded-headers.ts'
import type { HeldRequest } from './held-requests.ts'
import type { EasRequest } from './identify.ts'
import type { Job } from './job.ts'
import type { Reason } from '../decision/reasons.ts'
import { refuseByHttp } from './refuse.ts'
import { followRedirect, isFrontEndAnswer, isRedirect, isStillListed } from './server-answer.ts'

/** Bodies up to this size are read whole, so that they can follow a redirect and share connections (A1, 2.3). Bytes. */
const BUFFER_BYTES = 65_536
/** Commands that may send no more than this are never streamed from a chunked body. Bytes. */
const SMALL_BODY_BYTES = 262_144
/** How long a redirect of a mailbox is remembered. Milliseconds. */
const REDIRECT_MS = 4 * 3_600_000
const MAX_HOPS = 2

/** What the decision left to do. */
export interface ForwardPlan {
  readonly request: EasRequest
  /** Without the scheme. */
  readonly token: string
  /** Whose mailbox it is, as far as known. */
  readonly owner: string | null
  /** Under which held requests of one device are counted. */
  readonly deviceKey: string
  /** What the decision looked up; a change of one of these means to decide again. */
  readonly subjects: readonly string[]
  /** The decision again, with today's snapshot; null when it cannot be made. */
  decideAgain(): Verdict | null
  /** Ends a waiting request that was decided anew. */
  refuse(verdict: Verdict): void
}

/** Forwards and replies; resolves when the reply is complete or the connection gone. */
export async function forward(job: Job, plan: ForwardPlan): Promise<void> {
  const run = new Forwarding(job, plan)
  try {
    await run.go()
  } finally {
    run.release()
  }
}

class Forwarding implements HeldRequest {
  readonly subjects: readonly string[]
  readonly #job: Job
  readonly #plan: ForwardPlan
  readonly #waits: boolean
  #call: UpstreamCall | null = null
  #streamed: Transform | null = null
  #hold: Hold | null = null
  #heldTimer: NodeJS.Timeout | null = null
  #ended = false
  readonly #over = Promise.withResolvers<null>()

  constructor(job: Job, plan: ForwardPlan) {
    this.#job = job
    this.#plan = plan
    this.subjects = plan.subjects
    const { command } = plan.request.query
    this.#waits = command !== null && EAS_COMMANDS[command].holdSeconds > 0
  }

  async go(): Promise<void> {
    const { exchange, record, runtime, deps } = this.#job
    exchange.onGone(() => {
      if (exchange.status === 0 && !this.#ended) record.note('CLIENT_GONE')
      this.#end()
    })
    deps.held.begin(this)
    try {
      const body = await Promise.race([this.#body(), this.#over.promise])
      if (body === null || this.#isOver()) return
      if (this.#waits) await this.#beginWaiting()
      if (this.#isOver()) return
      const response = await this.#send(body)
      this.#stopWaiting()
      if (!this.#isOver()) await this.#deliver(response)
    } catch (error) {
      this.#stopWaiting()
      if (this.#isOver()) return
      const reason = this.#reasonOf(error)
      if (reason === null) throw error
      if (error instanceof BodyError) record.refused(reason)
      else record.failed(reason)
      if (exchange.status === 0) refuseByHttp(exchange, reason, runtime.authorizationUri)
    } finally {
      deps.held.end(this)
    }
  }

  release(): void {
    this.#stopWaiting()
    this.#call?.abort()
    this.#streamed?.destroy()
  }

  /** The policy changed: may this request go on? What the server has begun to answer is cut off. */
  review(): void {
    const verdict = this.#plan.decideAgain()
    if (this.#ended || verdict?.kind === 'allow') return
    this.#end()
    if (verdict === null) this.#job.exchange.reset()
    else this.#plan.refuse(verdict)
  }

  stop(): void {
    if (this.#ended) return
    this.#job.record.note('STOPPING')
    this.#end()
    this.#job.exchange.reset() // a made-up Ping answer would be a lie; the device simply asks again
  }

  /** Asked after every wait: the device may have gone, the policy may have changed. */
  #isOver(): boolean {
    return this.#ended
  }

  #end(): void {
    this.#ended = true
    this.#over.resolve(null)
    this.#call?.abort()
    this.#streamed?.destroy()
    this.#stopWaiting()
  }

  async #beginWaiting(): Promise<void> {
    const { deps, runtime } = this.#job
    deps.held.add(this)
    deps.counters.set('held', deps.held.size)
    if (this.#plan.request.query.command === 'Ping') await this.#takeHold()
    // An ordinary Sync answers at once. One that stays silent hangs, whatever its body says.
    else this.#heldTimer = setTimeout(() => void this.#takeHold(), runtime.timeouts.heldAfterMs)
  }

  async #takeHold(): Promise<void> {
    const { deps, exchange, record } = this.#job
    const { deviceKey, owner } = this.#plan
    const hold = await deps.coordinator.hold(deviceKey, owner === null ? null : userKey(owner), () => {
      record.note('TOO_MANY_HELD')
      this.#end()
      exchange.reset()
    })
    // The answer may have come, and gone, while the place was asked for.
    if (this.#ended || !deps.held.has(this)) hold.release()
    else this.#hold = hold
  }

  #stopWaiting(): void {
    const { deps } = this.#job
    if (this.#heldTimer !== null) clearTimeout(this.#heldTimer)
    this.#heldTimer = null
    this.#hold?.release()
    this.#hold = null
    deps.held.delete(this)
    deps.counters.set('held', deps.held.size)
  }

  async #body(): Promise<UpstreamBody> {
    const { exchange, runtime } = this.#job
    const { command } = this.#plan.request.query
    const { bodyGraceMs } = runtime.timeouts
    const limit = command === null ? BUFFER_BYTES : EAS_COMMANDS[command].maxBodyBytes
    if (exchange.bodyLength === 0) return { kind: 'none' }
    // Without a length only the end shows whether a body is too large: of a small command the server sees none before.
    if (exchange.bodyLength === null ? limit <= SMALL_BODY_BYTES : exchange.bodyLength <= BUFFER_BYTES) {
      return { kind: 'bytes', bytes: await readBody(exchange, limit, bodyGraceMs) }
    }
    exchange.acceptBody()
    this.#streamed = guardedBody(exchange, limit, bodyGraceMs)
    return { kind: 'stream', source: this.#streamed, length: exchange.bodyLength }
  }

  /** Tries the servers in their order until one has taken the request; follows redirects inside (2.3). */
  async #send(body: UpstreamBody): Promise<UpstreamResponse> {
    const { runtime, record } = this.#job
    const remembered = this.#rememberedTarget()
    let failure: unknown = null
    for (const target of [...(remembered === null ? [] : [remembered]), ...runtime.servers.order()]) {
      try {
        const redirected = target === remembered
        const response = await this.#once(target, body, redirected)
        if (!redirected) this.#judgeServer(target, response)
        return await this.#settle(response, body)
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        if (outcomeOf({ failure: error.code }) === 'failed') {
          if (target === remembered) this.#forgetRedirect(remembered)
          else runtime.servers.failed(target)
        }
        failure = error
        const again = body.kind !== 'stream' && (!error.sent || this.#isOptions)
        if (!again || this.#ended || outcomeOf({ failure: error.code }) !== 'failed') throw error
        record.note(error.code)
      }
    }
    throw failure
  }

  #rememberedTarget(): UpstreamTarget | null {
    const { runtime, deps } = this.#job
    const { owner } = this.#plan
    const target = owner === null ? null : deps.coordinator.facts.redirectOf(userKey(owner), deps.now())
    return target !== null && isStillListed(target, runtime) ? target : null
  }

  // It would keep the user out for hours; the servers know the way anew.
  #forgetRedirect(target: UpstreamTarget): void {
    const { owner } = this.#plan
    if (owner === null) return
    this.#job.deps.coordinator.learn({ kind: 'redirect', user: userKey(owner), ...target, until: 0 })
  }

  #judgeServer(target: UpstreamTarget, { status, headers }: UpstreamResponse): void {
    const { servers } = this.#job.runtime
    const hasRetryAfter = headers.some(([name]) => name.toLowerCase() === 'retry-after')
    if (outcomeOf({ status, hasRetryAfter }) === 'failed') servers.failed(target)
    else servers.succeeded(target)
  }

  get #isOptions(): boolean {
    return this.#plan.request.query.command === null
  }

  #once(target: UpstreamTarget, body: UpstreamBody, redirected: boolean): Promise<UpstreamResponse> {
    const { exchange, runtime } = this.#job
    const { request, token, owner } = this.#plan
    const { timeouts } = runtime
    const query = encodePlainQuery(request.query)
    const client = redirected ? runtime.redirectClient : runtime.serverClient
    this.#call = client.request({
      target,
      method: this.#isOptions ? 'OPTIONS' : 'POST',
      path: query === '' ? EAS_PATH : `${EAS_PATH}?${query}`,
      hostHeader: target.port === 443 ? target.host : `${target.host}:${target.port}`,
      headers: serverFields(exchange.fields, request.query, request.version, token),
      body,
      affinity: body.kind === 'stream' ? (owner ?? exchange.id) : null,
      timeouts: {
        connectMs: timeouts.connectMs,
        responseHeadMs: this.#waits ? timeouts.holdMs : timeouts.responseHeadMs,
        responseIdleMs: timeouts.responseIdleMs,
      },
    })
    return this.#call.response
  }

  /** An answer that the device may see: redirects followed, front ends recognised. */
  async #settle(first: UpstreamResponse, body: UpstreamBody): Promise<UpstreamResponse> {
    const { record, runtime, deps } = this.#job
    const { owner } = this.#plan
    let response = first
    for (let hop = 0; isRedirect(response.status); hop++) {
      record.upstreamStatus = response.status
      this.#call?.abort()
      const next = hop < MAX_HOPS && body.kind !== 'stream' ? followRedirect(response, runtime) : null
      if (next === null) throw new AnswerError('UPSTREAM_REDIRECT')
      if ('reason' in next) {
        record.note(`REDIRECT_${next.detail}`)
        throw new AnswerError(next.reason)
      }
      record.note('REDIRECT_FOLLOWED')
      response = await this.#once(next.target, body, true)
      if (!isRedirect(response.status) && owner !== null) {
        const until = deps.now() + REDIRECT_MS
        deps.coordinator.learn({ kind: 'redirect', user: userKey(owner), ...next.target, until })
      }
    }
    record.upstreamStatus = response.status
    if (isFrontEndAnswer(response, this.#isOptions)) {
      this.#call?.abort()
      throw new AnswerError('UPSTREAM_NOT_EXCHANGE')
    }
    return response
  }

  async #deliver(response: UpstreamResponse): Promise<void> {
    const { exchange, record, runtime, deps } = this.#job
    if (this.#isOptions && response.status === 200) this.#learnVersions(response)
    const fields = deviceFields(response.status, response.headers, {
      authorizationUri: runtime.authorizationUri,
      versions: runtime.activeSyncRules.versions,
    })
    const end = await exchange.stream({ status: response.status, fields }, response.body, response.bodyLength)
    if (end === 'device-stalled') record.note('DEVICE_STALLED')
    if (end === 'source-failed' && !this.#ended) record.note('UPSTREAM_RESET')
    if (end === 'device-gone') record.note('CLIENT_GONE')
    if (end === 'done') this.#call = null
    deps.counters.set('upstream_idle', runtime.serverClient.stats().idle)
  }

  #learnVersions(response: UpstreamResponse): void {
    const value = (name: string): string => response.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? ''
    const { deps, runtime } = this.#job
    const allowed = runtime.activeSyncRules.versions
    const versions = value('ms-asprotocolversions')
      .split(',')
      .map((version) => version.trim())
      .filter((version) => version !== '' && (allowed === null || (allowed as ReadonlySet<string>).has(version)))
      .join(',')
    const commands = value('ms-asprotocolcommands')
    const known = deps.coordinator.facts.versions
    if (versions === '' || (known?.versions === versions && known.commands === commands)) return
    deps.coordinator.learn({ kind: 'versions', versions, commands })
  }

  #reasonOf(error: unknown): Reason | null {
    if (error instanceof BodyError || error instanceof AnswerError) return error.reason
    if (!(error instanceof UpstreamError)) return null
    switch (error.code) {
      case 'REQUEST_BODY_FAILED': {
        const cause = this.#streamed?.errored
        return cause instanceof BodyError ? cause.reason : 'BODY_BROKEN'
      }
      case 'UPSTREAM_ABORTED':
        return 'UPSTREAM_RESET'
      default:
        return error.code
    }
  }
}

/** An answer of the server that no device may see. */
class AnswerError extends Error {
  override name = 'AnswerError'
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}
