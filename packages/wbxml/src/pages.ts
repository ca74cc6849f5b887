/**
 * Names for the numbers of WBXML's code pages, both ways. Pure.
 * @module
 */
import { WBXML_PAGES } from './page-tables.ts'
import type { WbxmlPage } from './page-tables.ts'

type Page = (typeof WBXML_PAGES)[number]

/** The name of a page, which is its XML namespace without the colon. */
export type PageName = Page['name']

/** The tags of a page by name. */
export type TagName<P extends PageName> =
  keyof Extract<Page, { name: P }>['tokens'] | keyof Extract<Page, { name: P }>['legacy']

const PAGES: readonly WbxmlPage[] = WBXML_PAGES
const PAGE_OF_NAME = new Map(PAGES.map((page, number) => [page.name, number]))
const IDS = PAGES.map(({ tokens, legacy }) => new Map([...Object.entries(tokens), ...Object.entries(legacy)]))
const NAMES = IDS.map((ids) => new Map([...ids].map(([name, id]) => [id, name])))

/** The name of a tag, or null where page or tag does not exist. `id` is the token's low six bits. */
export function tagName(page: number, id: number): string | null {
  return NAMES[page]?.get(id) ?? null
}

/** The number of a page by name, or null. */
export function pageNumber(name: PageName): number
export function pageNumber(name: string): number | null
export function pageNumber(name: string): number | null {
  return PAGE_OF_NAME.get(name) ?? null
}

/** The number of a tag by page (name or number) and name, or null. Names are compared with regard to case. */
export function tagId<P extends PageName>(page: P, name: TagName<P>): number
export function tagId(page: string | number, name: string): number | null
export function tagId(page: string | number, name: string): number | null {
  const number = typeof page === 'number' ? page : PAGE_OF_NAME.get(page)
  return number === undefined ? null : (IDS[number]?.get(name) ?? null)
}
