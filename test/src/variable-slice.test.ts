// Rows 14 and 15: parts of variables that are assigned, and scattered updates; references are plain array loops.
import { describe, expect, test } from 'vitest'
import { machineryOf } from '../../src/function.ts'
import * as tf from '../../src/index.ts'

const modes: [string, (body: () => unknown) => void][] = [
  ['eagerly', (body) => void body()],
  ['in a traced function', (body) => tf.function(() => void body(), { onRetrace: 'off' })()],
]

describe.each(modes)('row 14: assigning part of a variable %s', (_, run) => {
  test('an element and a range', () => {
    const v = tf.variable([1, 2, 3])
    run(() => {
      v.at(1).assign(20)
      v.slice(0, 1).assign([7])
    })
    expect(v.array()).toEqual([7, 20, 3])
    run(() => v.at(-1).assign(4))
    run(() => v.slice([0], [2]).assign(tf.tensor([5, 6])))
    expect(v.array()).toEqual([5, 6, 4])
  })

  test('all of it, nothing of it', () => {
    const v = tf.variable([1, 2, 3])
    run(() => v.slice(0).assign([4, 5, 6]))
    expect(v.array()).toEqual([4, 5, 6])
    run(() => v.slice(1, 0).assign([]))
    expect(v.array()).toEqual([4, 5, 6])
  })

  test.each(['float32', 'float64', 'int32', 'uint8', 'bool'] as const)(
    'every place of a matrix of %s',
    (dtype) => {
      const [rows, columns] = [4, 5]
      const content = Array.from({ length: rows }, (_, i) =>
        Array.from({ length: columns }, (__, j) => (dtype === 'bool' ? (i + j) % 2 : i * columns + j)),
      )
      const v = tf.variable(content, { dtype })
      const expected = content.map((row) => [...row])
      for (const [r, c, height, width] of [
        [0, 0, 2, 2],
        [1, 2, 3, 3],
        [3, 0, 1, 5],
        [0, 4, 4, 1],
      ] as const) {
        const part = Array.from({ length: height }, (_, i) =>
          Array.from({ length: width }, (__, j) =>
            dtype === 'bool' ? (i * j + r) % 2 : 100 + i * width + j,
          ),
        )
        part.forEach((row, i) =>
          row.forEach((value, j) => {
            const target = expected[r + i]
            if (target !== undefined) target[c + j] = value
          }),
        )
        run(() => v.slice([r, c], [height, width]).assign(tf.tensor(part, dtype)))
      }
      expect(Array.from(v.data())).toEqual(expected.flat())
    },
  )

  test('assignAdd and assignSub use what is there then', () => {
    const v = tf.variable([
      [1, 2],
      [3, 4],
    ])
    run(() => {
      const row = v.at(1)
      v.assign([
        [10, 20],
        [30, 40],
      ])
      row.assignAdd([1, 2]).assignAdd([
        [100, 100],
        [100, 100],
      ])
      v.slice([0, 1], [2, 1]).assignSub([[5], [6]])
    })
    expect(v.array()).toEqual([
      [110, 115],
      [131, 136],
    ])
  })

  test('signed zeros and NaN elsewhere stay', () => {
    const v = tf.variable([-0, NaN, 1, 2])
    run(() => v.at(2).assignAdd(5))
    expect(Array.from(v.data())).toEqual([-0, NaN, 6, 2])
    run(() => v.at(3).assign(NaN))
    expect(Array.from(v.data())).toEqual([-0, NaN, 6, NaN])
  })

  test('a part is a tensor of the content when it was taken', () => {
    const v = tf.variable([1, 2, 3])
    const out = tf.variable([0, 0])
    run(() => {
      const part = v.slice(1)
      expect(part).toBeInstanceOf(tf.Tensor)
      expect(part).toBeInstanceOf(tf.VariableSlice)
      expect(part.shape).toEqual([2])
      part.assign([20, 30])
      out.assign(part)
      out.assign(out.mul(part.add(10)))
    })
    expect([v.array(), out.array()]).toEqual([
      [1, 20, 30],
      [24, 39],
    ])
  })

  test('order: reads before and after, and parts that overlap', () => {
    const v = tf.variable([1, 2, 3, 4])
    const before = tf.variable([0, 0, 0, 0])
    run(() => {
      before.assign(v)
      v.slice(0, 3).assign(v.slice(1))
      v.slice(1, 2).assignAdd(v.slice(2))
    })
    expect([before.array(), v.array()]).toEqual([
      [1, 2, 3, 4],
      [2, 3 + 4, 4 + 4, 4],
    ])
  })

  test.each<[string, (v: tf.Variable) => unknown, string]>([
    ['another shape', (v) => v.slice(1).assign(20), 'at\\(i\\)'],
    ['another rank', (v) => v.at(0).assign([1]), 'shape is not the part'],
    ['another dtype', (v) => v.at(0).assign(tf.scalar(1, 'int32')), 'dtype is not the part'],
    ['an index outside', (v) => v.at(3).assign(1), 'out of bounds'],
    ['a range outside', (v) => v.slice(2, 2).assign([1, 2]), 'out of bounds'],
  ])('%s is refused and changes nothing', (__, assign, message) => {
    const v = tf.variable([1, 2, 3])
    expect(() => run(() => assign(v))).toThrow(new RegExp(message))
    expect(v.array()).toEqual([1, 2, 3])
  })

  test('row 15: scatterAdd accumulates repeated indices, scatterUpdate keeps the last', () => {
    const v = tf.variable([0, 0, 0])
    run(() => expect(v.scatterAdd([1, 1], [1, 1])).toBe(v))
    expect(v.array()).toEqual([0, 2, 0])
    run(() => v.scatterSub([0, 0, 2], [1, 2, 3]))
    expect(v.array()).toEqual([-3, 2, -3])
    run(() => v.scatterUpdate([2, 0, 2], [7, 8, 9]))
    expect(v.array()).toEqual([8, 2, 9])
  })

  test('row 15: rows of a matrix, and another axis', () => {
    const v = tf.variable(tf.zeros([3, 2]))
    run(() =>
      v.scatterAdd(
        [2, 0, 2],
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ),
    )
    expect(v.array()).toEqual([
      [3, 4],
      [0, 0],
      [6, 8],
    ])
    run(() => v.scatterUpdate([1], [[9], [9], [9]], { axis: 1 }))
    expect(v.array()).toEqual([
      [3, 9],
      [0, 9],
      [6, 9],
    ])
  })

  test('row 15: an index out of range leaves it as it was', () => {
    const v = tf.variable([1, 2, 3])
    const snapshot = v.value()
    for (const scatter of ['scatterAdd', 'scatterSub', 'scatterUpdate'] as const)
      for (const index of [3, -1])
        expect(() => run(() => v[scatter]([0, index], [5, 6]))).toThrow(tf.CheckError)
    expect([v.array(), snapshot.array()]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    run(() => v.scatterAdd([0, 3], [5, 6], { outside: 'drop' }))
    expect(v.array()).toEqual([6, 2, 3])
  })

  test('gradients: a part is differentiated to its variable, assigning it is not', () => {
    const v = tf.variable([1, 2, 3])
    const out = tf.variable([0, 0, 0])
    run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => v.slice(1).square().sum().add(v.at(0).mul(7)))
      const gradient = tape.gradient(y, v)
      if (gradient === null) throw new Error('no gradient')
      out.assign(gradient)
    })
    expect(out.array()).toEqual([7, 4, 6])
    run(() => {
      const tape = new tf.GradientTape()
      const x = tf.scalar(5)
      const y = tape.record(() => {
        tape.watch(x)
        v.at(1).assign(x.mul(2))
        return v.mul([1, 10, 100]).sum()
      })
      const [gx, gv] = tape.gradient(y, [x, v])
      expect(gx).toBe(null)
      if (gv === null || gv === undefined) throw new Error('no gradient')
      out.assign(gv)
    })
    expect([v.array(), out.array()]).toEqual([
      [1, 10, 3],
      [1, 10, 100],
    ])
  })

  test('gradient with respect to the part itself', () => {
    const v = tf.variable([1, 2, 3])
    const out = tf.variable([0, 0])
    run(() => {
      const tape = new tf.GradientTape()
      const [y, part] = tape.record(() => {
        const taken = v.slice(1)
        return [taken.square().sum(), taken] as const
      })
      const gradient = tape.gradient(y, part)
      if (gradient === null) throw new Error('no gradient')
      out.assign(gradient)
    })
    expect(out.array()).toEqual([4, 6])
  })
})

describe('in traced functions', () => {
  test('parts are arguments and results', () => {
    const v = tf.variable([1, 2, 3, 4])
    const f = tf.function((x: tf.Tensor) => [x.mul(10), v.slice(1, 2)] as const)
    const [y, part] = f(v.slice(2))
    expect([y.array(), part.array()]).toEqual([
      [30, 40],
      [2, 3],
    ])
    const tape = new tf.GradientTape()
    const loss = tape.record(() => f(v.slice(0, 2))[0].sum())
    expect(tape.gradient(loss, v)?.array()).toEqual([10, 10, 0, 0])
  })

  test('a part of a variable of unknown position is fused with what computes it', () => {
    const v = tf.variable(tf.zeros([6]))
    const put = tf.function((x: tf.Tensor) => void v.slice(1, 3).assign(x.mul(2).add(1)))
    for (let i = 0; i < 3; i++) {
      put(tf.tensor([i, i + 1, i + 2]))
      expect(v.array()).toEqual([0, 2 * i + 1, 2 * i + 3, 2 * i + 5, 0, 0])
    }
    expect(put.traceCount).toBe(1)
  })

  test('a large variable, each row in turn', () => {
    const [rows, columns] = [50, 40]
    const v = tf.variable(tf.zeros([rows, columns]))
    for (let i = 0; i < rows; i += 7) v.at(i).assignAdd(tf.fill([columns], i))
    const data = v.data()
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) expect(data[i * columns + j]).toBe(i % 7 === 0 ? i : 0)
  })

  test('argument variables', () => {
    const f = tf.function((target: tf.Variable, x: tf.Tensor) => {
      target.slice(1).assign(x)
      target.scatterAdd([0, 0], [1, 1])
    })
    const [v, w] = [tf.variable([1, 2, 3]), tf.variable([4, 5, 6])]
    f(v, tf.tensor([7, 8]))
    f(w, tf.tensor([9, 10]))
    expect([v.array(), w.array(), f.traceCount]).toEqual([[3, 7, 8], [6, 9, 10], 1])
  })
})

describe('random programs of assignments agree with plain arrays', () => {
  /** Numbers that look random but are the same every time. */
  function generator(seed: number): (below: number) => number {
    let state = seed
    return (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
  }

  const [rows, columns] = [5, 4]

  /** One random assignment: what it does to a variable, and to nested arrays. */
  function assignment(
    pick: (below: number) => number,
  ): readonly [(v: tf.Variable) => void, (content: number[][]) => number[][]] {
    const number = (): number => pick(20) - 10
    const grid = (height: number, width: number): number[][] =>
      Array.from({ length: height }, () => Array.from({ length: width }, number))
    const kind = pick(6)
    if (kind < 3) {
      const [top, left] = [pick(rows), pick(columns)]
      const [height, width] = [1 + pick(rows - top), 1 + pick(columns - left)]
      const part = grid(height, width)
      const sign = [0, 1, -1][kind] ?? 0
      return [
        (v) => {
          const slice = v.slice([top, left], [height, width])
          if (kind === 0) slice.assign(part)
          else if (kind === 1) slice.assignAdd(part)
          else slice.assignSub(part)
        },
        (content) =>
          content.map((row, i) =>
            row.map((old, j) => {
              const value = part[i - top]?.[j - left]
              return value === undefined ? old : sign === 0 ? value : old + sign * value
            }),
          ),
      ]
    }
    if (kind === 3) {
      const [row, values] = [pick(2 * rows) - rows, grid(1, columns)[0] ?? []]
      const at = (row + rows) % rows
      return [
        (v) => void v.at(row).assign(values),
        (content) => content.map((old, i) => (i === at ? values : old)),
      ]
    }
    if (kind === 4) {
      const indices = Array.from({ length: 1 + pick(4) }, () => pick(rows))
      const updates = grid(indices.length, columns)
      const adds = pick(2) === 0
      return [
        (v) => void (adds ? v.scatterAdd(indices, updates) : v.scatterUpdate(indices, updates)),
        (content) => {
          const next = content.map((row) => [...row])
          indices.forEach((i, k) => {
            next[i] = (next[i] ?? []).map((old, j) => (adds ? old : 0) + (updates[k]?.[j] ?? NaN))
          })
          return next
        },
      ]
    }
    return [
      (v) => void v.assign(tf.reverse(v, 0).add(v.at(0))),
      (content) => content.toReversed().map((row) => row.map((value, j) => value + (content[0]?.[j] ?? NaN))),
    ]
  }

  test.each([1, 2, 3, 4, 5, 6])('seed %i', (seed) => {
    const pick = generator(seed)
    const steps = Array.from({ length: 8 }, () => assignment(pick))
    let expected: number[][] = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (__, j) => i * columns + j),
    )
    const [eager, traced] = [tf.variable(expected), tf.variable(expected)]
    const open = tf.variable(expected, { shape: [null, null] })
    const programs = [traced, open].map((v) =>
      tf.function(() => {
        for (const [assign] of steps) assign(v)
      }),
    )
    for (let round = 0; round < 2; round++) {
      for (const [assign, reference] of steps) {
        assign(eager)
        expected = reference(expected)
      }
      for (const program of programs) program()
      expect(eager.array()).toEqual(expected)
      expect(traced.array()).toEqual(expected)
      expect(open.array()).toEqual(expected)
    }
  })
})

test('a part is written where the variable lies, without a copy of the whole', () => {
  const v = tf.variable(tf.zeros([100, 8]))
  const f = tf.function((x: tf.Tensor) => void v.slice(1, 3).assign(x.mul(2)))
  f(tf.ones([3, 8]))
  const program = machineryOf(f)?.current?.prepare().program
  const whole = program?.report([]).buffers.filter(({ bytes }) => bytes === 3200)
  expect(whole?.map(({ place }) => place)).toEqual(['variable', 'variable'])
  expect(program?.plan.spec.steps.some(({ kind }) => kind === 'commit')).toBe(false)
})
