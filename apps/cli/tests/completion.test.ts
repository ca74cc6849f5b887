/**
 * Completion as bash does it.
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { commandsOf } from '../src/commands/command-table.ts'
import { completionScript, SHELLS } from '../src/commands/completion-script.ts'
import { HAND_VERBS } from '../src/verbs/all-verbs.ts'

const run = promisify(execFile)
const BASH = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path))
const COMMANDS = commandsOf(ENDPOINTS)

describe('completion', () => {
  const cases = [
    { typed: ['lab'], offers: ['label'], not: ['role'] },
    { typed: ['label', ''], offers: ['list', 'add', 'remove'], not: ['block', '--name'] },
    { typed: ['label', 'add', '--d'], offers: ['--description'], not: ['--name'] },
    { typed: ['device', 'list', '--platform', ''], offers: ['iOS', 'Android'], not: ['--platform'] },
    { typed: ['device', 'list', '-o', 'j'], offers: ['json', 'jsonl'], not: ['yaml'] },
    { typed: ['completion', ''], offers: ['bash', 'zsh', 'fish'], not: ['list'] },
    { typed: ['apply', '--d'], offers: ['--dry-run'], not: ['--prune'] },
    { typed: ['backup', ''], offers: ['create', '--out'], not: ['list'] },
  ]
  test(
    'bash offers nouns, verbs, flags and values',
    { skip: BASH === undefined && 'there is no bash here' },
    async () => {
      const script = completionScript('bash', COMMANDS, HAND_VERBS)
      const calls = cases.map(({ typed }) => {
        const words = ['postern', ...typed].map((word) => `'${word}'`).join(' ')
        return `COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _postern; echo "\${COMPREPLY[*]}"`
      })
      const program = `${script}\n${calls.join('\n')}`
      const { stdout, stderr } = await run(BASH ?? '', ['--norc', '-c', program])
      assert.equal(stderr, '')
      for (const [index, line] of stdout.trimEnd().split('\n').entries()) {
        const offered = line.split(' ')
        const { typed, offers, not } = cases[index] ?? { typed: [], offers: [], not: [] }
        for (const word of offers) assert.ok(offered.includes(word), `${typed.join(' ')} → ${line}`)
        for (const word of not) assert.ok(!offered.includes(word), `${typed.join(' ')} → ${line}`)
      }
    },
  )

  for (const shell of SHELLS) {
    test(`${shell}: every noun is in the script, and nothing that the shell would act on`, () => {
      const script = completionScript(shell, COMMANDS, HAND_VERBS)
      for (const { noun } of COMMANDS) assert.ok(script.includes(noun))
      assert.doesNotMatch(script, /`|\$\((?!\()|;\s*rm/)
    })
  }
})
