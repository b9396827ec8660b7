/**
 * The one place where an op meets the current trace.
 *
 * Public op functions check and convert their arguments and call `bind`. What happens then is the business of the trace
 * on top of the stack: the eager trace at the bottom computes at once, a graph trace above it records a node. Tapes
 * observe every bind, whatever the trace. This file is one of two written-down exceptions to "plain imports only": the
 * eager trace installs itself here when its module is evaluated, because computing needs ops and ops need bind.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { TypedArray } from '../../codegen/dtype.ts'
import { mostElements, tooManyElements } from '../../codegen/limits.ts'
import type { Size } from '../../codegen/size.ts'
import type { Attrs, Graph, Value } from '../ir/graph.ts'
import type { TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'

/** What an op is applied to. */
export interface Application {
  readonly op: OpDefinition
  readonly operands: readonly Tensor[]
  readonly attrs: Attrs
  readonly regions: readonly Graph[]
  /** What the host needs to carry it out: a callback, a sink. */
  readonly host?: unknown
  /** The user's line, where that is known and is not the present one. */
  readonly source?: string | undefined
}

/** An interpretation of ops: compute now, or record. */
export interface Trace {
  readonly kind: 'eager' | 'graph'
  /** The function being traced, for messages. */
  readonly name: string
  apply(application: Application): readonly Tensor[]
  /** A tensor as this trace uses it: a graph trace captures concrete tensors and refuses those of other traces. */
  lift(tensor: Tensor): Tensor
  /** The tensor that `lift` was given when it made `lifted`, if it did. */
  originOf?(lifted: Tensor): Tensor | undefined
  /** dtype and sizes of a variable's content at this place of the program. */
  typeOf(variable: Variable): TensorType
  /** A value computed by the host at the beginning of every call; only graph traces know calls. */
  live?(compute: () => TensorLike, dtype: TensorType['dtype'] | undefined): Tensor
  /** The content of an int32 scalar at the beginning of every call, as a size; only graph traces know calls. */
  contentSize?(variable: Variable): Size
  /** The name of a Variable's capture, which nodes inside regions mention; absent where nothing is recorded. */
  captureName?(variable: Variable): string
  /** The user's line that made a value of this trace, if it is known. */
  sourceOf?(value: Value): string | undefined
  read(variable: Variable): Tensor
  assign(variable: Variable, value: Tensor): void
  /** Replaces a variable's content v by op(v, value). */
  update(variable: Variable, op: OpDefinition, value: Tensor): void
  /** The elements a new variable starts with; refuses when none may be created. */
  initialValue(initial: Tensor, name: string): Tensor
  /** A variable has been created. */
  created(variable: Variable): void
  /** True when what is recorded runs later, if at all: Variables have no content then. */
  readonly deferred?: boolean
  /** What to do to read a tensor of this trace, for messages. */
  readonly howToRead?: string
  /** What an assignment to a variable returns, when that is not the variable. */
  handleAfterAssignment?(variable: Variable): Variable
  /** Records what `body` does as something that is needed as a whole or not at all. */
  together?<R>(body: () => R): R
}

/** Sees every application and its results, and variable reads: a gradient tape. */
export interface Observer {
  applied(application: Application, results: readonly Tensor[]): void
  /** A trainable or other variable was read, giving `value`. */
  read(variable: Variable, value: Tensor): void
  /** True when a gradient may be asked for with respect to `tensor`. */
  tracks(tensor: Tensor): boolean
}

const stack: Trace[] = []
let observers: readonly Observer[] = []
/** Looks at every application after the fact, before the observers; undefined almost always. */
let inspector: ((application: Application, results: readonly Tensor[]) => void) | undefined

/** Installs the trace at the bottom of the stack; called once, by the eager trace. */
export function installEagerTrace(trace: Trace): void {
  if (stack.length > 0) throw new InternalError('an eager trace is installed already')
  stack.push(trace)
}

/** Installs what looks at every application, or nothing. */
export function installInspector(next: typeof inspector): void {
  inspector = next
}

/** The trace that ops are applied in now. */
export function currentTrace(): Trace {
  const top = stack.at(-1)
  if (top === undefined) throw new InternalError('no eager trace is installed')
  return top
}

/** The eager trace, whatever is being traced. */
export function eagerTrace(): Trace {
  const bottom = stack[0]
  if (bottom === undefined) throw new InternalError('no eager trace is installed')
  return bottom
}

/** True while a callback is being traced into a graph. */
export function isTracing(): boolean {
  return currentTrace().kind === 'graph'
}

/** True for the traces in progress, whether or not one inside them is current. */
export function isActive(trace: Trace): boolean {
  return stack.includes(trace)
}

/** Runs `body` with `trace` current; restores the stack also when it throws. */
export function withTrace<R>(trace: Trace, body: () => R): R {
  const depth = stack.length
  stack.push(trace)
  try {
    return body()
  } finally {
    stack.length = depth
  }
}

/** Runs `body` with these observers; restores the previous ones also when it throws. */
export function withObservers<R>(list: readonly Observer[], body: () => R): R {
  const before = observers
  observers = list
  try {
    return body()
  } finally {
    observers = before
  }
}

/** The observers in force, outermost first. */
export function currentObservers(): readonly Observer[] {
  return observers
}

/** Applies an op in the current trace and tells the observers. */
export function bind<A extends Attrs>(
  op: OpDefinition<A>,
  operands: readonly Tensor[],
  attrs: A,
  regions: readonly Graph[] = [],
  host?: unknown,
  source?: string,
): readonly Tensor[] {
  const trace = currentTrace()
  const lifted = trace.kind === 'graph' ? operands.map((operand) => trace.lift(operand)) : operands
  const application: Application = { op: op as OpDefinition, operands: lifted, attrs, regions, host, source }
  const results = trace.apply(application)
  for (const { type } of results) if (isTooLarge(type)) throw tooManyElements(op.name, printType(type))
  if (inspector !== undefined) inspector(application, results)
  for (const observer of observers) observer.applied(application, results)
  return results
}

/** True for more elements than a value may have, whether or not it would ever be in memory. */
function isTooLarge({ shape }: TensorType): boolean {
  let elements = 1
  for (const size of shape) {
    if (typeof size !== 'number') return false
    elements *= size
  }
  return elements > mostElements
}

/** A variable's value in the current trace; tells the observers. */
export function readVariable(variable: Variable): Tensor {
  const value = currentTrace().read(variable)
  for (const observer of observers) observer.read(variable, value)
  return value
}

/** Tells the observers of an application that was carried out as a whole, such as a call of a compiled function. */
export function observe(application: Application, results: readonly Tensor[]): void {
  for (const observer of observers) observer.applied(application, results)
}

/** `bind` for ops with one result. */
export function bindOne<A extends Attrs>(op: OpDefinition<A>, operands: readonly Tensor[], attrs: A): Tensor {
  const [result] = bind(op, operands, attrs)
  if (result === undefined) throw new InternalError(`${op.name} gave no result`)
  return result
}

/** Turns a pending tensor (a view, a variable's snapshot) into data; installed by the eager trace. */
let materialise: (tensor: Tensor) => TypedArray = () => {
  throw new InternalError('no eager trace is installed')
}
export function installMaterialise(hook: (tensor: Tensor) => TypedArray): void {
  materialise = hook
}
export function materialiseTensor(tensor: Tensor): TypedArray {
  return materialise(tensor)
}
