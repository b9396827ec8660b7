/**
 * Gradients in graph mode: ops that compute derivatives, added to the graph.
 *
 * A graph keeps everything that was applied in it, as a tape would that watches all of it, so derivatives may be taken
 * with respect to any tensor, and again of derivatives.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { accumulate, onesLikeTensor, sweep, type TapeRecord } from '../../tracer/gradient/sweep.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { AssignedVariable } from '../../tracer/trace/deferred-trace.ts'
import { Variable } from '../../tracer/variable.ts'
import { type Graph, graphInScope } from './graph.ts'

/**
 * The derivatives of the sum of all elements of `ys` with respect to each of `xs`, as tensors of the graph; null where
 * no `y` depends on the `x`. For a Variable, the sum over all its reads.
 *
 * @param weights of each of `ys`, of its shape; ones when absent
 * @throws TraceError outside a graph and for what is not in it
 * @example
 * const graph = new tf.v1.Graph()
 * const [first, second] = graph.asDefault(() => {
 *   const x = tf.v1.placeholder('float32', [], { name: 'x' })
 *   const [dx] = tf.v1.gradients(x.square(), [x])
 *   const [ddx] = dx ? tf.v1.gradients(dx, [x]) : [null]
 *   return [dx, ddx]
 * })
 * const session = new tf.v1.Session(graph)
 * first && session.run(first, { x: 3 }) // 6
 * second && session.run(second, { x: 3 }) // 2
 */
export function gradients(
  ys: Tensor | readonly Tensor[],
  xs: readonly (Tensor | Variable)[],
  weights?: readonly (TensorLike | null)[],
): (Tensor | null)[] {
  const graph = graphInScope('v1.gradients')
  const targets = Array.isArray(ys) ? (ys as readonly Tensor[]) : [ys as Tensor]
  for (const y of targets) graph.valueOf('v1.gradients', y)
  if (weights !== undefined && weights.length !== targets.length)
    throw new ValueError({
      op: 'v1.gradients',
      problem: `there are ${weights.length} weights for ${targets.length} tensors`,
      fix: 'give one per tensor, or null for ones.',
    })
  const sources = xs.map((x) => sourcesOf(graph, x))
  const sought = new Set(sources.flat())
  const seeds = targets.map((y, i) => {
    const weight = weights?.[i] ?? null
    return weight === null
      ? onesLikeTensor(y)
      : convertToTensor(weight, { dtype: y.dtype, op: 'v1.gradients' })
  })
  const found = sweep(recordsFrom(graph, sought), targets, seeds, sought)
  return sources.map((tensors) => {
    const parts = tensors.flatMap((tensor) => found.get(tensor) ?? [])
    return parts.length === 0 ? null : parts.reduce(accumulate)
  })
}

function sourcesOf(graph: Graph, x: Tensor | Variable): readonly Tensor[] {
  if (x instanceof AssignedVariable) return [x.value()]
  if (x instanceof Variable) {
    graph.demandOwn('v1.gradients', x)
    return graph.reads.get(x) ?? []
  }
  graph.valueOf('v1.gradients', x)
  return [x]
}

/** What was applied on the way from `sought`, up to now. */
function recordsFrom(graph: Graph, sought: ReadonlySet<Tensor>): readonly TapeRecord[] {
  const reached = new Set(sought)
  return graph.applied.flatMap(({ application, results }): readonly TapeRecord[] => {
    const { op, operands, attrs, regions, host } = application
    const needed = operands.map((operand) => reached.has(operand) && isFloating(operand.dtype))
    if (!needed.includes(true)) return []
    for (const result of results) reached.add(result)
    return [{ op, operands, attrs, regions, results, needed, host }]
  })
}
