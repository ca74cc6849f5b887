/**
 * Header fields in the order of the wire. Names compare without regard to case; nothing is merged or dropped.
 * @module
 */

/** The fields of one head. */
export class HeaderFields {
  readonly entries: readonly (readonly [name: string, value: string])[]

  /** `entries`: names in lower case, values as received. */
  constructor(entries: readonly (readonly [name: string, value: string])[]) {
    this.entries = entries
  }

  /** From Node's flat list of names and values. */
  static ofRaw(raw: readonly string[]): HeaderFields {
    const entries: [string, string][] = []
    for (let i = 0; i + 1 < raw.length; i += 2) entries.push([(raw[i] ?? '').toLowerCase(), raw[i + 1] ?? ''])
    return new HeaderFields(entries)
  }

  /** The first value, or null. Singletons are checked once, by {@link headReason}. */
  value(name: string): string | null {
    return this.entries.find(([given]) => given === name)?.[1] ?? null
  }

  /** All values, in order. */
  values(name: string): string[] {
    return this.entries.filter(([given]) => given === name).map(([, value]) => value)
  }

  has(name: string): boolean {
    return this.entries.some(([given]) => given === name)
  }
}
