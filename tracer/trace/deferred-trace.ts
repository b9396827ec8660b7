/**
 * A trace that stays open: graph mode.
 *
 * Ops applied while it is current become nodes and nothing runs. Unlike the trace of a callback it has no end: it may
 * grow between runs, and each run takes the nodes that it needs, in the order of their construction; deferred-run.ts
 * finds them. Besides operands a node may depend on others by *control dependencies*, and the nodes recorded by
 * `together` are needed all or none (a random draw and the move of its generator).
 *
 * Variables created here have no content. Their initial value is a node like any other, assigned by a node of its own,
 * the *initializer*; contents belong to whoever runs the graph. What a Variable's assignment returns is another handle of
 * the Variable, which stands for the content just after it.
 */
import { TraceError } from '../../codegen/errors.ts'
import { type Size, isStaticShape } from '../../codegen/size.ts'
import { filled } from '../ops/broadcast.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { Variable } from '../variable.ts'
import { type Application, eagerTrace, withObservers, withTrace } from './bind.ts'
import { GraphTrace } from './graph-trace.ts'

/** A Variable as an assignment left it. */
export class AssignedVariable extends Variable {
  readonly base: Variable
  /** Position of the node that assigns. */
  readonly node: number
  readonly #content: Tensor

  constructor(base: Variable, node: number, content: Tensor) {
    super(base)
    this.base = base
    this.node = node
    this.#content = content
  }

  /** The content just after the assignment. */
  override value(): Tensor {
    return this.#content
  }
}

export class DeferredTrace extends GraphTrace {
  readonly deferred: boolean = true
  readonly howToRead: string = 'run it in a session: session.run(x).'
  /** Position of the node that gives each Variable its initial value, in the order of creation. */
  readonly initializers: Map<Variable, number> = new Map<Variable, number>()
  /** What a node waits for besides its operands, by position. */
  readonly dependencies: Map<number, readonly number[]> = new Map<number, readonly number[]>()
  /** Stretches of nodes that are needed all or none. */
  readonly groups: (readonly [start: number, end: number])[] = []
  /** Variables from outside that the runs of this graph keep copies of: states of random generators. */
  readonly shared: { has(variable: Variable): boolean }
  #waitingFor: readonly number[] = []
  #initial: Tensor | undefined
  #assigned: AssignedVariable | undefined
  #finalized = false

  constructor(name: string, shared: { has(variable: Variable): boolean }) {
    super(name)
    this.shared = shared
  }

  /** What is recorded now waits for these nodes. */
  get waiting(): readonly number[] {
    return this.#waitingFor
  }

  get finalized(): boolean {
    return this.#finalized
  }
  /** From now on nothing can be added. */
  finalize(): void {
    this.#finalized = true
  }

  /** What is recorded by `body` waits for these nodes. */
  waitingFor<R>(nodes: readonly number[], body: () => R): R {
    const before = this.#waitingFor
    this.#waitingFor = [...before, ...nodes]
    try {
      return body()
    } finally {
      this.#waitingFor = before
    }
  }

  together<R>(body: () => R): R {
    const start = this.nodes.length
    try {
      return body()
    } finally {
      this.groups.push([start, this.nodes.length])
    }
  }

  override apply(application: Application): readonly Tensor[] {
    return this.#recording(application.op.name, () => super.apply(application))
  }

  override lift(tensor: Tensor): Tensor {
    // A tensor of the graph is no node more.
    if (tensor.payload.kind === 'symbolic') return super.lift(tensor)
    return this.#recording('constant', () => super.lift(tensor))
  }

  override read(variable: Variable): Tensor {
    if (variable instanceof AssignedVariable) return variable.value()
    this.#demandOwn(variable)
    return this.#recording('read', () => super.read(variable))
  }

  override assign(variable: Variable, value: Tensor): void {
    const base = variable instanceof AssignedVariable ? variable.base : variable
    this.#demandOwn(base)
    const after = variable instanceof AssignedVariable ? [variable.node] : []
    this.waitingFor(after, () => {
      const content = this.lift(value)
      this.#recording('assign', () => super.assign(base, content))
      this.#assigned = new AssignedVariable(base, this.nodes.length - 1, content)
    })
  }

  override update(variable: Variable, op: OpDefinition, value: Tensor): void {
    const base = variable instanceof AssignedVariable ? variable.base : variable
    const now = variable instanceof AssignedVariable ? variable.value() : this.read(base)
    const [result] = this.apply({ op, operands: [now, this.lift(value)], attrs: {}, regions: [] })
    if (result !== undefined) this.assign(variable, result)
  }

  /** The handle that an assignment just made returns. */
  handleAfterAssignment(variable: Variable): Variable {
    return this.#assigned ?? variable
  }

  override contentSize(variable: Variable): Size {
    throw new TraceError({
      op: 'shape',
      problem: `the variable ${variable.name} is used as a size in ${this.name}, where it has no content yet`,
      fix: 'use a number, or the size of a placeholder: tf.sizeOf(x, axis).',
    })
  }

  override live(): Tensor {
    throw new TraceError({
      op: 'tf.live',
      problem: `${this.name} is run by sessions, which take values from outside by feeding`,
      fix: 'use tf.v1.placeholder(dtype, shape) and feed it.',
    })
  }

  override initialValue(initial: Tensor, name: string): Tensor {
    if (!isStaticShape(initial.type.shape))
      throw new TraceError({
        op: 'tf.variable',
        problem: `the initial value of ${name} has unknown sizes`,
        fix: 'give it a shape of numbers; feed contents by assigning a placeholder.',
      })
    this.#initial = initial
    const { dtype, shape } = initial.type
    return withTrace(eagerTrace(), () => withObservers([], () => filled(dtype, shape, 0)))
  }

  override created(variable: Variable): void {
    const initial = this.#initial
    this.#initial = undefined
    if (initial === undefined) return
    this.initializers.set(variable, -1)
    this.assign(variable, initial)
    this.initializers.set(variable, this.nodes.length - 1)
  }

  /** Notes what the nodes that `body` records wait for. */
  #recording<R>(op: string, body: () => R): R {
    if (this.#finalized)
      throw new TraceError({
        op,
        problem: `${this.name} is finalized and cannot be modified`,
        fix: 'build everything before graph.finalize().',
      })
    const start = this.nodes.length
    const result = body()
    const end = this.nodes.length
    const waiting = this.#waitingFor
    if (waiting.length > 0)
      for (let i = start; i < end; i++) if (!this.dependencies.has(i)) this.dependencies.set(i, waiting)
    return result
  }

  #demandOwn(variable: Variable): void {
    if (this.initializers.has(variable) || this.shared.has(variable)) return
    throw new TraceError({
      op: 'tf.variable',
      problem: `the variable ${variable.name} was not created in ${this.name}: the contents of a graph's variables belong to its sessions`,
      fix: `create it inside ${this.name}.asDefault(() => …), or feed its value through a placeholder.`,
    })
  }
}
