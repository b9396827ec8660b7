// Random loop nests mean the same after the loop passes as before, and every pass leaves a correct kernel.
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { TypedArray } from '../../../codegen/dtype.ts'
import type { ExprPool } from '../../../codegen/expr.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { collapseLoops } from '../../../codegen/passes/collapse.ts'
import { inlineIndices } from '../../../codegen/passes/inline-indices.ts'
import { nodesOfStatements } from '../../../codegen/passes/rewrite.ts'
import { unrollLoops } from '../../../codegen/passes/unroll.ts'
import { vectorizeLoops } from '../../../codegen/passes/vectorize.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { verifyKernel } from '../../../codegen/verify.ts'
import { build, type Built, type Nest, nests, run } from './nests.ts'

function transformed(pool: ExprPool, kernel: Kernel): Kernel {
  return [inlineIndices, collapseLoops, vectorizeLoops, unrollLoops].reduce((current, pass) => {
    const next = pass(pool, current)
    verifyKernel(next)
    return next
  }, kernel)
}

/**
 * How far apart two orders of the same sum may be: each is within (n − 1)·ε/2·Σ|terms| of the exact sum, and equal terms
 * come close to that. One more term for a sum that is then subtracted from an element.
 */
function tolerance(built: Built, nest: Nest, expected: TypedArray): (at: number) => number {
  if (nest.op !== 'sum' || (nest.dtype !== 'float32' && nest.dtype !== 'float64')) return () => 0
  const magnitudes = run(built.magnitude, built.output, built.sizes)
  const epsilon = nest.dtype === 'float32' ? 2 ** -23 : 2 ** -52
  const terms = nest.extents.reduce((n, extent, d) => (nest.reduced[d] === true ? n * extent : n), 1)
  return (at) => epsilon * (terms + 2) * ((magnitudes[at] ?? 0) + Math.abs(expected[at] ?? 0))
}

let vectorized = 0

function check(nest: Nest): void {
  const built = build(nest)
  verifyKernel(built.kernel)
  const after = transformed(built.pool, built.kernel)
  if ([...nodesOfStatements(after.body)].some((node) => node.lanes > 1)) vectorized++
  const expected = run(built.kernel, built.output, built.sizes)
  const actual = run(after, built.output, built.sizes)
  const allowed = nest.reduced.includes(true) ? tolerance(built, nest, expected) : () => 0
  for (let i = 0; i < expected.length; i++) {
    const [x, y] = [expected[i] ?? NaN, actual[i] ?? NaN]
    if (Object.is(x, y) || Math.abs(x - y) <= allowed(i)) continue
    expect.fail(`element ${i} is ${y}, not ${x}\n${printKernel(built.kernel)}${printKernel(after)}`)
  }
}

describe('loop passes on random nests', () => {
  beforeEach(() => {
    vectorized = 0
  })

  it('leave elementwise results alone, bit for bit', () => {
    fc.assert(fc.property(nests(['float32', 'float64', 'int32', 'uint8', 'bool'], false), check), {
      numRuns: 400,
      seed: 1,
    })
    // The draw is fixed: a pass that gives up too easily would make this test say nothing.
    expect(vectorized).toBeGreaterThan(100)
  })

  it('reorder reductions within the rounding of a sum', () => {
    fc.assert(fc.property(nests(['float32', 'float64', 'int32', 'uint8', 'bool'], true), check), {
      numRuns: 600,
      seed: 2,
    })
    expect(vectorized).toBeGreaterThan(200)
  })

  it('hold for every length of a named axis', () => {
    for (const reduced of [[false], [true]])
      for (const dtype of ['float32', 'float64', 'uint8'] as const)
        for (const extent of [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33])
          check({
            dtype,
            extents: [extent],
            named: [true],
            inputs: [0, 1, 2].map(() => ({ broadcast: [false], transposed: false })),
            body: { kind: 'binary', op: 'add', x: { kind: 'input', at: 0 }, y: { kind: 'index', axis: 0 } },
            reduced,
            op: 'sum',
            use: 'store',
          })
    expect(vectorized).toBeGreaterThan(50)
  })

  it('hold for column sums and small products of every width', () => {
    for (const width of [1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 16, 17, 31])
      for (const named of [false, true])
        check({
          dtype: 'float32',
          extents: [5, 3, width],
          named: [true, false, named],
          inputs: [
            { broadcast: [false, false, true], transposed: false },
            { broadcast: [true, false, false], transposed: false },
            { broadcast: [false, false, false], transposed: false },
          ],
          body: { kind: 'binary', op: 'mul', x: { kind: 'input', at: 0 }, y: { kind: 'input', at: 1 } },
          reduced: [false, true, false],
          op: 'sum',
          use: 'store',
        })
    expect(vectorized).toBeGreaterThan(12)
  })

  it('keep NaN in a maximum', () => {
    const built = build({
      dtype: 'float32',
      extents: [37],
      named: [false],
      inputs: [0, 1, 2].map(() => ({ broadcast: [false], transposed: false })),
      body: {
        kind: 'choose',
        x: { kind: 'index', axis: 0 },
        y: { kind: 'const', value: 1 },
        z: { kind: 'binary', op: 'sub', x: { kind: 'const', value: NaN }, y: { kind: 'input', at: 0 } },
      },
      reduced: [true],
      op: 'max',
      use: 'store',
    })
    expect(run(transformed(built.pool, built.kernel), built.output, built.sizes)[0]).toBeNaN()
  })
})
