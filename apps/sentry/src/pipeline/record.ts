/**
 * What will be written about one request: filled on the way, written once at its end.
 * @module
 */
import type { AuditEvent, AuditLine } from '@postern/contract/audit-line'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import type { EasCommand } from '@postern/eas-query/commands'
import type { AuditWriter } from '../events/audit-writer.ts'
import type { Counters, Endpoint } from '../events/counters.ts'
import type { Exchange } from '../listener/exchange.ts'
import type { CertificateFinding, Verdict } from '../decision/decide.ts'
import { isAlarm } from '../decision/decide.ts'
import type { Reason } from '../decision/reasons.ts'

/** One request's audit line and counters, being filled. */
export class RequestRecord {
  endpoint: Endpoint = 'none'
  event: AuditEvent = 'request'
  device: string | null = null
  user: string | null = null
  easDeviceId: string | null = null
  certificate: string | null = null
  command: EasCommand | null = null
  /** Method or EAS command as the audit line shows it. */
  action: string | null = null
  version: string | null = null
  decision: AuditLine['decision'] = 'allow'
  snapshot = 0
  upstreamStatus: number | null = null
  readonly #reasons: string[] = []
  #reason: Reason | null = null
  #written = false

  /** Words for a person, as they will be written. */
  get reasons(): readonly string[] {
    return this.#reasons.length === 0 ? ['ALLOWED'] : this.#reasons
  }

  /** Adds words for a person; the first reason of a refusal is also counted. */
  note(...notes: readonly string[]): void {
    for (const note of notes) if (!this.#reasons.includes(note)) this.#reasons.push(note)
  }

  refused(reason: Reason, notes: readonly string[] = []): void {
    this.decision = 'refuse'
    this.#reason = reason
    if (isAlarm(reason)) this.event = 'alarm'
    this.#first(reason)
    this.note(...notes)
  }

  // Why it ended this way stands first; what was known before it follows.
  #first(reason: Reason): void {
    const others = this.#reasons.filter((note) => note !== reason)
    this.#reasons.splice(0, this.#reasons.length, reason, ...others)
  }

  /** Allowed, but it could not be done: the reason is told and counted, the decision stays. */
  failed(reason: Reason): void {
    this.#reason = reason
    if (isAlarm(reason)) this.event = 'alarm'
    this.#first(reason)
  }

  /** What an ActiveSync request asks for, as far as it could be read. */
  asked(command: EasCommand | null, version: string | null, easDeviceId: string | null): void {
    this.command = command
    if (command !== null) this.action = command
    this.version = version
    this.easDeviceId = easDeviceId
  }

  identified(certificate: CertificateFinding): void {
    this.certificate = certificate.state === 'absent' ? null : certificate.fingerprint
  }

  decided(verdict: Verdict): void {
    this.about(verdict.device)
    switch (verdict.kind) {
      case 'allow':
        this.decision = verdict.reported === null ? 'allow' : 'report'
        if (verdict.reported !== null) this.note(verdict.reported)
        this.note(...verdict.notes)
        return
      case 'refuse':
        this.refused(verdict.reason, verdict.notes)
        return
      case 'wipe':
        this.decision = 'refuse' // which step of the conversation it is, is known later
        this.note(...verdict.notes)
        return
      default:
        verdict satisfies never
    }
  }

  /** Names the registered device, as soon as anything says which it is. */
  about(device: PolicyDevice | null): void {
    if (device === null) return
    this.device = device.id
    this.user = device.user
  }

  /** Writes the line. Later calls do nothing: a request has one. */
  write(exchange: Exchange, now: number, audit: AuditWriter, counters: Counters): void {
    if (this.#written) return
    this.#written = true
    const durationMs = Math.max(0, now - exchange.startedAt)
    audit.write({
      time: new Date(now).toISOString(),
      id: exchange.id,
      event: this.event,
      device: this.device,
      user: this.user,
      easDeviceId: this.easDeviceId,
      certificate: this.certificate,
      command: this.action ?? this.command,
      version: this.version,
      decision: this.decision,
      reasons: [...this.reasons],
      snapshot: this.snapshot,
      status: exchange.status,
      upstreamStatus: this.upstreamStatus,
      durationMs,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
      remote: exchange.connection.remote,
    })
    counters.finished({
      endpoint: this.endpoint,
      decision: this.decision,
      command: this.command,
      reason: this.#reason,
      durationMs,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
    })
  }
}
