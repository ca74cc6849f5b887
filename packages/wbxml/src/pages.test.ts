import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WBXML_PAGES } from './page-tables.ts'
import type { WbxmlPage } from './page-tables.ts'
import { pageNumber, tagId, tagName } from './pages.ts'

const PAGES: readonly WbxmlPage[] = WBXML_PAGES

describe('MS-ASWBXML 2.1.2.1 code pages', () => {
  const unknown: { page: number; id: number }[] = [
    { page: 0, id: 0x04 },
    { page: 0, id: 0x2a },
    { page: 3, id: 0x05 },
    { page: 26, id: 0x05 },
    { page: -1, id: 0x05 },
    { page: 0.5, id: 0x05 },
    { page: 8, id: 0x0f },
    { page: 15, id: 0x06 },
    { page: 18, id: 0x2a },
  ]
  for (const { page, id } of unknown)
    test(`page ${String(page)} has no tag ${String(id)}`, () => {
      assert.equal(tagName(page, id), null)
    })
  for (const name of ['', 'sync', '__proto__', 'constructor'])
    test(`AirSync has no tag called ${JSON.stringify(name)}`, () => {
      assert.equal(tagId(0, name), null)
      assert.equal(tagId('AirSync' as string, name), null)
      assert.equal(tagId(name, 'Sync'), null)
      assert.equal(pageNumber(name), null)
    })
  test('26 pages, 635 tags, no number twice and none out of range', () => {
    assert.equal(PAGES.length, 26)
    const ids = PAGES.map(({ tokens, legacy }) => [...Object.values(tokens), ...Object.values(legacy)])
    assert.equal(ids.flat().length, 635)
    for (const page of ids) {
      assert.equal(new Set(page).size, page.length)
      assert.ok(page.every((id) => id >= 0x05 && id <= 0x3f))
    }
  })
  test('names and numbers are each other\u2019s inverse', () => {
    for (const [page, { name, tokens, legacy }] of PAGES.entries()) {
      assert.equal(pageNumber(name), page)
      for (const [tag, id] of Object.entries({ ...tokens, ...legacy })) {
        assert.equal(tagName(page, id), tag)
        assert.equal(tagId(page, tag), id)
        assert.equal(tagId(name, tag), id)
      }
    }
  })
  const spelled = [
    { page: 'Email', tag: 'DtStamp', id: 0x1d },
    { page: 'Calendar', tag: 'Timezone', id: 0x05 },
    { page: 'Email', tag: 'TimeZone', id: 0x33 },
    { page: 'ValidateCert', tag: 'CheckCrl', id: 0x09 },
    { page: 'RightsManagement', tag: 'RemoveRightsManagementProtection', id: 0x18 },
    { page: 'Find', tag: 'GALSearchCriterion', id: 0x19 },
    { page: 'Provision', tag: 'AccountOnlyRemoteWipe', id: 0x3b },
    { page: 'Email', tag: 'MonthOfYear', id: 0x30 },
  ]
  for (const { page, tag, id } of spelled)
    test(`${page} spells ${tag} as the document does`, () => {
      assert.equal(tagId(page, tag), id)
    })
})
