/**
 * The first form of a sign-in page: where it goes and what a person would send with it. Pure.
 *
 * Reads just enough HTML for pages of an identity provider; a page is cut at 256 KiB.
 * @module
 */

/** A form as found; `action` is not resolved against the page's address. */
export interface SignInForm {
  action: string
  method: 'GET' | 'POST'
  fields: { name: string; type: string; value: string }[]
}

/** What a person knows. */
export interface Person {
  user: string
  password: string
}

const MAX_PAGE = 256 * 1024

/** The first `<form>` of a page, or null when there is none. */
export function findForm(page: string): SignInForm | null {
  const text = page.slice(0, MAX_PAGE)
  const start = text.search(/<form\b/i)
  if (start < 0) return null
  const end = text.toLowerCase().indexOf('</form', start)
  const form = text.slice(start, end < 0 ? undefined : end)
  const tags = [...form.matchAll(/<(form|input|button)\b([^>]*)>/gi)]
  const own = attributesOf(tags[0]?.[2] ?? '')
  return {
    action: own.get('action') ?? '',
    method: own.get('method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
    fields: tags.slice(1).flatMap((tag) => toField(attributesOf(tag[2] ?? ''), tag[1] ?? '')),
  }
}

/** The form's fields with the person's name and password put where they are asked for. */
export function fillForm(form: SignInForm, person: Person): URLSearchParams {
  const filled = new URLSearchParams()
  for (const { name, type, value } of form.fields) {
    if (type === 'password') filled.append(name, person.password)
    else if (type === 'text' || type === 'email') filled.append(name, person.user)
    else filled.append(name, value)
  }
  return filled
}

/** Whether the form asks who the person is (and not only for consent). */
export function asksForPassword(form: SignInForm): boolean {
  return form.fields.some(({ type }) => type === 'password')
}

/** A page's visible words, at most 300 characters, for a message to a person. */
export function wordsOf(page: string): string {
  const text = page.slice(0, MAX_PAGE).replaceAll(/<(style|script)\b[^>]*>[^<]*<\/\1>/gi, ' ')
  return decodeEntities(text.replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
}

function toField(attributes: Map<string, string>, tag: string): SignInForm['fields'] {
  const name = attributes.get('name')
  const type = attributes.get('type')?.toLowerCase() ?? (tag.toLowerCase() === 'button' ? 'submit' : 'text')
  if (name === undefined || attributes.has('disabled')) return []
  if (['checkbox', 'radio'].includes(type) && !attributes.has('checked')) return []
  return [{ name, type, value: attributes.get('value') ?? '' }]
}

function attributesOf(source: string): Map<string, string> {
  const found = source.matchAll(/([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)
  return new Map(
    [...found].map((match) => [(match[1] ?? '').toLowerCase(), decodeEntities(match[2] ?? match[3] ?? match[4] ?? '')]),
  )
}

function decodeEntities(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replaceAll(/&(?:#(\d{1,6})|#x([0-9a-f]{1,6})|([a-z]{2,5}));/gi, (whole, dec, hex, name) => {
    if (typeof dec === 'string') return String.fromCodePoint(Number(dec))
    if (typeof hex === 'string') return String.fromCodePoint(Number.parseInt(hex, 16))
    return typeof name === 'string' ? (named[name.toLowerCase()] ?? whole) : whole
  })
}
