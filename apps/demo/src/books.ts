/**
 * What is left when the phones have gone: associations that Core knows, and a log that nobody can have changed.
 * @module
 */
import type { Stage } from './stage.ts'
import type { Steps } from './steps.ts'

/** An association is reported within so long. Milliseconds. */
const REPORT_MS = 3_000

/** Looks at both. */
export async function closeBooks(steps: Steps, { administration }: Stage): Promise<void> {
  const { client } = administration
  await steps.run('Core: ActiveSync associations', 'both phones, linked by their certificates', async () => {
    const deadline = performance.now() + REPORT_MS
    for (;;) {
      const { items } = (await client.call('listAssociations')).body
      const linked = items.filter(({ device }) => device !== null).length
      if (linked >= 2 || performance.now() > deadline) {
        return { seen: `${String(linked)} linked of ${String(items.length)}`, holds: linked >= 2 }
      }
    }
  })
  await steps.run('Core: audit log', 'the chain holds from the first row to the last', async () => {
    const { body } = await client.call('verifyAudit', { body: {} })
    return { seen: `${String(body.rows)} rows, ${body.ok ? 'whole' : 'broken'}`, holds: body.ok && body.rows > 0 }
  })
}
