/**
 * Versions of iOS and iPadOS as devices report them (`OSVersion`): "17.4.1" to numbers that compare.
 * @module
 */

/** Major, minor and patch; what a device leaves out is 0. */
export type OsVersion = readonly [major: number, minor: number, patch: number]

/** Null when the text is no version of one to three numbers: an unread version is an unknown one, never an old or new one. */
export function parseOsVersion(text: string): OsVersion | null {
  const match = /^(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?$/.exec(text)
  if (match === null) return null
  return [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)]
}

/** Negative when `a` is older, positive when it is newer, 0 when they are the same. */
export function compareOsVersions(a: OsVersion, b: OsVersion): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

/** Shortest form that Apple's tables use: "13.0", "17.4.1". */
export function formatOsVersion([major, minor, patch]: OsVersion): string {
  return patch === 0 ? `${major}.${minor}` : `${major}.${minor}.${patch}`
}
