/** Where entries of the cache are kept: a folder, or a page's Cache. */

/** Entries by name. Nothing here throws: a place that cannot be read or written is one that holds nothing. */
export interface Store {
  /** Where it is, in words for messages: a path, or the name of a Cache. */
  readonly place: string
  /** Whether there is an entry of this version of the library. */
  readonly isWarm: boolean
  get: (name: string) => Uint8Array | undefined
  /** Keeps an entry, in place of one of the same name. */
  put: (name: string, entry: Uint8Array<ArrayBuffer>) => void
}
