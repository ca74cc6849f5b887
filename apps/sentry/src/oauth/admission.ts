/**
 * What both OAuth endpoints ask before anything else: how often, and who.
 * @module
 */
import { type CertificateFinding, decideOAuth, type Verdict } from '../decision/decide.ts'
import { findCertificate, isUnreadable } from '../pipeline/identify.ts'
import type { Job } from '../pipeline/job.ts'
import { reasonRow } from '../decision/reasons.ts'
import { plainRefusal, refuseByHttp } from '../pipeline/refuse.ts'

/** The certificate shown, judged; null when the request was refused here. */
export async function admit(job: Job): Promise<CertificateFinding | null> {
  const { exchange, record, runtime, deps } = job
  const certificate = findCertificate(exchange.fields, deps.identityOf(exchange.connection), runtime, deps.now())
  if (isUnreadable(certificate)) {
    record.refused(certificate.reason)
    refuseByHttp(exchange, certificate.reason, runtime.authorizationUri)
    return null
  }
  record.identified(certificate)
  // Thousands of phones share one address behind a NAT; a good certificate is counted for itself.
  const own = certificate.state === 'good' && runtime.config.deviceCertificate.kind === 'identity'
  const counted = own ? certificate.fingerprint : exchange.connection.remote
  if (!(await deps.coordinator.rate(counted))) {
    record.refused('TOO_MANY_REQUESTS')
    const { head, body } = plainRefusal(reasonRow('TOO_MANY_REQUESTS').http, [['Retry-After', '1']])
    exchange.reply(head, body)
    return null
  }
  return certificate
}

/** The decision on an OAuth request, written down. */
export function decideAndRecord(
  job: Job,
  certificate: CertificateFinding,
  claims: Parameters<typeof decideOAuth>[0]['claims'],
): Verdict {
  const verdict = decideOAuth({ certificate, claims, now: job.deps.now() }, job.deps.snapshot(), job.runtime.oauthRules)
  job.record.decided(verdict)
  return verdict
}
