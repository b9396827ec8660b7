// Random nests after all passes: compiled code leaves the same bits as the interpreter.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { verifyKernel } from '../../../codegen/verify.ts'
import { expectSame } from '../wasm/harness.ts'
import { build, contentsOf, nests } from './nests.ts'

describe('optimised kernels as wasm', () => {
  for (const reduces of [false, true])
    it(`${reduces ? 'reductions' : 'elementwise nests'} agree with the interpreter`, () => {
      let kernels = 0
      fc.assert(
        fc.property(nests(['float32', 'float64', 'int32', 'uint8', 'bool'], reduces), (nest) => {
          kernels++
          const { pool, kernel, sizes } = build(nest)
          const optimized = optimizeKernel(pool, kernel, verifyKernel)
          const data = optimized.buffers.map((buffer) => contentsOf(buffer, sizes))
          try {
            expectSame(optimized, data, new Map(Object.entries(sizes)), { zeroSigns: false })
          } catch (error) {
            throw new Error(`${String(error)}\n${printKernel(optimized)}`, { cause: error })
          }
        }),
        { numRuns: 60, seed: 3 },
      )
      expect(kernels).toBe(60)
    })
})
