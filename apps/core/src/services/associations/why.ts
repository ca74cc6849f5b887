/**
 * Why an association has mail or has none: all reasons, each with what would change it.
 * @module
 */
import type { Association, AssociationDetail } from '@postern/contract/api/associations'
import { reasonRow } from '@postern/posture/reasons'
import type { Db } from '../../database/connect.ts'
import { sentryReasonRow } from './sentry-reasons.ts'

type Why = AssociationDetail['why'][number]

/** Decisions by hand first, then those about the device, then what the Sentry said at the last request. */
export async function whyAssociation(db: Db, association: Association): Promise<Why[]> {
  const found = [...byHand(association), ...(await ofDevice(db, association))]
  const known = new Set(found.map(({ code }) => code))
  const told = ofSentry(association).filter(({ code }) => !known.has(code))
  const all = [...found, ...told]
  return all.length > 0 ? all : [unknownAllowed(association)]
}

function byHand({ override }: Association): Why[] {
  if (override === null) return []
  const allows = override.kind === 'allow'
  const until = override.expiresAt === null ? '' : `, until ${override.expiresAt}`
  return [
    {
      code: allows ? 'ASSOCIATION_ALLOWED' : 'ASSOCIATION_BLOCKED',
      title: `An administrator ${allows ? 'allowed' : 'blocked'} the association`,
      source: 'hand',
      overridden: false,
      detail: `${override.by}${until}: ${override.note}`,
      remedy: `Take the decision back${override.expiresAt === null ? '' : ', or wait until it expires'}`,
    },
  ]
}

async function ofDevice(db: Db, { device, override }: Association): Promise<Why[]> {
  if (device === null) return []
  const row = await db
    .selectFrom('device_posture')
    .select('reasons')
    .where('device_id', '=', device.id)
    .executeTakeFirst()
  const own = override === null ? '' : override.kind === 'allow' ? 'ASSOCIATION_ALLOWED' : 'ASSOCIATION_BLOCKED'
  return (row?.reasons ?? [])
    .filter(({ code }) => code !== own)
    .map(({ code, detail, overridden }) => {
      const { title, remedy } = reasonRow(code) ?? { title: code, remedy: '' }
      return { code, title, source: 'posture', overridden, detail, remedy }
    })
}

// Reasons of posture that the last request met and that hold no more are not shown: they would send people astray.
function ofSentry({ reasons, device, standing, lastSeen, decision }: Association): Why[] {
  return reasons.flatMap((code): Why[] => {
    const row = sentryReasonRow(code)
    const isPosture = row?.kind === 'posture' || reasonRow(code) !== undefined
    if (isPosture && (device !== null || (standing === 'allowed' && decision === 'refuse'))) return []
    const { title, remedy } = row ?? reasonRow(code) ?? { title: code, remedy: `See ${code} in docs/errors.md` }
    return [{ code, title, source: 'sentry', overridden: false, detail: `at the last request, ${lastSeen}`, remedy }]
  })
}

function unknownAllowed({ standing, device }: Association): Why {
  const allowed = standing === 'allowed' && device === null
  return {
    code: allowed ? 'UNKNOWN_DEVICES_ALLOWED' : 'NO_REASON',
    title: allowed ? 'The Standalone Sentry lets unknown devices in' : 'Nothing speaks against it',
    source: 'sentry',
    overridden: false,
    detail: '',
    remedy: allowed ? 'Set Unknown Devices to Block there, or block the association' : 'Block the association',
  }
}
