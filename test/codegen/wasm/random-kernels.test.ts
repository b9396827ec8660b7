// Random kernels of all dtypes, scalar and vectorised by the loop passes: wasm and interpreter agree in every bit.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { allocate, type DType, type TypedArray } from '../../../codegen/dtype.ts'
import {
  type BinaryOp,
  type Buffer,
  type CompareOp,
  type Expr,
  ExprPool,
  type ReduceOp,
  type UnaryOp,
} from '../../../codegen/expr.ts'
import type { Kernel, Loop, Statement } from '../../../codegen/kernel.ts'
import { optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import { multiplySizes, type Size, sizeName } from '../../../codegen/size.ts'
import { expectSame } from './harness.ts'

// max and min of floats are left out: they do not fix which of −0 and 0 they give.
const unary: Readonly<Record<DType, readonly UnaryOp[]>> = {
  float32: ['neg', 'abs', 'floor', 'round', 'sqrt', 'exp', 'tanh', 'logistic', 'log', 'sin'],
  float64: ['neg', 'abs', 'ceil', 'trunc', 'sqrt', 'exp', 'cos'],
  int32: ['neg', 'abs', 'not'],
  uint8: ['neg', 'not'],
  bool: ['not'],
}
const binary: Readonly<Record<DType, readonly BinaryOp[]>> = {
  float32: ['add', 'sub', 'mul', 'div', 'pmax', 'pmin'],
  float64: ['add', 'sub', 'mul', 'div', 'pmax', 'pmin'],
  int32: ['add', 'sub', 'mul', 'max', 'min', 'and', 'xor', 'shl', 'shr', 'shru', 'mulhu'],
  uint8: ['add', 'sub', 'mul', 'max', 'min', 'or', 'shl', 'shru'],
  bool: ['and', 'or', 'xor'],
}
const compares: readonly CompareOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge']
const dtypesTried: readonly DType[] = ['float32', 'float32', 'float64', 'int32', 'uint8', 'bool']

/** Builds one kernel from a stream of choices. */
class Builder {
  readonly pool: ExprPool = new ExprPool()
  readonly inputs: Buffer[] = []
  readonly #choices: readonly number[]
  #next = 0
  readonly rows: Size = sizeName('n0')
  readonly columns: Size = sizeName('n1')

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  choose(count: number): number {
    return (this.#choices[this.#next++ % this.#choices.length] ?? 0) % count
  }
  pick<T>(list: readonly T[]): T {
    const item = list[this.choose(list.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  value(dtype: DType, depth: number, i: Expr, j: Expr): Expr {
    const { pool } = this
    const kind = depth === 0 ? this.choose(2) : this.choose(9)
    const inner = (of: DType = dtype): Expr => this.value(of, depth - 1, i, j)
    switch (kind) {
      case 0:
        return pool.const(dtype, this.pick([0, 1, 2, 3, -1.5, 200]))
      case 1:
      case 2:
        return this.#load(dtype, i, j)
      case 3:
        return pool.unary(this.pick(unary[dtype]), inner())
      case 4:
        return pool.select(inner('bool'), inner(), inner())
      case 5:
        return pool.convert(inner(this.pick(dtypesTried)), dtype)
      case 6:
        if (dtype === 'int32')
          return pool.linear(
            [
              { atom: i, coefficient: 3 },
              { atom: j, coefficient: this.columns },
            ],
            7,
          )
        if (dtype === 'bool') {
          const of = this.pick(dtypesTried)
          return pool.compare(this.pick(compares), inner(of), inner(of))
        }
        return dtype === 'float32' ? pool.madd(inner(), inner(), inner()) : inner()
      default: {
        const x = inner()
        return pool.binary(this.pick(binary[dtype]), x, this.choose(4) === 0 ? x : inner())
      }
    }
  }

  #load(dtype: DType, i: Expr, j: Expr): Expr {
    const { pool, rows, columns } = this
    const buffer = pool.buffer(`x${this.inputs.length}`, dtype, multiplySizes(rows, columns))
    this.inputs.push(buffer)
    const shape = [rows, columns]
    switch (this.choose(6)) {
      case 0:
        return pool.load(buffer, i)
      case 1:
        return pool.load(buffer, j)
      case 2:
        return pool.load(buffer, pool.offset([j, i], [columns, rows]))
      case 3:
        return pool.load(
          buffer,
          pool.linear(
            [
              { atom: pool.offset([i, j], shape), coefficient: -1 },
              { atom: pool.size(multiplySizes(rows, columns)), coefficient: 1 },
            ],
            -1,
          ),
        )
      default:
        return pool.load(buffer, pool.offset([i, j], shape))
    }
  }

  kernel(): Kernel {
    const { pool, rows, columns } = this
    const [a, b] = [pool.axis('i', rows), pool.axis('j', columns)]
    const [i, j] = [pool.index(a), pool.index(b)]
    const loop = (axis: typeof a, body: readonly Statement[]): Loop => ({
      kind: 'loop',
      axis,
      from: pool.const('int32', 0),
      to: pool.size(axis.extent),
      step: 1,
      body,
    })
    const dtype = this.pick(dtypesTried)
    const reduced = dtype !== 'bool' && this.choose(3) === 0
    const out = pool.buffer('out', dtype, reduced ? rows : multiplySizes(rows, columns))
    let body: readonly Statement[]
    if (reduced) {
      const op: ReduceOp =
        dtype === 'int32' || dtype === 'uint8' ? this.pick(['sum', 'max', 'min'] as const) : 'sum'
      const local = pool.local(dtype, 1, true)
      const sum = pool.localValue(local, [])
      const update = pool.binary(op === 'sum' ? 'add' : op, sum, this.value(dtype, 3, i, j))
      body = [
        loop(a, [
          { kind: 'set', local, value: pool.const(dtype, op === 'min' ? 255 : 0) },
          loop(b, [{ kind: 'set', local, value: update }]),
          { kind: 'store', buffer: out, index: i, value: sum },
        ]),
      ]
    } else {
      const value = this.value(dtype, 4, i, j)
      body = [
        loop(a, [
          loop(b, [{ kind: 'store', buffer: out, index: pool.offset([i, j], [rows, columns]), value }]),
        ]),
      ]
    }
    return { name: 'random', buffers: [...this.inputs, out], sizes: ['n0', 'n1'], body }
  }
}

function data(dtype: DType, count: number, seed: number): TypedArray {
  const array = allocate(dtype, count)
  for (let i = 0; i < count; i++) {
    const value = Math.sin(i * 12.9898 + seed) * 43758.5453
    const unit = value - Math.floor(value)
    array[i] =
      dtype === 'bool'
        ? Number(unit > 0.5)
        : dtype === 'uint8'
          ? unit * 256
          : dtype === 'int32'
            ? (unit - 0.5) * 2 ** (i % 32)
            : (unit - 0.5) * 10 ** (i % 5)
  }
  return array
}

it('random kernels', () => {
  let vectorised = 0
  fc.assert(
    fc.property(
      fc.array(fc.nat(999), { minLength: 40, maxLength: 120 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 19 }),
      (choices, n0, n1) => {
        const builder = new Builder(choices)
        const kernel = builder.kernel()
        fc.pre(builder.inputs.length < 30)
        const sizes = new Map([
          ['n0', n0],
          ['n1', n1],
        ])
        // A load of x[i] from an array of n0·n1 elements needs some even where the other extent is 0.
        const arrays = kernel.buffers.map((buffer, k) => data(buffer.dtype, n0 * n1 + n0 + n1, k))
        expectSame(kernel, arrays, sizes)
        const optimised = optimizeKernel(builder.pool, kernel)
        if (
          optimised.body.length !== kernel.body.length ||
          JSON.stringify(optimised.body).includes('"lanes":4')
        )
          vectorised++
        expectSame(optimised, arrays, sizes)
      },
    ),
    { numRuns: 150, seed: 1 },
  )
  expect(vectorised).toBeGreaterThan(20)
})
