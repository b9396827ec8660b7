/** Setting the weights of a layer from values: everything is checked before anything is assigned. */
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { fittingTensor } from '../../tracer/variable-slice.ts'
import type { Variable } from '../../tracer/variable.ts'

/** Assigns the values, or throws and assigns none. */
export function assignWeights(
  layer: string,
  weights: readonly Variable[],
  values: readonly TensorLike[],
): void {
  const op = `${layer}.setWeights`
  if (values.length !== weights.length)
    throw new ValueError({
      op,
      problem: `there are ${weights.length} weights, and ${values.length} values are given`,
      rows: weights.map((weight) => [weight.name, printType(weight.type)]),
      fix: 'give one value for each weight, in the order of layer.weights.',
    })
  const fitted = weights.map((weight, i) => {
    const value = convertToTensor(values[i] ?? 0, { op, dtype: weight.dtype })
    return fittingTensor(op, value, weight.type, 'variable', weight.name)
  })
  weights.forEach((weight, i) => weight.assign(fitted[i] ?? 0))
}
