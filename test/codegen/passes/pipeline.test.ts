// The whole list of passes: each leaves a correct kernel, and the result computes what was asked for.
import { describe, expect, it } from 'vitest'
import { type Expr, ExprPool } from '../../../codegen/expr.ts'
import { interpretKernel } from '../../../codegen/interpret.ts'
import { kernelPasses, optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import { schedule } from '../../../codegen/schedule.ts'
import { multiplySizes, sizeName } from '../../../codegen/size.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { verifyKernel } from '../../../codegen/verify.ts'

const rows = sizeName('n0')

/** Row softmax of a matrix with `columns` columns and a named number of rows, optimised. */
function softmax(columns: number): { kernel: ReturnType<typeof optimizeKernel>; passes: readonly string[] } {
  const pool = new ExprPool()
  const [i, j, k, l] = [
    pool.axis('i', rows),
    pool.axis('j', columns),
    pool.axis('k', columns),
    pool.axis('l', columns),
  ]
  const elements = multiplySizes(rows, columns)
  const [x, y] = [pool.buffer('x', 'float32', elements), pool.buffer('y', 'float32', elements)]
  const offset = (column: Expr): Expr => pool.offset([pool.index(i), column], [rows, columns])
  const most = pool.reduce('max', [k], pool.load(x, offset(pool.index(k))))
  const power = (column: Expr): Expr =>
    pool.unary('exp', pool.binary('sub', pool.load(x, offset(column)), most))
  const value = pool.binary('div', power(pool.index(j)), pool.reduce('sum', [l], power(pool.index(l))))
  const passes: string[] = []
  const kernel = optimizeKernel(
    pool,
    schedule(pool, 'softmax', [{ buffer: y, axes: [i, j], index: offset(pool.index(j)), value }]),
    (checked, after) => {
      verifyKernel(checked)
      passes.push(after)
    },
  )
  return { kernel, passes }
}

describe('optimizeKernel', () => {
  it('runs every pass in order and shows the kernel after each', () => {
    expect(softmax(8).passes).toEqual(['schedule', ...kernelPasses.map(([name]) => name)])
  })

  it('computes a softmax for widths with and without a rest', () => {
    for (const columns of [1, 3, 4, 10, 16, 29, 64]) {
      const { kernel } = softmax(columns)
      const x = Float32Array.from({ length: 5 * columns }, (_, at) => ((at * 37) % 41) / 4 - 5)
      const y = new Float32Array(x.length)
      interpretKernel(kernel, [x, y], new Map([['n0', 5]]))
      for (let row = 0; row < 5; row++) {
        const values = [...x.subarray(row * columns, (row + 1) * columns)]
        const powers = values.map((value) => Math.exp(value - Math.max(...values)))
        const sum = powers.reduce((a, b) => a + b, 0)
        powers.forEach((power, column) => expect(y[row * columns + column]).toBeCloseTo(power / sum, 6))
      }
    }
  })

  it('vectorises the exponential', () => {
    expect(printKernel(softmax(64).kernel)).toMatch(/f32x4 = .*madd\(/)
  })
})
