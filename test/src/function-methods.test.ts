import { expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
it('decorators, concrete, creation', () => {
  class M {
    k = tf.variable(2)
    @tf.func f(x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    }
    @tf.func({ name: 'gg' }) g(x: tf.Tensor): tf.Tensor {
      return x.add(this.k)
    }
    @tf.func static s(x: tf.Tensor): tf.Tensor {
      return x.neg()
    }
    @tf.func h = (x: tf.Tensor): tf.Tensor => x.mul(this.k)
    @tf.func #p(x: tf.Tensor): tf.Tensor {
      return x.mul(this.k).mul(10)
    }
    p(x: tf.Tensor): tf.Tensor {
      return this.#p(x)
    }
    @tf.func get v(): tf.Tensor {
      return this.k.add(100)
    }
  }
  const a = new M(),
    b = new M()
  const t = tf.tensor(3)
  expect(a.f === a.f).toBe(true)
  expect(a.f === b.f).toBe(false)
  b.k.assign(5)
  expect([
    a.f(t).item(),
    b.f(t).item(),
    a.g(t).item(),
    M.s(t).item(),
    a.h(t).item(),
    a.p(t).item(),
    a.v.item(),
  ]).toEqual([6, 15, 5, -3, 6, 60, 102])
  const { f } = a
  expect(f(t).item()).toBe(6)
  const fn = tf.function((x: tf.Tensor, k = 3) => ({ y: x.mul(k) }))
  const c = fn.concrete(tf.spec([null, 2]), 3)
  expect(String(c)).toBe('(x: f32[null,2], k: 3) → {y: f32[null,2]}')
  expect(fn.concrete(tf.spec([null, 2]), 3)).toBe(c)
  expect((c(tf.ones([4, 2])) as { y: tf.Tensor }).y.shape).toEqual([4, 2])
  expect(() => c(tf.ones([4, 2]), 4)).toThrow('k is bound to 3')
  let v: tf.Variable | undefined
  let runs = 0
  const cr = tf.function((x: tf.Tensor) => {
    runs++
    v ??= tf.variable(x.mul(2))
    return v.mul(x)
  })
  expect([cr(tf.tensor(3)).item(), cr(tf.tensor(5)).item(), v!.item(), runs, cr.traceCount]).toEqual([
    18, 30, 6, 2, 2,
  ])
  expect(() => tf.function(() => tf.variable(1))()).toThrow('on every call')
  const rr = tf.function((x: tf.Tensor) => x.sum(), { reduceRetracing: true, onRetrace: 'off' })
  for (const n of [1, 2, 9, 4]) expect(rr(tf.ones([n])).item()).toBe(n)
  expect(rr.traceCount).toBe(2)
  const m = tf.function((l: tf.Tensor[]) => {
    l.push(l[0]!)
    return l[0]!
  })
  expect(() => m([t])).toThrow('modified its argument l')
  tf.config.runFunctionsEagerly(true)
  let n = 0
  const ef = tf.function((x: number) => {
    n++
    return x
  })
  expect((ef(3) as unknown as tf.Tensor).item()).toBe(3)
  ef(3)
  expect(n).toBe(2)
  expect(ef.traceCount).toBe(0)
  tf.config.runFunctionsEagerly(false)
})
