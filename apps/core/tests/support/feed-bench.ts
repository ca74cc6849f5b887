/**
 * Prints the figures of the feed. A program: `npm run bench -- feed` runs it.
 * @module
 */
import { FULL_SIZES, measureFeed, tableOf } from './feed-figures.ts'

for (const size of FULL_SIZES) {
  const figures = await measureFeed(size)
  console.log(`${tableOf(figures).join('\n')}\n`)
}
