import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EasAccount } from './eas-account.ts'
import type { EasPost } from './eas-account.ts'
import { PhoneLog } from './phone-log.ts'
import type { PhoneReply } from './phone-http.ts'

// Answers as bytes: written out from MS-ASWBXML and the refusals of the gateway, not produced by the phone's codec.
const ANSWERS = {
  folderSync142: '03 01 6A 00 00 07 56 4C 03 31 34 32 00 01 01',
  folderSync140: '03 01 6A 00 00 07 56 4C 03 31 34 30 00 01 01',
  folderSync129: '03 01 6A 00 00 07 56 4C 03 31 32 39 00 01 01',
  folders:
    '03 01 6A 00 00 07 56 4C 03 31 00 01 52 03 6B 31 00 01 4E 57 03 31 00 01 4F 48 03 35 00 01 49 03 30 00 01 47 03 49 6E 00 01 4A 03 32 00 01 01 01 01',
  policyOffer: '03 01 6A 00 00 0E 45 4B 03 31 00 01 46 47 48 03 4D 53 00 01 4B 03 31 00 01 49 03 37 37 00 01 01 01 01',
  policyGrant: '03 01 6A 00 00 0E 45 4B 03 31 00 01 46 47 48 03 4D 53 00 01 4B 03 31 00 01 49 03 39 39 00 01 01 01 01',
  wipe: '03 01 6A 00 00 0E 45 4B 03 31 00 01 3B 01',
  wipeDone: '03 01 6A 00 00 0E 45 4B 03 31 00 01 01',
  ping7: '03 01 6A 00 00 0D 45 47 03 37 00 01 01',
  ping1: '03 01 6A 00 00 0D 45 47 03 31 00 01 01',
} as const

type Step = keyof typeof ANSWERS | { status: number; headers?: Record<string, string> }

function account(script: Step[], renew = async (): Promise<boolean> => false): { eas: EasAccount; sent: EasPost[] } {
  const sent: EasPost[] = []
  const post = async (request: EasPost): Promise<PhoneReply> => {
    sent.push(request)
    const step = script.shift()
    assert.ok(step, `an answer to ${request.command}`)
    const empty = { setCookies: [], ms: 1, body: Buffer.alloc(0), headers: {} }
    if (typeof step !== 'string') return { ...empty, ...step }
    return { ...empty, status: 200, body: Buffer.from(ANSWERS[step].replaceAll(' ', ''), 'hex') }
  }
  const options = async (): Promise<PhoneReply> =>
    post({ command: 'OPTIONS', policyKey: null, body: null, accessToken: '' })
  const eas = new EasAccount({
    carrier: { post, options },
    log: new PhoneLog(),
    accessToken: () => 'token',
    renew,
    device: { Model: 'M' },
  })
  return { eas, sent }
}

const commandsOf = (sent: EasPost[]): string[] => sent.map(({ command, policyKey }) => `${command} ${policyKey ?? '-'}`)
const hexOf = (post: EasPost | undefined): string => Buffer.from(post?.body ?? []).toString('hex')

describe('what a phone does about answers (MS-ASPROV 3.1.5.1, MS-ASCMD 2.2.2)', () => {
  const refusals: { title: string; script: Step[]; http: number; status: string | null; state: string }[] = [
    { title: 'Status 129 is held, not repeated', script: ['folderSync129'], http: 200, status: '129', state: 'held' },
    { title: '403 is held', script: [{ status: 403 }], http: 403, status: null, state: 'held' },
    { title: '401 that cannot be renewed is left', script: [{ status: 401 }], http: 401, status: null, state: 'new' },
    {
      title: '503 waits as long as it is told',
      script: [{ status: 503, headers: { 'retry-after': '60' } }],
      http: 503,
      status: null,
      state: 'new',
    },
  ]
  for (const { title, script, http, status, state } of refusals) {
    test(title, async () => {
      const { eas } = account(script)
      const outcome = await eas.folderSync()
      assert.deepEqual({ http: outcome.http, status: outcome.status, state: eas.state }, { http, status, state })
      assert.equal(outcome.retryAfterSeconds, http === 503 ? 60 : null)
    })
  }

  test('142: Provision in two phases, then the command again with the new key', async () => {
    const { eas, sent } = account(['folderSync142', 'policyOffer', 'policyGrant', 'folders'])
    assert.equal((await eas.folderSync()).status, '1')
    assert.deepEqual(commandsOf(sent), ['FolderSync 0', 'Provision 0', 'Provision 77', 'FolderSync 99'])
    assert.deepEqual(eas.folders, [{ id: '5', name: 'In', type: '2' }])
    assert.equal(eas.inbox(), '5')
  })

  test('142 for ever: provisions once and gives up', async () => {
    const { eas, sent } = account(['folderSync142', 'policyOffer', 'policyGrant', 'folderSync142'])
    assert.equal((await eas.folderSync()).status, '142')
    assert.equal(sent.length, 4)
  })

  test('140: empty Provision, acknowledgement, and the account is gone', async () => {
    const { eas, sent } = account(['folderSync140', 'wipe', 'wipeDone'])
    assert.equal((await eas.folderSync()).status, '140')
    assert.deepEqual(sent.slice(1).map(hexOf), ['03016a00000e05', '03016a00000e457b4b03310001' + '0101'])
    assert.deepEqual(eas.wipe, { directive: 'AccountOnlyRemoteWipe', confirmed: '1' })
    assert.equal(eas.state, 'removed')
  })

  test('a wipe inside an ordinary Provision is obeyed too', async () => {
    const { eas, sent } = account(['folderSync142', 'wipe', 'wipeDone'])
    await eas.folderSync()
    assert.equal(eas.state, 'removed')
    assert.equal(sent.length, 3)
  })

  test('401 renewed: the command is repeated once', async () => {
    const { eas, sent } = account([{ status: 401 }, 'folders'], async () => true)
    assert.equal((await eas.folderSync()).status, '1')
    assert.equal(sent.length, 2)
  })

  test('Ping carries no policy key, repeats itself with an empty body, and 7 means FolderSync', async () => {
    const { eas, sent } = account(['folders', 'ping1', 'ping7', 'folders'])
    await eas.folderSync()
    await eas.ping({ heartbeatSeconds: 300 })
    await eas.react(await eas.ping())
    assert.deepEqual(commandsOf(sent), ['FolderSync 0', 'Ping -', 'Ping -', 'FolderSync 0'])
    assert.equal(sent[2]?.body, null)
  })
})
