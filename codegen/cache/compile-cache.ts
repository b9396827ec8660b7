/**
 * The cache of compiled programs: whether there is one, and what it has done.
 *
 * An entry is named by a hash of its program's key (program-key.ts) and the engine's features, and holds all of the key,
 * which is compared. Names begin with a fingerprint of the library, so another version finds nothing of this one's.
 *
 * In Node it can be asked for before the library is loaded, by the environment variable `TRACEMILL_CACHE`; if the
 * folder then holds entries of this version, the process expects to need nothing else and does not load binaryen
 * (wasm/binaryen.ts). In a page entries are read when the library is loaded (page-store.ts).
 */
import type * as Path from 'node:path'
import { features } from '../wasm/features.ts'
import { decodeEntry, encodeEntry } from './entry.ts'
import { fingerprint } from './fingerprint.ts'
import { FolderStore, UnfitFolder } from './folder.ts'
import { hashText } from './hash.ts'
import { nodeModules } from './node-modules.ts'
import { PageStore } from './page-store.ts'
import type { Store } from './store.ts'

/** What the cache has done in this process, for programs of traced functions and eager ops alike. */
export interface CompileCounts {
  /** Programs compiled. */
  compiled: number
  /** Programs that were found in the cache. */
  found: number
  /** Entries that were there but not usable. */
  rejected: number
}

export const compileCounts: CompileCounts = { compiled: 0, found: 0, rejected: 0 }

let store: Store | undefined
let pageStore: PageStore | undefined

/**
 * Uses the cache at `place`, at the usual place (`true`), or none (`false`). Returns where it is.
 *
 * @throws UnfitFolder when the folder cannot hold it.
 */
export function useCompileCache(place: string | boolean): string | undefined {
  if (place === false) store = undefined
  else if (nodeModules === undefined) store = pageStore ??= new PageStore()
  else store = new FolderStore(folderFor(place, nodeModules.path), `${fingerprint()}-`)
  return store?.place
}

function folderFor(place: string | true, path: typeof Path): string {
  if (place !== true) return path.resolve(place)
  const exists = (folder: string, name: string): boolean =>
    nodeModules?.fs.existsSync(path.join(folder, name)) === true
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    if (exists(folder, 'package.json') || exists(folder, 'node_modules'))
      return path.join(folder, 'node_modules/.cache/tracemill')
    if (path.dirname(folder) === folder)
      throw new UnfitFolder(
        `there is no package.json in ${process.cwd()} or above it to put node_modules/.cache beside`,
      )
  }
}

/** The module of a program, if the cache has it. */
export function cachedModule(key: string): Uint8Array<ArrayBuffer> | undefined {
  if (store === undefined) return undefined
  const entry = store.get(nameOf(key))
  if (entry === undefined) return undefined
  const module = decodeEntry(entry, withFeatures(key))
  if (module === undefined) compileCounts.rejected++
  else compileCounts.found++
  return module
}

/** Keeps the module of a program. */
export function cacheModule(key: string, module: Uint8Array): void {
  store?.put(nameOf(key), encodeEntry(withFeatures(key), module))
}

/** Takes back that a program was found: its module turned out not to be one. */
export function rejectModule(): void {
  compileCounts.found--
  compileCounts.rejected++
}

export function hasCompileCache(): boolean {
  return store !== undefined
}

function nameOf(key: string): string {
  return hashText(withFeatures(key))
}

function withFeatures(key: string): string {
  return `${features.relaxedSimd ? 'relaxed' : 'plain'} ${key}`
}

/** Opens the cache that the environment asks for. True when what is needed is probably all in it. */
export function openAskedCache(): boolean {
  if (nodeModules === undefined) return false
  const asked = process.env['TRACEMILL_CACHE']
  if (asked === undefined || ['', '0', 'false'].includes(asked)) return false
  try {
    useCompileCache(['1', 'true'].includes(asked) || asked)
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    console.warn(`tracemill: no compile cache: ${error.message}.`)
  }
  return store?.isWarm === true
}

/** In a page, reads what earlier pages have left. */
export async function preloadPageCache(): Promise<void> {
  if (nodeModules !== undefined) return
  pageStore = new PageStore()
  await pageStore.preload()
}
