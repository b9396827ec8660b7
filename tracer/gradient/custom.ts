/**
 * Gradients given by hand: `customGradient`, and `stopGradient`.
 *
 * A custom gradient pairs a forward computation with a rule for its gradient. Eagerly, the tapes are told
 * of one application, from the arguments to a tensor of its own, whose gradient is the given rule; they see the forward
 * too, so that what the rule closes over has derivatives when the rule is differentiated. While tracing, forward and rule are each
 * traced into a closed region of one `custom_call` node, so that the pair survives being replayed, differentiated later
 * and printed; the inline pass puts the forward region in its place before the graph is compiled.
 */
import { GradientError, InternalError, ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { type Graph, makeValue, type Value } from '../ir/graph.ts'
import { printType, sameType } from '../ir/type.ts'
import { defineOp, type GradientRule, type OpDefinition } from '../op.ts'
import { Tensor } from '../tensor.ts'
import {
  bind,
  bindOne,
  currentObservers,
  currentTrace,
  type Observer,
  observe,
  withObservers,
  withTrace,
} from '../trace/bind.ts'
import { GraphTrace } from '../trace/graph-trace.ts'
import { replay } from '../trace/replay.ts'
import type { Variable } from '../variable.ts'

/** What the function given to `customGradient` returns. */
export interface CustomGradient {
  readonly value: Tensor
  /** From the gradient of the value to one gradient per argument (a single tensor for a single argument). */
  readonly gradient: (upstream: Tensor) => Tensor | null | readonly (Tensor | null)[]
  /** Needed when the function uses trainable variables: one gradient per variable, in order of first use. */
  readonly variableGradients?: (
    upstream: Tensor,
    variables: readonly Variable[],
  ) => readonly (Tensor | null)[]
}

/** `given[i]`: whether the backward region returns a gradient for operand i of the forward region. */
type Attributes = {
  readonly callee: string
  readonly inputs: number
  readonly forwardOperands: number
  readonly given: readonly boolean[]
}

/** operands = inputs, what the forward region borrowed, what the backward region borrowed. */
const customCall: OpDefinition<Attributes> = defineOp<Attributes>({
  name: 'custom_call',
  type: (_operands, _attrs, [forward]) => {
    if (forward === undefined) throw new InternalError('custom_call lacks its forward region')
    return forward.results.map((result) => result.type)
  },
  gradient: ({ attrs, operands, gradients, regions: [, backward] }) => {
    const [upstream] = gradients
    if (backward === undefined || upstream === null || upstream === undefined)
      throw new InternalError('custom_call lacks its backward region')
    const inputs = operands.slice(0, attrs.inputs)
    const borrowed = operands.slice(attrs.forwardOperands)
    const results = replay(backward, [...inputs, upstream, ...borrowed])
    let next = 0
    return operands.map((_, i) => (attrs.given[i] === true ? (results[next++] ?? null) : null))
  },
  lower: { kind: 'program' },
})

/**
 * Gives a function its own gradient.
 *
 * `f` receives tensors and returns its value and a rule for the gradient; the rule may be called again on other tensors,
 * so it must depend on nothing but what `f` was given. Custom gradients nest, and are differentiated again for higher orders.
 *
 * @throws GradientError when the rule returns another number of gradients than there are arguments, or when `f` uses
 * trainable variables and no `variableGradients` is given.
 * @example
 * const clipped = tf.customGradient((x) => ({ value: x, gradient: (dy) => tf.clip(dy, -1, 1) }))
 */
export function customGradient(
  f: (...args: Tensor[]) => CustomGradient,
  name: string = f.name || 'custom',
): (...args: TensorLike[]) => Tensor {
  return (...args) => {
    const inputs = args.map((arg) => convertToTensor(arg, { op: name }))
    const trace = currentTrace()
    if (trace instanceof GraphTrace) return applyTraced(f, name, inputs, trace)
    return applyEager(f, name, inputs)
  }
}

function applyEager(
  f: (...args: Tensor[]) => CustomGradient,
  name: string,
  inputs: readonly Tensor[],
): Tensor {
  const reads = new Map<Variable, Tensor>()
  const made = withObservers([...currentObservers(), readCollector(reads)], () => f(...inputs))
  const variables = trainableOf(reads, made, name)
  if (currentObservers().length === 0) return made.value
  const value = anotherHandle(made.value)
  const op: OpDefinition = {
    name,
    type: () => [value.type],
    gradient: ({ gradients: [upstream] }) =>
      upstream === null || upstream === undefined
        ? inputs.map(() => null)
        : backwardOf(made, name, inputs, variables, upstream),
    lower: { kind: 'program' },
  }
  const operands = [...inputs, ...variables.map((variable) => reads.get(variable) ?? variable.value())]
  observe({ op, operands, attrs: {}, regions: [] }, [value])
  return value
}

function applyTraced(
  f: (...args: Tensor[]) => CustomGradient,
  name: string,
  inputs: readonly Tensor[],
  trace: GraphTrace,
): Tensor {
  const lifted = inputs.map((input) => trace.lift(input))
  const forward = new GraphTrace(name, trace)
  const reads = new Map<Variable, Tensor>()
  const made = withTrace(forward, () =>
    withObservers([readCollector(reads)], () => f(...lifted.map((input) => forward.param(input.type)))),
  )
  const region = forward.finishRegion([made.value])
  const variables = trainableOf(reads, made, name)
  // The outer tensor of each variable's read is among what the forward region borrowed.
  const outerReads = new Map(region.reads)
  for (const observer of currentObservers())
    for (const variable of variables) observer.read(variable, outerReads.get(variable) ?? variable.value())
  const forwardOperands = [...lifted, ...region.borrowed]
  const backward = traceBackward(f, name, trace, lifted, forwardOperands, variables, outerReads, made.value)
  const operands = [...forwardOperands, ...backward.borrowed]
  const [result] = bind(
    customCall,
    operands,
    { callee: name, inputs: lifted.length, forwardOperands: forwardOperands.length, given: backward.given },
    [region.graph, backward.graph],
  )
  if (result === undefined) throw new InternalError('custom_call gave no result')
  return result
}

/** Traces the gradient rule: params are the inputs and the upstream gradient. */
function traceBackward(
  f: (...args: Tensor[]) => CustomGradient,
  name: string,
  trace: GraphTrace,
  inputs: readonly Tensor[],
  forwardOperands: readonly Tensor[],
  variables: readonly Variable[],
  outerReads: ReadonlyMap<Variable, Tensor>,
  value: Tensor,
): { readonly graph: Graph; readonly borrowed: readonly Tensor[]; readonly given: readonly boolean[] } {
  const region = new GraphTrace(name, trace)
  const gradients = withTrace(region, () =>
    withObservers([], () => {
      const params = inputs.map((input) => region.param(input.type))
      const upstream = region.param(value.type, 'upstream')
      return backwardOf(f(...params), name, params, variables, upstream)
    }),
  )
  const perOperand: (Tensor | null)[] = forwardOperands.map((operand, i) => {
    if (i < inputs.length) return gradients[i] ?? null
    const at = variables.findIndex((variable) => outerReads.get(variable) === operand)
    return at < 0 ? null : (gradients[inputs.length + at] ?? null)
  })
  const { graph, borrowed, reads } = region.finishRegion(perOperand.filter((gradient) => gradient !== null))
  // A variable the rule reads has a derivative when the rule is differentiated.
  for (const observer of currentObservers())
    for (const [variable, read] of reads) observer.read(variable, read)
  return { graph, borrowed, given: perOperand.map((gradient) => gradient !== null) }
}

function backwardOf(
  made: CustomGradient,
  name: string,
  inputs: readonly Tensor[],
  variables: readonly Variable[],
  upstream: Tensor,
): readonly (Tensor | null)[] {
  const given = made.gradient(upstream)
  const list: readonly (Tensor | null)[] = given === null || given instanceof Tensor ? [given] : given
  if (list.length !== inputs.length)
    throw new GradientError({
      op: 'customGradient',
      problem: `the gradient of ${name} should return ${inputs.length} gradients, but returned ${list.length}`,
      fix: 'return one gradient (or null) per argument.',
    })
  const own = variables.length === 0 ? [] : (made.variableGradients?.(upstream, variables) ?? [])
  if (own.length !== variables.length)
    throw new GradientError({
      op: 'customGradient',
      problem: `variableGradients of ${name} should return ${variables.length} gradients, but returned ${own.length}`,
      fix: `return one per variable: ${variables.map((variable) => variable.name).join(', ')}.`,
    })
  inputs.forEach((input, i) => {
    const gradient = list[i]
    if (
      gradient !== null &&
      gradient !== undefined &&
      !sameType(gradient.type, input.type) &&
      input.type.shape.every((size) => typeof size === 'number')
    )
      throw new ShapeError({
        op: 'customGradient',
        problem: `the gradient of ${name} for argument ${i} has another type than the argument`,
        rows: [
          ['argument', printType(input.type)],
          ['gradient', printType(gradient.type)],
        ],
        fix: 'sum over broadcast axes, or reshape.',
      })
  })
  return [...list, ...own]
}

/** The same elements as a tensor that only its own gradient reaches. */
function anotherHandle(tensor: Tensor): Tensor {
  // The snapshot of a variable is told when the variable changes; a second one would not be.
  if (tensor.payload.kind === 'snapshot') tensor.elements('customGradient')
  return new Tensor(tensor.type, tensor.payload)
}

function readCollector(reads: Map<Variable, Tensor>): Observer {
  return {
    applied: () => undefined,
    tracks: () => false,
    read: (variable, value) => {
      if (variable.trainable && !reads.has(variable)) reads.set(variable, value)
    },
  }
}

function trainableOf(
  reads: ReadonlyMap<Variable, Tensor>,
  made: CustomGradient,
  name: string,
): readonly Variable[] {
  const variables = [...reads.keys()]
  if (variables.length > 0 && made.variableGradients === undefined)
    throw new GradientError({
      op: 'customGradient',
      problem: `${name} uses trainable variables (${variables.map((variable) => variable.name).join(', ')}) but gives no variableGradients`,
      fix: 'return { value, gradient, variableGradients }, or pass the variables as arguments.',
    })
  return made.variableGradients === undefined ? [] : variables
}

function defineAlias(name: string, gradient: GradientRule | 'none'): OpDefinition {
  return defineOp({
    name,
    type: ([x]) => (x === undefined ? [] : [x]),
    gradient,
    lower: {
      kind: 'alias',
      read: ({ operands: [x] }, index) => {
        if (x === undefined) throw new InternalError(`${name} lacks its operand`)
        return x.read(index)
      },
    },
    cost: 0,
  })
}

const stop: OpDefinition = defineAlias('stop_gradient', 'none')
const same: OpDefinition = defineAlias('identity', ({ gradients }) => gradients)

/**
 * The value of `x`, with no gradient flowing back to it.
 *
 * @example
 * tf.grad((x) => x.mul(tf.stopGradient(x)))(3) // 3
 */
export function stopGradient(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'stopGradient' })
  if (tensor.payload.kind === 'data') return new Tensor(tensor.type, tensor.payload)
  return bindOne(stop, [tensor], {})
}

/** The value of `x` as another tensor, to which a gradient can be told apart from that to `x`. */
export function identity(x: Tensor): Tensor {
  return bindOne(same, [x], {})
}

/**
 * A variable's content after an assignment, as a function of what was assigned and of the variable: the value is the
 * one assigned, the gradient flows to the variable alone. So reads after an assignment belong to the variable.
 */
export function reread(assigned: Tensor, variable: Tensor): Tensor {
  const params = (...names: string[]): Value[] => names.map((name) => makeValue(variable.type, name))
  const forward = params('assigned', 'variable')
  const backward = params('assigned', 'variable', 'upstream')
  const region = (inputs: readonly Value[], result: number): Graph => ({
    name: 'reread',
    params: inputs,
    captures: [],
    nodes: [],
    results: inputs.slice(result, result + 1),
    guards: [],
  })
  const attributes: Attributes = { callee: 'reread', inputs: 2, forwardOperands: 2, given: [false, true] }
  const [result] = bind(customCall, [assigned, variable], attributes, [
    region(forward, 0),
    region(backward, 2),
  ])
  if (result === undefined) throw new InternalError('custom_call gave no result')
  return result
}
