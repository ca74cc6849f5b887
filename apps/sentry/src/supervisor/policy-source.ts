/**
 * The policy file: watched, checked whole, and handed on only when it is valid.
 * @module
 */
import { parsePolicyText } from '@postern/contract/policy-snapshot'
import { readTextFile } from '@postern/runtime/json-file'
import { watchFiles } from '@postern/runtime/watch-file'
import type { Log } from '../config/log.ts'
import type { PolicyText } from '../coordination/messages.ts'

/** 2 million devices fit. Bytes. */
const MAX_POLICY_BYTES = 1_073_741_824

/** The last valid policy, and what is wrong with a newer one. */
export interface PolicySource extends Disposable {
  readonly current: PolicyText | null
  /** Version of the current snapshot, and what was wrong with the file since; null when all is well. */
  readonly version: number | null
  readonly problem: string | null
  reload(): Promise<void>
}

/** What a good file means to its owner. */
export type PolicyChanged = (policy: PolicyText, wiped: ReadonlySet<string>) => void

/** Reads once, then watches. An invalid file changes nothing and is reported. */
export async function startPolicySource(file: string, log: Log, changed: PolicyChanged): Promise<PolicySource> {
  let current: PolicyText | null = null
  let version: number | null = null
  let problem: string | null = null
  let reading = Promise.resolve()
  const read = async (): Promise<void> => {
    try {
      const { text, modifiedAt } = await readTextFile(file, MAX_POLICY_BYTES)
      const policy = parsePolicyText(text)
      current = { text, writtenAt: modifiedAt }
      version = policy.version
      problem = null
      log('info', 'policy-read', { version, devices: policy.devices.length, mode: policy.mode })
      changed(current, new Set(policy.devices.filter((d) => d.posture === 'wipe').map((d) => d.id)))
    } catch (error) {
      problem = error instanceof Error ? error.message : 'unreadable'
      log('problem', 'policy-rejected', { file, problem, keeping: version })
    }
  }
  const reload = (): Promise<void> => {
    reading = reading.then(read) // one after the other: the last file wins
    return reading
  }
  // Watched before it is read: a change while a large file is being read must not be missed.
  const watch = watchFiles([file], () => void reload())
  await reload()
  return {
    get current() {
      return current
    },
    get version() {
      return version
    },
    get problem() {
      return problem
    },
    reload,
    [Symbol.dispose]() {
      watch[Symbol.dispose]()
    },
  }
}
