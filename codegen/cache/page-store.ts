/**
 * The cache in a page: a Cache of the browser, which belongs to the page's origin.
 *
 * It can only be read asynchronously, so its entries are read into memory when the library is loaded, beside binaryen.
 * There is one only after `setCompileCache(true)` on some earlier page. Without a secure context there are no Caches.
 */
import { fingerprint } from './fingerprint.ts'
import type { Store } from './store.ts'

const cachePrefix = 'tracemill '
/** Entries kept; the first ones written go. */
const mostEntries = 512

export class PageStore implements Store {
  readonly place: string = `${cachePrefix}${fingerprint()}`
  readonly #entries = new Map<string, Uint8Array>()
  /** What has been put but not been written yet. */
  #writing: Promise<unknown> = Promise.resolve()

  get isWarm(): boolean {
    return this.#entries.size > 0
  }

  /** Reads all there is. */
  async preload(): Promise<void> {
    try {
      if (typeof caches === 'undefined' || !(await caches.has(this.place))) return
      const cache = await caches.open(this.place)
      await Promise.all(
        (await cache.keys()).map(async (request) => {
          const response = await cache.match(request)
          if (response !== undefined)
            this.#entries.set(nameIn(request.url), new Uint8Array(await response.arrayBuffer()))
        }),
      )
    } catch {
      // A browser may refuse; then there is nothing.
    }
  }

  get(name: string): Uint8Array | undefined {
    return this.#entries.get(name)
  }

  put(name: string, entry: Uint8Array<ArrayBuffer>): void {
    this.#entries.set(name, entry)
    this.#writing = this.#writing.then(() => this.#write(name, entry)).catch(() => undefined)
  }

  /** Resolves when what has been put is written. */
  async written(): Promise<void> {
    await this.#writing
  }

  async #write(name: string, entry: Uint8Array<ArrayBuffer>): Promise<void> {
    if (typeof caches === 'undefined') return
    const isNew = !(await caches.has(this.place))
    const cache = await caches.open(this.place)
    if (isNew)
      for (const other of await caches.keys())
        if (other.startsWith(cachePrefix) && other !== this.place) await caches.delete(other)
    await cache.put(addressOf(name), new Response(entry))
    const [...requests] = await cache.keys()
    for (const request of requests.slice(0, Math.max(0, requests.length - mostEntries)))
      await cache.delete(request)
  }
}

function addressOf(name: string): string {
  return `/tracemill-cache/${name}`
}

function nameIn(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1)
}
