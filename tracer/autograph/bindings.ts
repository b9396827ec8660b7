/**
 * Which variable each identifier of a text is, and what is read and written where.
 *
 * Everything is kept in the order of the source, so that "what is written in this loop" is a question about a range of
 * positions. A function that is mentioned in a range may be called there: what it writes counts as written in the range
 * too.
 */
import type { Identifier, Program } from 'acorn'
import { type Binding, type PartWrite, Resolution } from './resolve.ts'
import { type AnyNode, children, type Range } from './syntax.ts'

export type { Binding, PartWrite }

export class Bindings {
  readonly #resolution: Resolution
  readonly #writtenIn = new WeakMap<Range, ReadonlySet<Binding>>()
  readonly #mentions = new Map<Binding, Identifier[]>()
  readonly #program: Program
  #usesSuper: boolean | undefined

  constructor(program: Program) {
    this.#program = program
    this.#resolution = new Resolution(program)
  }

  get usesSuper(): boolean {
    return (this.#usesSuper ??= mentionsSuper(this.#program))
  }

  /** Names that nothing in the text declares. */
  get free(): ReadonlySet<string> {
    return this.#resolution.free
  }

  of(node: Identifier): Binding | undefined {
    return this.#resolution.of.get(node)
  }

  /** The variables read in a range, in functions inside it too. */
  readIn(range: Range): Set<Binding> {
    const { reads } = this.#resolution
    const found = new Set<Binding>()
    for (let i = firstFrom(reads, range.start); i < reads.length; i++) {
      const read = reads[i]
      if (read === undefined || read.start >= range.end) break
      found.add(read.binding)
    }
    return found
  }

  /** The variables that running a range may write. */
  writtenIn(range: Range): ReadonlySet<Binding> {
    const known = this.#writtenIn.get(range)
    if (known !== undefined) return known
    const found = new Set<Binding>()
    for (const part of this.#reach(range))
      for (const { binding } of within(this.#resolution.writes, part))
        if (part === range || !isIn(binding.start, part)) found.add(binding)
    this.#writtenIn.set(range, found)
    return found
  }

  /** The parts of objects that running a range may write. */
  partsIn(range: Range): PartWrite[] {
    return this.#resolution.parts.length === 0
      ? []
      : this.#reach(range).flatMap((part) => within(this.#resolution.parts, part))
  }

  /** Identifiers in a range that mean a binding. */
  mentions(binding: Binding): readonly Identifier[] {
    if (this.#mentions.size === 0)
      for (const [node, value] of this.#resolution.of) {
        const known = this.#mentions.get(value)
        if (known === undefined) this.#mentions.set(value, [node])
        else known.push(node)
      }
    return this.#mentions.get(binding) ?? []
  }

  /** The range, and the functions it may call. */
  #reach(range: Range): Range[] {
    const ranges: Range[] = [range]
    for (let i = 0; i < ranges.length; i++) {
      const current = ranges[i]
      if (current === undefined) break
      for (const { holds } of this.readIn(current))
        for (const held of holds) if (!ranges.includes(held) && !isIn(held.start, range)) ranges.push(held)
    }
    return ranges
  }
}

function mentionsSuper(node: AnyNode): boolean {
  return node.type === 'Super' || children(node).some(mentionsSuper)
}

/** The entries of a list, sorted by position, that are in a range. */
function within<E extends { readonly start: number }>(entries: readonly E[], range: Range): readonly E[] {
  return entries.slice(firstFrom(entries, range.start), firstFrom(entries, range.end))
}

function firstFrom(entries: readonly { readonly start: number }[], position: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle]?.start ?? 0) < position) low = middle + 1
    else high = middle
  }
  return low
}

export function isIn(position: number, range: Range): boolean {
  return position >= range.start && position < range.end
}
