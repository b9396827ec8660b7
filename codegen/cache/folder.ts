/**
 * The cache as a folder: a file per entry.
 *
 * The folder is the user's alone (mode 0700), since code that somebody else can write is code that somebody else can
 * have run; one that others can write to, or that is somebody else's, is not used. A file is written beside its place
 * and renamed, so that readers see all of it or nothing, and of two processes that write the same entry the later wins.
 * Reading an entry that has lain for a while marks it as used, by its time; when the folder has grown too large, what
 * was not used for the longest time goes.
 */
import type { Stats } from 'node:fs'
import { nodeModules } from './node-modules.ts'
import type { Store } from './store.ts'

/** All entries together; about a thousand training steps. */
const mostBytes = 64 * 1024 * 1024
/** When there is too much, this much is left, so that not every write has to look. */
const bytesLeft = 48 * 1024 * 1024
/** Writes before a process looks at the size again. */
const writesBetweenLooks = 64
/** An entry's time of use is right to within this. */
const useMilliseconds = 60 * 60 * 1000
const suffix = '.bin'

/** Why a folder cannot hold the cache. */
export class UnfitFolder extends Error {}

/** A cache in a folder, which is made if need be when the first entry is. */
export class FolderStore implements Store {
  readonly place: string
  readonly #prefix: string
  readonly #mostBytes: number
  #writes = 0
  /** Writing has failed: a full disk, a file system that cannot be written to. */
  #isReadOnly = false

  /**
   * @param prefix of the names of entries of this version of the library
   * @throws UnfitFolder for a folder that others can write to, or no folder at all
   */
  constructor(place: string, prefix: string, limit: number = mostBytes) {
    this.place = place
    this.#prefix = prefix
    this.#mostBytes = limit
    this.#check()
  }

  get isWarm(): boolean {
    return this.#names().some((name) => name.startsWith(this.#prefix) && name.endsWith(suffix))
  }

  get(name: string): Uint8Array | undefined {
    const { fs } = modules()
    const path = this.#pathOf(name)
    let file: number | undefined
    try {
      file = fs.openSync(path, 'r')
      const { size, mtimeMs } = fs.fstatSync(file)
      const entry = new Uint8Array(size)
      const read = fs.readSync(file, entry, 0, size, 0)
      if (Date.now() - mtimeMs > useMilliseconds) this.#use(path)
      return entry.subarray(0, read)
    } catch {
      return undefined
    } finally {
      if (file !== undefined) fs.closeSync(file)
    }
  }

  put(name: string, entry: Uint8Array<ArrayBuffer>): void {
    if (this.#isReadOnly) return
    const { fs } = modules()
    const path = this.#pathOf(name)
    const beside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
    try {
      this.#make()
      fs.writeFileSync(beside, entry, { flag: 'wx', mode: 0o600 })
      fs.renameSync(beside, path)
      if (this.#writes++ % writesBetweenLooks === 0) this.#shrink()
    } catch {
      this.#isReadOnly = true
      this.#remove(beside)
    }
  }

  #pathOf(name: string): string {
    return modules().path.join(this.place, `${this.#prefix}${name}${suffix}`)
  }

  #names(): readonly string[] {
    try {
      return modules().fs.readdirSync(this.place)
    } catch {
      return []
    }
  }

  #make(): void {
    const { fs, path } = modules()
    if (fs.existsSync(this.place)) return
    fs.mkdirSync(path.dirname(this.place), { recursive: true })
    try {
      fs.mkdirSync(this.place, { mode: 0o700 })
    } catch (error) {
      // Another process has made it meanwhile, perhaps another user's.
      if (!fs.existsSync(this.place)) throw error
    }
    this.#check()
  }

  /** Whether the nearest thing above it that exists is no folder. */
  #isBelowFile(): boolean {
    const { fs, path } = modules()
    for (let above = path.dirname(this.place); ; above = path.dirname(above)) {
      const found = fs.statSync(above, { throwIfNoEntry: false })
      if (found !== undefined) return !found.isDirectory()
      if (above === path.dirname(above)) return false
    }
  }

  #check(): void {
    let found: Stats | undefined
    try {
      found = modules().fs.statSync(this.place, { throwIfNoEntry: false })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new UnfitFolder(`${this.place} cannot be looked at (${why})`)
    }
    if (found === undefined) {
      // The call says so by itself in some versions of Node only.
      if (this.#isBelowFile()) throw new UnfitFolder(`${this.place} is below a file`)
      return
    }
    if (!found.isDirectory()) throw new UnfitFolder(`${this.place} is not a folder`)
    // Elsewhere than on POSIX there are neither owners nor modes to look at.
    if (typeof process.getuid !== 'function') return
    if (found.uid !== process.getuid()) throw new UnfitFolder(`${this.place} belongs to another user`)
    if ((found.mode & 0o022) !== 0) throw new UnfitFolder(`${this.place} can be written to by other users`)
  }

  #use(path: string): void {
    try {
      const now = new Date()
      modules().fs.utimesSync(path, now, now)
    } catch {
      // It counts as not used then.
    }
  }

  #remove(path: string): void {
    try {
      modules().fs.rmSync(path, { force: true })
    } catch {
      // It is looked at again when the folder is next shrunk.
    }
  }

  /** Removes what was not used for the longest time, of whatever version, and what was never renamed. */
  #shrink(): void {
    const { fs, path } = modules()
    const files = this.#names().flatMap((name) => {
      const whole = path.join(this.place, name)
      const found = fs.statSync(whole, { throwIfNoEntry: false })
      return found?.isFile() === true ? [{ path: whole, size: found.size, time: found.mtimeMs }] : []
    })
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    const left = bytes > this.#mostBytes ? this.#mostBytes * (bytesLeft / mostBytes) : bytes
    for (const file of files.sort((x, y) => x.time - y.time)) {
      const isLeftOver = !file.path.endsWith(suffix) && Date.now() - file.time > useMilliseconds
      if (bytes <= left && !isLeftOver) continue
      this.#remove(file.path)
      bytes -= file.size
    }
  }
}

function modules(): NonNullable<typeof nodeModules> {
  if (nodeModules === undefined) throw new UnfitFolder('there are no folders here')
  return nodeModules
}
