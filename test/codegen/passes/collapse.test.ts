// Which nests become one loop, short loops, and index sums written in full.
import { describe, expect, it } from 'vitest'
import { type Axis, type Expr, ExprPool } from '../../../codegen/expr.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { collapseLoops } from '../../../codegen/passes/collapse.ts'
import { inlineIndices } from '../../../codegen/passes/inline-indices.ts'
import { eachStatement } from '../../../codegen/passes/rewrite.ts'
import { unrollLoops } from '../../../codegen/passes/unroll.ts'
import { schedule } from '../../../codegen/schedule.ts'
import { multiplySizes, printSize, type Size, sizeName } from '../../../codegen/size.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { verifyKernel } from '../../../codegen/verify.ts'

const n0 = sizeName('n0')
const n1 = sizeName('n1')

function loopsOf(kernel: Kernel): readonly string[] {
  return [...eachStatement(kernel.body)].flatMap((statement) =>
    statement.kind === 'loop' ? [printSize(statement.axis.extent)] : [],
  )
}

/** Extents of the loops left of y[...] = value over a dense y. */
function collapsed(
  shape: readonly Size[],
  value: (pool: ExprPool, axes: readonly Axis[], whole: Expr) => Expr,
): readonly string[] {
  const pool = new ExprPool()
  const axes = shape.map((size, d) => pool.axis('ijkl'[d] ?? 'm', size))
  const index = pool.offset(
    axes.map((axis) => pool.index(axis)),
    shape,
  )
  const y = pool.buffer('y', 'float32', multiplySizes(...shape))
  const kernel = collapseLoops(
    pool,
    inlineIndices(pool, schedule(pool, 'k', [{ buffer: y, axes, index, value: value(pool, axes, index) }])),
  )
  verifyKernel(kernel)
  return loopsOf(kernel)
}

describe('collapse', () => {
  const dense = (pool: ExprPool, whole: Expr): Expr => pool.load(pool.buffer('x', 'float32', 1 << 20), whole)

  it('makes one loop of a dense nest, with known and named extents', () => {
    expect(collapsed([4, 5, 6], (pool, _, whole) => dense(pool, whole))).toEqual(['120'])
    expect(collapsed([n0, 128], (pool, _, whole) => dense(pool, whole))).toEqual(['128*n0'])
    expect(collapsed([n0, n1], (pool, _, whole) => dense(pool, whole))).toEqual(['n0*n1'])
    expect(collapsed([n0, 1, 7], (pool, _, whole) => dense(pool, whole))).toEqual(['7*n0'])
  })

  it('keeps the loop of a broadcast axis', () => {
    const bias =
      (axis: number) =>
      (pool: ExprPool, axes: readonly Axis[], whole: Expr): Expr => {
        const own = axes[axis]
        if (own === undefined) throw new Error('no axis')
        return pool.binary(
          'add',
          dense(pool, whole),
          pool.load(pool.buffer('b', 'float32', 64), pool.index(own)),
        )
      }
    expect(collapsed([n0, 128], bias(1))).toEqual(['n0', '128'])
    expect(collapsed([n0, 128], bias(0))).toEqual(['n0', '128'])
    expect(collapsed([4, 5, 6], bias(2))).toEqual(['20', '6'])
    expect(collapsed([4, 5, 6], bias(0))).toEqual(['4', '30'])
    expect(collapsed([4, 5, 6], bias(1))).toEqual(['4', '5', '6'])
  })

  it('keeps apart axes whose index is a value, and transposed reads', () => {
    expect(
      collapsed([4, 6], (pool, [, j]) =>
        pool.convert(j === undefined ? pool.const('int32', 0) : pool.index(j), 'float32'),
      ),
    ).toEqual(['4', '6'])
    const transposed = (pool: ExprPool, axes: readonly Axis[]): Expr =>
      dense(
        pool,
        pool.offset(
          [...axes].reverse().map((axis) => pool.index(axis)),
          [6, 4],
        ),
      )
    expect(collapsed([4, 6], transposed)).toEqual(['4', '6'])
  })

  it('merges the loops of a reduction and those around it', () => {
    const pool = new ExprPool()
    const [i, j, k, l] = [pool.axis('i', n0), pool.axis('j', 3), pool.axis('k', 4), pool.axis('l', 5)]
    const x = pool.buffer('x', 'float32', multiplySizes(n0, 60))
    const y = pool.buffer('y', 'float32', multiplySizes(n0, 3))
    const at = pool.offset(
      [i, j, k, l].map((axis) => pool.index(axis)),
      [n0, 3, 4, 5],
    )
    const value = pool.reduce('sum', [k, l], pool.load(x, at))
    const index = pool.offset([pool.index(i), pool.index(j)], [n0, 3])
    const kernel = schedule(pool, 'k', [{ buffer: y, axes: [i, j], index, value }])
    const result = collapseLoops(pool, inlineIndices(pool, kernel))
    verifyKernel(result)
    expect(`\n${printKernel(result)}`).toBe(`
kernel @k(%x: f32[60*n0], %y: f32[3*n0]) sizes (n0) {
  for i in 0..3*n0 {
    var s0: f32 = 0.0
    for k in 0..20 {
      s0 = add(s0, load x[20*i + k])
    }
    store y[i] = s0
  }
}
`)
  })

  it('returns the same kernel when there is nothing to merge', () => {
    const pool = new ExprPool()
    const i = pool.axis('i', n0)
    const y = pool.buffer('y', 'float32', n0)
    const kernel = schedule(pool, 'k', [
      { buffer: y, axes: [i], index: pool.index(i), value: pool.const('float32', 1) },
    ])
    expect(collapseLoops(pool, kernel)).toBe(kernel)
    expect(inlineIndices(pool, kernel)).toBe(kernel)
  })
})

describe('unroll', () => {
  function sums(extent: number): readonly string[] {
    const pool = new ExprPool()
    const [i, k] = [pool.axis('i', n0), pool.axis('k', extent)]
    const x = pool.buffer('x', 'float32', multiplySizes(n0, extent))
    const y = pool.buffer('y', 'float32', n0)
    const value = pool.reduce(
      'sum',
      [k],
      pool.load(x, pool.offset([pool.index(i), pool.index(k)], [n0, extent])),
    )
    const kernel = schedule(pool, 'k', [{ buffer: y, axes: [i], index: pool.index(i), value }])
    const result = unrollLoops(pool, inlineIndices(pool, kernel))
    verifyKernel(result)
    return loopsOf(result)
  }
  it('writes out up to four trips', () => {
    expect(sums(2)).toEqual(['n0'])
    expect(sums(4)).toEqual(['n0'])
    expect(sums(5)).toEqual(['n0', '5'])
  })
  it('drops a loop that never runs', () => {
    expect(sums(0)).toEqual(['n0'])
  })
})
