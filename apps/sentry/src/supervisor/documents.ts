/**
 * The document that a registered Sentry works by, and a newer one that it could not apply.
 * @module
 */
import type { GatewayReport } from '@postern/contract/feed/gateway-report'
import { ContractError } from '@postern/contract/problems'
import { documentSettings, type DocumentSettings, settingsAt } from '../config/document-settings.ts'
import { restartProblems, type Settings } from '../config/settings.ts'
import type { Registration } from '../registration/registration.ts'

/** What became of a document. */
export type DocumentOutcome = 'applied' | 'refused' | 'known'

/** Checks documents, and says which settings follow from the last good one. */
export class Documents {
  readonly #registration: Pick<Registration, 'dir' | 'gateway'>
  #applied: { readonly etag: string; readonly given: DocumentSettings } | null = null
  #refused: GatewayReport['config']['refused'] = null

  constructor(registration: Pick<Registration, 'dir' | 'gateway'>) {
    this.#registration = registration
  }

  /** Name of the document that holds; null: none yet. */
  get etag(): string | null {
    return this.#applied?.etag ?? null
  }

  /** For the report. */
  get state(): GatewayReport['config'] {
    return { applied: this.etag, refused: this.#refused }
  }

  /** Settings with the certificate that is valid now; null: no document yet. `now`: ms since 1970. */
  settings(now: number): Settings | null {
    return this.#applied === null ? null : settingsAt(this.#applied.given, now)
  }

  /** Seconds that known devices are served without word from Core; null: no document yet. */
  get staleAfterSeconds(): number | null {
    return this.#applied?.given.settings.config.policy.staleAfterSeconds ?? null
  }

  /** @param running settings of workers that listen already: some of them cannot change any more */
  async take(etag: string, document: unknown, running: Settings | null): Promise<DocumentOutcome> {
    if (etag === this.etag) {
      this.#refused = null
      return 'known'
    }
    try {
      const { dir, gateway } = this.#registration
      const given = await documentSettings(document, gateway, dir)
      const fixed = running === null ? [] : restartProblems(running.config, given.settings.config)
      if (fixed.length > 0) throw new ContractError('Sentry document', fixed)
      this.#applied = { etag, given }
      this.#refused = null
      return 'applied'
    } catch (error) {
      if (!(error instanceof ContractError)) throw error
      const problems = error.problems.slice(0, 50).map(({ path, message }) => {
        return { path: path.slice(0, 500), message: message.slice(0, 1_000) }
      })
      this.#refused = { etag, problems }
      return 'refused'
    }
  }
}
