/**
 * The order of what fusion makes kernels of, kept while clusters grow, so that cycles are found without a walk through
 * the whole program.
 *
 * *Items* are clusters and nodes outside of them. Each has a rank, and waits only for items of lower rank; at first the
 * ranks are the places in the program. A union of two items makes a cycle just when a way leads from the higher to the
 * lower by way of a third, and all on such a way have ranks between the two: the walk ends where ranks leave that
 * range, mostly at once. After a union the few items in the range that the higher waits for, and those that wait for
 * the lower, share the ranks they had among them anew, with the union in the middle. (Dynamic topological order:
 * D. J. Pearce and P. H. J. Kelly, ACM Journal of Experimental Algorithmics 11, 2006.)
 */

/** The order of items that consist of members of type `Member`. */
export class ItemOrder<Member, Item> {
  readonly #ranks = new Map<Item, number>()
  readonly #itemOf: (member: Member) => Item
  readonly #membersOf: (item: Item) => readonly Member[]
  readonly #waitsFor: ReadonlyMap<Member, ReadonlySet<Member>>
  readonly #awaitedBy = new Map<Member, Member[]>()
  /** How many ways from item to item have been looked at: what the order costs. */
  steps = 0

  constructor(options: {
    readonly itemOf: (member: Member) => Item
    readonly membersOf: (item: Item) => readonly Member[]
    /** What each member waits for. */
    readonly waitsFor: ReadonlyMap<Member, ReadonlySet<Member>>
  }) {
    this.#itemOf = options.itemOf
    this.#membersOf = options.membersOf
    this.#waitsFor = options.waitsFor
    for (const [member, others] of options.waitsFor)
      for (const other of others) {
        const known = this.#awaitedBy.get(other)
        if (known === undefined) this.#awaitedBy.set(other, [member])
        else known.push(member)
      }
  }

  /** Says where an item is to begin with. */
  place(item: Item, rank: number): void {
    this.#ranks.set(item, rank)
  }

  /**
   * What has to be known to make one of two items: undefined when that makes a cycle through another one. It holds until
   * the next union.
   */
  union(a: Item, b: Item): Union<Item> | undefined {
    const [low, high] = this.#rankOf(a) < this.#rankOf(b) ? [a, b] : [b, a]
    const earlier = this.#reach(high, low, this.#waitsFor)
    return earlier === undefined ? undefined : { low, high, earlier }
  }

  /** Makes `item`, which may be one of the two, of both. To be called while the two still have their own members. */
  unite({ low, high, earlier }: Union<Item>, item: Item): void {
    // Where nothing between has to come first, the union can stay where the lower was.
    const later = earlier.length === 0 ? [] : (this.#reach(low, high, this.#awaitedBy) ?? [])
    const byRank = (x: Item, y: Item): number => this.#rankOf(x) - this.#rankOf(y)
    const ordered = [...earlier.toSorted(byRank), item, ...later.toSorted(byRank)]
    const ranks = [low, high, ...earlier, ...later]
      .map((each) => this.#rankOf(each))
      .toSorted((x, y) => x - y)
    this.#ranks.delete(low)
    this.#ranks.delete(high)
    ordered.forEach((each, i) => this.#ranks.set(each, ranks[i] ?? 0))
  }

  #rankOf(item: Item): number {
    return this.#ranks.get(item) ?? -1
  }

  /** The items between two that can be reached from the first; undefined when the second can be, through one of them. */
  #reach(from: Item, to: Item, ways: ReadonlyMap<Member, Iterable<Member>>): readonly Item[] | undefined {
    const [one, other] = [this.#rankOf(from), this.#rankOf(to)]
    const [low, high] = [Math.min(one, other), Math.max(one, other)]
    const found = new Set<Item>()
    const open = [from]
    for (let item = open.pop(); item !== undefined; item = open.pop())
      for (const member of this.#membersOf(item))
        for (const next of ways.get(member) ?? []) {
          this.steps++
          const reached = this.#itemOf(next)
          if (reached === to) {
            if (item !== from) return undefined
            continue
          }
          const rank = this.#rankOf(reached)
          if (rank <= low || rank >= high || found.has(reached)) continue
          found.add(reached)
          open.push(reached)
        }
    return [...found]
  }
}

/** Two items that can become one, and the items between them that the higher waits for. */
export interface Union<Item> {
  readonly low: Item
  readonly high: Item
  readonly earlier: readonly Item[]
}
