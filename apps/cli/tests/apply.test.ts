/**
 * A whole set-up from a document, against a real Core with its own database.
 * @module
 */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { setUpCore } from '@postern/harness/core-administrator'
import { type CoreProcess, startCoreProcess } from '@postern/harness/core-process'
import { PERMISSION_NAMES } from '@postern/contract/api/permissions'
import { type Shell, shellHere, shellIn } from './support/run-postern.ts'

/** The values of the configuration procedure, with a host name in the place of <SentryHostName>. */
const DOCUMENT = `schema: 1
roles:
  Sentry operators: { permissions: ['sentry:view', 'certificate:view'] }
users:
  tu1@example.com: { displayName: Test User 1 }
labels:
  Pilot: {}
  iPhones: { filter: '"common.platform" = "iOS"' }
trustedRoots:
  Corporate CA: { purpose: device, file: root.pem }
certificates:
  sentry.example.com: { file: chain.pem, keyFile: key.pem }
sentryProfiles:
  Office 365:
    sentryHost: sentry.example.com
    enableActiveSync: true
    serverAuthentication:
      method: passThrough
      passThroughWithOAuth: true
      authorizationEndpoint: https://login.windows.net/common/oauth2/authorize
      tokenEndpoint: https://login.windows.net/common/oauth2/token
      sentryResource: https://sentry.example.com
      destinationResource: https://outlook.office365.com/
    activeSync:
      servers: [outlook.office365.com]
    deviceAuthentication: { method: identityCertificate, trustedRoots: [Corporate CA] }
    tls: { certificate: sentry.example.com }
exchangeConfigurations:
  Exchange with OAuth:
    sentryProfile: Office 365
    useOAuth: true
    oauthSignInUrl: https://sentry.example.com/proxyservice/oauth2/authorize
    oauthTokenRequestUrl: https://sentry.example.com/proxyservice/oauth2/token
    labels: [Pilot, iPhones]
emailPlusConfigurations:
  Email+ with OAuth:
    sentryProfile: Office 365
    allowInsecureDelivery: true
    labels: [iPhones]
    pairs:
      - { key: eas_min_allowed_auth_mode, type: string, value: modern_auth }
      - { key: modern_auth_authority_url, type: string, value: 'https://sentry.example.com/proxyservice' }
      - { key: modern_auth_resource_url, type: string, value: 'https://sentry.example.com' }
      - { key: email_login_certificate, type: certificateRef, value: tu1_Certificate_Mi4man22.pfx }
      - { key: email_exchange_host, type: string, value: sentry.example.com }
      - { key: email_address, type: string, value: $EMAIL$ }
`

describe('postern against a real Core', () => {
  let folder: string
  let core: CoreProcess
  let program: Shell
  let person: Shell
  /** The person's, with a process for each run. */
  let own: Shell
  const signingIn: { code: string; password: string } = { code: '', password: '' }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-cli-'))
    core = await startCoreProcess({ dir: join(folder, 'core') })
    const { client, credentials } = await setUpCore(core.setupUrl ?? '')
    signingIn.code = await credentials.authenticator.code()
    signingIn.password = credentials.password
    const { body } = await client.call('createApiToken', {
      body: { name: 'cli', permissions: [...PERMISSION_NAMES], expiresInSeconds: 3_600 },
    })
    const ca = await createCa()
    const server = await ca.issueServer({ names: ['sentry.example.com'] })
    await writeFile(join(folder, 'root.pem'), ca.certPem)
    await writeFile(join(folder, 'chain.pem'), server.certPem + ca.certPem)
    await writeFile(join(folder, 'key.pem'), server.keyPem)
    await writeFile(join(folder, 'postern.yaml'), DOCUMENT)
    process.chdir(folder)
    own = shellIn(join(folder, 'person'), folder)
    person = shellHere(join(folder, 'person'))
    program = shellHere(join(folder, 'program'))
    const signedIn = await program.run(['login', '--url', core.adminUrl, '--token', '-'], { input: `${body.secret}\n` })
    assert.equal(signedIn.code, 0, signedIn.err)
    const asPerson = ['login', '--url', core.adminUrl, '--user', credentials.userName, '--password', '-']
    const entered = await own.run([...asPerson, '--code', signingIn.code], { input: `${signingIn.password}\n` })
    assert.equal(entered.code, 0, entered.err)
    assert.match(entered.err, /signed in at http:\/\/127\.0\.0\.1:\d+ as ada; it ends 20/)
  })

  after(async () => {
    process.chdir('/')
    await core.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('the document of the procedure is applied, and then nothing is left to do', async () => {
    const dry = await person.run(['apply', '-f', 'postern.yaml', '--dry-run'])
    assert.deepEqual([dry.code, dry.err], [0, ''])
    assert.match(dry.out, /^\+ create role "Sentry operators"\n/)
    assert.match(dry.out, /9 to create, 0 to change, 0 to remove, 0 unchanged\n$/)
    const first = await own.run(['apply', '-f', 'postern.yaml'])
    assert.equal(first.code, 0, first.err)
    assert.match(first.out, /9 done, 0 unchanged\n$/)
    const second = await person.run(['apply', '-f', 'postern.yaml'])
    assert.deepEqual(second, { code: 0, out: '0 done, 9 unchanged\n', err: '' })
  })

  test('an export is a document that changes nothing, and holds no key', async () => {
    const written = await person.run(['export', '--out', 'export.yaml', '--section', 'users', ...allButUsers()])
    assert.deepEqual([written.code, written.err], [0, ''])
    assert.equal((await stat(join(folder, 'export.yaml'))).mode & 0o777, 0o600)
    const text = await readFile(join(folder, 'export.yaml'), 'utf8')
    assert.doesNotMatch(text, /PRIVATE KEY/)
    assert.match(text, /tokenEndpoint: https:\/\/login\.windows\.net\/common\/oauth2\/token\n/)
    const dry = await person.run(['apply', '-f', 'export.yaml', '--dry-run', '--prune'])
    assert.deepEqual(dry, { code: 0, out: '0 to create, 0 to change, 0 to remove, 9 unchanged\n', err: '' })
  })

  test('a change is shown by its member, and pruning removes what is not in the document', async () => {
    const changed = DOCUMENT.replace(
      'servers: [outlook.office365.com]',
      'servers: [outlook.office365.com]\n      deadThreshold: 7',
    )
      .replace('  iPhones: { filter: \'"common.platform" = "iOS"\' }\n', '')
      .replace('[Pilot, iPhones]', '[Pilot]')
      .replace('labels: [iPhones]', 'labels: [Pilot]')
      .replace('Sentry operators', 'Operators')
    await writeFile(join(folder, 'changed.yaml'), changed)
    const applied = await person.run(['apply', '-f', 'changed.yaml', '--prune'])
    assert.equal(applied.code, 0, applied.err)
    assert.match(applied.out, /~ change Standalone Sentry "Office 365"\n {4}activeSync\.deadThreshold: 3 → 7\n/)
    assert.match(applied.out, / {4}labels: - "iPhones"\n/)
    assert.match(applied.out, /- remove label "iPhones"\n/)
    assert.match(applied.out, /- remove role "Sentry operators"\n/)
    const again = await person.run(['apply', '-f', 'changed.yaml', '--prune'])
    assert.equal(again.out, '0 done, 9 unchanged\n'.replace('9', '8'))
  })

  test('a refusal stops the rest, and says what was done and what was not', async () => {
    const document = `schema: 1
labels:
  First: {}
  Broken: { filter: 'no filter at all' }
  Third: {}
`
    await writeFile(join(folder, 'broken.yaml'), document)
    const { code, out, err } = await person.run(['apply', '-f', 'broken.yaml'])
    assert.equal(code, 1)
    assert.equal(out, '+ create label "First"\n')
    assert.match(err, /^label "Broken" failed\nfilter: /)
    assert.match(err, /done: 1 of 3; not done: label "Broken", label "Third"\n/)
  })

  test('every problem of a document is told with its line, before anything is changed', async () => {
    const document = `schema: 1
labels:
  Never made: {}
trustedRoots:
  Corporate CA: { purpose: upstream, file: root.pem }
  Other CA: { purpose: device, file: missing.pem }
certificates:
  other.example.com: { file: chain.pem }
sentryProfiles:
  Second:
    sentryHost: second.example.com
    serverAuthentication:
      authorizationEndpoint: http://login.windows.net/common/oauth2/authorize
      tokenEndpoint: https://login.windows.net/common/oauth2/token
      destinationResource: https://outlook.office365.com/
  Third:
    sentryHost: third.example.com
    serverAuthentication: { authorizationEndpoint: x, tokenEndpoint: x, destinationResource: x }
    deviceAuthentication:
      method: identityCertificate
      trustedRoots:
        - Corporate AC
exchangeConfigurations:
  Mail: { sentryProfile: Office 356, labels: [Pilto] }
  Hard: { services: { mail: { enabled: false, userMayChange: true } } }
`
    await writeFile(join(folder, 'wrong.yaml'), document)
    const { code, out, err } = await person.run(['apply', '-f', 'wrong.yaml'])
    assert.deepEqual([code, out], [2, ''])
    assert.match(err, /^wrong\.yaml:25: exchangeConfigurations\.Hard\.services: lacks /)
    await writeFile(join(folder, 'wrong.yaml'), document.replace(/ {2}Hard.*\n/, ''))
    const planned = await person.run(['apply', '-f', 'wrong.yaml'])
    assert.equal(planned.code, 2)
    const expected = [
      /^wrong\.yaml:5: trustedRoots\.Corporate CA: a trusted root cannot be changed; give the new one another name/m,
      /^wrong\.yaml:6: trustedRoots\.Other CA: .*missing\.pem: cannot be read \(ENOENT\)/m,
      /^wrong\.yaml:8: certificates\.other\.example\.com\.keyFile: is needed to make or replace the certificate/m,
      /^wrong\.yaml:13: sentryProfiles\.Second\.serverAuthentication\.authorizationEndpoint: Destination OAuth2 Authorization Endpoint/m,
      /^wrong\.yaml:22: sentryProfiles\.Third\.deviceAuthentication\.trustedRoots\[0\]: "Corporate AC" is neither .*did you mean Corporate CA\?/m,
      /^wrong\.yaml:24: exchangeConfigurations\.Mail\.sentryProfile: "Office 356" is neither .*did you mean Office 365\?/m,
      /^wrong\.yaml:24: exchangeConfigurations\.Mail\.labels\[0\]: "Pilto" is neither .*did you mean Pilot\?/m,
    ]
    for (const line of expected) assert.match(planned.err, line)
    const labels = await person.run(['label', 'list', '-o', 'json', '--all'])
    assert.doesNotMatch(labels.out, /Never made/)
  })

  test('names stand for ids, edits keep what they do not name, and a stale version is refused', async () => {
    const set = await program.run(['label', 'set', 'Pilot', '--description', 'first phones', '-o', 'json'])
    assert.equal(set.code, 0, set.err)
    const edited = await program.run(['sentry-profile', 'set', 'Office 365', '--active-sync.dead-threshold', '9'])
    assert.equal(edited.code, 0, edited.err)
    const shown = await program.run(['sentry-profile', 'show', 'office 365', '-o', 'json'])
    const { settings } = JSON.parse(shown.out) as {
      settings: { activeSync: { deadThreshold: number }; sentryHost: string }
    }
    assert.deepEqual([settings.activeSync.deadThreshold, settings.sentryHost], [9, 'sentry.example.com'])
    const mail = await program.run(['exchange-configuration', 'set', 'Exchange with OAuth', '--no-allow-move'])
    assert.equal(mail.code, 0, mail.err)
    assert.match(mail.out, /settings\.allowMove +no\n/)
    const stale = await program.run(['label', 'set', 'Pilot', '--description', 'x', '--if-match', '1'])
    assert.equal(stale.code, 1)
    assert.match(stale.err, /nothing was changed; look at it again/)
  })

  test('the audit log verifies, a person takes a backup, and a token may not', async () => {
    const verified = await program.run(['audit', 'verify'])
    assert.equal(verified.code, 0, verified.err)
    assert.match(verified.out, /^ok +yes\n/)
    const lines = await program.run(['audit', 'export', '--action', 'label.'])
    assert.match(lines.out, /^\{.*"label\.create".*\}\n/)
    const refused = await program.run(['backup', '--out', 'refused.gz'])
    assert.equal(refused.code, 1)
    await assert.rejects(stat(join(folder, 'refused.gz')))
    const taken = await person.run(['backup', '--out', 'backup.gz'])
    assert.equal(taken.code, 0, taken.err)
    const bytes = await readFile(join(folder, 'backup.gz'))
    assert.equal(bytes.subarray(0, 2).toString('hex'), '1f8b')
  })

  test('a backup is restored beside, with the keys that were kept elsewhere; what is no backup is not', async () => {
    await cp(join(folder, 'core', 'keys'), join(folder, 'restored', 'keys'), { recursive: true })
    const wrong = await own.run(['restore', 'postern.yaml', '--data', 'restored'])
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /the backup was not restored\n$/)
    const restored = await own.run(['restore', 'backup.gz', '--data', 'restored'])
    assert.equal(restored.code, 0, restored.err)
  })

  test('status and why are for people', async () => {
    const added = ['device', 'add', '--user-name', 'tu1@example.com', '--name', 'Phone 1', '--platform', 'iOS']
    const device = await program.run([...added, '--ownership', 'company'])
    assert.equal(device.code, 0, device.err)
    const why = await program.run(['why', 'Phone 1'])
    assert.equal(why.code, 0, why.err)
    assert.match(why.out, /^Phone 1 has no mail: it is blocked \(since /)
    assert.match(why.out, /to change it: /)
    const status = await program.run(['status'])
    assert.equal(status.code, 0, status.err)
    assert.match(status.out, /^Core +\d+\.\d+\.\d+, 1 running\nDatabase +embedded PostgreSQL /)
    assert.match(status.out, /certificate sentry\.example\.com ends in (29|30) days\n/)
  })

  test('after signing out nobody is known', async () => {
    assert.equal((await person.run(['logout'])).code, 0)
    const { code, err } = await person.run(['session', 'show', '--url', core.adminUrl])
    assert.equal(code, 4)
    assert.match(err, /nobody is signed in/)
  })
})

function allButUsers(): string[] {
  const sections = ['roles', 'labels', 'trustedRoots', 'certificates', 'sentryProfiles']
  return [...sections, 'exchangeConfigurations', 'emailPlusConfigurations'].flatMap((name) => ['--section', name])
}
