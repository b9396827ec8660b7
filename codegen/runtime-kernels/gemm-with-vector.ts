/**
 * Finds products with a vector among the matrix products, and the function of gemm-vector.ts for each.
 */
import type { ExpressionRef } from '../wasm/binaryen.ts'
import type { FunctionBuilder, Local } from './function-builder.ts'
import { type GemmParameters, initFlag, reluFlag } from './gemm-parameters.ts'
import { zeroOffset } from './gemm-problem.ts'

/** From this many elements on, the rows of a matrix that a vector is multiplied by are read along. */
const longRow = 256

/**
 * Products with a vector end here: a single row of A, or a single column of B, which is the same after a transposition of
 * everything. `start` becomes the address of the start values.
 */
export function withVector(f: FunctionBuilder, p: GemmParameters, start: Local): ExpressionRef[] {
  const { module } = f
  const { i32 } = module
  const is = (local: Local, value: number): ExpressionRef => i32.eq(local.get(), f.constant(value))
  const hasInit = (): ExpressionRef => i32.and(p.flags.get(), f.constant(initFlag))
  const clamp = (): ExpressionRef => i32.and(p.flags.get(), f.constant(reluFlag))
  const product = (
    vector: Local,
    step: Local,
    matrix: Local,
    matrixRow: Local,
    matrixColumn: Local,
    initStep: () => ExpressionRef,
    count: Local,
  ): ExpressionRef[] => {
    const startStep = (): ExpressionRef => module.select(hasInit(), initStep(), f.constant(0))
    const alongRows = (): ExpressionRef[] => [
      ...[vector, step, matrix, matrixRow, p.c, start].map((x) => x.get()),
      startStep(),
      p.depth.get(),
      count.get(),
      clamp(),
    ]
    return [
      module.i32.store(zeroOffset, 4, p.scratch.get(), f.constant(0)),
      start.set(module.select(hasInit(), p.init.get(), p.scratch.plus(zeroOffset))),
      f.when(is(matrixColumn, 4), [
        module.if(
          i32.gt_s(count.get(), f.constant(longRow)),
          f.call('vectorTimesLongRows', alongRows()),
          f.call('vectorTimesRows', alongRows()),
        ),
        module.return(),
      ]),
      f.when(i32.and(is(matrixRow, 4), is(step, 4)), [
        f.call('vectorTimesColumns', [
          ...[vector, matrix, matrixColumn, p.c, start].map((x) => x.get()),
          startStep(),
          p.depth.get(),
          count.get(),
          clamp(),
        ]),
        module.return(),
      ]),
    ]
  }
  const oneRow = product(p.a, p.aColumn, p.b, p.bRow, p.bColumn, () => f.constant(4), p.columns)
  const oneColumn = product(p.b, p.bRow, p.a, p.aColumn, p.aRow, () => p.initRow.get(), p.rows)
  // The results of a column are as far apart as its vectors want them, and so are its start values, or all the same.
  const initIsColumn = i32.or(i32.eqz(hasInit()), i32.or(is(p.initRow, 4), is(p.initRow, 0)))
  return [
    f.when(is(p.rows, 1), oneRow),
    f.when(i32.and(i32.and(is(p.columns, 1), is(p.cRow, 4)), initIsColumn), oneColumn),
  ]
}
