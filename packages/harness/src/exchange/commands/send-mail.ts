/**
 * SendMail: puts the mail into the inboxes of the people it is addressed to.
 *
 * Documents: MS-ASCMD 2.2.1.16, RFC 5322 2.2 and 3.6.3 (as much of it as test mail needs).
 * @module
 */
import { child, find, textOf } from '../../wire/wbxml.ts'
import { empty, statusOnly } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { documentOf } from '../command.ts'
import type { CommandContext } from '../command.ts'
import { INBOX, SENT_ITEMS } from '../mailbox.ts'
import type { NewMail } from '../mailbox.ts'

const INVALID_CONTENT = 101
const INVALID_MIME = 107
const SENT_BEFORE = 118
const NO_RECIPIENT = 119

/** Answers a SendMail: nothing when it went out, else a Status. */
export function sendMail(context: CommandContext): Answer {
  const { body, contentType, device, mailbox } = context
  if (contentType.startsWith('message/rfc822')) return post(context, Buffer.from(body), context.query.saveInSent)
  const root = documentOf(body)
  if (root?.name !== 'ComposeMail:SendMail') return statusOnly('SendMail', INVALID_CONTENT)
  const clientId = textOf(root, 'ComposeMail:ClientId') ?? ''
  if (device.sent.has(`${mailbox.user} ${clientId}`)) return statusOnly('SendMail', SENT_BEFORE)
  const mime = find(root, 'ComposeMail:Mime')?.children[0]
  if (!(mime instanceof Uint8Array)) return statusOnly('SendMail', INVALID_MIME)
  const answer = post(context, Buffer.from(mime), child(root, 'ComposeMail:SaveInSentItems') !== null)
  if (answer.body.length === 0) device.sent.add(`${mailbox.user} ${clientId}`)
  return answer
}

function post({ mailbox, mailboxOf }: CommandContext, mime: Buffer, keep: boolean): Answer {
  const { mail, to } = readMime(mime)
  if (to.length === 0) return statusOnly('SendMail', NO_RECIPIENT)
  const sent = { ...mail, from: mail.from ?? mailbox.user }
  for (const address of to) mailboxOf(address).add(INBOX, sent, address)
  if (keep) mailbox.add(SENT_ITEMS, sent, to.join(', '))
  return empty()
}

/** Subject, sender, text and the addresses of To and Cc, in lower case. Transfer encodings are left as they are. */
function readMime(mime: Buffer): { mail: NewMail; to: string[] } {
  const split = mime.indexOf('\r\n\r\n')
  const head = (split < 0 ? mime : mime.subarray(0, split)).toString('utf8')
  const fields = new Map<string, string>()
  // Unfolding first: a line that begins with white space belongs to the one before.
  for (const line of head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const to = [fields.get('to'), fields.get('cc')].flatMap((list) => (list ?? '').split(',')).map(addressOf)
  const from = addressOf(fields.get('from') ?? '')
  const body = split < 0 ? '' : mime.subarray(split + 4).toString('utf8')
  const mail = { subject: fields.get('subject') ?? '', body, ...(from === '' ? {} : { from }) }
  return { mail, to: to.filter((address) => address.includes('@')) }
}

function addressOf(value: string): string {
  const [open, close] = [value.lastIndexOf('<'), value.lastIndexOf('>')]
  return (open >= 0 && close > open ? value.slice(open + 1, close) : value).trim().toLowerCase()
}
