/** Control flow on tensors, forward: branches, loops, loops over elements, and Variables in them. */
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const both = <A extends unknown[], R>(f: (...args: A) => R): readonly ((...args: A) => R)[] => [
  f,
  tf.function(f as never) as never,
]

describe('cond', () => {
  it('takes one branch', () => {
    for (const f of both((x: tf.Tensor) =>
      tf.cond(
        x.sum().greater(0),
        () => x.mul(2),
        () => x.neg(),
      ),
    )) {
      expect(f(tf.tensor([1, 2])).array()).toEqual([2, 4])
      expect(f(tf.tensor([-1, -2])).array()).toEqual([1, 2])
    }
  })

  it('follows variables', () => {
    const make = () => {
      const v = tf.variable(1)
      const w = tf.variable(10)
      return {
        v,
        w,
        f: (p: tf.Tensor) => {
          tf.cond(
            p,
            () => {
              v.assignAdd(1)
              v.assignAdd(w)
              return 0
            },
            () => {
              w.assign(v.mul(3))
              return 1
            },
          )
          return v.add(w)
        },
      }
    }
    const a = make(),
      b = make()
    const traced = tf.function(b.f)
    for (const p of [true, false, false, true, true]) {
      expect(traced(tf.tensor(p)).item()).toBe(a.f(tf.tensor(p)).item())
      expect([b.v.item(), b.w.item()]).toEqual([a.v.item(), a.w.item()])
    }
  })
})

describe('whileLoop', () => {
  it('runs as long as its condition holds', () => {
    for (const f of both(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i, _s) => i.less(n),
          (i, s) => [i.add(1), s.add(i)],
          [0, 0] as const,
        )[1] as tf.Tensor,
    )) {
      expect(f(tf.tensor(10)).item()).toBe(45)
      expect(f(tf.tensor(0)).item()).toBe(0)
    }
  })
  it('swaps', () => {
    for (const f of both(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i) => i.less(n),
          (i, a, b) => [i.add(1), b, a.add(b)],
          [0, 0, 1],
        )[1] as tf.Tensor,
    ))
      expect(f(tf.tensor(10)).item()).toBe(55)
  })
  it('nests', () => {
    for (const f of both(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i) => i.less(n),
          (i, s) => [
            i.add(1),
            tf.whileLoop(
              (j) => j.less(i),
              (j, t) => [j.add(1), t.add(j)],
              [0, s],
            )[1] as tf.Tensor,
          ],
          [0, 0],
        )[1] as tf.Tensor,
    ))
      expect(f(tf.tensor(5)).item()).toBe(0 + 0 + 1 + 3 + 6)
  })
  it('carries variables', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        () => v.sum().less(n),
        () => {
          v.assign(v.mul(2))
          return [0]
        },
        [0],
      ),
    )
    f(tf.tensor(20))
    expect(v.array()).toEqual([8, 16])
    f(tf.tensor(20))
    expect(v.array()).toEqual([8, 16])
  })
  it('prints', () => {
    const lines: string[] = []
    const f = tf.function(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i) => i.less(n),
          (i) => {
            tf.print('i', i, { sink: (t: string) => lines.push(t) })
            return [i.add(1)]
          },
          [0],
        )[0],
    )
    f(tf.tensor(3))
    expect(lines).toEqual(['i 0', 'i 1', 'i 2'])
  })
})

describe('over elements', () => {
  it('maps, scans, folds', () => {
    for (const f of both((x: tf.Tensor) => ({
      map: tf.mapFn((e) => e.mul(2), x),
      scan: tf.scan((a, e) => a.add(e), x),
      rev: tf.scan((a, e) => a.add(e), x, { reverse: true }),
      init: tf.scan((a, e) => a.mul(e), x, { initializer: tf.tensor(2) }),
      l: tf.foldl((a, e) => a.sub(e), x),
      r: tf.foldr((a, e) => a.sub(e), x),
    }))) {
      const r = f(tf.tensor([1, 2, 3]))
      expect(Object.fromEntries(Object.entries(r).map(([k, t]) => [k, t.array()]))).toEqual({
        map: [2, 4, 6],
        scan: [1, 3, 6],
        rev: [6, 5, 3],
        init: [2, 4, 12],
        l: -4,
        r: 0,
      })
    }
  })

  it('over no elements: what a loop gives that never runs', () => {
    const none = tf.zeros([0, 3])
    const f = tf.function((x: tf.Tensor) => {
      const initializer = tf.tensor([1, 2, 3])
      const add = (sum: tf.Tensor, row: tf.Tensor): tf.Tensor => sum.add(row)
      return {
        l: tf.foldl(add, x, { initializer }),
        r: tf.foldr(add, x, { initializer }),
        all: tf.scan(add, x, { initializer }),
        mapped: tf.mapFn((row) => ({ sum: row.sum() }), x).sum,
      }
    })
    const { l, r, all, mapped } = f(none)
    expect([l.array(), r.array()]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    expect([all.shape, mapped.shape]).toEqual([[0, 3], [0]])
    expect(() => tf.function((x: tf.Tensor) => tf.foldl((sum, row) => sum.add(row), x))(none)).toThrow(
      /there are no elements.*\n.*\n?.*initializer/s,
    )
  })
})

describe('gradients', () => {
  it('of cond', () => {
    const f = (x: tf.Tensor) =>
      tf.cond(
        x.greater(1),
        () => x.mul(x),
        () => x.mul(3),
      ) as tf.Tensor
    for (const g of [tf.grad(f), tf.function((x: tf.Tensor) => tf.grad(f)(x)), tf.grad(tf.function(f))]) {
      expect(g(tf.tensor(2)).item()).toBe(4)
      expect(g(tf.tensor(0.5)).item()).toBe(3)
    }
  })
  it('of while', () => {
    const f = (x: tf.Tensor, n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n),
        (i, y) => [i.add(1), y.mul(x)],
        [0, x],
      )[1] as tf.Tensor
    const graph = tf.function(f)
    for (const g of [
      (x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => f(z, n))(x),
      tf.function((x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => f(z, n))(x)),
      (x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => graph(z, n))(x),
    ]) {
      expect(g(tf.tensor(2), tf.tensor(3)).item()).toBe(32)
      expect(g(tf.tensor(2), tf.tensor(0)).item()).toBe(1)
    }
  })
  it('of scan', () => {
    const f = (x: tf.Tensor) =>
      tf
        .scan((a, e) => a.mul(e), x)
        .slice([2], [1])
        .sum()
    for (const g of [tf.grad(f), tf.function((x: tf.Tensor) => tf.grad(f)(x)), tf.grad(tf.function(f))])
      expect(g(tf.tensor([2, 3, 4])).array()).toEqual([12, 8, 6])
  })
  it('of while, twice', () => {
    const f = (x: tf.Tensor, n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n),
        (i, y) => [i.add(1), y.mul(x)],
        [0, x],
      )[1] as tf.Tensor
    const graph = tf.function(f)
    for (const g of [
      (x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => f(z, n)))(x),
      tf.function((x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => f(z, n)))(x)),
      (x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => graph(z, n)))(x),
      tf.function((x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad(tf.grad((z) => f(z, n))))(x)),
    ])
      expect(g(tf.tensor(2), tf.tensor(3)).item()).toBe(48)
  })
})
