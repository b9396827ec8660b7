/**
 * The order of items under unions: that it finds the cycles that a walk through all of them finds, and how much it
 * walks.
 */
import { describe, expect, it } from 'vitest'
import { ItemOrder } from '../../../tracer/passes/item-order.ts'

interface Item {
  readonly members: number[]
}

/** Items of one member each, and the order of them. */
function singles(waitsFor: ReadonlyMap<number, ReadonlySet<number>>): {
  readonly items: Item[]
  readonly order: ItemOrder<number, Item>
} {
  const items = [...waitsFor.keys()].map((member): Item => ({ members: [member] }))
  const order = new ItemOrder<number, Item>({
    itemOf: (member) => items[member] as Item,
    membersOf: ({ members }) => members,
    waitsFor,
  })
  items.forEach((item, rank) => order.place(item, rank))
  return { items, order }
}

/** Whether a way through another item leads from one of two items back to either. */
function hasWayBack(
  items: readonly Item[],
  waitsFor: ReadonlyMap<number, ReadonlySet<number>>,
  a: Item,
  b: Item,
): boolean {
  const before = (item: Item): Item[] =>
    item.members.flatMap((member) => [...(waitsFor.get(member) ?? [])].map((other) => items[other] as Item))
  const seen = new Set<Item>()
  const open = [a, b].flatMap(before).filter((item) => item !== a && item !== b)
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (item === a || item === b) return true
    if (seen.has(item)) continue
    seen.add(item)
    open.push(...before(item))
  }
  return false
}

function unite(items: Item[], a: Item, b: Item): void {
  a.members.push(...b.members)
  for (const member of b.members) items[member] = a
}

describe('the order of items', () => {
  it('finds the cycles that unions would make, and no others', () => {
    let state = 7
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    let unions = 0
    let cycles = 0
    for (let round = 0; round < 150; round++) {
      const count = 6 + random(30)
      const waitsFor = new Map(
        Array.from({ length: count }, (_, i) => [
          i,
          new Set(Array.from({ length: i === 0 ? 0 : random(3) }, () => random(i))),
        ]),
      )
      const { items, order } = singles(waitsFor)
      for (let attempt = 0; attempt < 2 * count; attempt++) {
        const [a, b] = [items[random(count)] as Item, items[random(count)] as Item]
        if (a === b) continue
        const union = order.union(a, b)
        expect(union === undefined).toBe(hasWayBack(items, waitsFor, a, b))
        if (union === undefined) {
          cycles++
          continue
        }
        unions++
        order.unite(union, a)
        unite(items, a, b)
      }
    }
    expect(unions).toBeGreaterThan(500)
    expect(cycles).toBeGreaterThan(500)
  })

  it('looks at a bounded number of ways for each node of a chain', () => {
    const work = (count: number): number => {
      const { items, order } = singles(
        new Map(Array.from({ length: count }, (_, i) => [i, new Set(i === 0 ? [] : [i - 1])])),
      )
      for (let i = 1; i < count; i++) {
        // Kernels have a most of members, too.
        const [a, b] = [items[i - 1] as Item, items[i] as Item]
        const union = order.union(a, b)
        if (union === undefined || a.members.length >= 64) continue
        order.unite(union, a)
        unite(items, a, b)
      }
      return order.steps
    }
    expect(work(400)).toBeLessThanOrEqual(2 * 400)
    expect(work(800)).toBeLessThanOrEqual(2 * 800)
  })
})
