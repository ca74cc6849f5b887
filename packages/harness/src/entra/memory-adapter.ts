/**
 * Where the OpenID library keeps sessions, codes and grants: maps that go away with the stand-in.
 * @module
 */

interface Entry {
  payload: Record<string, unknown>
  expiresAt: number
}

/** All of one provider's records, by model and id. */
export class MemoryStore {
  readonly #entries = new Map<string, Entry>()

  /** What the library asks its storage for one model to be. */
  adapter(model: string): object {
    const key = (id: string): string => `${model}:${id}`
    const find = (fits: (payload: Entry['payload']) => boolean): Entry['payload'] | undefined =>
      this.#live(model).find(([, { payload }]) => fits(payload))?.[1].payload
    return {
      upsert: async (id: string, payload: Entry['payload'], seconds?: number) => {
        this.#entries.set(key(id), { payload, expiresAt: Date.now() + (seconds ?? 86_400) * 1000 })
      },
      find: async (id: string) => this.#live(model).find(([name]) => name === key(id))?.[1].payload,
      findByUid: async (uid: string) => find((payload) => payload['uid'] === uid),
      findByUserCode: async (code: string) => find((payload) => payload['userCode'] === code),
      consume: async (id: string) => {
        const entry = this.#entries.get(key(id))
        if (entry !== undefined) entry.payload['consumed'] = Math.floor(Date.now() / 1000)
      },
      destroy: async (id: string) => {
        this.#entries.delete(key(id))
      },
      revokeByGrantId: async (grantId: string) => {
        this.removeWhere((payload) => payload['grantId'] === grantId)
      },
    }
  }

  /** Removes records of every model. */
  removeWhere(fits: (payload: Entry['payload']) => boolean): void {
    for (const [key, { payload }] of this.#entries) if (fits(payload)) this.#entries.delete(key)
  }

  /** Records of a model, without those that are over by more than a day: the library tells expired from unknown. */
  #live(model: string): [string, Entry][] {
    const oldest = Date.now() - 86_400_000
    return [...this.#entries].filter(([key, { expiresAt }]) => key.startsWith(`${model}:`) && expiresAt > oldest)
  }
}
