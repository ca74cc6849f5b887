/**
 * Entry of a worker process; the supervisor starts it and speaks first.
 * @module
 */
import { processLog } from '../config/log.ts'
import { EXIT_CANNOT_LISTEN, type FromWorker, type ToWorker } from '../coordination/messages.ts'
import { SentryWorker } from './worker.ts'

const log = processLog(Date.now)
// The supervisor decides when to stop; a Ctrl-C reaches the whole group and must not end the draining.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))

// A message may quote what a device sent; the place in the code cannot. The supervisor starts another worker.
process.on('uncaughtException', (error: unknown) => {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.split('\n').filter((line) => line.startsWith('    at '))
  log('problem', 'worker-fault', { name: error instanceof Error ? error.name : 'unknown', at: at.slice(0, 12) })
  process.exit(70)
})

const REMEDIES = new Map([
  ['EADDRINUSE', 'another program uses listen.port; stop it or take another port'],
  ['EACCES', 'ports below 1024 need a right of their own; take another port or grant it'],
])

let worker: SentryWorker | null = null
process.on('message', (message: ToWorker) => {
  if (message.op !== 'start') {
    worker?.receive(message)
    return
  }
  worker = new SentryWorker(message, {
    send: (answer: FromWorker) => {
      if (process.connected) process.send?.(answer)
    },
    exit: () => process.exit(0),
    now: Date.now,
    random: Math.random,
    log,
  })
  worker.listen().catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    log('problem', 'cannot-listen', {
      code,
      remedy: REMEDIES.get(code) ?? 'listen.host must be an address of this machine',
    })
    process.exit(EXIT_CANNOT_LISTEN)
  })
})
