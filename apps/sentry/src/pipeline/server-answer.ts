/**
 * Answers of a mail server that must not reach a device as they are: redirects, and front ends that speak in its place.
 * @module
 */
import { redirectTarget } from '../servers/redirect.ts'
import type { UpstreamResponse, UpstreamTarget } from '../transport/upstream/upstream-types.ts'
import { EAS_PATH } from './forwarded-headers.ts'
import type { Runtime } from '../config/runtime.ts'
import type { Reason } from '../decision/reasons.ts'

/** 451 by the document (2.3); the 3xx have no meaning in ActiveSync and would lead a device past us. */
export function isRedirect(status: number): boolean {
  return status === 451 || (status >= 300 && status < 400)
}

/** Where a redirect may be followed to. Null: it names no place. `detail` is for the audit line. */
export function followRedirect(
  response: UpstreamResponse,
  runtime: Runtime,
): { readonly target: UpstreamTarget } | { readonly reason: Reason; readonly detail: string } | null {
  if (response.status !== 451) return { reason: 'UPSTREAM_REDIRECT', detail: `STATUS_${response.status}` }
  const location = header(response, 'x-ms-location')
  if (location === null) return null
  const checked = redirectTarget(location, runtime.redirectRules)
  if (checked.ok) return { target: checked.target }
  return {
    reason: checked.reason === 'CBA_HOST' ? 'UPSTREAM_CERTIFICATE_AUTH' : 'UPSTREAM_REDIRECT',
    detail: checked.reason,
  }
}

/** Whether a place that a redirect once led to is still on the list: it was learned under the settings of that time. */
export function isStillListed({ host, port }: UpstreamTarget, runtime: Runtime): boolean {
  return redirectTarget(`https://${host}:${port}${EAS_PATH}`, runtime.redirectRules).ok
}

/** A 200 that no Exchange gave: OPTIONS without versions, or a front end's apology (2.7). */
export function isFrontEndAnswer(response: UpstreamResponse, isOptions: boolean): boolean {
  if (response.status !== 200) return false
  if (isOptions) return header(response, 'ms-asprotocolversions') === null
  const frontEnd = (header(response, 'server') ?? '').toLowerCase().startsWith('microsoft-httpapi')
  const proxyError = response.headers.some(([name]) => name.toLowerCase().startsWith('x-proxyerror'))
  return (frontEnd || proxyError) && header(response, 'ms-server-activesync') === null
}

function header(response: UpstreamResponse, name: string): string | null {
  return response.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null
}
