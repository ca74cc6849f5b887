/**
 * Tells when files changed, by any way of writing them: in place, by rename over, by touch.
 * @module
 */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Polled this often, for file systems that send no events. Milliseconds. */
const POLL_MS = 250
/** Events of one write come in bursts; they are told once. Milliseconds. */
const SETTLE_MS = 25

/** Watches until disposed. `changed` is called after a change, at most once in {@link SETTLE_MS}. */
export function watchFiles(paths: readonly string[], changed: () => void): Disposable {
  let stopped = false
  let settle: NodeJS.Timeout | null = null
  let known = ''
  const look = async (): Promise<void> => {
    settle = null
    const seen = (await Promise.all(paths.map(stamp))).join('|')
    if (stopped || seen === known) return
    const first = known === ''
    known = seen
    if (!first) changed()
  }
  const soon = (): void => {
    if (!stopped) settle ??= setTimeout(() => void look(), SETTLE_MS)
  }
  void look()
  const poll = setInterval(soon, POLL_MS)
  const watchers = watchFolders(paths, soon)
  return {
    [Symbol.dispose]() {
      stopped = true
      clearInterval(poll)
      if (settle !== null) clearTimeout(settle)
      for (const watcher of watchers) watcher.close()
    },
  }
}

// The folder is watched, not the file: a rename over the file would leave the watcher on the dead inode.
function watchFolders(paths: readonly string[], changed: () => void): FSWatcher[] {
  const names = new Set(paths.map((path) => basename(path)))
  const watchers: FSWatcher[] = []
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || names.has(name)) changed()
      })
      watcher.on('error', () => {
        watcher.close() // the poll goes on
      })
      watchers.push(watcher)
    } catch {
      // No events here (limit reached, no such file system): the poll does it alone.
    }
  }
  return watchers
}

async function stamp(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs}:${size}:${ino}`
  } catch {
    return 'missing'
  }
}
