/**
 * An ActiveSync request: identify → decide → refuse, wipe or forward.
 * @module
 */
import { EAS_COMMANDS } from '@postern/eas-query/commands'
import { refusal, type Refusal, WBXML_CONTENT_TYPE } from '@postern/eas-policy/refusal'
import type { EasStatus } from '@postern/eas-policy/status'
import { stepWipe, type WipeState } from '@postern/eas-policy/wipe'
import type { AssociationReport } from '@postern/contract/feed/gateway-report'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import { BodyError, readBody } from '../listener/request-body.ts'
import { decide, type Facts, type Verdict } from '../decision/decide.ts'
import { forward } from './forward.ts'
import { type EasRequest, findCertificate, isUnreadable, readBearer, readEasRequest } from './identify.ts'
import type { Job } from './job.ts'
import { type Reason, reasonRow } from '../decision/reasons.ts'
import { certificateReason } from '../decision/decide.ts'
import { subjects } from '../snapshot/snapshot.ts'
import { plainRefusal, refuseByHttp, retryAfter } from './refuse.ts'

/** A Provision that is read because a wipe is pending. Bytes. */
const MAX_PROVISION = 262_144

/** Serves one request on the ActiveSync path. */
export async function activeSync(job: Job): Promise<void> {
  const { exchange, record, runtime, deps } = job
  record.endpoint = 'activesync'
  record.event = 'activesync'
  const read = identify(job)
  if (read === null) return
  const { facts, request, token } = read
  const verdict = decide(facts, job.snapshot, runtime.activeSyncRules)
  record.decided(verdict)
  if (verdict.kind === 'wipe') {
    await wipe(job, request, verdict.device)
    noteSeen(job, read, verdict.device)
    return
  }
  noteSeen(job, read, verdict.device)
  if (verdict.kind === 'refuse') {
    refuse(job, request, verdict.reason)
    return
  }
  const tooLarge = earlyBodyReason(job, request)
  if (tooLarge !== null) {
    record.refused(tooLarge)
    refuseByHttp(exchange, tooLarge, runtime.authorizationUri)
    return
  }
  const owner = verdict.device?.user ?? facts.claims?.user ?? facts.user
  await forward(job, {
    request,
    token,
    owner,
    deviceKey: verdict.device?.id ?? facts.deviceKey ?? facts.claims?.user ?? 'unknown',
    subjects: subjectsOf(facts, verdict.device),
    decideAgain: () => {
      const now = deps.now()
      const current = deps.runtime()
      const certificate = findCertificate(exchange.fields, deps.identityOf(exchange.connection), current, now)
      if (isUnreadable(certificate)) return null
      return decide({ ...facts, certificate, now }, deps.snapshot(), current.activeSyncRules)
    },
    refuse: (again) => {
      endHeld(job, request, again)
      if (again.kind !== 'allow') noteSeen(job, read, again.device)
    },
  })
}

/** Every key under which this decision looked something up. */
function subjectsOf(facts: Facts, device: PolicyDevice | null): readonly string[] {
  const { certificate, claims, user, deviceKey } = facts
  const shown = certificate.state === 'good' ? certificate : null
  const users = new Set([device?.user, claims?.user, user, shown?.upn].filter((name) => name != null))
  return [
    ...(shown === null ? [] : [subjects.certificate(shown.fingerprint)]),
    ...(deviceKey === null ? [] : [subjects.easKey(deviceKey)]),
    ...[...users].map(subjects.user),
  ]
}

/** Tells who was seen, and what became of it (product description 5.3). Without a DeviceId there is nobody to tell of. */
function noteSeen(job: Job, { facts, request }: Identified, device: PolicyDevice | null): void {
  const { deps, record, exchange } = job
  const { deviceId, deviceType } = request.query
  if (deviceId === null || facts.deviceKey === null) return
  const { certificate, claims } = facts
  const upn = certificate.state === 'good' ? certificate.upn : null
  deps.seen.note({
    user: claims?.user ?? upn ?? facts.user,
    easKey: facts.deviceKey,
    easDeviceId: deviceId,
    deviceType,
    userAgent: exchange.fields.value('user-agent'),
    protocolVersion: request.version,
    certificate: record.certificate,
    device: device?.id ?? null,
    decision: record.decision,
    reasons: record.reasons,
    wipe: device === null ? null : wipeProgress(deps.coordinator.facts.wipeOf(device.id)),
    at: deps.now(),
  })
}

function wipeProgress(state: WipeState): AssociationReport['wipe'] {
  if (state.phase === 'pending') return null
  return { phase: state.phase === 'acknowledged' ? 'acknowledged' : 'directive-sent', at: state.at }
}

interface Identified {
  readonly facts: Facts
  readonly request: EasRequest
  readonly token: string
}

/** Reads everything, in the order in which it may be known: certificate, token, query. Null: refused already. */
function identify(job: Job): Identified | null {
  const { exchange, record, runtime, deps, snapshot } = job
  const now = deps.now()
  const fail = (reason: Reason): null => {
    record.refused(reason)
    refuseByHttp(exchange, reason, runtime.authorizationUri)
    return null
  }
  const certificate = findCertificate(exchange.fields, deps.identityOf(exchange.connection), runtime, now)
  if (isUnreadable(certificate)) return fail(certificate.reason)
  record.identified(certificate)
  if (certificate.state !== 'absent') {
    record.about(snapshot?.deviceByCertificate(certificate.fingerprint) ?? null)
  }
  const request = readEasRequest(exchange, job.query)
  if (!isUnreadable(request)) record.asked(request.query.command, request.version, request.query.deviceId)
  const trust = certificateReason(certificate, snapshot, runtime.activeSyncRules)
  if (trust !== null) return fail(trust)
  const bearer = readBearer(exchange.fields)
  if (isUnreadable(bearer)) return fail(bearer.reason)
  if (isUnreadable(request)) return fail(request.reason)
  const encoding = exchange.fields.value('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') return fail('BODY_ENCODING')
  const { query, version } = request
  record.user = bearer.claims?.user ?? query.user
  return {
    facts: { certificate, claims: bearer.claims, user: query.user, deviceKey: query.deviceKey, version, now },
    request,
    token: bearer.token,
  }
}

function earlyBodyReason(job: Job, { query }: EasRequest): Reason | null {
  const limit = query.command === null ? 0 : EAS_COMMANDS[query.command].maxBodyBytes
  return (job.exchange.bodyLength ?? 0) > limit ? 'BODY_TOO_LARGE' : null
}

/** Answers a refusal in the protocol where there is an answer, else by HTTP (5.5). */
function refuse(job: Job, request: EasRequest, reason: Reason): void {
  const { exchange, runtime } = job
  const { eas, posture } = reasonRow(reason)
  const { command } = request.query
  if (command === null) {
    if (posture) optionsLocally(job)
    else refuseByHttp(exchange, reason, runtime.authorizationUri)
    return
  }
  if (eas === null || request.version === null) refuseByHttp(exchange, reason, runtime.authorizationUri)
  else send(job, refusal(command, request.version, eas as EasStatus, { policyKeyHeaderSent: request.policyKeySent }))
}

function send({ exchange }: Job, answer: Refusal): void {
  if (answer.kind === 'wbxml') {
    exchange.reply(
      {
        status: 200,
        fields: [
          ['Content-Type', WBXML_CONTENT_TYPE],
          ['Cache-Control', 'private'],
        ],
      },
      answer.body,
    )
    return
  }
  const { head, body } = plainRefusal(answer.httpStatus)
  exchange.reply(head, body)
}

// A blocked device may learn what the server speaks, so that the refusal itself comes in the protocol.
function optionsLocally({ exchange, deps, record }: Job): void {
  const known = deps.coordinator.facts.versions
  if (known === null) {
    record.note('OPTIONS_UNKNOWN')
    exchange.reply({ status: 503, fields: [['Retry-After', retryAfter()]] })
    return
  }
  const fields = [
    ['MS-ASProtocolVersions', known.versions],
    ['MS-ASProtocolCommands', known.commands],
    ['Cache-Control', 'private'],
  ] as const
  exchange.reply({ status: 200, fields })
}

/** A request under way that may not go on. A Ping is told to look at its folders, and learns the rest there. */
function endHeld(job: Job, request: EasRequest, verdict: Verdict): void {
  const { record, exchange, deps } = job
  if (verdict.kind === 'allow') return
  record.snapshot = deps.snapshot()?.version ?? record.snapshot
  record.decided(verdict)
  const { command } = request.query
  const held = command !== null && EAS_COMMANDS[command].holdSeconds > 0
  record.note(held ? 'HELD_REQUEST_ENDED' : 'REQUEST_ENDED')
  const reason = verdict.kind === 'wipe' ? 'WIPE_PENDING' : verdict.reason
  record.refused(reason)
  if (reasonRow(reason).posture && command === 'Ping') send(job, pingNeedsFolderSync(request))
  else refuse(job, request, reason)
  if (exchange.status === 0) exchange.reset()
}

function pingNeedsFolderSync(request: EasRequest): Refusal {
  return refusal('Ping', request.version ?? '16.1', 140, { policyKeyHeaderSent: request.policyKeySent })
}

/** One step of the account-only wipe (5.2). Nothing is forwarded. */
async function wipe(job: Job, request: EasRequest, device: PolicyDevice): Promise<void> {
  const { exchange, record, deps, runtime } = job
  const { command } = request.query
  if (command === null || request.version === null) {
    record.refused('WIPE_PENDING')
    optionsLocally(job)
    return
  }
  const body = command === 'Provision' ? await provisionBody(job) : null
  if (body === undefined) return
  const { facts } = deps.coordinator
  const before = facts.wipeOf(device.id)
  const step = stepWipe(before, {
    command,
    version: request.version,
    body,
    now: deps.now(),
    // decide() has bound what was shown to this device; where certificates are off, that is token user and DeviceId only.
    certificateMatches: true,
  })
  if (step.state !== before) deps.coordinator.learn({ kind: 'wipe', device: device.id, state: step.state })
  record.event = 'wipe'
  record.refused(step.event === 'blocked' ? 'DEVICE_WIPED' : 'WIPE_PENDING')
  if (step.timedOut) record.note('WIPE_TIMED_OUT')
  record.note(`WIPE_${step.event.toUpperCase().replaceAll('-', '_')}`)
  if (step.event === 'undecodable') {
    record.refused('BODY_UNDECODABLE')
    refuseByHttp(exchange, 'BODY_UNDECODABLE', runtime.authorizationUri)
    return
  }
  send(job, step.answer)
}

/** Null: no body. Undefined: refused already. */
async function provisionBody({ exchange, record, runtime }: Job): Promise<Uint8Array | null | undefined> {
  try {
    const body = await readBody(exchange, MAX_PROVISION, runtime.timeouts.bodyGraceMs)
    return body.length === 0 ? null : body
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    record.refused(error.reason)
    refuseByHttp(exchange, error.reason, runtime.authorizationUri)
    return undefined
  }
}
