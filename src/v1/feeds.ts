/**
 * What runs are fed: values that take the place of placeholders, or of anything else that the graph would compute.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Value } from '../../tracer/ir/graph.ts'
import { printType } from '../../tracer/ir/type.ts'
import { Tensor } from '../../tracer/tensor.ts'
import { type FeedDict, TensorMethods } from '../../tracer/tensor-methods.ts'
import type { Graph } from './graph.ts'

/** The fed values as tensors of the fed types, and the defaults of placeholders that are not fed. */
export function feedsOf(graph: Graph, feeds: FeedDict | undefined): ReadonlyMap<Value, Tensor> {
  const fed = new Map<Value, Tensor>()
  for (const [value, { defaultValue }] of graph.placeholders)
    if (defaultValue !== undefined) fed.set(value, convertToTensor(defaultValue, { op: 'feed' }))
  const entries = feeds === undefined ? [] : feeds instanceof Map ? [...feeds] : Object.entries(feeds)
  for (const [key, value] of entries as readonly (readonly [unknown, unknown])[]) {
    const target = typeof key === 'string' ? graph.find('session.run', key) : key
    if (!(target instanceof Tensor))
      throw new ValueError({
        op: 'session.run',
        problem: `${String(key)} cannot be fed: it is no tensor of ${graph.name}`,
        fix: 'feed tensors; for a variable feed what v.value() gave, or assign to it.',
      })
    fed.set(graph.valueOf('session.run', target), feedValue(graph, target, value))
  }
  return fed
}

function feedValue(graph: Graph, target: Tensor, value: unknown): Tensor {
  const name = nameOf(graph, target)
  const type = printType(target.type)
  if (value instanceof TensorMethods)
    throw new ValueError({
      op: 'session.run',
      problem: `the value of a feed cannot be a tensor, and that of ${name} ${type} is ${String(value)}`,
      fix: 'feed numbers, arrays or typed arrays: x.data() or x.array().',
    })
  const given = convertToTensor(value as TensorLike, { dtype: target.dtype, op: `feeding ${name}` })
  const { shape } = target.type
  const fits =
    given.rank === shape.length &&
    shape.every((size, axis) => typeof size !== 'number' || size === given.shape[axis])
  if (!fits)
    throw new ShapeError({
      op: 'session.run',
      problem: `the value fed to ${name} does not have its shape`,
      rows: [
        ['value', printType(given.type)],
        [name, type],
      ],
      fix: 'feed a value of that shape, or declare the size as null.',
    })
  return given
}

function nameOf(graph: Graph, tensor: Tensor): string {
  for (const [name, known] of graph.names) if (known === tensor) return `'${name}'`
  return 'a tensor'
}
