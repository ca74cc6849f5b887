/**
 * `postern`: everything that the console can do, for the shell.
 * @module
 */
export {}
