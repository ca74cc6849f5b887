/**
 * Worker processes: one for each core, started again when they die, told everything that all must know.
 * @module
 */
import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Log } from '../config/log.ts'
import type { FromWorker, ToWorker } from '../coordination/messages.ts'

/** A worker that dies sooner than this after its start is restarted with growing delay. Milliseconds. */
const STABLE_MS = 5_000
const MAX_DELAY_MS = 5_000

/** What the owner of a pool does with its workers. */
export interface WorkerPoolHandlers {
  /** First message for a new worker. */
  welcome(): ToWorker
  /** It was sent. */
  welcomed(worker: number): void
  message(worker: number, message: FromWorker): void
  /** `code` null: ended by a signal. */
  died(worker: number, code: number | null): void
}

/** A fixed number of workers. */
export class WorkerPool {
  readonly #count: number
  readonly #handlers: WorkerPoolHandlers
  readonly #log: Log
  readonly #now: () => number
  readonly #workers = new Map<number, Worker>()
  #stopping = false
  #failures = 0

  constructor(count: number, handlers: WorkerPoolHandlers, log: Log, now: () => number) {
    this.#count = count
    this.#handlers = handlers
    this.#log = log
    this.#now = now
  }

  start(): void {
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('../worker/worker-main.ts', import.meta.url)),
      serialization: 'advanced',
    })
    for (let i = 0; i < this.#count; i++) this.#fork()
  }

  get size(): number {
    return this.#workers.size
  }

  send(worker: number, message: ToWorker): void {
    const target = this.#workers.get(worker)
    if (target?.isConnected() === true) target.send(message)
  }

  /** Resolves when the pipe has taken the message, or the worker is gone: a large posture must not pile up in memory. */
  deliver(worker: number, message: ToWorker): Promise<void> {
    const target = this.#workers.get(worker)
    if (target?.isConnected() !== true) return Promise.resolve()
    return new Promise((resolve) => {
      target.once('exit', resolve) // the callback of a pipe that breaks may never come
      target.send(message, () => {
        target.removeListener('exit', resolve)
        resolve()
      })
    })
  }

  broadcast(message: ToWorker): void {
    for (const id of this.#workers.keys()) this.send(id, message)
  }

  /** Asks all to stop, and returns when the last is gone; those that are not gone after `limitMs` are killed. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping = true
    this.broadcast({ op: 'stop' })
    const deadline = this.#now() + limitMs
    while (this.#workers.size > 0 && this.#now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const worker of this.#workers.values()) worker.process.kill('SIGKILL')
  }

  #fork(): void {
    const worker = cluster.fork()
    const startedAt = this.#now()
    this.#workers.set(worker.id, worker)
    worker.on('message', (message: FromWorker) => {
      this.#handlers.message(worker.id, message)
    })
    worker.once('exit', (code, signal) => {
      this.#workers.delete(worker.id)
      this.#handlers.died(worker.id, code)
      if (this.#stopping) return
      this.#failures = this.#now() - startedAt < STABLE_MS ? this.#failures + 1 : 0
      const delayMs = this.#failures === 0 ? 0 : Math.min(MAX_DELAY_MS, 100 * 2 ** this.#failures)
      this.#log('problem', 'worker-died', { worker: worker.id, code, signal, restartInMs: delayMs })
      setTimeout(() => {
        if (!this.#stopping) this.#fork()
      }, delayMs)
    })
    worker.send(this.#handlers.welcome())
    this.#handlers.welcomed(worker.id)
  }
}
