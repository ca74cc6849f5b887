/**
 * Asking a token endpoint as a public client does, and what came of it.
 *
 * Document: RFC 6749, 4.1.3, 5 and 6; Entra's v1 form of it (numbers as strings, `resource` in the answer).
 * @module
 */
import type { PhoneLog } from './phone-log.ts'
import type { PhoneHttp, PhoneReply } from './phone-http.ts'

/** A granted token, or why there is none. `reply` is the JSON as it came. */
export type TokenOutcome =
  | {
      ok: true
      status: number
      accessToken: string
      refreshToken: string | null
      resource: string | null
      reply: Record<string, unknown>
      headers: PhoneReply['headers']
    }
  | { ok: false; status: number; error: string; description: string; reply: Record<string, unknown> }

/** Posts a form to the token endpoint. Never throws for an answer, whatever it is; an answer without JSON has error ''. */
export async function askForToken(
  http: PhoneHttp,
  url: URL,
  form: Record<string, string>,
  headers: Record<string, string>,
  log: PhoneLog,
): Promise<TokenOutcome> {
  const answer = await http({
    method: 'POST',
    url,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json', ...headers },
    body: new URLSearchParams(form).toString(),
  })
  const outcome = toOutcome(answer)
  const result = outcome.ok ? 'granted' : outcome.error
  log.note('token', `${form['grant_type'] ?? ''} at ${url.host}: ${result}`, answer.status, answer.ms)
  return outcome
}

function toOutcome(answer: PhoneReply): TokenOutcome {
  const reply = jsonObject(answer.body)
  const accessToken = textOf(reply, 'access_token')
  if (answer.status !== 200 || accessToken === null) {
    const description = textOf(reply, 'error_description') ?? ''
    return { ok: false, status: answer.status, error: textOf(reply, 'error') ?? '', description, reply }
  }
  return {
    ok: true,
    status: answer.status,
    accessToken,
    refreshToken: textOf(reply, 'refresh_token'),
    resource: textOf(reply, 'resource'),
    reply,
    headers: answer.headers,
  }
}

/** The members of a JSON object; empty for anything else. */
export function jsonObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
  } catch (cause) {
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}

function textOf(reply: Record<string, unknown>, name: string): string | null {
  const value = reply[name]
  return typeof value === 'string' ? value : null
}
