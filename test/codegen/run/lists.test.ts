// Lists against arrays that are copied at every write: any version may be used at any time.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lists } from '../../../codegen/run/lists.ts'

const element = (value: number, isName = false) => ({
  dtype: 'float64' as const,
  isName,
  shape: [],
  data: new Float64Array([value]),
})

const contents = (lists: Lists, name: number): (number | undefined)[] =>
  lists.all(name).map((entry) => entry?.data[0])

describe('versions', () => {
  it('all stay what they were, in any order of use', () => {
    const step = fc.record({
      on: fc.nat(),
      with: fc.nat(),
      index: fc.nat(6),
      value: fc.integer({ min: -9, max: 9 }),
      what: fc.constantFrom('write', 'write', 'write', 'erase', 'truncate', 'merge'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lists = new Lists((x, y) => x + y)
        const known: { name: number; values: readonly (number | undefined)[] }[] = [{ name: 0, values: [] }]
        for (const { on, with: second, index, value, what } of steps) {
          const { name, values } = known[on % known.length]!
          const other = known[second % known.length]!
          const next = [...values]
          if (what === 'write') {
            while (next.length < index) next.push(undefined)
            next[index] = value
            known.push({ name: lists.set(name, index, element(value)), values: next })
          } else if (what === 'erase') {
            if (index < next.length) next[index] = undefined
            known.push({ name: lists.set(name, index, undefined), values: next })
          } else if (what === 'truncate')
            known.push({ name: lists.truncate(name, index), values: next.slice(0, index) })
          else {
            const length = Math.max(values.length, other.values.length)
            const sum = Array.from({ length }, (_, i) => {
              const [x, y] = [values[i], other.values[i]]
              return x === undefined ? y : y === undefined ? x : x + y
            })
            known.push({ name: lists.merge(name, other.name), values: sum })
          }
        }
        for (const { name, values } of known) {
          const found = contents(lists, name)
          // The length of a sum may be that of either when the rest is empty.
          const length = Math.max(found.length, values.length)
          for (let i = 0; i < length; i++) expect(found[i]).toBe(values[i])
        }
      }),
      { numRuns: 300 },
    )
  })

  it('a long list is written, and walked back, in steps', () => {
    const lists = new Lists((x, y) => x + y)
    const names = [0]
    for (let i = 0; i < 20000; i++) names.push(lists.set(names.at(-1)!, i, element(i)))
    for (let i = 20000; i > 0; i--) expect(lists.at(names[i]!, i - 1)?.data[0]).toBe(i - 1)
    expect(lists.length(names[5]!)).toBe(5)
    expect(contents(lists, names[3]!)).toEqual([0, 1, 2])
  })

  it('those that nobody names any more are forgotten, those in lists are kept', () => {
    let roots: number[] = []
    const lists = new Lists(
      (x, y) => x + y,
      () => roots,
    )
    const inner = lists.set(0, 0, element(7))
    const outer = lists.set(0, 0, element(inner, true))
    let last = 0
    for (let i = 0; i < 5000; i++) {
      roots = [outer, last, 123.5]
      last = lists.set(last, 0, element(i))
    }
    expect(contents(lists, last)).toEqual([4999])
    expect(contents(lists, inner)).toEqual([7])
    expect(() => lists.all(-3)).toThrow('there is no list -3')
  })
})
