/** The output shape of a layer that does not say it: the layer is traced for an input of that shape, and not run. */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { Tensor } from '../../tracer/tensor.ts'
import { traceFunction } from '../function.ts'
import { spec } from '../spec.ts'
import type { InputShape } from './layer.ts'

/** Calls `build`, traces `call`, and gives the sizes of what it returns. */
export function shapeByTracing(
  layer: string,
  call: (x: Tensor) => unknown,
  input: InputShape,
  dtype: DType,
  build: () => void,
): InputShape {
  build()
  const traced = traceFunction((x: Tensor): unknown => {
    const y = call(x)
    if (y instanceof Tensor) return y
    throw new ValueError({
      op: layer,
      problem: 'its output is not one tensor',
      fix: 'override outputShape, or return a tensor.',
    })
  })
  const [output] = traced.concrete(spec([...input], dtype)).outputs
  return output?.shape ?? []
}
