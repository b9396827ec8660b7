// oxlint-disable -- the callbacks are written as people write them
/** Arrays that grow in staged loops, and what a loop may be told about itself. */
import { describe, expect, test } from 'vitest'
import { convert } from '../../tracer/autograph/convert.ts'
import * as tf from '../../src/index.ts'
import { plainResult, type Twin } from './twins.ts'
import '../../src/autograph.ts'

/** What a function gives when it is traced. */
function traced(fn: Twin, ...args: unknown[]): unknown {
  return plainResult(tf.function(fn, { scope: (s) => eval(s), onRetrace: 'off' })(...args))
}
const scalar = (value: number): tf.Tensor => tf.scalar(value)

describe('an array that grows in a staged loop', () => {
  test('is stacked, concatenated and indexed', () => {
    const counted: Twin = (k) => {
      const list = []
      for (let i = 0; k.greater(i); i++) list.push(i)
      return tf.stack(list)
    }
    expect(traced(counted, scalar(3))).toEqual([0, 1, 2])
    const doubled: Twin = (xs) => {
      const list: tf.Tensor[] = []
      for (const x of xs) list.push(x.mul(2))
      return [tf.stack(list), list.length, list[1]]
    }
    expect(traced(doubled, tf.tensor([1, 2, 3]))).toEqual([[2, 4, 6], 3, 4])
    const rows: Twin = (k) => {
      const list = []
      for (let i = 0; k.greater(i); i++) list.push(tf.ones([2]).mul(i))
      return [tf.concat(list), tf.stack(list, 1)]
    }
    expect(traced(rows, scalar(3))).toEqual([
      [0, 0, 1, 1, 2, 2],
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
    ])
  })
  test('has what it held before, and shows it in the loop', () => {
    const sums: Twin = (xs) => {
      const list = [xs.sum(), xs.mean()]
      for (const x of xs) list.push(list[list.length - 1].add(x))
      return tf.stack(list)
    }
    expect(traced(sums, tf.tensor([1, 2, 3]))).toEqual([6, 2, 3, 5, 8])
    const written: Twin = (k) => {
      const list = [k, k, k, k, k]
      for (let i = 0; k.greater(i); i += 2) list[i] = k.mul(i)
      return tf.stack(list)
    }
    expect(traced(written, scalar(4))).toEqual([0, 4, 8, 4, 4])
  })
  test('grows in branches and inner loops, is shortened, and gone through', () => {
    const picked: Twin = (xs) => {
      const list: tf.Tensor[] = []
      for (const x of xs) if (x.greater(1)) list.push(x)
      return [tf.stack(list), list.length]
    }
    expect(traced(picked, tf.tensor([1, 2, 3]))).toEqual([[2, 3], 2])
    const nested: Twin = (k) => {
      const list: tf.Tensor[] = []
      for (let i = 0; k.greater(i); i++) for (let j = 0; j < i; j++) list.push(k.mul(i).add(j))
      const last = list.pop()
      let sum = k.mul(0)
      for (const x of list) sum = sum.add(x)
      return [last, sum]
    }
    expect(traced(nested, scalar(4))).toEqual([14, 4 + 8 + 9 + 12 + 13])
  })
  test('is the same array by any of its names, and gradients flow through', () => {
    const powers = (z: tf.Tensor): tf.Tensor => {
      const list: tf.Tensor[] = []
      const same = list
      let y = z
      let i = z.mul(0)
      while (i.less(3)) {
        y = y.mul(z)
        list.push(y)
        i = i.add(1)
      }
      return tf.stack(same).sum()
    }
    const f = tf.function(powers, { scope: (s) => eval(s) })
    expect(
      tf
        .grad((z: tf.Tensor) => f(z))(scalar(3))
        .item(),
    ).toBeCloseTo(2 * 3 + 3 * 9 + 4 * 27, 3)
  })
  test('of plain tensors may be indexed by a counter', () => {
    const f: Twin = (k) => {
      const list = [k, k.mul(2), k.mul(3)]
      let sum = k.mul(0)
      for (let i = 0; k.greater(i); i++) sum = sum.add(list[i])
      return sum
    }
    expect(traced(f, scalar(2))).toBe(6)
  })
  test('is refused where its elements cannot be told', () => {
    const mapped: Twin = (k) => {
      const list: any[] = []
      for (let i = 0; k.greater(i); i++) list.push(k)
      return list.map((x) => x)
    }
    expect(() => traced(mapped, scalar(2))).toThrow(/map cannot go through them/)
    const pairs: Twin = (k) => {
      const list: any[] = []
      for (let i = 0; k.greater(i); i++) list.push([k, k])
      return tf.stack(list)
    }
    expect(() => traced(pairs, scalar(2))).toThrow(
      /'list' is to hold \[f32\[\], f32\[\]\][^]*an array for each part/,
    )
    const once: Twin = (k) => {
      const list: any[] = []
      if (k.greater(1)) list.push(k)
      return list
    }
    expect(() => traced(once, scalar(2))).toThrow(
      /'list' has length 1 in the main branch, but 0 in the else branch/,
    )
    const worklist: Twin = (k) => {
      const todo: any[] = [k]
      let sum = scalar(0)
      while (todo.length > 0) {
        const next = todo.pop()
        sum = sum.add(next)
        if (next.less(10)) todo.push(next.mul(2))
      }
      return sum
    }
    expect(() => traced(worklist, scalar(1))).toThrow(
      /'todo' has length 1 in the main branch, but 0 in the else branch[^]*tf\.where[^]*a loop decide[^]*while \(count/,
    )
  })
})

describe('setLoopOptions', () => {
  const doubling: Twin = (k) => {
    let y = tf.zeros([1])
    for (let i = 0; k.greater(i); i++) {
      tf.setLoopOptions({ shapeInvariants: [[y, [null]]] })
      y = tf.concat([y, y])
    }
    return y
  }
  test('lets a shape change', () => {
    expect(traced(doubling, scalar(2))).toEqual([0, 0, 0, 0])
  })
  test('bounds loops of every kind', () => {
    const whiles: Twin = (k) => {
      let i = 0
      while (k.greater(i)) {
        tf.setLoopOptions({ maximumIterations: 4 })
        i++
      }
      return i
    }
    const rows: Twin = (xs) => {
      let n = xs.sum().mul(0)
      for (const x of xs) {
        tf.setLoopOptions({ maximumIterations: 2 })
        n = n.add(x)
      }
      return n
    }
    const endless: Twin = (x) => {
      let i = 0
      while (true) {
        tf.setLoopOptions({ maximumIterations: 3 })
        i++
        if (x.less(i)) break
      }
      return i
    }
    const unrolled: Twin = (x) => {
      let n = 0
      for (let i = 0; i < 10; i++) {
        tf.setLoopOptions({ maximumIterations: 4 })
        n += 2
      }
      return x.mul(n)
    }
    for (const run of [
      traced,
      (fn: Twin, ...args: unknown[]) =>
        plainResult(convert(fn, { scope: (s) => eval(s) })(...(args as never[]))),
    ]) {
      // prettier-ignore
      expect([run(whiles, scalar(2)), run(whiles, scalar(20))]).toEqual([2, 4])
      expect(run(rows, tf.tensor([1, 2, 3]))).toBe(3)
      expect([run(endless, scalar(1)), run(endless, scalar(100))]).toEqual([2, 3])
      expect(run(unrolled, scalar(2))).toBe(16)
    }
  })
  test('is refused where it says nothing', () => {
    expect(() => traced(((x) => (tf.setLoopOptions({}), x)) as Twin, scalar(1))).toThrow(
      /no loop that it could speak of/,
    )
    const other: Twin = (k) => {
      let i = 0
      while (k.greater(i)) {
        tf.setLoopOptions({ shapeInvariants: [[k.mul(2), [null]]] })
        i++
      }
      return i
    }
    expect(() => traced(other, scalar(2))).toThrow(/no variable of the loop holds/)
    expect(() => tf.setLoopOptions({ maximumIterations: -1 })).toThrow(/maximumIterations is -1/)
  })
})

describe('a test that assigns', () => {
  test('is asked once more than the body runs', () => {
    const v = tf.variable(0)
    const written: Twin = (k) => {
      let n = 0
      while (v.assignAdd(1).less(k)) n++
      return n
    }
    expect(plainResult(tf.function(written, { scope: (s) => eval(s) })(scalar(5)))).toBe(4)
    expect(v.value().item()).toBe(5)
    v.assign(0)
    const f = tf.function((k: tf.Tensor) =>
      tf.whileLoop(
        (i) => {
          v.assignAdd(1)
          return i.less(k)
        },
        (i) => [i.add(1)],
        [scalar(0)],
      ),
    )
    expect(f(scalar(4))[0]?.item()).toBe(4)
    expect(v.value().item()).toBe(5)
  })
})

describe('what is not the function’s own', () => {
  test('is put back, and the function refused', () => {
    const count = { n: 0 }
    let last: unknown = 1
    const counting: Twin = (xs) => {
      for (const _ of xs) count.n++
      return xs
    }
    const f = tf.function(counting, { scope: (s) => eval(s) })
    expect(() => f(tf.tensor([1, 2]))).toThrow(/count\.n is not its own[^]*tf\.variable/)
    const keeping: Twin = (x) => {
      if (x.greater(0)) last = x
      return x
    }
    const g = tf.function(keeping, { scope: (s) => eval(s) })
    expect(() => g(scalar(1))).toThrow(/last is not its own/)
    expect([count.n, last]).toEqual([0, 1])
  })
  test('nor is the object a method is called on; private fields too', () => {
    class Model {
      best: unknown = 1
      #worst: unknown = 2
      readonly keep = tf.function(
        function (this: Model, x: tf.Tensor): tf.Tensor {
          if (x.greater(0)) this.best = x.mul(2)
          return x
        },
        { scope: (s) => eval(s) as unknown },
      )
      readonly keepPrivately = tf.function(
        function (this: Model, x: tf.Tensor): tf.Tensor {
          if (x.less(0)) this.#worst = x.mul(2)
          return x
        },
        { scope: (s) => eval(s) as unknown },
      )
      get fields(): readonly unknown[] {
        return [this.best, this.#worst]
      }
    }
    const model = new Model()
    expect(() => model.keep(scalar(1))).toThrow(/this\.best is not its own[^]*tf\.variable/)
    expect(() => model.keepPrivately(scalar(1))).toThrow(/this\.#worst is not its own/)
    expect(model.fields).toEqual([1, 2])
  })
  test('but an object made while tracing is', () => {
    class Best {
      value: tf.Tensor
      constructor(value: tf.Tensor) {
        this.value = value
      }
      offer(x: tf.Tensor): void {
        if (x.greater(this.value)) this.value = x
      }
    }
    const f = tf.function(
      (x: tf.Tensor) => {
        const best = new Best(x)
        best.offer(x.mul(3))
        return best.value
      },
      { scope: (s) => eval(s) as unknown },
    )
    expect([f(scalar(2)).item(), f(scalar(20)).item(), f(scalar(-2)).item()]).toEqual([6, 60, -2])
  })
})

describe('counters', () => {
  test('that became tensors are int32 as long as they are whole', () => {
    const f: Twin = (k) => {
      let i = 0
      let half = 0
      while (k.greater(i)) {
        i++
        half += 0.5
      }
      return [i, half, i / 2]
    }
    const result = tf.function(f, { scope: (s) => eval(s) })(scalar(3)) as tf.Tensor[]
    expect(result.map(({ dtype }) => dtype)).toEqual(['int32', 'float32', 'float32'])
    expect(plainResult(result)).toEqual([3, 1.5, 1.5])
  })
})

describe('names of helpers', () => {
  test('give way to those of the text', () => {
    const f: Twin = ($ag, $s, $a0) => {
      let $r = $ag
      while ($r.less(9)) {
        $r = $r.add($s)
        if ($r.greater($a0)) return $r
      }
      return $r
    }
    expect([traced(f, scalar(1), scalar(2), scalar(4)), traced(f, scalar(1), scalar(5), scalar(40))]).toEqual(
      [5, 11],
    )
  })
})
