/**
 * The lab's policy file, changed as a control plane would change it: whole, in one step, with a new version.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { PolicySnapshot } from '@postern/contract/policy-snapshot'

/** The policy in force and ways to change it. */
export interface LabPolicy {
  /** What was published last. */
  readonly snapshot: PolicySnapshot
  /** Changes a copy of the snapshot, gives it the next version and publishes it. Resolves when the file is in place. */
  publish(change: (draft: PolicySnapshot) => void): Promise<PolicySnapshot>
  /** Publishes another posture of one device. @throws RangeError for a device that is not in the snapshot. */
  posture(
    device: string,
    posture: PolicySnapshot['devices'][number]['posture'],
    reasons?: string[],
  ): Promise<PolicySnapshot>
  /** Waits until every worker of every Sentry decides from the last published snapshot; `timeoutMs` default 3,000. */
  applied(timeoutMs?: number): Promise<void>
}

/** What a policy needs of the Sentries that read it. */
export interface PolicyReader {
  writePolicy(snapshot: PolicySnapshot): Promise<void>
  /** Lowest version that any worker decides from; null while unknown. */
  appliedVersion(): Promise<number | null>
}

/** Wraps a first snapshot; `readers` is asked at each change, so that Sentries may be added. */
export function labPolicy(first: PolicySnapshot, readers: () => readonly PolicyReader[]): LabPolicy {
  let snapshot = first
  const publish: LabPolicy['publish'] = async (change) => {
    const draft = structuredClone(snapshot)
    change(draft)
    draft.version = snapshot.version + 1
    snapshot = draft
    await Promise.all(readers().map((reader) => reader.writePolicy(draft)))
    return draft
  }
  return {
    get snapshot() {
      return snapshot
    },
    publish,
    posture: (device, posture, reasons = []) =>
      publish((draft) => {
        const found = draft.devices.find(({ id }) => id === device)
        if (found === undefined) throw new RangeError(`no device ${device} in the policy`)
        found.posture = posture
        found.reasons = reasons
      }),
    applied: async (timeoutMs = 3_000) => {
      await Promise.all(readers().map((reader) => waitForVersion(reader, snapshot.version, timeoutMs)))
    },
  }
}

async function waitForVersion(reader: PolicyReader, version: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const applied = await reader.appliedVersion()
    if (applied !== null && applied >= version) return
    if (performance.now() > deadline) {
      throw new Error(
        `snapshot ${String(version)} was not applied within ${String(timeoutMs)} ms; in force: ${String(applied)}`,
      )
    }
    await delay(10)
  }
}
