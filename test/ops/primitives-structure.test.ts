// Values of the ops that move, reduce and combine elements, against loops written out here, with known and with hidden
// sizes. The naive trace throws on every load outside a buffer.
import { beforeAll, describe, expect, test } from 'vitest'
import * as ops from '../../tracer/ops/index.ts'
import { installGuardRecorder, mergeSizes, requireEqual } from '../../tracer/ops/sizes.ts'
import { addSizes, sizeName } from '../../codegen/size.ts'
import type { DType } from '../../codegen/dtype.ts'
import { opNamed } from '../../tracer/op.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { bindOne, withTrace } from '../../tracer/trace/bind.ts'
import { naiveTrace, numbers, useTrace } from '../support/naive.ts'

beforeAll(() => useTrace())

const symbolic = naiveTrace(true)

function expectValues(run: () => Tensor, shape: readonly number[], expected: readonly number[]): void {
  for (const result of [run(), withTrace(symbolic, run)]) {
    expect(result.shape).toEqual(shape)
    expect([...result.data()]).toEqual(expected.map((value) => value))
  }
}

/** 0, 1, 2, … in a shape. */
function counting(...shape: number[]): Tensor {
  const count = shape.reduce((a, b) => a * b, 1)
  return numbers(
    'float32',
    shape,
    Array.from({ length: count }, (_, i) => i),
  )
}

/** All indices of a shape in row-major order. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (list, size) => list.flatMap((i) => Array.from({ length: size }, (_, k) => [...i, k])),
    [[]],
  )
}

/** Builds expected data from a formula of the index. */
function built(shape: readonly number[], element: (index: number[]) => number): number[] {
  return indices(shape).map(element)
}

describe('movement', () => {
  test('reshape keeps row-major order', () => {
    for (const [from, to] of [
      [[6], [2, 3]],
      [[2, 3], [6]],
      [
        [2, 3, 4],
        [4, 6],
      ],
      [
        [4, 1, 3],
        [2, 2, 3, 1],
      ],
      [[3, 1], [3]],
      [[], [1, 1]],
      [[1], []],
      [
        [0, 3],
        [5, 0],
      ],
      [
        [2, 3, 4],
        [3, 2, 4],
      ],
    ] as const) {
      const count = from.reduce<number>((a, b) => a * b, 1)
      expectValues(
        () => ops.reshape(counting(...from), [...to]),
        [...to],
        Array.from({ length: count }, (_, i) => i),
      )
    }
    expectValues(
      () => ops.reshape(counting(2, 6), [3, -1]),
      [3, 4],
      Array.from({ length: 12 }, (_, i) => i),
    )
    expect(() => ops.reshape(counting(4), [3])).toThrow(/number of elements of \[4\] and \[3\] differs/)
    expect(() => ops.reshape(counting(4), [3, -1])).toThrow(/differs/)
    expect(() => ops.reshape(counting(4), [-1, -1])).toThrow(/more than one -1/)
    expect(() => ops.reshape(counting(0), [0, -1])).toThrow(/not determined/)
  })
  test('expandDims and squeeze', () => {
    expect(ops.expandDims(counting(2, 3), 1).shape).toEqual([2, 1, 3])
    expect(ops.expandDims(counting(2, 3), -1).shape).toEqual([2, 3, 1])
    expect(ops.squeeze(counting(1, 3, 1)).shape).toEqual([3])
    expect(ops.squeeze(counting(1, 3, 1), [-1]).shape).toEqual([1, 3])
    expect(() => ops.squeeze(counting(1, 3), [1])).toThrow(/axis 1 has not size 1/)
  })
  test('transpose and reverse', () => {
    const x = counting(2, 3, 4)
    expectValues(
      () => ops.transpose(x, [2, 0, 1]),
      [4, 2, 3],
      built([4, 2, 3], ([i = 0, j = 0, k = 0]) => j * 12 + k * 4 + i),
    )
    expectValues(
      () => ops.transpose(x),
      [4, 3, 2],
      built([4, 3, 2], ([i = 0, j = 0, k = 0]) => k * 12 + j * 4 + i),
    )
    expectValues(
      () => ops.reverse(x, [0, -1]),
      [2, 3, 4],
      built([2, 3, 4], ([i = 0, j = 0, k = 0]) => (1 - i) * 12 + j * 4 + 3 - k),
    )
    expect(ops.transpose(x, [0, 1, 2])).toBe(x)
    expect(() => ops.transpose(x, [0, 0, 1])).toThrow(/not a permutation/)
    expect(() => ops.reverse(x, 3)).toThrow(/axis 3 is not an axis of a tensor of rank 3/)
  })
})

describe('slice, pad, concat', () => {
  test('slice', () => {
    const x = counting(3, 4)
    expectValues(() => ops.slice(x, [1, 1], [2, 2]), [2, 2], [5, 6, 9, 10])
    expectValues(() => ops.slice(x, 1), [2, 4], [4, 5, 6, 7, 8, 9, 10, 11])
    expectValues(() => ops.slice(x, [0, -1]), [3, 1], [3, 7, 11])
    expectValues(() => ops.slice(x, [3], [0]), [0, 4], [])
    expectValues(
      () => ops.sliceWithStrides(x, { starts: [2, 3], sizes: [2, 2], strides: [-2, -2] }),
      [2, 2],
      [11, 9, 3, 1],
    )
    expectValues(() => ops.sliceAxis(x, 1, 0, 2, 2), [3, 2], [0, 2, 4, 6, 8, 10])
    expect(ops.slice(x, 0)).toBe(x)
    expect(() => ops.slice(x, [2], [2])).toThrow(/index 3 of axis 0 is out of bounds: the axis has size 3/)
    expect(() => ops.slice(x, [-4])).toThrow(/out of bounds/)
    expect(() => ops.slice(x, [0, 0, 0])).toThrow(/3 numbers were given for 2 axes/)
  })
  test('elementAt', () => {
    expectValues(() => ops.elementAt(counting(3, 2), 1), [2], [2, 3])
    expectValues(() => ops.elementAt(counting(3, 2), -1, 1), [3], [1, 3, 5])
    expect(() => ops.elementAt(counting(3), 5)).toThrow(/index 5 of axis 0 is out of bounds/)
    expect(() => ops.elementAt(counting(3), 0.5)).toThrow(/not an index/)
  })
  test('pad', () => {
    const x = numbers('float32', [2, 2], [1, 2, 3, 4])
    const none = [0, 0]
    expectValues(
      () => ops.padWith(x, { low: [1, 0], high: [0, 2], interior: none }, 9),
      [3, 4],
      [9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9, 9],
    )
    expectValues(
      () => ops.padWith(x, { low: none, high: none, interior: [1, 2] }, 0),
      [3, 4],
      [1, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 4],
    )
    expectValues(
      () => ops.padWith(x, { low: [-1, 1], high: [1, -1], interior: none }, 0),
      [2, 2],
      [0, 3, 0, 0],
    )
    expectValues(
      () => ops.padWith(numbers('bool', [1], [1]), { low: [1], high: [1], interior: [0] }, 0),
      [3],
      [0, 1, 0],
    )
    expectValues(
      () => ops.padWith(numbers('float32', [0], []), { low: [1], high: [1], interior: [0] }, 7),
      [2],
      [7, 7],
    )
    expectValues(
      () => ops.padWith(counting(3), { low: [1], high: [2], interior: [1] }, -1),
      [8],
      [-1, 0, -1, 1, -1, 2, -1, -1],
    )
    expect(() => ops.padWith(x, { low: [-3, 0], high: none, interior: none }, 0)).toThrow(
      /padding does not fit/,
    )
  })
  test('concat and stack', () => {
    expectValues(() => ops.concat([[1, 2], [3], [4, 5]]), [5], [1, 2, 3, 4, 5])
    expectValues(() => ops.concat([counting(2, 2), counting(2, 1)], -1), [2, 3], [0, 1, 0, 2, 3, 1])
    expectValues(() => ops.concat([numbers('bool', [1], [1]), numbers('bool', [2], [0, 1])]), [3], [1, 0, 1])
    expectValues(() => ops.concat([counting(0), counting(2)]), [2], [0, 1])
    expectValues(() => ops.stack([counting(2), counting(2)], 1), [2, 2], [0, 0, 1, 1])
    expectValues(() => ops.add([ops.sqrt(4), 2], 0), [2], [2, 2])
    expect(() => ops.concat([counting(2, 2), counting(3, 3)])).toThrow(/sizes of axis 1 differ/)
    expect(() => ops.concat([counting(2), counting(2, 2)])).toThrow(/different ranks/)
    expect(() => ops.concat([counting(2), numbers('int32', [1], [1])])).toThrow(/different dtypes/)
    expect(() => ops.concat([])).toThrow(/nothing to join/)
  })
})

describe('creation', () => {
  test('iota, constant, sizeOf', () => {
    expectValues(() => ops.iota([2, 3], 1), [2, 3], [0, 1, 2, 0, 1, 2])
    expect(ops.iota([2], 0, 'float32').dtype).toBe('float32')
    expect([...ops.constant('float32', [2, 2], [1, -0, NaN, 4]).data()]).toEqual([1, -0, NaN, 4])
    const node = (dtype: DType, shape: number[], values: number[]): Tensor =>
      withTrace(naiveTrace(false), () => bindOne(opNamed('constant'), [], { dtype, shape, values }))
    expect([...node('float32', [2, 2], [1, -0, NaN, 4]).data()]).toEqual([1, -0, NaN, 4])
    expect([...node('bool', [], [1]).data()]).toEqual([1])
    expect([...node('int32', [0], []).data()]).toEqual([])
    expectValues(() => ops.sizeOf(counting(2, 5), 1), [], [5])
    expect(() => ops.constant('float32', [2], [1])).toThrow(/do not fill/)
  })
})

describe('reductions', () => {
  const x = numbers('float32', [2, 3, 2], [1, -2, 3, 4, NaN, 6, 7, 8, -9, 10, 11, 12])
  test('over any axes', () => {
    expectValues(() => ops.reduceSum(counting(2, 3, 2), [0, 2]), [3], [14, 22, 30])
    expectValues(() => ops.reduceSum(counting(2, 3), [0, 1]), [], [15])
    expectValues(() => ops.reduceProd(numbers('float32', [2, 3], [1, 2, 3, 4, 5, 6]), [1]), [2], [6, 120])
    expectValues(() => ops.reduceMax(x, [1]), [2, 2], [NaN, 6, 11, 12])
    expectValues(() => ops.reduceMin(x, [0]), [3, 2], [1, -2, -9, 4, NaN, 6])
    expectValues(() => ops.reduceAnd(numbers('bool', [2, 2], [1, 0, 1, 1]), [0]), [2], [1, 0])
    expectValues(() => ops.reduceOr(numbers('bool', [2, 2], [0, 0, 1, 0]), [0]), [2], [1, 0])
    expect(ops.reduceSum(x, [])).toBe(x)
    expect(() => ops.reduceSum(numbers('bool', [1], [1]), [])).toThrow(/sum: bool/)
    expect(() => ops.reduceAnd(x, [0])).toThrow(/all: float32/)
    expect(() => ops.reduceMax(x, [3])).toThrow(/max: axis 3/)
  })
  test('of nothing', () => {
    const none = numbers('float32', [2, 0], [])
    expectValues(() => ops.reduceSum(none, [1]), [2], [0, 0])
    expectValues(() => ops.reduceProd(none, [1]), [2], [1, 1])
    expectValues(() => ops.reduceMax(none, [1]), [2], [-Infinity, -Infinity])
    expectValues(() => ops.reduceMin(none, [0, 1]), [], [Infinity])
    expectValues(() => ops.reduceSum(none, [0]), [0], [])
    expectValues(() => ops.reduceAnd(numbers('bool', [0], []), [0]), [], [1])
    expectValues(() => ops.reduceOr(numbers('bool', [0], []), [0]), [], [0])
  })
  test('integers wrap', () => {
    expectValues(() => ops.reduceSum(numbers('int32', [2], [2147483647, 1]), [0]), [], [-2147483648])
    expectValues(() => ops.reduceProd(numbers('int32', [3], [65536, 65536, 3]), [0]), [], [0])
    expectValues(() => ops.reduceSum(numbers('uint8', [2], [200, 100]), [0]), [], [44])
  })
  test('argMax and argMin take the first and never NaN', () => {
    expectValues(() => ops.argMax([1, 3, 3]), [], [1])
    expectValues(
      () =>
        ops.argMax([
          [NaN, 1],
          [5, NaN],
          [5, 0],
        ]),
      [2],
      [1, 0],
    )
    expectValues(() => ops.argMin(numbers('int32', [2, 3], [3, 1, 1, 0, 5, 0]), -1), [2], [1, 0])
    expectValues(() => ops.argMax([NaN, NaN]), [], [0])
    expectValues(() => ops.argMax([-Infinity, -Infinity]), [], [0])
    expect(() => ops.argMax(counting(2, 0), 1)).toThrow(/argMax: axis 1 is empty/)
  })
  test('running sums and products', () => {
    const y = numbers('float32', [2, 3], [1, 2, 3, 4, 5, 6])
    expectValues(() => ops.cumsum(y, 1), [2, 3], [1, 3, 6, 4, 9, 15])
    expectValues(() => ops.cumsum(y, 0, true), [2, 3], [0, 0, 0, 1, 2, 3])
    expectValues(() => ops.cumsum(y, -1, false, true), [2, 3], [6, 5, 3, 15, 11, 6])
    expectValues(() => ops.cumprod(y, 1, true, true), [2, 3], [6, 3, 1, 30, 6, 1])
    expectValues(() => ops.cumprod(numbers('int32', [2], [65536, 65537])), [2], [65536, 65536])
    expectValues(() => ops.cumsum(numbers('float32', [0], [])), [0], [])
  })
})

describe('indexing', () => {
  const x = counting(2, 3, 4)
  test('gather', () => {
    expectValues(() => ops.gather([10, 20, 30], [2, 0, 2]), [3], [30, 10, 30])
    expectValues(
      () => ops.gather(x, numbers('int32', [2, 2], [2, 0, 1, 1]), { axis: 1 }),
      [2, 2, 2, 4],
      built(
        [2, 2, 2, 4],
        ([b = 0, i = 0, j = 0, r = 0]) =>
          b * 12 +
          ([
            [2, 0],
            [1, 1],
          ][i]?.[j] ?? 0) *
            4 +
          r,
      ),
    )
    expectValues(
      () => ops.gather(x, numbers('int32', [2, 2], [2, 0, 1, 3]), { axis: 2, batchDims: 1 }),
      [2, 3, 2],
      built(
        [2, 3, 2],
        ([b = 0, m = 0, i = 0]) =>
          b * 12 +
          m * 4 +
          ([
            [2, 0],
            [1, 3],
          ][b]?.[i] ?? 0),
      ),
    )
    expectValues(
      () => ops.gather(x, 1, { axis: 0 }),
      [3, 4],
      built([3, 4], ([m = 0, r = 0]) => 12 + m * 4 + r),
    )
    expectValues(() => ops.gather([1, 2, 3], [0, 3, -1], { outside: 'drop' }), [3], [1, 0, 0])
    expectValues(() => ops.gather(numbers('float32', [0], []), numbers('int32', [0], [])), [0], [])
  })
  test('gather checks', () => {
    expect(() => ops.gather([1, 2, 3], [0, 7])).toThrow(/indices\[1\] = 7 is not in \[0, 3\)/)
    expect(() =>
      ops.gather(
        [1, 2, 3],
        [
          [0, 1],
          [-1, 5],
        ],
      ),
    ).toThrow(/indices\[1,0\] = -1/)
    expect(() => ops.gather(numbers('float32', [0], []), [0])).toThrow(/indices\[0\] = 0 is not in \[0, 0\)/)
    expect(() => ops.gather([1, 2], numbers('float32', [1], [0]))).toThrow(/gather: float32/)
    expect(() => ops.gather(x, [0, 1, 2], { axis: 1, batchDims: 1 })).toThrow(/batch axis 0/)
  })
  test('scatter', () => {
    expectValues(() => ops.scatterAdd([1, 1, 1], [2, 2], [5, 6]), [3], [1, 1, 12])
    expectValues(() => ops.scatterUpdate([1, 1, 1], [2], [5]), [3], [1, 1, 5])
    expectValues(
      () => ops.scatterUpdate(numbers('bool', [2], [0, 0]), [1], numbers('bool', [1], [1])),
      [2],
      [0, 1],
    )
    expectValues(
      () =>
        ops.scatterAdd(
          [
            [0, 0],
            [0, 0],
          ],
          [1, 1],
          [
            [1, 2],
            [3, 4],
          ],
        ),
      [2, 2],
      [0, 0, 4, 6],
    )
    expectValues(
      () =>
        ops.scatterAdd(
          [
            [0, 0],
            [0, 0],
          ],
          [[1], [0]],
          [[7], [8]],
          { axis: 1, batchDims: 1 },
        ),
      [2, 2],
      [0, 7, 8, 0],
    )
    expectValues(() => ops.scatterAdd([0, 0], [-1, 1, 2], [1, 2, 3], { outside: 'drop' }), [2], [0, 2])
    // One target for all updates, known to be one while the loops are made: sums must still pass through memory.
    expectValues(() => ops.scatterAdd([1, 1], ops.filled('int32', [9], 1), counting(9)), [2], [1, 37])
    expectValues(
      () =>
        ops.scatterAdd(
          numbers('float32', [2, 1], [0, 0]),
          ops.filled('int32', [5], 0),
          ops.filled('float32', [5, 1], 1),
        ),
      [2, 1],
      [5, 0],
    )
    expect(() => ops.scatterAdd([0, 0], [2], [1])).toThrow(/scatterAdd: indices\[0\] = 2 is not in \[0, 2\)/)
    expect(() => ops.scatterAdd([0, 0], [1], [1, 2])).toThrow(/updates must have the shape \[1\]/)
  })
  test('dynamic slices', () => {
    const y = counting(3, 4)
    const [i, j] = [numbers('int32', [], [1]), numbers('int32', [], [2])]
    expectValues(() => ops.dynamicSlice(y, [i, j], [2, 2]), [2, 2], [6, 7, 10, 11])
    expectValues(
      () => ops.dynamicUpdate(y, [[-1, -2]], [i, j]),
      [3, 4],
      [0, 1, 2, 3, 4, 5, -1, -2, 8, 9, 10, 11],
    )
    expectValues(() => ops.dynamicSlice(y, [0, j], [3, 1]), [3, 1], [2, 6, 10])
    expect(() => ops.dynamicSlice(y, [j, 0], [2, 2])).toThrow(/the start of axis 0 = 2 puts a part of shape/)
    expect(() => ops.dynamicUpdate(y, [[1]], [0, -1])).toThrow(/dynamicUpdate: the start of axis 1 = -1/)
    expect(() => ops.dynamicSlice(y, [0, 0], [4, 1])).toThrow(/does not fit/)
    expect(() => ops.dynamicSlice(y, [numbers('float32', [], [0]), 0], [1, 1])).toThrow(/int32 scalars/)
  })
})

describe('dot', () => {
  test('batch, free and contracted axes in any place', () => {
    // a[k, b, i, l], b[j, l, k, b]: contracting k and l, batch b.
    const [B, I, J, K, L] = [2, 3, 2, 4, 2]
    const a = counting(K, B, I, L)
    const b = counting(J, L, K, B)
    const at = (t: Tensor, index: number[]): number =>
      t.data()[index.reduce((flat, i, d) => flat * (t.shape[d] ?? 1) + i, 0)] ?? 0
    expectValues(
      () => ops.dot(a, b, { contractA: [3, 0], contractB: [1, 2], batchA: [1], batchB: [3] }),
      [B, I, J],
      built([B, I, J], ([n = 0, i = 0, j = 0]) =>
        indices([K, L]).reduce((sum, [k = 0, l = 0]) => sum + at(a, [k, n, i, l]) * at(b, [j, l, k, n]), 0),
      ),
    )
  })
  test('outer products, scalars, nothing to sum', () => {
    const none = { contractA: [], contractB: [], batchA: [], batchB: [] }
    expectValues(() => ops.dot([1, 2], [3, 4], none), [2, 2], [3, 4, 6, 8])
    expectValues(() => ops.dot([1, 2], [3, 4], { ...none, contractA: [0], contractB: [0] }), [], [11])
    expectValues(
      () => ops.dot(counting(2, 0), counting(0, 2), { ...none, contractA: [1], contractB: [0] }),
      [2, 2],
      [0, 0, 0, 0],
    )
    expectValues(
      () =>
        ops.dot(numbers('int32', [2], [65536, 1]), numbers('int32', [2], [65536, 3]), {
          ...none,
          contractA: [0],
          contractB: [0],
        }),
      [],
      [3],
    )
  })
  test('errors', () => {
    const product = { contractA: [1], contractB: [0], batchA: [], batchB: [] }
    expect(() => ops.dot(counting(2, 3), counting(4, 5), product)).toThrow(
      /dot: contracted sizes differ\n\s+a\s+f32\[2,3\]\s+axis 1 is 3\n\s+b\s+f32\[4,5\]\s+axis 0 is 4/,
    )
    expect(() => ops.dot(counting(2, 3), counting(3), { ...product, batchA: [1], batchB: [0] })).toThrow(
      /do not pair up/,
    )
  })
})

describe('random bits', () => {
  // Known answers of Philox-4x32-10 published with the Random123 library: counter and key all zeros, all ones, and digits of pi.
  const vectors = [
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    { counter: [-1, -1, -1, -1], key: [-1, -1], words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ]
  test.each(vectors)('known answer %#', ({ counter, key, words }) => {
    const [k, c] = [numbers('int32', [2], key), numbers('int32', [4], counter)]
    expectValues(
      () => ops.randomBits(k, c, [4]),
      [4],
      words.map((word) => word | 0),
    )
  })
  test('blocks count on, with carry', () => {
    const key = numbers('int32', [2], [1, 2])
    const bits = ops.randomBits(key, numbers('int32', [4], [-1, 7, 0, 0]), [3, 3]).data()
    const next = ops.randomBits(key, numbers('int32', [4], [0, 8, 0, 0]), [5]).data()
    expect([...bits].slice(4)).toEqual([...next])
    expect(new Set(bits).size).toBe(9)
  })
})

describe('demands on sizes', () => {
  const n = sizeName('n0')
  const m = sizeName('n1')
  test('undecided ones go to the recorder', () => {
    const seen: string[] = []
    const before = installGuardRecorder((x, y, reason) => seen.push(`${String(x)} = ${String(y)}: ${reason}`))
    requireEqual(n, n, 'same')
    requireEqual(n, m, 'names')
    expect(mergeSizes(n, 4, () => ({ op: 'add', problem: 'shapes differ' }))).toBe(4)
    installGuardRecorder(before)
    requireEqual(n, m, 'nobody listens')
    expect(seen).toEqual(['n0 = n1: names', 'n0 = 4: add: shapes differ'])
  })
  test('sizes that never agree throw', () => {
    expect(() => requireEqual(2, 3, 'two is not three')).toThrow('two is not three')
    expect(() => requireEqual(n, addSizes(n, 1), 'one more')).toThrow('one more')
  })
})
