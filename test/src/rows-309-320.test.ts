// Random numbers, one test per row of the behaviours that programs of TensorFlow rely on.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { random } = tf

const u = (seed?: number): tf.Tensor => random.uniform([3], 0, 1, 'float32', seed)

describe('draws', () => {
  it('row 309: happen at every execution, in functions and in iterations', () => {
    const f = tf.function(() => random.uniform([]))
    expect(f().item()).not.toBe(f().item())
    const loop = tf.function(() => {
      const values = tf.tensorArray('float32', 4)
      const [, all] = tf.whileLoop(
        (i: tf.Tensor) => i.less(4),
        (i: tf.Tensor, all: tf.TensorArray) => [i.add(1), all.write(i, random.uniform([]))] as const,
        [tf.scalar(0, 'int32'), values] as const,
      )
      return all.stack()
    })
    const drawn = [...loop().data(), ...loop().data()]
    expect(new Set(drawn).size).toBe(8)
  })

  it('row 310: repeat when the global seed is set again', () => {
    random.setSeed(1)
    const a = [u(), random.normal([2]), random.shuffle([1, 2, 3, 4, 5])].map((x) => x.array())
    random.setSeed(1)
    expect([u(), random.normal([2]), random.shuffle([1, 2, 3, 4, 5])].map((x) => x.array())).toEqual(a)
  })

  it('row 311: are the same in functions with the same ops, and repeat in functions traced before', () => {
    const body = (): tf.Tensor[] => [random.uniform([2]), random.normal([2]), random.uniform([2])]
    const make = (): (() => unknown) => {
      const f = tf.function(body)
      return () => f().map((x) => x.array())
    }
    random.setSeed(7)
    const [f, g] = [make(), make()]
    const first = f()
    expect(g()).toEqual(first)
    const second = f()
    expect(second).not.toEqual(first)
    expect(g()).toEqual(second)
    const [x, , y] = first as number[][]
    expect(x).not.toEqual(y)
    random.setSeed(7)
    expect([f(), f()]).toEqual([first, second])
    random.setSeed(8)
    expect(f()).not.toEqual(first)
    expect(g()).not.toEqual(second)
  })

  it('row 311: have nothing in common with those of eager code', () => {
    random.setSeed(7)
    const eager = random.uniform([8]).array()
    random.setSeed(7)
    expect(
      tf
        .function(() => random.uniform([8]))()
        .array(),
    ).not.toEqual(eager)
  })

  it('row 312: with the same seed are equal in one function; calls advance, a new function begins again', () => {
    random.setSeed(3)
    const make = (): (() => number[][]) => {
      const f = tf.function(() => [u(5), u(5), u(6)])
      return () => f().map((x) => [...x.data()])
    }
    const f = make()
    const [a, b, other] = f()
    expect(a).toEqual(b)
    expect(other).not.toEqual(a)
    const again = f()
    expect(again[0]).toEqual(again[1])
    expect(again[0]).not.toEqual(a)
    expect(make()()).toEqual([a, b, other])
    random.setSeed(3)
    expect(f()).toEqual([a, b, other])
    random.setSeed(4)
    expect(f()[0]).not.toEqual(a)
  })

  it('row 313: with a seed go on in eager code and repeat after setSeed', () => {
    random.setSeed(2)
    const pair = [u(1).array(), u(1).array()]
    expect(pair[0]).not.toEqual(pair[1])
    u(9)
    random.setSeed(2)
    expect([u(1).array(), u(1).array()]).toEqual(pair)
    // A seed is also that of other kinds of draws, each with a sequence of its own.
    random.setSeed(2)
    random.normal([3], 0, 1, 'float32', 1)
    expect(u(1).array()).toEqual(pair[0])
    expect(() => u(1.5)).toThrow(/the seed is 1.5/)
  })

  it('row 314: without state are a function of their seed', () => {
    const twice = [0, 1].map(() => [...random.statelessUniform([2], [1, 2]).data()])
    expect(twice[0]).toEqual(twice[1])
    expect(twice[0]).toEqual([expect.closeTo(0.84406, 5), expect.closeTo(0.192045, 5)])
    const normal = random.statelessNormal([2], [1, 2])
    expect([...normal.data()]).toEqual([expect.closeTo(0.54411, 5), expect.closeTo(0.20738, 5)])
  })

  it('row 314: without state are computed once when a function asks twice', () => {
    const f = tf.function(() =>
      random.statelessUniform([64], [1, 2]).add(random.statelessUniform([64], [1, 2])),
    )
    f()
    expect(tf.debug.show(f, 'fused').match(/random_bits/g)?.length).toBe(
      tf.debug
        .show(
          ((): typeof f => {
            const g = tf.function(() => random.statelessUniform([64], [1, 2]).add(1))
            g()
            return g
          })(),
          'fused',
        )
        .match(/random_bits/g)?.length,
    )
  })
})

describe('generators', () => {
  it('row 315: have a Variable as state, are captured by reference, and begin again', () => {
    const g = random.generator(1)
    expect(g.state).toBeInstanceOf(tf.Variable)
    const f = tf.function(() => g.normal([]))
    const [first, second] = [f().item(), f().item()]
    expect(first).toBeCloseTo(0.43842274, 6)
    expect(second).not.toBe(first)
    g.reset(1)
    expect(f().item()).toBe(first)
    g.reset(1)
    expect(g.normal([]).item()).toBe(first)
    expect(f.traceCount).toBe(1)
    const [a, b] = g.split(2) as [
      InstanceType<typeof random.Generator>,
      InstanceType<typeof random.Generator>,
    ]
    expect(a.uniform([3]).array()).not.toEqual(b.uniform([3]).array())
  })

  it('row 316: follow the rule of Variables when they are created in a function', () => {
    expect(() => tf.function(() => random.generator(1).normal([]))()).toThrow(/variable.*random_state/i)
    let g: InstanceType<typeof random.Generator> | undefined
    const f = tf.function(() => (g ??= random.generator(1)).normal([]))
    expect(f().item()).toBeCloseTo(0.43842274, 6)
    expect(f().item()).not.toBeCloseTo(0.43842274, 6)
  })

  it('row 317: the global one is reset, never replaced', () => {
    expect(Object.keys(random)).not.toContain('setGlobalGenerator')
    const shared = random.getGlobalGenerator()
    const f = tf.function(() => shared.uniform([2]))
    shared.reset(3)
    const first = f().array()
    expect(f().array()).not.toEqual(first)
    shared.reset(3)
    expect(f().array()).toEqual(first)
    expect(random.getGlobalGenerator()).toBe(shared)
  })
})

describe('around random numbers', () => {
  it('row 318: dropout scales what it keeps', () => {
    const dropped = tf.layers.dropout(0.25).apply(tf.ones([1000]), { training: true })
    expect(new Set(dropped.data())).toEqual(new Set([0, Math.fround(1 / 0.75)]))
  })

  it('row 319: Math.random is frozen in a function, with a warning', () => {
    const { warnings } = tf.captureWarnings(() => {
      const f = tf.function(function noisy(x: tf.Tensor): tf.Tensor {
        return x.mul(0).add(Math.random())
      })
      expect(f(tf.scalar(1)).item()).toBe(f(tf.scalar(2)).item())
      f(tf.ones([2]))
    })
    const told = warnings.filter((each) => JSON.stringify(each).includes('Math.random'))
    expect(told).toHaveLength(1)
    expect(JSON.stringify(told)).toMatch(
      /noisy — Math\.random\(\) is called while it is traced.*rows-309-320/,
    )
  })

  it('row 319: Math.random may be called by what runs at every call, and is itself afterwards', () => {
    const { random: before } = Math
    const { warnings } = tf.captureWarnings(() => {
      const f = tf.function((x: tf.Tensor) => {
        const host = tf.hostCall(() => Math.random(), [], tf.spec([], 'float32'))
        return x.mul(tf.live(() => Math.random())).add(host)
      })
      expect(f(tf.scalar(1)).item()).not.toBe(f(tf.scalar(1)).item())
      expect(() =>
        tf.function(() => {
          throw new Error('stop')
        })(),
      ).toThrow('stop')
    })
    expect(warnings).toEqual([])
    expect(Math.random).toBe(before)
  })
})
