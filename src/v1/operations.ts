/**
 * Making operations: grouping, waiting, and turning what a callback does into one.
 *
 * What JavaScript functions return (tensors, Variables as assignments
 * left them) stands for the node that made it, so all of them can be grouped, waited for and run.
 */
import { ValueError } from '../../codegen/errors.ts'
import { Tensor } from '../../tracer/tensor.ts'
import { AssignedVariable } from '../../tracer/trace/deferred-trace.ts'
import { effectOf } from '../../tracer/ir/rewrite.ts'
import { Variable } from '../../tracer/variable.ts'
import { foreign, type Graph, graphInScope, Operation } from './graph.ts'

/** What can be grouped and waited for. */
export type Runnable = Operation | Tensor | Variable

/** The nodes that a runnable stands for. */
export function nodesOf(op: string, graph: Graph, given: Runnable): readonly number[] {
  if (given instanceof Operation) {
    if (given.graph !== graph) throw foreign(op, given.toString(), graph)
    return given.nodes
  }
  if (given instanceof AssignedVariable) {
    graph.demandOwn(op, given)
    return [given.node]
  }
  if (given instanceof Variable) {
    graph.demandOwn(op, given)
    return []
  }
  if (given instanceof Tensor) {
    const value = graph.valueOf(op, given)
    const at = graph.trace.nodes.findIndex((node) => node.results.includes(value))
    return at === -1 ? [] : [at]
  }
  throw new ValueError({
    op,
    problem: `${String(given)} is no operation, tensor or variable`,
    fix: 'pass what ops and assignments in the graph return.',
  })
}

/**
 * One operation that runs all of these.
 *
 * @example
 * const graph = new tf.v1.Graph()
 * const both = graph.asDefault(() => {
 *   const a = tf.variable(1)
 *   const b = tf.variable(2)
 *   return tf.v1.group(a.assignAdd(1), b.assignAdd(1))
 * })
 * const session = new tf.v1.Session(graph)
 * session.run(graph.initializer())
 * session.run(both) // null
 */
export function group(...given: readonly Runnable[]): Operation {
  const graph = graphInScope('v1.group')
  return new Operation(graph, 'group', [
    ...new Set(given.flatMap((each) => nodesOf('v1.group', graph, each))),
  ])
}

/** An operation that does nothing but wait for the control dependencies around it. */
export function noOp(): Operation {
  const graph = graphInScope('v1.noOp')
  return new Operation(graph, 'no_op', graph.trace.waiting)
}

/**
 * What `body` does (printing, assertions, assignments) as an operation: it happens when the operation is run.
 *
 * @example
 * const graph = new tf.v1.Graph()
 * const lines: string[] = []
 * const op = graph.asDefault(() =>
 *   tf.v1.operation(() => tf.print('hi', { sink: (line: string) => lines.push(line) })),
 * )
 * new tf.v1.Session(graph).run(op)
 * lines // ['hi']
 */
export function operation(body: () => unknown, name = 'operation'): Operation {
  const graph = graphInScope('v1.operation')
  const start = graph.trace.nodes.length
  body()
  const nodes = graph.trace.nodes.flatMap((node, at) =>
    at >= start && effectOf(node) === 'write' ? [at] : [],
  )
  return new Operation(graph, name, nodes)
}

/**
 * What `body` adds to the graph runs after these, whenever it is run. What it merely mentions is not affected.
 *
 * @example
 * const graph = new tf.v1.Graph()
 * const y = graph.asDefault(() => {
 *   const v = tf.variable(1, { name: 'v' })
 *   const update = v.assignAdd(1)
 *   return tf.v1.controlDependencies([update], () => v.value().mul(10))
 * })
 * const session = new tf.v1.Session(graph)
 * session.run(graph.initializer())
 * session.run(y) // 20
 */
export function controlDependencies<R>(given: readonly Runnable[], body: () => R): R {
  const graph = graphInScope('v1.controlDependencies')
  const nodes = given.flatMap((each) => nodesOf('v1.controlDependencies', graph, each))
  return graph.trace.waitingFor(nodes, body)
}
