/**
 * What sign-in libraries look up before they sign in: constant answers, the same for everyone (3.3).
 * @module
 */
import { idpMetadata, instanceDiscoveryError, openidConfiguration } from '@postern/oauth-map/metadata'
import type { OAuthApi } from '@postern/oauth-map/model'
import type { Job } from '../pipeline/job.ts'
import { reasonRow } from '../decision/reasons.ts'
import { plainRefusal } from '../pipeline/refuse.ts'

/** Metadata with the endpoints here, and issuer and keys there. */
export async function openIdMetadata(job: Job, api: OAuthApi): Promise<void> {
  const { mapping } = job.runtime
  await constant(job, 200, JSON.stringify(openidConfiguration(mapping, api, idpMetadata(mapping, api))))
}

/** ADAL asks an authority it does not know whether it is one; only this error lets it go on. */
export async function instanceDiscovery(job: Job): Promise<void> {
  const { status, body } = instanceDiscoveryError()
  await constant(job, status, body)
}

async function constant({ exchange, record, deps }: Job, status: number, text: string): Promise<void> {
  record.endpoint = 'metadata'
  if (!(await deps.coordinator.rate(exchange.connection.remote))) {
    record.refused('TOO_MANY_REQUESTS')
    const { head, body } = plainRefusal(reasonRow('TOO_MANY_REQUESTS').http, [['Retry-After', '1']])
    exchange.reply(head, body)
    return
  }
  const fields = [
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ] as const
  exchange.reply({ status, fields }, Buffer.from(text))
}
