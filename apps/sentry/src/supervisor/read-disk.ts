/**
 * What Core said last, read from the disk at start. A copy that cannot be used is told of and left out.
 * @module
 */
import { messageOf } from '../config/check-material.ts'
import type { Log } from '../config/log.ts'
import type { CoreCopy } from '../disk-copy/core-copy.ts'
import type { PostureCopy } from '../disk-copy/posture-copy.ts'
import type { Documents } from './documents.ts'

const REMEDY = 'none is needed: Core sends it again; until then nobody is served by it'

/** Fills `documents` and the store of `posture`. `posture` true: a whole one was read. */
export async function readDisk(
  copy: CoreCopy,
  posture: PostureCopy,
  documents: Documents,
  log: Log,
): Promise<{ readonly posture: boolean }> {
  const unusable = (what: string, problem: string): void => {
    log('problem', 'disk-copy-unusable', { what, problem, remedy: REMEDY })
  }
  try {
    const kept = await copy.document()
    const outcome = kept === null ? 'known' : await documents.take(kept.etag, kept.document, null)
    if (outcome === 'refused') {
      const [first] = documents.state.refused?.problems ?? []
      unusable('document', `does not pass the checks of this release: ${first?.path ?? ''} ${first?.message ?? ''}`)
    }
  } catch (error) {
    unusable('document', messageOf(error))
  }
  const found = await posture.load()
  if (found.kind === 'unusable') unusable('posture', found.problem)
  return { posture: found.kind === 'read' }
}
