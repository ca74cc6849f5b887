/**
 * Answers that a healthy Core never gives, and those that it gives seldom.
 * @module
 */
import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createCa } from '@postern/harness/ca'
import { CliError } from '../src/exits.ts'
import { exchange, REPLY_BYTES } from '../src/connection/exchange.ts'
import { openDesk, refuse, type Script, sendJson, startScripted } from './support/scripted-core.ts'
import { shellIn } from './support/run-postern.ts'

const ID = '3f0c8a52-1111-4000-8000-000000000001'
const OTHER = '3f0c8a52-1111-4000-8000-000000000002'
const label = (more: object = {}): object => ({
  id: ID,
  version: 3,
  name: 'Pilot',
  description: 'old',
  filter: null,
  ...more,
})
const SESSION = {
  administrator: { userName: 'ada' },
  csrfToken: 'csrf',
  expiresAt: '2030-01-01T00:00:00.000Z',
  idleUntil: null,
}

describe('exit codes', () => {
  const refusals = [
    {
      status: 400,
      code: 'INVALID',
      exit: 1,
      more: { problems: [{ path: 'filter', message: 'is no filter' }] },
      err: 'filter: is no filter\n',
    },
    { status: 403, code: 'FORBIDDEN', exit: 1, more: {}, err: 'Refused: so it is\n' },
    { status: 401, code: 'NOT_SIGNED_IN', exit: 4, more: {}, err: /the API token has ended/ },
    { status: 423, code: 'LOCKED', exit: 1, more: {}, err: 'Refused: so it is\n' },
    { status: 500, code: 'INTERNAL', exit: 1, more: {}, err: 'Refused: so it is\n' },
  ]
  for (const { status, code, exit, more, err } of refusals) {
    test(`${code} ends with ${exit}`, async () => {
      await using core = await startScripted((_, response) => refuse(response, status, code, more))
      await using desk = await openDesk({ url: core.url })
      const ended = await desk.run('label', 'add', '--name', 'x', '--filter', 'y')
      assert.equal(ended.code, exit)
      if (typeof err === 'string') assert.equal(ended.err, err)
      else assert.match(ended.err, err)
    })
  }

  test('an error page of a proxy is no answer of Core', async () => {
    await using core = await startScripted((_, response) => response.writeHead(502).end('<html>\u001b[2J'))
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('label', 'list')
    assert.deepEqual([code, err], [1, 'HTTP 502: this does not come from Core; check the address\n'])
  })

  test('success that is no JSON is no answer of Core', async () => {
    await using core = await startScripted((_, response) => response.end('hello'))
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('system', 'show')).code, 3)
  })

  test('a redirect is not followed: the token would go elsewhere', async () => {
    await using elsewhere = await startScripted((_, response) => sendJson(response, 200, {}))
    const script: Script = (_, response) =>
      response.writeHead(302, { location: `${elsewhere.url}/api/v1/system` }).end()
    await using core = await startScripted(script)
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('system', 'show')).code, 1)
    assert.equal(elsewhere.came.length, 0)
  })

  test('the real program ends with the same codes', async () => {
    await using core = await startScripted((_, response) => refuse(response, 401, 'NOT_SIGNED_IN'))
    await using desk = await openDesk({})
    const env = { POSTERN_URL: core.url, POSTERN_TOKEN: 'pat_x' }
    const shell = shellIn(desk.folder)
    const codes = await Promise.all([
      shell.run(['label', 'list'], { env }),
      shell.run(['label', 'list'], { env: { ...env, POSTERN_URL: 'http://127.0.0.1:1' } }),
      shell.run(['label', 'list'], { env: { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } }),
    ])
    assert.deepEqual(
      codes.map(({ code }) => code),
      [4, 3, 2],
    )
  })
})

describe('lost connections', () => {
  test('a create is repeated with the same key', async () => {
    await using core = await startScripted((_, response, index) =>
      index === 0 ? response.destroy() : sendJson(response, 201, label()),
    )
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('label', 'add', '--name', 'Pilot', '--unset', 'filter')
    assert.equal(code, 0, err)
    const keys = core.came.map(({ headers }) => headers['idempotency-key'])
    assert.match(String(keys[0]), /^[0-9a-f-]{36}$/)
    assert.deepEqual(keys, [keys[0], keys[0]])
  })

  test('what cannot be repeated is not', async () => {
    await using core = await startScripted((came, response) =>
      came.method === 'GET' ? sendJson(response, 200, label(), { etag: '"3"' }) : response.destroy(),
    )
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('label', 'set', ID, '--description', 'new')).code, 3)
    assert.equal(core.came.filter(({ method }) => method === 'PUT').length, 1)
  })

  test('an export that breaks off leaves no file', async () => {
    await using core = await startScripted((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-length': '100' })
      response.write('{"seq":1}\n', () => response.destroy())
    })
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('audit', 'export', '--out', join(desk.folder, 'audit.jsonl'))
    assert.equal(code, 3, err)
    assert.deepEqual(await readdir(desk.folder), [])
  })

  test('a peer that never answers is given up', async () => {
    await using core = await startScripted(() => undefined)
    const peer = { origin: new URL(core.url), ca: null }
    const outgoing = { method: 'GET', path: '/', headers: {}, body: null }
    await assert.rejects(exchange(peer, outgoing, { connectMs: 1_000, silentMs: 50 }), (error) => {
      assert.ok(error instanceof CliError && error.fault === 'unreachable')
      return error.message.includes('silent for 50 ms')
    })
  })

  test(`an answer of more than ${REPLY_BYTES} bytes is not read`, async () => {
    await using core = await startScripted((_, response) => {
      const piece = Buffer.alloc(1_048_576, 32)
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', more)
      more()
    })
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('system', 'show')
    assert.equal(code, 3)
    assert.match(err, /sends more than 67108864 bytes/)
  })
})

describe('edits', () => {
  test('an edit sends what is there with what is new, and the version that it read', async () => {
    await using core = await startScripted((came, response) =>
      came.method === 'GET'
        ? sendJson(response, 200, { ...label(), kind: 'manual', members: 4 }, { etag: '"3"' })
        : sendJson(response, 200, label({ description: 'new', version: 4 })),
    )
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('label', 'set', ID, '--description', 'new')).code, 0)
    const put = core.came[1]
    assert.deepEqual(JSON.parse(put?.body ?? ''), { name: 'Pilot', description: 'new', filter: null })
    assert.equal(put?.headers['if-match'], '"3"')
  })

  test('CHANGED is told once and clearly', async () => {
    await using core = await startScripted((came, response) =>
      came.method === 'GET' ? sendJson(response, 200, label(), { etag: '"3"' }) : refuse(response, 412, 'CHANGED'),
    )
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('label', 'set', ID, '--description', 'new', '--if-match', '2')
    assert.deepEqual(
      [code, err],
      [1, 'Refused: so it is\nnothing was changed; look at it again and repeat the command\n'],
    )
    assert.equal(core.came.at(-1)?.headers['if-match'], '"2"')
  })

  test('an edit that says nothing changes nothing', async () => {
    await using core = await startScripted((_, response) => sendJson(response, 200, label()))
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('sentry', 'set', ID)).code, 2)
    assert.equal(core.came.filter(({ method }) => method !== 'GET').length, 0)
  })

  const two = [label(), label({ id: OTHER })]
  const lookups = [
    {
      title: 'a name that two have',
      items: two,
      name: 'Pilot',
      code: 2,
      err: `labels: 2 are called "Pilot"; give one of their ids: ${ID}, ${OTHER}\n`,
    },
    { title: 'a name that none has', items: two, name: 'Pilots', code: 1, err: 'labels: none is called "Pilots"\n' },
    { title: 'a name in another case', items: [label()], name: 'pilot', code: 0, err: '' },
  ]
  for (const { title, items, name, code, err } of lookups) {
    test(title, async () => {
      await using core = await startScripted(({ url }, response) =>
        sendJson(response, 200, url.startsWith('/api/v1/labels?') ? { items, next: null } : label()),
      )
      await using desk = await openDesk({ url: core.url })
      const ended = await desk.run('label', 'show', name)
      assert.deepEqual([ended.code, ended.err], [code, err])
    })
  }
})

describe('lists', () => {
  const pages: Script = ({ url }, response) => {
    const query = new URL(url, 'http://x').searchParams
    const from = Number(query.get('cursor') ?? 0)
    const limit = Number(query.get('limit'))
    const items = Array.from({ length: Math.min(limit, 1_200 - from) }, (_, index) =>
      label({ name: `l${from + index}` }),
    )
    sendJson(response, 200, { items, next: from + limit >= 1_200 ? null : String(from + limit) })
  }

  test('all of them, page after page', async () => {
    await using core = await startScripted(pages)
    await using desk = await openDesk({ url: core.url })
    const { out } = await desk.run('label', 'list', '--all', '-o', 'jsonl')
    const names = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { name: string }).name)
    assert.deepEqual([names.length, names.at(-1), core.came.length], [1_200, 'l1199', 3])
  })

  for (const form of ['json', 'yaml', 'table']) {
    test(`no more than was asked for, as ${form}`, async () => {
      await using core = await startScripted(pages)
      await using desk = await openDesk({ url: core.url })
      const { out, err } = await desk.run('label', 'list', '--limit', '501', '-o', form)
      assert.equal(out.match(/\bl\d+\b/g)?.length, 501)
      assert.match(err, /the first 501; more with --limit N or --all/)
    })
  }

  test('a page that comes again and again is an error, not a circle', async () => {
    await using core = await startScripted((_, response) => sendJson(response, 200, { items: [label()], next: 'same' }))
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('label', 'list', '--all')).code, 3)
    assert.equal(core.came.length, 2)
  })

  test('terminal-escape-in-a-name: what a phone calls itself does nothing to the terminal', async () => {
    const items = [label({ name: '\u001b]0;owned\u0007\u009b2J\u202ex' })]
    await using core = await startScripted((_, response) => sendJson(response, 200, { items, next: null }))
    await using desk = await openDesk({ url: core.url, tty: true })
    for (const form of ['table', 'json', 'jsonl', 'yaml']) {
      const { out } = await desk.run('label', 'list', '-o', form)
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    }
  })
})

describe('signing in', () => {
  const asAda: Script = (came, response) => {
    if (came.url === '/api/v1/session' && came.method === 'POST') {
      sendJson(response, 200, SESSION, {
        'set-cookie': '__Host-postern=one; Path=/; Secure; HttpOnly; SameSite=Strict',
      })
    } else if (came.url === '/api/v1/session/step-up') {
      sendJson(response, 200, SESSION, { 'set-cookie': '__Host-postern=two; Path=/; Secure' })
    } else if (came.headers.cookie === '__Host-postern=two') sendJson(response, 200, { userName: 'x', password: 'y' })
    else refuse(response, 401, 'STEP_UP_REQUIRED')
  }

  test('a person signs in, and proves it again with a code for what is dangerous', async () => {
    await using core = await startScripted(asAda)
    await using desk = await openDesk({ token: null, answers: ['ada', 'pass phrase', '123 456', '654321'] })
    const { code, err } = await desk.run('login', '--url', core.url)
    assert.equal(code, 0, err)
    assert.match(err, /as ada; it ends 2030-01-01T00:00:00\.000Z/)
    assert.deepEqual(JSON.parse(core.came[0]?.body ?? ''), { userName: 'ada', password: 'pass phrase', code: '123456' })
    const file = desk.around.credentialsFile
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.doesNotMatch(await readFile(file, 'utf8'), /pass phrase/)
    assert.equal((await desk.run('sign-in', 'enable-break-glass')).code, 0)
    assert.match(await readFile(file, 'utf8'), /"cookie": "two"/)
    const [, refusedOnce, proof, again] = core.came
    assert.equal(refusedOnce?.headers['x-csrf-token'], 'csrf')
    assert.deepEqual([proof?.body, again?.headers.cookie], ['{"code":"654321"}', '__Host-postern=two'])
  })

  test('without a code and a terminal it says which option to give', async () => {
    await using core = await startScripted(asAda)
    await using desk = await openDesk({ url: core.url })
    const { code, err } = await desk.run('sign-in', 'enable-break-glass')
    assert.equal(code, 4)
    assert.match(err, /--code 123456/)
  })

  test('a code that is none is not sent', async () => {
    await using core = await startScripted(asAda)
    await using desk = await openDesk({ url: core.url })
    assert.equal((await desk.run('sign-in', 'enable-break-glass', '--code', '12345')).code, 2)
    assert.equal(core.came.length, 1)
  })

  test('a token that does not work is not kept', async () => {
    await using core = await startScripted((_, response) => refuse(response, 401, 'NOT_SIGNED_IN'))
    await using desk = await openDesk({ token: null, input: 'pat_bad\n' })
    assert.equal((await desk.run('login', '--url', core.url, '--token', '-')).code, 4)
    assert.deepEqual(await readdir(desk.folder), [])
  })

  test('a token on the command line is not taken', async () => {
    await using desk = await openDesk({ token: null })
    const { code, err } = await desk.run('login', '--url', 'http://127.0.0.1:1', '--token', 'pat_secret')
    assert.equal(code, 2)
    assert.doesNotMatch(err, /pat_secret/)
  })

  test('what was kept for one Core is not sent to another', async () => {
    await using core = await startScripted((_, response) => sendJson(response, 200, SESSION))
    await using other = await startScripted((_, response) => sendJson(response, 200, SESSION))
    await using desk = await openDesk({ token: null, input: 'pat_good\n' })
    assert.equal((await desk.run('login', '--url', core.url, '--token', '-')).code, 0)
    assert.equal((await desk.run('session', 'show')).code, 0)
    assert.equal((await desk.run('session', 'show', '--url', other.url)).code, 4)
    assert.equal(other.came.length, 0)
  })

  test('a file that others can read is refused', async () => {
    await using desk = await openDesk({ token: null })
    await mkdir(join(desk.folder, 'postern'))
    await writeFile(desk.around.credentialsFile, '{"url":"http://127.0.0.1:1","token":"pat_x"}')
    await chmod(desk.around.credentialsFile, 0o644)
    const { code, err } = await desk.run('session', 'show')
    assert.equal(code, 2)
    assert.match(err, /can be read by others/)
  })
})

describe('TLS', () => {
  test('a certificate is verified, and its authority can be named', async () => {
    const ca = await createCa()
    const good = await ca.issueServer({ names: ['127.0.0.1'] })
    const wrong = await ca.issueServer({ names: ['core.example.com'] })
    const script: Script = (_, response) => sendJson(response, 200, SESSION)
    await using core = await startScripted(script, { cert: good.certPem, key: good.keyPem })
    await using impostor = await startScripted(script, { cert: wrong.certPem, key: wrong.keyPem })
    await using desk = await openDesk({})
    const file = join(desk.folder, 'ca.pem')
    await writeFile(file, ca.certPem)
    const untrusted = await desk.run('session', 'show', '--url', core.url)
    assert.equal(untrusted.code, 3)
    assert.match(untrusted.err, /give its authority with --ca FILE/)
    assert.equal((await desk.run('session', 'show', '--url', impostor.url, '--ca', file)).code, 3)
    assert.deepEqual([core.came.length, impostor.came.length], [0, 0])
    const trusted = await desk.run('session', 'show', '--url', core.url, '--ca', file)
    assert.equal(trusted.code, 0, trusted.err)
  })
})

describe('files', () => {
  test('bytes are not written to a terminal', async () => {
    await using core = await startScripted((_, response) => response.end(Buffer.from([0x1f, 0x8b])))
    await using desk = await openDesk({ url: core.url, tty: true })
    const { code, out } = await desk.run('backup')
    assert.deepEqual([code, out], [2, ''])
  })

  test('a file of a person is sent as it is', async () => {
    const reply = { dryRun: true, applied: false, created: 1, updated: 0, unchanged: 0, refused: 0, problems: [] }
    await using core = await startScripted((_, response) => sendJson(response, 200, reply))
    await using desk = await openDesk({ url: core.url, input: 'userName\ntu1@example.com\n' })
    assert.equal((await desk.run('user', 'import', '--body', '-', '--dry-run')).code, 0)
    const [sent] = core.came
    assert.deepEqual([sent?.headers['content-type'], sent?.body], ['text/csv', 'userName\ntu1@example.com\n'])
    assert.equal(sent?.url, '/api/v1/users/import?dryRun=true')
  })

  const verdicts = [
    {
      args: ['audit', 'verify'],
      reply: { ok: false, rows: 9, problem: { seq: 4, kind: 'changed', message: 'x' } },
      err: /broken at row 4: changed/,
    },
    {
      args: ['user', 'import', '--body', '-'],
      reply: { applied: false, dryRun: false, refused: 2 },
      err: /2 rows have problems/,
    },
  ]
  for (const { args, reply, err } of verdicts) {
    test(`${args.join(' ')} ends with 1 when the answer is no`, async () => {
      await using core = await startScripted((_, response) => sendJson(response, 200, reply))
      await using desk = await openDesk({ url: core.url })
      const ended = await desk.run(...args)
      assert.equal(ended.code, 1)
      assert.match(ended.err, err)
    })
  }

  test('restore refuses a file that is not there, before Core is started', async () => {
    await using desk = await openDesk({})
    assert.equal((await desk.run('restore', join(desk.folder, 'none.gz'))).code, 2)
  })
})
