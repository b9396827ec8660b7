/** Control flow on tensors: what it promises in eager code and in traced functions, and what it refuses. */
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
import { parseGraph } from '../../tracer/ir/parse.ts'
import { printGraph } from '../../tracer/ir/print.ts'
import { verifyGraph } from '../../tracer/ir/verify.ts'
import { evaluateNode } from '../../tracer/lower/evaluate.ts'
import { fuse } from '../../tracer/passes/fuse.ts'
import { runPasses } from '../../tracer/passes/pipeline.ts'

const int = (value: number | number[]): tf.Tensor => tf.tensor(value, undefined, 'int32')

/** A callback as it is, and traced. */
function ways<A extends tf.Tensor[], R>(f: (...args: A) => R): readonly ((...args: A) => R)[] {
  const traced = tf.function(f, { onRetrace: 'off' }) as unknown
  return [f, traced as (...args: A) => R]
}

describe('cond', () => {
  it('201: calls one branch in eager code', () => {
    const called: string[] = []
    const result = tf.cond(
      tf.tensor(true),
      () => (called.push('then'), 1),
      () => (called.push('else'), 2),
    )
    expect(result.item()).toBe(1)
    expect(called).toEqual(['then'])
  })

  it('202: takes a JavaScript boolean, which decides at once', () => {
    const f = tf.function((x: tf.Tensor) =>
      tf.cond(
        true,
        () => x.add(1),
        () => x.add(2),
      ),
    )
    expect(f(tf.tensor(1)).item()).toBe(2)
    expect(tf.debug.show(f, 'trace')).not.toContain('cond')
  })

  it('169, 203: branches that differ are refused, naming both', () => {
    const refused = (then: () => unknown, otherwise: () => unknown): string => {
      try {
        tf.function((p: tf.Tensor) => void tf.cond(p, then, otherwise))(tf.tensor(true))
      } catch (error) {
        return (error as Error).message
      }
      return 'nothing was thrown'
    }
    const t = tf.tensor([1, 2])
    expect(
      refused(
        () => [t, t],
        () => t,
      ),
    ).toContain('branches differ: [Tensor,Tensor] vs Tensor')
    expect(
      refused(
        () => t,
        () => null,
      ),
    ).toContain('branches differ: Tensor vs null')
    expect(
      refused(
        () => ({ y: int(1) }),
        () => ({ y: t.sum() }),
      ),
    ).toContain('result y has dtype int32 in trueFn, but dtype float32 in falseFn')
    expect(
      refused(
        () => t,
        () => t.reshape([1, 2]),
      ),
    ).toContain('the result is f32[2] in trueFn, but f32[1,2] in falseFn; a result must have one rank')
    expect(
      refused(
        () => null,
        () => null,
      ),
    ).toBe('nothing was thrown')
  })

  it('a number takes the dtype of the other branch', () => {
    for (const f of ways((p: tf.Tensor) =>
      tf
        .cond(
          p,
          () => int(3),
          () => int(4),
        )
        .add(int(1)),
    ))
      expect(f(tf.tensor(false)).item()).toBe(5)
    const mixed = tf.function((p: tf.Tensor) =>
      tf.cond(
        p,
        () => 1,
        () => int(2),
      ),
    )
    expect(mixed(tf.tensor(true)).dtype).toBe('int32')
  })

  it('204: branches must be functions', () => {
    const t = tf.tensor(1)
    expect(() => tf.cond(true, t as never, () => t)).toThrow('trueFn must be a function')
    expect(() => tf.cond(true, () => t, t as never)).toThrow('falseFn must be a function')
  })

  it('205: only the branch taken has effects', () => {
    const v = tf.variable(0)
    const lines: string[] = []
    for (const f of ways((p: tf.Tensor) =>
      tf.cond(
        p,
        () => {
          v.assign(1)
          tf.print('then', { sink: (text: string) => lines.push(text) })
        },
        () => {
          v.assign(2)
          tf.print('else', { sink: (text: string) => lines.push(text) })
        },
      ),
    )) {
      v.assign(0)
      lines.length = 0
      f(tf.tensor(false))
      expect(v.item()).toBe(2)
      f(tf.tensor(true))
      expect(v.item()).toBe(1)
      expect(lines).toEqual(['else', 'then'])
    }
  })

  it('206: what is made outside always runs', () => {
    const v = tf.variable(0)
    const f = tf.function((p: tf.Tensor) => {
      const u = v.assignAdd(1).value()
      return tf.cond(
        p,
        () => u.mul(1),
        () => 0,
      )
    })
    expect(f(tf.tensor(false)).item()).toBe(0)
    expect(v.item()).toBe(1)
  })

  it('refuses predicates that are no bool scalars', () => {
    expect(() =>
      tf.cond(
        tf.tensor(1),
        () => 1,
        () => 2,
      ),
    ).toThrow('the condition is f32[], not a bool scalar')
    expect(() =>
      tf.cond(
        tf.tensor([true]),
        () => 1,
        () => 2,
      ),
    ).toThrow('bool[1]')
  })

  it('refuses variables created in a branch', () => {
    const f = tf.function((p: tf.Tensor) =>
      tf.cond(
        p,
        () => tf.variable(1).value(),
        () => 1,
      ),
    )
    expect(() => f(tf.tensor(true))).toThrow('inside trueFn')
  })

  it('a check in the branch not taken does not fail', () => {
    const f = tf.function((x: tf.Tensor, i: tf.Tensor) =>
      tf.cond(
        i.less(int(2)),
        () => tf.gather(x, i),
        () => x.sum(),
      ),
    )
    const x = tf.tensor([5, 6])
    expect(f(x, int(1)).item()).toBe(6)
    expect(f(x, int(7)).item()).toBe(11)
  })
})

describe('case and switchCase', () => {
  it('207: the first true predicate wins', () => {
    for (const f of ways((x: tf.Tensor) =>
      tf.case(
        [
          [x.less(1), () => 10],
          [x.less(5), () => 20],
        ],
        { default: () => 30 },
      ),
    ))
      expect([0, 2, 9].map((value) => f(tf.tensor(value)).item())).toEqual([10, 20, 30])
    for (const f of ways((x: tf.Tensor) =>
      tf.case([
        [x.less(1), () => 10],
        [x.less(5), () => 20],
      ]),
    )) {
      expect(f(tf.tensor(2)).item()).toBe(20)
      expect(() => f(tf.tensor(7))).toThrow('no predicate is true')
    }
    for (const f of ways((x: tf.Tensor) =>
      tf.case(
        [
          [x.less(1), () => 10],
          [x.less(5), () => 20],
        ],
        { exclusive: true },
      ),
    )) {
      expect(f(tf.tensor(2)).item()).toBe(20)
      expect(() => f(tf.tensor(0))).toThrow('more than one predicate is true')
    }
  })

  it('208: out of range is the default, or the last branch', () => {
    for (const f of ways((i: tf.Tensor) => tf.switchCase(i, [() => 1, () => 2, () => 3])))
      expect([0, 1, 2, 7, -1].map((i) => f(int(i)).item())).toEqual([1, 2, 3, 3, 3])
    for (const f of ways((i: tf.Tensor) =>
      tf.switchCase(i, { 0: () => 1, 1: () => 2 }, { default: () => 9 }),
    ))
      expect([0, 1, 2, -5].map((i) => f(int(i)).item())).toEqual([1, 2, 9, 9])
    expect(tf.switchCase(7, [() => 1, () => 2]).item()).toBe(2)
    expect(() => tf.switchCase(0, { 0: () => 1, 2: () => 2 })).toThrow(
      'contiguous range of [0 to 2), but are {0,2}',
    )
  })
})

describe('whileLoop', () => {
  it('209: keeps the structure of its variables', () => {
    expect(
      tf
        .whileLoop(
          (i) => i.less(3),
          (i) => [i.add(1)],
          [tf.tensor(0)],
        )[0]
        ?.item(),
    ).toBe(3)
    for (const f of ways((n: tf.Tensor) =>
      tf.whileLoop(
        (s) => s.a.i.less(n),
        (s) => ({ a: { i: s.a.i.add(1) }, b: s.b.mul(2) }),
        { a: { i: 0 }, b: tf.tensor([1, 2]) },
      ),
    )) {
      const { a, b } = f(tf.tensor(3))
      expect(a.i.item()).toBe(3)
      expect(b.array()).toEqual([8, 16])
    }
    expect(() =>
      tf.whileLoop(
        () => false,
        () => [],
        [],
      ),
    ).toThrow('loop variables must be provided')
  })

  it('177, 210: a variable that changes its type is refused, by name', () => {
    const refused = (start: unknown[], body: (...xs: tf.Tensor[]) => unknown): string => {
      try {
        tf.function(
          (n: tf.Tensor) =>
            void tf.whileLoop((i) => (i as tf.Tensor).sum().cast('float32').less(n), body as never, start),
        )(tf.tensor(5))
      } catch (error) {
        return (error as Error).message
      }
      return 'nothing was thrown'
    }
    expect(refused([int(0)], (i) => [i.cast('float32')])).toContain('loop variable [0]: int32 → float32')
    expect(refused([tf.tensor(0), tf.tensor([1])], (i, y) => [i, tf.concat([y, y])])).toContain(
      'loop variable [1]: f32[1] → f32[2]',
    )
    expect(refused([tf.tensor(0), tf.tensor(1)], (i) => [i])).toContain(
      'the loop variables are [Tensor,Tensor] before the loop, but [Tensor] after one iteration',
    )
    expect(() =>
      tf.whileLoop(
        (i) => i.less(int(3)),
        (i) => [i.cast('float32')],
        [int(0)],
      ),
    ).toThrow('loop variable [0]: int32 → float32')
  })

  it('211: ends after maximumIterations', () => {
    for (const most of [4, 0])
      for (const f of ways(
        () =>
          tf.whileLoop(
            () => true,
            (i) => [i.add(1)],
            [0],
            { maximumIterations: most },
          )[0] as tf.Tensor,
      ))
        expect(f().item()).toBe(most)
    for (const f of ways(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i) => i.less(3),
          (i) => [i.add(1)],
          [0],
          { maximumIterations: n },
        )[0] as tf.Tensor,
    ))
      expect([1, 9].map((n) => f(int(n)).item())).toEqual([1, 3])
  })

  it('traces condition and body once', () => {
    let [conditions, bodies] = [0, 0]
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i) => (conditions++, i.less(n)),
        (i) => (bodies++, [i.add(1)]),
        [0],
      ),
    )
    for (const n of [3, 0, 1000]) expect(f(tf.tensor(n))[0]?.item()).toBe(n)
    expect([conditions, bodies]).toEqual([1, 1])
  })

  it('a check inside fails at its iteration, and what came before stays printed', () => {
    const lines: string[] = []
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n),
        (i) => {
          tf.print(i, { sink: (text: string) => lines.push(text) })
          tf.assert(i.less(2), 'too far', [i])
          return [i.add(1)]
        },
        [0],
      ),
    )
    expect(f(tf.tensor(2))[0]?.item()).toBe(2)
    expect(() => f(tf.tensor(9))).toThrow('too far')
    expect(lines).toEqual(['0', '1', '0', '1', '2'])
  })

  it('calls the host', () => {
    const seen: number[] = []
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n),
        (i) => [tf.hostCall((x: tf.Tensor) => (seen.push(x.item()), x.add(1)), [i], tf.spec([]))],
        [0],
      ),
    )
    expect(f(tf.tensor(3))[0]?.item()).toBe(3)
    expect(seen).toEqual([0, 1, 2])
  })

  it('sees a host call that assigns a variable, afterwards', () => {
    const v = tf.variable(1)
    const f = tf.function((p: tf.Tensor) => {
      const before = v.mul(1)
      tf.cond(
        p,
        () => tf.hostCall(() => void v.assignAdd(5), []),
        () => undefined,
      )
      return [before, v.mul(1)]
    })
    expect(f(tf.tensor(true)).map((x) => x.item())).toEqual([1, 6])
    expect(f(tf.tensor(false)).map((x) => x.item())).toEqual([6, 6])
  })

  it('calls traced functions inside, with their variables', () => {
    const v = tf.variable(1)
    const double = tf.function((x: tf.Tensor) => {
      v.assignAdd(1)
      return x.mul(v)
    })
    const f = tf.function(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i) => i.less(n),
          (i, x) => [i.add(1), double(x)],
          [0, 1] as const,
        )[1],
    )
    expect(f(tf.tensor(3)).item()).toBe(2 * 3 * 4)
    expect(v.item()).toBe(4)
  })

  it('swaps and rotates carried values', () => {
    const x = [tf.tensor([1, 2]), tf.tensor([3, 4]), tf.tensor([5, 6])] as const
    for (const f of ways((n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n),
        (i, a, b, c) => [i.add(1), b, c, a],
        [0, ...x] as const,
      ),
    ))
      for (const n of [0, 1, 2, 3]) {
        const [, ...rotated] = f(tf.tensor(n))
        const rows = [...x, ...x].slice(n % 3, (n % 3) + 3)
        expect(rotated.map((t) => t.array())).toEqual(rows.map((t) => t.array()))
      }
  })

  it('uses the old and the new value of what it carries in place', () => {
    for (const f of ways((x: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(3),
        (i, a, b) => {
          const next = a.mul(2)
          return [i.add(1), next, b.add(a).add(tf.reverse(next))]
        },
        [0, x, x] as const,
      ),
    ))
      expect(f(tf.tensor([1, 2])).map((t) => t.array())).toEqual([3, [8, 16], [1 + 7 + 28, 2 + 14 + 14]])
  })
})

describe('loops over elements', () => {
  it('212: mapFn traces its function once and infers what it gives', () => {
    expect(tf.mapFn((e) => e.mul(2), tf.tensor([1, 2])).array()).toEqual([2, 4])
    let runs = 0
    const f = tf.function((x: tf.Tensor) => tf.mapFn((e) => (runs++, { sum: e.sum(), big: e.greater(2) }), x))
    const { sum, big } = f(
      tf.tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    expect(runs).toBe(1)
    expect([sum.array(), big.array(), big.dtype]).toEqual([
      [3, 7],
      [
        [false, false],
        [true, true],
      ],
      'bool',
    ])
  })

  it('213: scan, forwards and back, over structures', () => {
    expect(tf.scan((a, x) => a.add(x), tf.tensor([1, 2, 3])).array()).toEqual([1, 3, 6])
    for (const f of ways((x: tf.Tensor, y: tf.Tensor) => [
      tf.scan((a, e) => ({ s: a.s.add(e.x.mul(e.y)) }), { x, y }, { initializer: { s: tf.tensor(10) } }).s,
      tf.scan((a, e) => a.sub(e), x, { reverse: true }),
      tf.foldl((a, e) => a.sub(e), x, { initializer: 100 }),
      tf.foldr((a, e) => a.sub(e), x),
    ]))
      expect(f(tf.tensor([1, 2, 3]), tf.tensor([4, 5, 6])).map((t) => t.array())).toEqual([
        [14, 24, 42],
        [0, 1, 3],
        94,
        0,
      ])
    expect(() => tf.scan((a) => a, tf.tensor(1))).toThrow('scalar')
    expect(() => tf.mapFn(() => 1, { a: tf.ones([2]), b: tf.ones([3]) })).toThrow('2 and 3 elements')
    expect(() => tf.function((x: tf.Tensor) => tf.scan((a) => a.cast('int32'), x))(tf.ones([2]))).toThrow(
      'accumulator: float32 → int32',
    )
  })

  it('variables inside, and an unknown number of elements', () => {
    const make = (): { v: tf.Variable; f: (x: tf.Tensor) => tf.Tensor } => {
      const v = tf.variable(1)
      return {
        v,
        f: (x) =>
          tf.mapFn((e) => {
            v.assignAdd(e)
            return e.mul(v)
          }, x),
      }
    }
    const [eager, traced] = [make(), make()]
    const f = tf.function(traced.f, { inputSignature: [tf.spec([null])] })
    for (const values of [[1, 2, 3], [4], [5, 6]]) {
      expect(f(tf.tensor(values)).array()).toEqual(eager.f(tf.tensor(values)).array())
      expect(traced.v.item()).toBe(eager.v.item())
    }
    expect(f(tf.zeros([0])).array()).toEqual([])
    expect(f.traceCount).toBe(1)
  })
})

it('graphs with control flow are valid after every pass, and print and parse back', () => {
  const v = tf.variable([1, 2])
  const f = tf.function((x: tf.Tensor, p: tf.Tensor) => {
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      const steps = tf.scan((a, e) => a.mul(v).add(e), x)
      const [last] = tf.whileLoop(
        (a) => a.sum().less(100),
        (a) => [a.mul(v).add(1)],
        [steps.sum([0])],
      )
      return tf.cond(
        p,
        () => last!.sum(),
        () => (v.assign(v.mul(2)), steps.sum()),
      )
    })
    return tape.gradient(y, v) as tf.Tensor
  })
  f(tf.ones([3, 2]), tf.tensor(true))
  const graph = parseGraph(tf.debug.show(f, 'trace'))
  let stages = 0
  runPasses(graph, {
    fuse,
    evaluate: evaluateNode,
    trace: (stage, seen) => {
      stages++
      verifyGraph(seen)
      expect(printGraph(parseGraph(printGraph(seen))), stage).toBe(printGraph(seen))
    },
  })
  expect(stages).toBeGreaterThan(5)
})

it('what does not change is computed once, before the loop', () => {
  const f = tf.function(
    (x: tf.Tensor, n: tf.Tensor) =>
      tf.whileLoop(
        (i) => i.less(n.mul(2).sub(1)),
        (i, y) => [
          i.add(1),
          tf.whileLoop(
            (j) => j.less(i),
            (j, z) => [j.add(1), z.add(x.exp())],
            [0, y] as const,
          )[1],
        ],
        [0, x] as const,
      )[1],
  )
  const x = tf.tensor([0, 1])
  f(x, tf.tensor(2))
    .data()
    .forEach((value, i) => expect(value).toBeCloseTo((x.data()[i] ?? 0) + 3 * Math.exp(x.data()[i] ?? 0), 4))
  const lines = tf.debug.show(f, 'fused').split('\n')
  const loop = lines.findIndex((line) => line.includes('= while'))
  const at = (op: string): number[] => lines.flatMap((line, i) => (line.includes(`= ${op} `) ? [i] : []))
  expect(at('exp').every((line) => line < loop)).toBe(true)
  expect(at('sub').every((line) => line < loop)).toBe(true)
  expect(at('exp').length).toBe(1)
})

it('263: control flow of functions that run eagerly looks at what tensors hold', () => {
  const taken: string[] = []
  const f = tf.function((x: tf.Tensor) => {
    const signed = tf.cond(
      x.greater(0),
      () => (taken.push('then'), x),
      () => (taken.push('else'), x.neg()),
    )
    return tf.whileLoop(
      (y: tf.Tensor) => y.less(10),
      (y: tf.Tensor) => (taken.push('body'), [y.mul(2)]),
      [signed] as const,
    )[0]
  })
  try {
    tf.config.runFunctionsEagerly(true)
    expect(f(tf.scalar(-3)).item()).toBe(12)
    expect(taken).toEqual(['else', 'body', 'body'])
    expect(f.traceCount).toBe(0)
  } finally {
    tf.config.runFunctionsEagerly(false)
  }
  expect(f(tf.scalar(-3)).item()).toBe(12)
  expect(taken).toEqual(['else', 'body', 'body', 'then', 'else', 'body'])
})
