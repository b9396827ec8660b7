// Tensors of sizes that only the program knows, and TensorArrays: rows 169, 177, 178, 186, 187, 210, 212, 214, 236.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
import { parseGraph } from '../../tracer/ir/parse.ts'
import { printGraph } from '../../tracer/ir/print.ts'
import { verifyGraph } from '../../tracer/ir/verify.ts'
import { runPasses } from '../../tracer/passes/pipeline.ts'
import { fuse } from '../../tracer/passes/fuse.ts'
import { TensorList } from '../../tracer/trace/tensor-list.ts'

const int32 = (value: number): tf.Tensor => tf.scalar(value, 'int32')
const arrays = (tensors: readonly tf.Tensor[]): unknown[] => tensors.map((tensor) => tensor.array())

/** What an error says. */
function refused(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof Error ? `${error.name} ${error.message}` : String(error)
  }
  return 'nothing was thrown'
}

/** The function traced; its graph is verified after every pass, and printed and parsed back. */
function verified<F extends (...args: tf.Tensor[]) => unknown>(f: F, ...args: tf.Tensor[]): F {
  const traced: unknown = tf.function(f, { onRetrace: 'off' })
  const result = traced as F
  result(...args)
  const graph = parseGraph(tf.debug.show(result, 'trace'))
  runPasses(graph, {
    fuse,
    trace: (stage, seen) => {
      verifyGraph(seen)
      expect(printGraph(parseGraph(printGraph(seen))), stage).toBe(printGraph(seen))
    },
  })
  return result
}

describe('branches of different sizes', () => {
  const double = (p: tf.Tensor, x: tf.Tensor): tf.Tensor =>
    tf.cond(
      p,
      () => x.mul(2),
      () => tf.concat([x, x]),
    )
  it('169: the result has a size that the call finds', () => {
    const f = verified(double, tf.scalar(true), tf.tensor([1, 2]))
    expect(f(tf.scalar(true), tf.tensor([1, 2])).array()).toEqual([2, 4])
    expect(f(tf.scalar(false), tf.tensor([1, 2])).array()).toEqual([1, 2, 1, 2])
    expect(String(tf.function(double).concrete(tf.scalar(true), tf.tensor([1, 2])))).toContain('f32[null]')
  })
  it('and may go on being computed with, nested, and in other functions', () => {
    const inner = tf.function(double)
    const f = verified(
      (p: tf.Tensor, q: tf.Tensor, x: tf.Tensor) => {
        const y = inner(p, inner(q, x).add(1)).square()
        return [y.sum(), tf.concat([y, y]).mean(), y.reshape([-1, 2]).max(0), y]
      },
      tf.scalar(true),
      tf.scalar(true),
      tf.tensor([1, 2]),
    )
    for (const p of [true, false])
      for (const q of [true, false]) {
        const [x, y] = [[1, 2], [] as number[]]
        const first = (q ? x.map((v) => 2 * v) : [...x, ...x]).map((v) => v + 1)
        y.push(...(p ? first.map((v) => 2 * v) : [...first, ...first]).map((v) => v * v))
        const sum = y.reduce((a, b) => a + b)
        expect(arrays(f(tf.scalar(p), tf.scalar(q), tf.tensor(x)))).toEqual([
          sum,
          sum / y.length,
          [Math.max(...y.filter((_, i) => i % 2 === 0)), Math.max(...y.filter((_, i) => i % 2 === 1))],
          y,
        ])
      }
  })
  it('sizes that turn out to differ are refused where they meet', () => {
    const f = tf.function((p: tf.Tensor, x: tf.Tensor) => double(p, x).add(tf.tensor([1, 2, 3])))
    expect(refused(() => f(tf.scalar(true), tf.tensor([1, 2])))).toMatch(/CheckError add: .*\n.*2\n.*3/)
    expect(f(tf.scalar(true), tf.tensor([1, 2, 3])).array()).toEqual([3, 6, 9])
  })
  it('gradients, to the second', () => {
    const f = tf.function((x: tf.Tensor, p: tf.Tensor) => double(p, x).pow(3).sum())
    for (const [p, slope] of [
      [true, 24],
      [false, 6],
    ] as const) {
      const first = tf.grad((x: tf.Tensor) => f(x, tf.scalar(p)))
      expect(first(tf.tensor([1, 2])).array()).toEqual([slope, 4 * slope])
      expect(
        tf
          .grad((x: tf.Tensor) => first(x).sum())(tf.tensor([1, 2]))
          .array(),
      ).toEqual([2 * slope, 4 * slope])
    }
  })
})

describe('loop variables of changing size', () => {
  const grown = (n: tf.Tensor): tf.Tensor =>
    tf.whileLoop(
      (i: tf.Tensor) => i.less(n),
      (i: tf.Tensor, x: tf.Tensor) => [i.add(1), tf.concat([x, x.add(i.cast('float32'))])],
      [int32(0), tf.ones([1])] as const,
      { shapeInvariants: [undefined, [null]] },
    )[1]
  it('178: with shapeInvariants', () => {
    const f = verified(grown, int32(1))
    const naive = (n: number): number[] => {
      let x = [1]
      for (let i = 0; i < n; i++) x = [...x, ...x.map((v) => v + i)]
      return x
    }
    for (const n of [0, 1, 2, 5, 10, 3]) expect(f(int32(n)).array()).toEqual(naive(n))
    expect(grown(int32(3)).array()).toEqual(naive(3))
  })
  it('structures of variables, specs, and memory that is used again', () => {
    const f = tf.function((n: tf.Tensor) => {
      const { y } = tf.whileLoop(
        ({ i }: { i: tf.Tensor; y: tf.Tensor }) => i.less(n),
        ({ i, y: rows }: { i: tf.Tensor; y: tf.Tensor }) => ({
          i: i.add(1),
          y: tf.concat([rows, tf.fill([1, 3], 0).add(i.cast('float32'))]),
        }),
        { i: int32(0), y: tf.zeros([0, 3]) },
        { shapeInvariants: { y: tf.spec([null, 3]) } },
      )
      return y
    })
    for (let round = 0; round < 3; round++)
      expect(f(int32(500)).array()).toEqual(Array.from({ length: 500 }, (_, i) => [i, i, i]))
  })
  it('177, 210: without one, and against it, the variable is named with both types', () => {
    const loop = (options?: tf.WhileOptions) => (): unknown =>
      tf.function((n: tf.Tensor) =>
        tf.whileLoop(
          (i: tf.Tensor) => i.less(n),
          (i: tf.Tensor, x: tf.Tensor) => [i.add(1), tf.concat([x, x])],
          [int32(0), tf.ones([1, 2])] as const,
          options,
        ),
      )(int32(2))
    expect(refused(loop())).toMatch(
      /ShapeError whileLoop: loop variable \[1\]: f32\[1,2\] → f32\[2,2\][\s\S]*shapeInvariants/,
    )
    expect(refused(loop({ shapeInvariants: [undefined, [1, null]] }))).toMatch(
      /loop variable \[1\]: f32\[2,found\d+\] after one iteration, which its shape invariant \[1, null\] does not allow/,
    )
    expect(refused(loop({ shapeInvariants: [undefined, [3, 2]] }))).toContain(
      'loop variable [1] is f32[1,2] before the loop, which its shape invariant [3, 2] does not allow',
    )
    expect(refused(loop({ shapeInvariants: [undefined, 'x'] }))).toContain('is no shape')
    expect(
      loop({ shapeInvariants: [undefined, [null, 2]], parallelIterations: 4, swapMemory: true })(),
    ).toBeDefined()
  })
  it('a host call and a variable of open shape get what is there now', () => {
    const seen: number[][] = []
    const f = tf.function((n: tf.Tensor) => {
      const y = grown(n)
      tf.hostCall((x: tf.Tensor) => void seen.push(x.array() as number[]), [y])
      return y.sum()
    })
    f(int32(1))
    f(int32(2))
    expect(seen).toEqual([
      [1, 1],
      [1, 1, 2, 2],
    ])
    const v = tf.variable([0], { shape: [null] })
    const g = tf.function((n: tf.Tensor) => void v.assign(grown(n)))
    g(int32(2))
    expect(v.value().array()).toEqual([1, 1, 2, 2])
    g(int32(0))
    expect(v.value().array()).toEqual([1])
  })
})

describe('TensorArray', () => {
  const squares = (n: tf.Tensor, array: tf.TensorArray): tf.TensorArray =>
    tf.whileLoop(
      (i: tf.Tensor) => i.less(n),
      (i: tf.Tensor, values: tf.TensorArray) => [i.add(1), values.write(i, i.mul(i))],
      [int32(0), array] as const,
    )[1]
  it('186, 187: grows in a loop', () => {
    const f = verified((n: tf.Tensor) => squares(n, tf.tensorArray('int32')).stack(), int32(1))
    expect(f(int32(4)).array()).toEqual([0, 1, 4, 9])
    expect(f(int32(1)).array()).toEqual([0])
    expect(squares(int32(4), tf.tensorArray('int32')).stack().array()).toEqual([0, 1, 4, 9])
  })
  it('187: writing gives another array, and the old one stays', () => {
    const check = (): unknown[] => {
      const a = tf.tensorArray('float32', 2).write(0, 1)
      const b = a.write(0, 5).write(1, 6)
      return arrays([a.stack(), b.stack(), a.write(1, 7).stack()])
    }
    expect(check()).toEqual([
      [1, 0],
      [5, 6],
      [1, 7],
    ])
    const f = tf.function((i: tf.Tensor) => {
      const a = tf.tensorArray('float32', 2).write(i, 1)
      const b = a.write(i, 5).write(1, 6)
      return [a.stack(), b.stack(), a.write(1, 7).stack()]
    })
    expect(arrays(f(int32(0)))).toEqual(check())
  })
  it('214: sizes, indices, dtypes and shapes are checked; what was not written is zeros', () => {
    const array = tf.tensorArray('float32', 2)
    expect(array.write(1, 5).stack().array()).toEqual([0, 5])
    expect(refused(() => array.write(5, 1))).toContain(
      'ValueError tensorArray.write: the index 5 is out of range: the size is 2',
    )
    expect(refused(() => array.read(0))).toContain('there is no element at 0: it was not written')
    expect(refused(() => array.write(0, int32(1)))).toContain(
      'DTypeError tensorArray.write: the elements are float32, but the value is i32[]',
    )
    expect(refused(() => array.write(0, [1, 2]).write(1, [1]))).toContain(
      'ShapeError tensorArray.write: the elements are f32[2], but the value is f32[1]',
    )
    expect(refused(() => array.stack())).toContain('the shape of the elements is not known')
    expect(refused(() => tf.tensorArray('float32', -1))).toContain('ValueError')
    const cleared = tf.tensorArray('float32', 1, { clearAfterRead: true }).write(0, 3)
    expect(cleared.read(0).item()).toBe(3)
    expect(refused(() => cleared.read(0))).toContain('cleared by an earlier read')
    const write = tf.function((i: tf.Tensor) => array.write(i, 1).stack())
    expect(write(int32(1)).array()).toEqual([0, 1])
    expect(refused(() => write(int32(2)))).toContain(
      'CheckError tensorArray.write: the index is out of range: the size is 2',
    )
    expect(refused(() => write(int32(-1)))).toContain('CheckError tensorArray.write: the index is negative')
    const read = tf.function((i: tf.Tensor) => array.write(1, 7).read(i))
    expect(read(int32(1)).item()).toBe(7)
    expect(refused(() => read(int32(0)))).toContain(
      'CheckError tensorArray.read: there is no element at this index: it was not written',
    )
    expect(
      refused(() => tf.function((i: tf.Tensor) => tf.tensorArray('float32').read(i))(int32(0))),
    ).toContain('nothing has been written yet')
  })
  it('size, concat, gather, scatter, unstack, split', () => {
    const run = (n: tf.Tensor): tf.Tensor[] => {
      const a = tf.tensorArray('float32').unstack(
        tf.tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      )
      const b = tf.tensorArray('float32', 3).scatter([2, 0], [5, 6])
      const c = tf.tensorArray('float32', 2, { inferShape: false }).split([1, 2, 3], [1, 2])
      const d = a.write(n, [7, 8])
      return [a.concat(), a.gather([2, 0]), b.stack(), c.read(1), c.concat(), d.size(), d.stack(), d.concat()]
    }
    const expected = [
      [1, 2, 3, 4, 5, 6],
      [
        [5, 6],
        [1, 2],
      ],
      [6, 0, 5],
      [2, 3],
      [1, 2, 3],
      5,
      [
        [1, 2],
        [3, 4],
        [5, 6],
        [0, 0],
        [7, 8],
      ],
    ]
    expect(arrays(run(int32(4)).slice(0, 7))).toEqual(expected)
    expect(arrays(tf.function(run)(int32(4)).slice(0, 7))).toEqual(expected)
    expect(tf.function(run)(int32(3))[7]!.array()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const rows = tf.function(
      (x: tf.Tensor) => tf.tensorArray('float32').unstack(x).write(0, [0, 0]).stack(),
      {
        inputSignature: [tf.spec([null, 2])],
      },
    )
    expect(
      rows(
        tf.tensor([
          [1, 2],
          [3, 4],
        ]),
      ).array(),
    ).toEqual([
      [0, 0],
      [3, 4],
    ])
  })
  it('elements of different shapes', () => {
    const f = tf.function((n: tf.Tensor) => {
      const [, a, x] = tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, array: tf.TensorArray, y: tf.Tensor) => [
          i.add(1),
          array.write(i, y),
          tf.concat([y, [7]]),
        ],
        [int32(0), tf.tensorArray('float32', undefined, { inferShape: false }), tf.ones([1])] as const,
        { shapeInvariants: [undefined, undefined, [null]] },
      )
      return [a.concat(), a.read(1), x]
    })
    expect(arrays(f(int32(3)))).toEqual([
      [1, 1, 7, 1, 7, 7],
      [1, 7],
      [1, 7, 7, 7],
    ])
    const g = tf.function((i: tf.Tensor) =>
      tf
        .tensorArray('float32', undefined, { elementShape: [null] })
        .write(i, [1, 2])
        .write(1, [3])
        .stack(),
    )
    expect(refused(() => g(int32(0)))).toContain(
      'CheckError tensorArray.stack: the elements have different shapes',
    )
  })
  it('as a result of cond, and in structures', () => {
    const f = verified((p: tf.Tensor) => {
      const a = tf.tensorArray('float32', 2).write(0, 1)
      const { array } = tf.cond(
        p,
        () => ({ array: a.write(1, 2) }),
        () => ({ array: a }),
      )
      return array.stack()
    }, tf.scalar(true))
    expect(f(tf.scalar(true)).array()).toEqual([1, 2])
    expect(f(tf.scalar(false)).array()).toEqual([1, 0])
    expect(
      refused(() =>
        tf.function((p: tf.Tensor) =>
          tf.cond<unknown, unknown>(
            p,
            () => tf.tensorArray('float32'),
            () => 1,
          ),
        )(tf.scalar(true)),
      ),
    ).toContain('is a TensorArray in one branch only')
  })
  it('an element type that is known only after the body has been traced', () => {
    const f = tf.function((n: tf.Tensor) =>
      tf
        .whileLoop(
          (i: tf.Tensor) => i.less(n),
          (i: tf.Tensor, a: tf.TensorArray) => {
            const before =
              a.elementShape === undefined
                ? tf.zeros([2])
                : tf.cond(
                    i.greater(0),
                    () => a.read(i.sub(1)),
                    () => tf.zeros([2]),
                  )
            return [i.add(1), a.write(i, before.add(1))]
          },
          [int32(0), tf.tensorArray('float32')] as const,
        )[1]
        .stack(),
    )
    expect(f(int32(3)).array()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })
  it('is not quadratic: ten times the elements take about ten times as long', () => {
    const f = tf.function((n: tf.Tensor) => squares(n, tf.tensorArray('int32')).stack().sum())
    const sum = (n: number): number => (((n - 1) * n * (2 * n - 1)) / 6) | 0
    for (const n of [100, 1000]) expect(f(int32(n)).item()).toBe(sum(n))
  })
})

describe('lists, for arrays that grow in staged loops', () => {
  it('push, pop, write, truncate and read', () => {
    const f = tf.function((n: tf.Tensor) => {
      const start = TensorList.of([1, 2], { op: 'l' })
      const [, handle] = tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, h: tf.Tensor) => [
          i.add(1),
          start.withHandle(h).push(i.cast('float32').mul(10)).handle,
        ],
        [int32(0), start.handle] as const,
      )
      const list = start.withHandle(handle)
      const [rest, last] = list.pop()
      return [
        list.stack(),
        rest.stack(),
        last,
        list.write(0, 9).stack(),
        list.truncate(1).push(4).stack(),
        list.length(),
      ]
    })
    expect(arrays(f(int32(2)))).toEqual([[1, 2, 0, 10], [1, 2, 0], 10, [9, 2, 0, 10], [1, 4], 4])
    const empty = tf.function(() => TensorList.empty({ element: { dtype: 'float32', shape: [] } }).pop()[1])
    expect(refused(() => empty())).toContain('CheckError list.pop: the list is empty')
    expect(refused(() => TensorList.empty())).toContain('no function is being traced')
  })
  it('differentiates through all of them', () => {
    const f = tf.function((x: tf.Tensor) => {
      let list = TensorList.of([x, x.mul(2), x.square()])
      const [rest, last] = list.pop()
      list = rest.push(last.mul(x)).write(0, x.mul(x))
      return list
        .stack()
        .sum()
        .add(list.read(1).mul(list.truncate(1).read(0)))
    })
    // x³ + 2x + x² + 2x·x²
    expect(tf.grad(f)(tf.scalar(2)).item()).toBe(3 * 4 + 2 + 4 + 6 * 4)
    expect(
      tf
        .grad((x: tf.Tensor) => tf.grad(f)(x))(tf.scalar(2))
        .item(),
    ).toBe(6 * 2 + 2 + 12 * 2)
  })
})
