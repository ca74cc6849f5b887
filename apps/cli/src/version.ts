/**
 * The release.
 * @module
 */

/** As in package.json; a test holds the two together. */
export const CLI_VERSION = '0.1.0'
