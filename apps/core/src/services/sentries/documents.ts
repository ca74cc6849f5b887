/**
 * Documents of profiles for many readers: made once, made again after every change.
 * @module
 */
import { MAX_FEED_LINE_BYTES } from '@postern/contract/feed/feed-messages'
import type { SentryDocument } from '@postern/contract/feed/sentry-document'

/** A document with its name, or why there is none. */
export type Rendered = { readonly document: SentryDocument; readonly etag: string } | { readonly problem: string }

/** Makes the document of a profile. */
export type RenderDocument = (profileId: string) => Promise<Rendered>

/** A cache for one process. */
export interface Documents {
  /** The present document; a failure is not kept. */
  of(profileId: string): Promise<Rendered>
  /** Something changed. */
  forget(): void
}

/** `maxAgeMs`: a wake-up that got lost costs no more than this. `now`: ms since 1970. */
export function createDocuments(render: RenderDocument, maxAgeMs: number, now: () => number): Documents {
  const kept = new Map<string, { readonly at: number; readonly rendered: Promise<Rendered> }>()
  return {
    of: async (profileId) => {
      const entry = kept.get(profileId)
      if (entry !== undefined && now() - entry.at < maxAgeMs) return entry.rendered
      const fresh = { at: now(), rendered: render(profileId) }
      kept.set(profileId, fresh)
      try {
        return await fresh.rendered
      } catch (error) {
        if (kept.get(profileId) === fresh) kept.delete(profileId)
        throw error
      }
    },
    forget: () => kept.clear(),
  }
}

/** Room for the rest of the message that carries a document. Bytes. */
const MESSAGE_BYTES = 4_096

/** What does not fit into a line of the feed is a problem to be shown, not a stream to be broken. */
export function withinLine(render: RenderDocument): RenderDocument {
  return async (profileId) => {
    const rendered = await render(profileId)
    if ('problem' in rendered) return rendered
    const bytes = Buffer.byteLength(JSON.stringify(rendered.document))
    if (bytes <= MAX_FEED_LINE_BYTES - MESSAGE_BYTES) return rendered
    const limit = `${bytes} bytes are more than the feed carries (${MAX_FEED_LINE_BYTES})`
    return { problem: `the document is too large: ${limit}; use fewer or smaller certificates and CRLs` }
  }
}
