/**
 * What a Sentry can start with, but hardly anyone means: told by `--check` as problems, at start as warnings.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import type { Problem } from '@postern/contract/problems'
import { ContractError } from '@postern/contract/problems'
import { parsePolicyText } from '@postern/contract/policy-snapshot'
import { FileError, readTextFile } from '@postern/runtime/json-file'
import { readDeviceTrust } from '../identity/trust.ts'
import type { Settings } from './settings.ts'

/** Every doubt with its path. `now`: milliseconds since 1970. Never throws for what is in the files. */
export async function settingsDoubts(settings: Settings, now: number): Promise<Problem[]> {
  return [...certificateDoubts(settings, now), ...listDoubts(settings, now), ...(await policyDoubts(settings, now))]
}

/** The Sentry's own certificate: its period, and whether phones will accept it for the name they know. */
export function certificateDoubts({ config, certPem }: Settings, now: number): Problem[] {
  const certificate = new X509Certificate(certPem)
  const doubts: Problem[] = []
  const doubt = (message: string): void => {
    doubts.push({ path: 'tls.certFile', message })
  }
  if (certificate.validToDate.getTime() < now) doubt(`ended on ${certificate.validTo}; renew it`)
  if (certificate.validFromDate.getTime() > now)
    doubt(`is not valid before ${certificate.validFrom}; look at the clock`)
  const name = new URL(config.oauth.sentryResource).hostname
  if (certificate.checkHost(name) === undefined) {
    doubt(`does not name ${name}, the host of oauth.sentryResource; phones will refuse it`)
  }
  return doubts
}

/** Revocation lists that should have been replaced: what was revoked since then is not known. */
export function listDoubts({ deviceCas, crls }: Settings, now: number): Problem[] {
  return [...readDeviceTrust(deviceCas, crls).listsDue]
    .filter(([, due]) => due < now)
    .map(([file, due]) => ({ path: 'tls.crlFiles', message: `${file} was due on ${new Date(due).toISOString()}` }))
}

async function policyDoubts({ config, policyFile }: Settings, now: number): Promise<Problem[]> {
  try {
    const { text, modifiedAt } = await readTextFile(policyFile, 1_073_741_824)
    parsePolicyText(text)
    const age = Math.round((now - modifiedAt) / 1_000)
    if (age <= config.policy.staleAfterSeconds) return []
    return [
      { path: 'policy.file', message: `is ${age} s old, staleAfterSeconds is ${config.policy.staleAfterSeconds}` },
    ]
  } catch (error) {
    if (error instanceof ContractError) {
      return error.problems.map(({ path, message }) => ({ path: `policy.file: ${path}`, message }))
    }
    if (error instanceof FileError) return [{ path: 'policy.file', message: error.message }]
    throw error
  }
}
