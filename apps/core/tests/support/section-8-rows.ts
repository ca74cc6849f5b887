/**
 * The rows of section 8 of the product document (what went wrong in products of this kind, and the risks of ours), each
 * with the tests that act it out. What stands here beside `section-8.test.ts` itself is only referred to.
 * @module
 */

/** A test elsewhere: a file of the workspace, and words that stand in the name of the test or beside it. */
export interface Covering {
  readonly file: string
  readonly words: string
}

/** A row. `here`: acted out in section-8.test.ts. `open`: what of it cannot be acted out yet, and why. */
export interface Section8Row {
  readonly row: string
  readonly here: boolean
  readonly elsewhere: readonly Covering[]
  readonly open: string | null
}

const core = (file: string, words: string): Covering => ({ file: `apps/core/tests/${file}.test.ts`, words })
const sentry = (file: string, words: string): Covering => ({ file: `apps/sentry/tests/${file}.test.ts`, words })

/** In the order of the document. */
export const SECTION_8: readonly Section8Row[] = [
  {
    row: 'CVE-2020-15505',
    here: true,
    elsewhere: [core('route-walk', 'dot segments with a parameter'), sentry('paths', 'T11 to T13 paths')],
    open: null,
  },
  {
    row: 'static key in clients',
    here: false,
    elsewhere: [core('sign-in', 'whatever is wrong, the answer is the same')],
    open: 'no client of ours is given a key yet: enrolment of devices is a later issue',
  },
  { row: 'CVE-2021-44228', here: true, elsewhere: [sentry('logs', 'T69 line ends')], open: null },
  {
    row: 'CVE-2023-35078',
    here: true,
    elsewhere: [core('route-walk', 'without credentials every other row')],
    open: null,
  },
  { row: 'CVE-2023-35082', here: true, elsewhere: [core('route-walk', 'another version')], open: null },
  { row: 'CVE-2023-35081', here: true, elsewhere: [], open: null },
  {
    row: 'CVE-2023-38035',
    here: true,
    elsewhere: [],
    open: null,
  },
  { row: 'CVE-2023-41724', here: true, elsewhere: [], open: null },
  { row: 'CVE-2025-4427', here: true, elsewhere: [core('route-walk', 'permission matrix')], open: null },
  { row: 'CVE-2026-1281', here: true, elsewhere: [], open: null },
  {
    row: 'CVE-2026-6973',
    here: false,
    elsewhere: [core('route-walk', 'what needs fresh proof is refused without it'), core('system', 'rotat')],
    open: 'that the process is not root is a matter of how it is installed; PostgreSQL refuses to run as root by itself',
  },
  { row: 'CVE-2026-5786', here: false, elsewhere: [core('route-walk', 'permission matrix')], open: null },
  { row: 'CVE-2026-5787', here: false, elsewhere: [core('registration', 'CVE-2026-5787')], open: null },
  { row: 'CVE-2026-5788', here: true, elsewhere: [], open: null },
  { row: 'CVE-2026-7821', here: false, elsewhere: [], open: 'enrolment of devices is a later issue' },
  { row: 'CVE-2026-10520', here: true, elsewhere: [], open: null },
  { row: 'CVE-2026-10523', here: true, elsewhere: [core('sign-in', 'needs the secret of the link')], open: null },
  { row: 'open redirect', here: false, elsewhere: [sentry('oauth-authorize', 'T41 https://evil.test')], open: null },
  {
    row: 'SSRF by configurable endpoints',
    here: true,
    elsewhere: [
      core('audit-syslog', 'the metadata address of clouds'),
      sentry('redirects', 'T35 a redirect that leads astray'),
      {
        file: 'apps/sentry/tests/upstream/upstream-tls.test.ts',
        words: 'T35 a redirect name that resolves to loopback',
      },
    ],
    open: null,
  },
  {
    row: 'token leak in logs',
    here: false,
    elsewhere: [sentry('logs', 'T69 tokens, codes, passwords'), core('canary', 'and none of them is found')],
    open: null,
  },
  { row: 'parameter pollution', here: true, elsewhere: [sentry('oauth-token', 'T45')], open: null },
  {
    row: 'request smuggling',
    here: true,
    elsewhere: [sentry('framing', 'T06 a valid request behind one')],
    open: null,
  },
  { row: 'token proxy as a relay', here: false, elsewhere: [sentry('oauth-token', 'T43')], open: null },
  {
    row: 'bypass of Sentry',
    here: false,
    elsewhere: [],
    open: 'closed at the mail service and the identity provider, which are not ours; the self-test is a later issue',
  },
  {
    row: 'WBXML parser',
    here: false,
    elsewhere: [
      sentry('hostile-provision', 'T54 lengths that lie'),
      { file: 'packages/eas-policy/src/wipe.test.ts', words: 'T53 nesting' },
    ],
    open: null,
  },
  {
    row: 'posture spoofing',
    here: false,
    elsewhere: [sentry('identity', 'T25 and T26 the device id of another')],
    open: null,
  },
]
