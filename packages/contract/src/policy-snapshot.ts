/**
 * What a Sentry knows of devices: the file `policy.json`, and later the feed. One snapshot replaces another whole.
 * @module
 */
import Type, { type Static } from 'typebox'
import { ContractError, parseDocument, type Problem } from './problems.ts'

const strict = { additionalProperties: false } as const

/** `sha256:` and the lower-case hex of SHA-256 over the certificate's DER. */
export const Fingerprint = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })

/** What a registered device may do. `wipe` removes the mail account (16.1), and blocks. */
const Posture = Type.Enum(['allow', 'block', 'wipe'])

/** A registered device. Shapes: `user` is a UPN or address, `easDeviceIds` compare without regard to case. */
export const PolicyDevice = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 128 }),
    user: Type.String({ minLength: 1, maxLength: 320 }),
    /** Empty: the device's certificate may speak for any id, and the audit line says so. */
    easDeviceIds: Type.Array(Type.String({ pattern: '^[A-Za-z0-9]{1,64}$' }), { maxItems: 64 }),
    certificates: Type.Array(Fingerprint, { maxItems: 64 }),
    posture: Posture,
    reasons: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 64 }),
  },
  strict,
)
export type PolicyDevice = Static<typeof PolicyDevice>

/** Schema 1 of the snapshot. `version` only tells snapshots apart in audit lines; any newer file replaces the older. */
export const PolicySnapshot = Type.Object(
  {
    schema: Type.Literal(1),
    version: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    devices: Type.Array(PolicyDevice, { maxItems: 2_000_000 }),
    revokedCertificates: Type.Array(Fingerprint),
    blockedUsers: Type.Array(Type.String({ minLength: 1, maxLength: 320 })),
    mode: Type.Enum(['enforce', 'report']),
  },
  strict,
)
export type PolicySnapshot = Static<typeof PolicySnapshot>

/** @throws ContractError naming every field, rule and remedy (50 at most). */
export function parsePolicySnapshot(input: unknown): PolicySnapshot {
  return parseDocument('policy snapshot', PolicySnapshot, input, [{ sections: ['devices'], check: uniqueIdentities }])
}

/** @throws ContractError also when the text is no JSON. */
export function parsePolicyText(text: string): PolicySnapshot {
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable'
    throw new ContractError('policy snapshot', [{ path: '', message: `is not JSON (${reason}); write the file whole` }])
  }
  return parsePolicySnapshot(input)
}

// A certificate of two devices could not say which of them speaks; better no new snapshot than a wrong one.
function uniqueIdentities(snapshot: PolicySnapshot): Problem[] {
  const problems: Problem[] = []
  const ids = new Set<string>()
  const ownerOf = new Map<string, string>()
  snapshot.devices.forEach((device, index) => {
    if (ids.has(device.id)) {
      problems.push({
        path: `devices[${index}].id`,
        message: `repeats ${JSON.stringify(device.id)}; ids must be unique`,
      })
    }
    ids.add(device.id)
    for (const certificate of device.certificates) {
      const owner = ownerOf.get(certificate)
      if (owner !== undefined && owner !== device.id) {
        const message = `${certificate} is already a certificate of ${JSON.stringify(owner)}; register it once`
        problems.push({ path: `devices[${index}].certificates`, message })
      }
      ownerOf.set(certificate, device.id)
    }
  })
  return problems
}
