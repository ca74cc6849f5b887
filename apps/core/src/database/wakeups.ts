/**
 * One connection that listens: what another Core, or this one, has committed wakes whoever waits for it. A wake-up says
 * only that something happened; what it was is read from the tables.
 * @module
 */
import { Client } from 'pg'
import { clientConfig, type ConnectionTarget } from './connect.ts'
import { CHANNEL, type Topic } from './store.ts'

/** After a lost connection. Milliseconds. */
const RETRY_MS = 500

/** Subscriptions. Disposing ends the connection. */
export interface Wakeups extends AsyncDisposable {
  /** Calls `wake` after each commit that touched the topic, and after every gap in listening. Dispose to end. */
  on(topic: Topic, wake: () => void): Disposable
}

/** Listens from now on; a lost connection is made again until disposed. `fault` hears of each loss. */
export async function startWakeups(target: ConnectionTarget, fault: (error: unknown) => void): Promise<Wakeups> {
  const subscribers = new Map<Topic, Set<() => void>>()
  const tell = (topic: Topic): void => {
    for (const wake of subscribers.get(topic) ?? []) wake()
  }
  let stopped = false
  let client: Client | null = null
  const listen = async (): Promise<void> => {
    const fresh = new Client({ ...clientConfig(target), keepAlive: true })
    fresh.on('notification', ({ payload }) => tell(payload as Topic)) // only `store.ts` notifies
    fresh.on('error', lost)
    fresh.on('end', lost)
    try {
      await fresh.connect()
      await fresh.query(`listen ${CHANNEL}`)
      if (stopped) throw new Error('nobody listens any more')
    } catch (error) {
      await fresh.end().catch(() => undefined) // it failed already; nothing may stay open behind it
      throw error
    }
    client = fresh
    for (const topic of subscribers.keys()) tell(topic)
  }
  const lost = (error?: unknown): void => {
    if (client === null || stopped) return
    client = null
    fault(error ?? new Error('the listening connection ended'))
    again()
  }
  const again = (): void => {
    setTimeout(() => {
      if (!stopped) listen().catch(again)
    }, RETRY_MS).unref()
  }
  await listen()
  return {
    on: (topic, wake) => {
      const set = subscribers.get(topic) ?? new Set()
      subscribers.set(topic, set.add(wake))
      return { [Symbol.dispose]: () => void set.delete(wake) }
    },
    [Symbol.asyncDispose]: async () => {
      stopped = true
      await client?.end()
    },
  }
}
