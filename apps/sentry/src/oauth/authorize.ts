/**
 * The authorize endpoint: a redirect to the identity provider, with the resource mapped (3.6). Never a redirect to
 * anything that the request names.
 * @module
 */
import { mapAuthorize } from '@postern/oauth-map/authorize'
import { type OAuthApi, OAuthMapError } from '@postern/oauth-map/model'
import type { Exchange } from '../listener/exchange.ts'
import type { Job } from '../pipeline/job.ts'
import { escapeMarkup } from '../pipeline/markup.ts'
import { reasonRow } from '../decision/reasons.ts'
import { admit, decideAndRecord } from './admission.ts'

type Field = readonly [name: string, value: string]

const PAGE: readonly Field[] = [
  ['Cache-Control', 'no-store'],
  ['Pragma', 'no-cache'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"],
]

/** Answers 302 to the identity provider, or an error of its own; never an error by redirect. */
export async function authorize(job: Job, api: OAuthApi): Promise<void> {
  const { exchange, record, runtime } = job
  record.endpoint = 'authorize'
  record.event = 'authorize'
  const certificate = await admit(job)
  if (certificate === null) return
  const verdict = decideAndRecord(job, certificate, null)
  if (verdict.kind !== 'allow') {
    const reason = verdict.kind === 'refuse' ? verdict.reason : 'DEVICE_BLOCKED'
    const { http } = reasonRow(reason)
    if (http === 503) page(exchange, http, 'temporarily_unavailable', 'Sign-in is not possible now. Try again later.')
    else
      page(exchange, http, 'access_denied', 'This device may not sign in to company mail now. Ask your administrator.')
    return
  }
  const loginHint = certificate.state === 'good' && certificate.upn !== null ? { loginHint: certificate.upn } : {}
  try {
    const { location } = mapAuthorize(runtime.mapping, api, job.query ?? '', loginHint)
    exchange.reply({ status: 302, fields: [['Location', location], ...PAGE] })
  } catch (error) {
    if (!(error instanceof OAuthMapError)) throw error
    record.refused('OAUTH_REFUSED', [`${error.code}${error.parameter === null ? '' : `: ${error.parameter}`}`])
    page(exchange, error.status, error.code, error.message)
  }
}

/** A page for a person, or JSON for a program; the words are ours alone. */
function page(exchange: Exchange, status: number, error: string, text: string): void {
  const html = (exchange.fields.value('accept') ?? '').includes('text/html')
  const body = html
    ? `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<title>Sign-in</title><style>body{font:1.1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}</style>` +
      `<h1>Sign-in is not possible</h1><p>${escapeMarkup(text)}</p><p>Reference: ${escapeMarkup(exchange.id)} (${escapeMarkup(error)})</p></html>\n`
    : `${JSON.stringify({ error, error_description: text })}\n`
  const type = html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8'
  exchange.reply({ status, fields: [['Content-Type', type], ...PAGE] }, Buffer.from(body))
}
