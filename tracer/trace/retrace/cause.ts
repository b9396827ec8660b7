/**
 * One cause of retraces: the same paths differing in the same ways, however often.
 *
 * It counts, sums up times and call sites, and knows when it is worth a message: at three retraces, or when it has cost
 * both 50 ms and a fifth of the function's time; then each time either has doubled. So a thousand retraces are ten
 * messages of constant length.
 */
import type { Difference, Mode } from './difference.ts'
import { modeChanges } from './difference.ts'
import type { Likeness } from './graph-digest.ts'
import { PathHistory } from './path-history.ts'

/** A place in the user's program, or how to find it when it is wanted. */
export type Place = string | undefined | (() => string | undefined)

export function placeText(place: Place): string | undefined {
  return typeof place === 'function' ? place() : place
}

/** Milliseconds by stage: running the callback, making code of the graph, compiling the WebAssembly. */
export interface StageTimes {
  readonly trace: number
  readonly compile: number
  readonly assemble?: number
}

export interface MutableTimes {
  trace: number
  compile: number
  assemble: number
}

export function addTimes(to: MutableTimes, times: StageTimes): void {
  to.trace += times.trace
  to.compile += times.compile
  to.assemble += times.assemble ?? 0
}

export function totalOf({ trace, compile, assemble }: StageTimes): number {
  return trace + compile + (assemble ?? 0)
}

const fewestRetraces = 3
const leastMilliseconds = 50
const leastShare = 0.2
/** Places kept unread before they are resolved and counted. */
const mostUnread = 64
/** Different places that are counted one by one. */
const mostSites = 32

export class Cause {
  readonly paths: ReadonlyMap<string, PathHistory>
  /** Settings that differed as well, when arguments differed too. */
  readonly alsoChanged: Map<string, PathHistory> = new Map()
  /** Retraces while another function was traced: that function answers for them. */
  readonly nested: boolean
  readonly times: MutableTimes = { trace: 0, compile: 0, assemble: 0 }
  count = 0
  wasmBytes = 0
  readonly likenesses: Map<Likeness, number> = new Map()
  /** Functions traced again because this one was, with counts. */
  readonly alsoTraced: Map<string, number> = new Map()
  /** Lines where values first mattered, by path. */
  readonly readAt: Map<string, string> = new Map()
  readonly #sites = new Map<string, number>()
  #otherSites = 0
  #unread: Place[] = []
  #nextCount: number
  #nextCost = leastMilliseconds

  constructor(
    differences: readonly Pick<Difference, 'path' | 'kind'>[],
    nested: boolean,
    firstShown: number = fewestRetraces,
  ) {
    this.paths = new Map(differences.map(({ path, kind }) => [path, new PathHistory(path, kind)]))
    this.nested = nested
    this.#nextCount = firstShown
  }

  get total(): number {
    return totalOf(this.times)
  }

  /** One more retrace. */
  add(
    differences: readonly Difference[],
    times: StageTimes,
    wasmBytes: number,
    place: Place,
    alike: Likeness | undefined,
  ): void {
    this.count++
    addTimes(this.times, times)
    this.wasmBytes += wasmBytes
    for (const { path, before, after, text } of differences) {
      const history = this.paths.get(path)
      if (text !== undefined) history?.say(text)
      else if (before !== undefined || after !== undefined) history?.add(before, after)
    }
    this.#unread.push(place)
    if (this.#unread.length > mostUnread) this.#readPlaces()
    if (alike !== undefined) this.likenesses.set(alike, (this.likenesses.get(alike) ?? 0) + 1)
  }

  addModes(before: Mode, after: Mode): void {
    for (const change of modeChanges(before, after)) {
      let history = this.paths.get(change.path) ?? this.alsoChanged.get(change.path)
      if (history === undefined)
        this.alsoChanged.set(change.path, (history = new PathHistory(change.path, 'mode')))
      history.addText(change.before, change.after)
    }
  }

  /** Places the function was called from, the commonest first. */
  get sites(): readonly { readonly site: string; readonly count: number }[] {
    this.#readPlaces()
    const sites = [...this.#sites].map(([site, count]) => ({ site, count })).sort((x, y) => y.count - x.count)
    return this.#otherSites === 0 ? sites : [...sites, { site: 'other places', count: this.#otherSites }]
  }

  /** True when it is time for a message; `share` is the cause's part of the function's time. */
  isDue(share: number | undefined): boolean {
    if (this.nested) return false
    return (
      this.count >= this.#nextCount ||
      (this.total >= this.#nextCost && share !== undefined && share >= leastShare)
    )
  }

  /** Notes that a message about it has been shown. */
  shown(): void {
    this.#nextCount = Math.max(this.#nextCount, 2 * this.count)
    this.#nextCost = Math.max(leastMilliseconds, 2 * this.total)
  }

  #readPlaces(): void {
    for (const place of this.#unread) {
      const site = placeText(place)
      if (site === undefined) continue
      const count = this.#sites.get(site)
      if (count === undefined && this.#sites.size >= mostSites) this.#otherSites++
      else this.#sites.set(site, (count ?? 0) + 1)
    }
    this.#unread = []
  }
}
