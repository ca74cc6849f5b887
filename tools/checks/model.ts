/**
 * What every drift check is: a name, and a question to a workspace whose answer is a list of faults.
 * @module
 */

/** One fault: where (a path relative to the workspace's root, with `:line` where known) and what to do about it. */
export interface Finding {
  readonly where: string
  readonly message: string
}

/** An empty answer is a pass. `root` is the workspace's folder; a check neither writes there nor reads elsewhere. */
export interface Check {
  readonly name: string
  run(root: string): Promise<readonly Finding[]>
}
