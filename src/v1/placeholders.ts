/** Values that sessions are fed, and names for tensors. */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { eagerTrace, withObservers, withTrace } from '../../tracer/trace/bind.ts'
import { graphInScope } from './graph.ts'

export interface PlaceholderOptions {
  /** What it can be fed and fetched by; `placeholder`, `placeholder_1`, … when absent. */
  readonly name?: string
}

/**
 * A tensor of the graph whose elements every run is fed.
 *
 * @param shape null for sizes that runs may choose; the number of axes is fixed
 * @throws TraceError outside a graph; ValueError without a shape
 * @example
 * const graph = new tf.v1.Graph()
 * const [x, y] = graph.asDefault(() => {
 *   const x = tf.v1.placeholder('float32', [null], { name: 'x' })
 *   return [x, x.mul(2)] as const
 * })
 * const session = new tf.v1.Session(graph)
 * session.run(y, new Map([[x, [1, 2]]])) // [2, 4]
 * session.run(y, { x: [5] }) // [10]
 */
export function placeholder(
  dtype: DType,
  shape: readonly (number | null)[],
  options: PlaceholderOptions = {},
): Tensor {
  const graph = graphInScope('v1.placeholder')
  demandShape('v1.placeholder', shape)
  return graph.addPlaceholder(dtype, shape, options.name ?? 'placeholder')
}

/**
 * A placeholder that is `value` in runs that do not feed it.
 *
 * @param value numbers, arrays or an eager tensor
 * @param shape its own shape when absent; null for sizes that runs may choose
 * @throws ShapeError when the value does not have the shape
 */
export function placeholderWithDefault(
  value: TensorLike,
  shape?: readonly (number | null)[],
  options: PlaceholderOptions = {},
): Tensor {
  const op = 'v1.placeholderWithDefault'
  const graph = graphInScope(op)
  const given = withTrace(eagerTrace(), () => withObservers([], () => convertToTensor(value, { op })))
  given.elements(op)
  const declared = shape ?? given.shape
  demandShape(op, declared)
  const fits =
    declared.length === given.rank && declared.every((size, i) => size === null || size === given.shape[i])
  if (!fits)
    throw new ShapeError({
      op,
      problem: 'the default value does not have the declared shape',
      rows: [
        ['value', printType(given.type)],
        ['declared', `[${declared.map(String).join(',')}]`],
      ],
      fix: 'use null for sizes that runs may choose.',
    })
  return graph.addPlaceholder(given.dtype, declared, options.name ?? 'placeholder', given)
}

/** The same value under a name that it can be fetched and fed by. */
export function identity(x: TensorLike, name: string): Tensor {
  const graph = graphInScope('v1.identity')
  const tensor = graph.trace.lift(convertToTensor(x, { op: 'v1.identity' }))
  graph.names.set(graph.uniqueName(name), tensor)
  return tensor
}

function demandShape(op: string, shape: unknown): asserts shape is readonly (number | null)[] {
  const isShape =
    Array.isArray(shape) &&
    shape.every((size: unknown) => size === null || (Number.isInteger(size) && Number(size) >= 0))
  if (isShape) return
  throw new ValueError({
    op,
    problem: `the shape is ${String(shape)}`,
    fix: 'list the size of every axis, null for one that runs may choose: [null, 784]. The number of axes must be known.',
  })
}
