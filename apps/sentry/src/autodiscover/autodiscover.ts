/**
 * Autodiscover, where switched on: it only ever names this Sentry (4.4).
 * @module
 */
import { decideOAuth } from '../decision/decide.ts'
import { findCertificate, isUnreadable } from '../pipeline/identify.ts'
import type { Job } from '../pipeline/job.ts'
import { escapeMarkup } from '../pipeline/markup.ts'
import type { Reason } from '../decision/reasons.ts'
import { refuseByHttp } from '../pipeline/refuse.ts'
import { EAS_PATH } from '../pipeline/forwarded-headers.ts'
import { BodyError, readBody } from '../listener/request-body.ts'

const MAX_XML = 65_536

/** Version 2: constant, without log-in, and without a word about which addresses exist. */
export function autodiscoverJson(job: Job): void {
  const { record } = job
  record.endpoint = 'autodiscover'
  record.event = 'autodiscover'
  const asked = new URLSearchParams(job.query ?? '')
  const protocols = [...asked]
    .filter(([name]) => name.toLowerCase() === 'protocol')
    .map(([, value]) => value.toLowerCase())
  const [protocol, ...more] = protocols
  if (protocol === 'activesync' && more.length === 0) {
    replyJson(job, 200, { Protocol: 'ActiveSync', Url: easUrl(job) })
    return
  }
  record.refused('AUTODISCOVER_REFUSED')
  const message = 'Protocol must be ActiveSync, once.'
  replyJson(job, 400, { ErrorCode: 'InvalidProtocol', ErrorMessage: message })
}

function replyJson({ exchange }: Job, status: number, value: object): void {
  const fields = [
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
  ] as const
  exchange.reply({ status, fields }, Buffer.from(JSON.stringify(value)))
}

/** Version 1: for a device with a good certificate only; the request is checked but never interpreted. */
export async function autodiscoverXml(job: Job): Promise<void> {
  const { exchange, record, runtime, deps } = job
  record.endpoint = 'autodiscover'
  record.event = 'autodiscover'
  const refuse = (reason: Reason): void => {
    record.refused(reason)
    refuseByHttp(exchange, reason, runtime.authorizationUri)
  }
  const certificate = findCertificate(exchange.fields, deps.identityOf(exchange.connection), runtime, deps.now())
  if (isUnreadable(certificate)) {
    refuse(certificate.reason)
    return
  }
  record.identified(certificate)
  const rules = { ...runtime.oauthRules, certificate: runtime.config.deviceCertificate.onActiveSync }
  const verdict = decideOAuth({ certificate, claims: null, now: deps.now() }, job.snapshot, rules)
  record.decided(verdict)
  if (verdict.kind !== 'allow') {
    refuse(verdict.kind === 'refuse' ? verdict.reason : 'DEVICE_BLOCKED')
    return
  }
  try {
    if (!isPlainXml(await readBody(exchange, MAX_XML, runtime.timeouts.bodyGraceMs))) {
      refuse('AUTODISCOVER_REFUSED')
      return
    }
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    refuse(error.reason)
    return
  }
  const user = verdict.device?.user ?? (certificate.state === 'good' ? certificate.upn : null) ?? ''
  exchange.reply(
    { status: 200, fields: [['Content-Type', 'text/xml; charset=utf-8']] },
    Buffer.from(answer(user, easUrl(job))),
  )
}

function easUrl({ runtime }: Job): string {
  return `${new URL(runtime.mapping.sentryResource).origin}${EAS_PATH}`
}

/** UTF-8 without declarations of any kind. A NUL shows another encoding, in which a DOCTYPE could hide (A20). */
function isPlainXml(body: Uint8Array): boolean {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return false
  }
  const upper = text.toUpperCase()
  return text.includes('<') && !text.includes('\0') && !upper.includes('<!DOCTYPE') && !upper.includes('<!ENTITY')
}

function answer(user: string, url: string): string {
  const name = escapeMarkup(user)
  const base = 'http://schemas.microsoft.com/exchange/autodiscover'
  return (
    `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="${base}/responseschema/2006">` +
    `<Response xmlns="${base}/mobilesync/responseschema/2006"><Culture>en:us</Culture>` +
    `<User><DisplayName>${name}</DisplayName><EMailAddress>${name}</EMailAddress></User>` +
    `<Action><Settings><Server><Type>MobileSync</Type><Url>${url}</Url><Name>${url}</Name></Server></Settings></Action>` +
    `</Response></Autodiscover>`
  )
}
