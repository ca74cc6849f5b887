/**
 * Times as the contract writes them.
 * @module
 */
import { invalid } from '../failure.ts'

/** Null stays null. @throws CoreError INVALID at `path` for a day or hour that there is not */
export function toDate<T extends string | null>(path: string, text: T): T extends string ? Date : Date | null
export function toDate(path: string, text: string | null): Date | null {
  if (text === null) return null
  const date = new Date(text)
  if (Number.isNaN(date.getTime()) || date.toISOString() !== text) {
    throw invalid(path, `${text} is no time that there is; write it like 2026-01-31T12:00:00.000Z`)
  }
  return date
}
