/**
 * `postern set-up LINK`: the one-time link that Core prints, or an invitation, taken on the terminal.
 * @module
 */
import { sessionEndpoints } from '@postern/contract/api/session'
import { CONNECTION_OPTIONS, ownOption } from '../commands/command-options.ts'
import { type Options, valueOf } from '../commands/parse-options.ts'
import { type Client, createClient } from '../connection/client.ts'
import { parseCode, peerOf, userAgentOf } from '../connection/connect.ts'
import { anonymousSignIn } from '../connection/sign-in.ts'
import { usage } from '../exits.ts'
import { at } from '../json.ts'
import { safeText } from '../output/safe-text.ts'
import type { Surroundings } from '../surroundings.ts'
import type { HandVerb } from './hand-verb.ts'
import { keepSession } from './log-in.ts'

interface Link {
  readonly kind: 'set-up' | 'invitation'
  readonly origin: string
  readonly secret: string
}

/** Makes the first administrator, or accepts an invitation, and signs in. */
export const setUp: HandVerb = {
  name: 'set-up',
  summary: 'Become the first administrator by the link that Core printed, or accept an invitation',
  positionals: ['LINK'],
  options: [
    ownOption('user', 'NAME', 'user name of the first administrator; asked for when not given'),
    ownOption('name', 'TEXT', 'name as others see it; asked for when not given'),
    ...CONNECTION_OPTIONS,
  ],
  run: async (around, _table, options) => {
    const link = parseLink(options.positionals[0] ?? '')
    const peer = await peerOf({ ...around, environment: { ...around.environment, url: link.origin } }, options, null)
    const signIn = anonymousSignIn()
    const client = createClient(peer, signIn, userAgentOf(around))
    const { totp, confirm } = await begin(around, options, client, link)
    await around.err.write(
      `Add this account to your authenticator app, by its secret or as a QR code of the address:\n` +
        `  secret:  ${safeText(String(at(totp, ['secret'])))}\n  address: ${safeText(String(at(totp, ['uri'])))}\n`,
    )
    const code = parseCode(await asked(around, 'Code that it shows: ', false))
    const { body } = await client.call(confirm, { body: { secret: link.secret, code } })
    await keepSession(
      around,
      { url: peer.origin.origin, ca: valueOf(options, 'ca'), token: null, session: null },
      signIn,
      body,
    )
  },
}

/** The secret stands behind the `#`, so that it is in no log of any server. */
function parseLink(text: string): Link {
  const url = URL.canParse(text) ? new URL(text) : null
  const kind = url?.pathname === '/setup' ? 'set-up' : url?.pathname === '/invitation' ? 'invitation' : null
  const secret = url?.hash.slice(1) ?? ''
  if (url === null || kind === null || secret === '') {
    throw usage(
      'LINK: must be the whole link, such as http://127.0.0.1:8440/setup#…; quote it, since # begins a comment',
    )
  }
  return { kind, origin: url.origin, secret }
}

async function begin(
  around: Surroundings,
  options: Options,
  client: Client,
  { kind, secret }: Link,
): Promise<{
  totp: unknown
  confirm: typeof sessionEndpoints.confirmSetUp | typeof sessionEndpoints.confirmInvitation
}> {
  if (kind === 'invitation') {
    const password = await newPassword(around)
    const { body } = await client.call(sessionEndpoints.openInvitation, { body: { secret, password } })
    return { totp: at(body, ['totp']), confirm: sessionEndpoints.confirmInvitation }
  }
  const userName = valueOf(options, 'user') ?? (await asked(around, 'User name: ', false))
  const displayName = valueOf(options, 'name') ?? (await asked(around, 'Name as others see it: ', false))
  const password = await newPassword(around)
  const { body } = await client.call(sessionEndpoints.startSetUp, { body: { secret, userName, displayName, password } })
  return { totp: at(body, ['totp']), confirm: sessionEndpoints.confirmSetUp }
}

async function newPassword(around: Surroundings): Promise<string> {
  const password = await asked(around, 'Password, 15 characters or more: ', true)
  if ((await asked(around, 'The same again: ', true)) !== password) throw usage('password: the two differ; begin again')
  return password
}

async function asked(around: Surroundings, question: string, hidden: boolean): Promise<string> {
  const answer = await around.ask(question, hidden)
  if (answer === null) throw usage('set-up asks on a terminal, and there is none; programs use POST /api/v1/setup')
  return answer
}
