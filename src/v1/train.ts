/**
 * `tf.v1.train`: optimizers in graph mode. `minimize` adds the gradients and the update to the graph and gives an
 * operation; each run of it is one step.
 *
 * The formulas are those of `tf.optimizers`, with the defaults of TensorFlow 1. Any optimizer of `tf.optimizers` works in
 * graph mode through `minimizeWith`.
 */
import { ValueError } from '../../codegen/errors.ts'
import { effectOf } from '../../tracer/ir/rewrite.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { adagrad, adam, type Optimizer, sgd } from '../optimizers/index.ts'
import { gradients } from './gradients.ts'
import { graphInScope, Operation } from './graph.ts'

export interface MinimizeOptions {
  /** What to change; the trainable Variables of the graph when absent. */
  readonly variables?: readonly Variable[]
  /** A Variable that is incremented by 1 with each step. */
  readonly globalStep?: Variable
  readonly name?: string
}

/** A gradient for each Variable. */
export type GradientsAndVariables = readonly (readonly [Tensor | null, Variable])[]

/** Builds gradients and updates with one optimizer, whose state belongs to the graph. */
export class GraphOptimizer {
  readonly name: string
  readonly #make: () => Optimizer
  #optimizer: Optimizer | undefined

  constructor(name: string, make: () => Optimizer) {
    this.name = name
    this.#make = make
  }

  /** The gradients of `loss`, with the Variables they belong to. Throws TraceError outside a graph. */
  computeGradients(loss: Tensor, variables?: readonly Variable[]): GradientsAndVariables {
    const graph = graphInScope(`v1.train.${this.name}`)
    const targets = variables ?? graph.variables.filter((each) => each.trainable)
    if (targets.length === 0)
      throw new ValueError({
        op: `v1.train.${this.name}`,
        problem: `${graph.name} has no trainable variables`,
        fix: 'create them with tf.variable inside graph.asDefault(() => …), or pass { variables }.',
      })
    const found = gradients(loss, targets)
    return targets.map((target, i) => [found[i] ?? null, target] as const)
  }

  /** One step with these gradients, as an operation. Throws ValueError when all of them are null. */
  applyGradients(
    pairs: GradientsAndVariables,
    { globalStep, name = this.name }: Omit<MinimizeOptions, 'variables'> = {},
  ): Operation {
    const graph = graphInScope(`v1.train.${this.name}`)
    const optimizer = (this.#optimizer ??= this.#make())
    // State is made here, so that what is recorded below is the step alone.
    optimizer.build(pairs.map(([, variable]) => variable))
    const start = graph.trace.nodes.length
    optimizer.applyGradients(pairs)
    globalStep?.assignAdd(1)
    const nodes = graph.trace.nodes.flatMap((node, at) =>
      at >= start && effectOf(node) === 'write' ? [at] : [],
    )
    return new Operation(graph, name, nodes)
  }

  /**
   * One step down the gradient of `loss`, as an operation.
   *
   * @example
   * const graph = new tf.v1.Graph()
   * const [init, train, loss] = graph.asDefault(() => {
   *   const w = tf.variable(5)
   *   const loss = w.square()
   *   const train = new tf.v1.train.GradientDescentOptimizer(0.1).minimize(loss)
   *   return [tf.v1.globalVariablesInitializer(), train, loss] as const
   * })
   * const session = new tf.v1.Session(graph)
   * session.run(init)
   * session.run([train, loss]) // [null, 25]
   * session.run([train, loss]) // [null, 16]
   */
  minimize(loss: Tensor, options: MinimizeOptions = {}): Operation {
    return this.applyGradients(this.computeGradients(loss, options.variables), options)
  }
}

/** w ← w − rate·g. */
export class GradientDescentOptimizer extends GraphOptimizer {
  constructor(learningRate: number) {
    super('GradientDescent', () => sgd(learningRate))
  }
}

/** m ← momentum·m − rate·g and w ← w + m, or by Nesterov. */
export class MomentumOptimizer extends GraphOptimizer {
  constructor(learningRate: number, momentum: number, options: { readonly nesterov?: boolean } = {}) {
    super('Momentum', () => sgd(learningRate, { momentum, ...options }))
  }
}

/** Adam with ε = 1e-8. */
export class AdamOptimizer extends GraphOptimizer {
  constructor(learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8) {
    super('Adam', () => adam(learningRate, { beta1, beta2, epsilon }))
  }
}

/** w ← w − rate·g / √(Σ g²), the sum beginning at 0.1. */
export class AdagradOptimizer extends GraphOptimizer {
  constructor(learningRate: number, initialAccumulator = 0.1) {
    super('Adagrad', () => adagrad(learningRate, { initialAccumulator, epsilon: 0 }))
  }
}

/** An optimizer of `tf.optimizers` in graph mode; `make` is called once, while the graph is built. */
export function minimizeWith(make: () => Optimizer, loss: Tensor, options: MinimizeOptions = {}): Operation {
  return new GraphOptimizer('minimize', make).minimize(loss, options)
}
