/**
 * What functions do besides computing: printing, checking, calling JavaScript, and leaving the trace.
 *
 * Eagerly each happens at once. While a function is traced it becomes part of the program and happens at every call, in
 * program order with assignments. What fails stops the program there: earlier effects stay, later ones do not happen.
 */
import type { DType } from '../codegen/dtype.ts'
import { DTypeError, ValueError } from '../codegen/errors.ts'
import { isFloating } from '../codegen/dtype.ts'
import type { Size } from '../codegen/size.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../tracer/convert.ts'
import {
  demandType,
  hostCallOp,
  type HostCallback,
  refusePromise,
  resultsOf,
} from '../tracer/gradient/host-call.ts'
import { printType } from '../tracer/ir/type.ts'
import { checkNumericsOp, printOp } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { TensorMethods } from '../tracer/tensor-methods.ts'
import { bind, bindOne, isTracing } from '../tracer/trace/bind.ts'
import { outsideTrace } from '../tracer/trace/modes.ts'
import { isPlainObject } from '../tracer/trace/tree.ts'

/** How `print` prints. */
export interface PrintOptions {
  /** Takes the text; `console.log` when absent. */
  readonly sink?: (text: string) => void
  /** Stands between the values. A blank when absent. */
  readonly sep?: string
  /** Follows the last value. Nothing when absent: a console makes a line of every text. */
  readonly end?: string
  /** How many entries to show at either end of an axis; −1 shows all. 3 when absent. */
  readonly summarize?: number
}

const optionKinds: Readonly<Record<string, string>> = {
  sink: 'function',
  sep: 'string',
  end: 'string',
  summarize: 'number',
}

function isPrintOptions(value: unknown): value is PrintOptions {
  if (!isPlainObject(value)) return false
  const entries = Object.entries(value)
  return (
    entries.length > 0 &&
    entries.every(([key, entry]) => Object.hasOwn(optionKinds, key) && typeof entry === optionKinds[key])
  )
}

/** Text with tensors in it: the texts before, between and after them. */
class Template {
  readonly texts: string[] = ['']
  readonly operands: Tensor[] = []

  text(text: string): void {
    this.texts.push(`${this.texts.pop() ?? ''}${text}`)
  }

  value(value: unknown, nested: boolean): void {
    if (value instanceof TensorMethods || isTypedArray(value)) {
      this.operands.push(convertToTensor(value as TensorLike, { op: 'tf.print' }))
      this.texts.push('')
    } else if (typeof value === 'string') this.text(nested ? `'${value}'` : value)
    else if (Array.isArray(value)) {
      this.text('[')
      value.forEach((entry: unknown, i) => {
        if (i > 0) this.text(', ')
        this.value(entry, true)
      })
      this.text(']')
    } else if (isPlainObject(value)) {
      this.text('{')
      Object.entries(value).forEach(([key, entry], i) => {
        this.text(`${i > 0 ? ', ' : ''}'${key}': `)
        this.value(entry, true)
      })
      this.text('}')
    } else this.text(Object.is(value, -0) ? '-0' : String(value))
  }
}

/**
 * Prints values: eagerly at once, in a traced function at every call. Tensors look like `[1 2.5]` and show the first and
 * last three entries of every axis; arrays and plain objects of values show their brackets; strings are bare unless
 * nested. Floating numbers have up to 6 digits, or 9 where 6 do not tell them apart; bools are 0 and 1.
 *
 * A last argument that is an object of nothing but the options is taken as options.
 *
 * @example
 * const lines: string[] = []
 * tf.print('loss', tf.tensor([1, 2.5]), { sink: (text: string) => lines.push(text), summarize: -1 })
 * lines[0] // 'loss [1 2.5]'
 */
export function print(...values: readonly unknown[]): void {
  const last = values.at(-1)
  const options: PrintOptions = isPrintOptions(last) ? last : {}
  const printed = options === last ? values.slice(0, -1) : values
  const { sink, sep = ' ', end = '', summarize = 3 } = options
  if (!Number.isInteger(summarize) || summarize < -1)
    throw new ValueError({
      op: 'tf.print',
      problem: `summarize is ${summarize}`,
      fix: 'give the number of entries to show at either end, or -1 for all.',
    })
  const template = new Template()
  printed.forEach((value, i) => {
    if (i > 0) template.text(sep)
    template.value(value, false)
  })
  template.text(end)
  bind(printOp, template.operands, { texts: template.texts, summarize }, [], sink)
}

/**
 * Gives `x`; throws a CheckError when an element is NaN or infinite. The gradient that flows back is checked too.
 *
 * @throws DTypeError unless `x` is float32 or float64; CheckError `message : Tensor had NaN values`
 * @example
 * const f = tf.function((x: tf.Tensor) => tf.checkNumerics(x.log(), 'bad'))
 * f(tf.tensor(-1)) // throws CheckError
 */
export function checkNumerics(x: TensorLike, message: string): Tensor {
  const tensor = convertToTensor(x, { op: 'checkNumerics' })
  if (!isFloating(tensor.dtype))
    throw new DTypeError({
      op: 'checkNumerics',
      problem: `${printType(tensor.type)} has no NaN and no infinity`,
      fix: 'pass a float32 or float64 tensor.',
    })
  return bindOne(checkNumericsOp, [tensor], { message, of: '' })
}

/**
 * Runs `body` eagerly and returns what it returns, also while a function is being traced: what it does then happens
 * once, at trace time, and is no part of the program. No tape records it.
 *
 * @throws TraceError when `body` uses a tensor of the trace
 * @example
 * const traces = tf.variable(0)
 * const f = tf.function((x: tf.Tensor) => {
 *   tf.eagerly(() => traces.assignAdd(1))
 *   return x.mul(2)
 * })
 * f(tf.scalar(1)) // 2
 * f(tf.scalar(2)) // 4
 * traces.item() // 1
 */
export function eagerly<R>(body: () => R): R {
  return outsideTrace(body)
}

/** The dtype and shape of a result: what `tf.spec` makes, or a tensor or Variable that has them. */
export interface ResultSpec {
  readonly dtype: DType
  readonly shape: readonly (number | null)[] | null
}

/** What the function of a host call may return. */
type HostResult = TensorLike | readonly TensorLike[] | undefined | void

/**
 * Calls a JavaScript function with concrete tensors: eagerly at once, in a traced function at every call, in the middle
 * of the compiled program. The function may read tensors, use ops, read and assign Variables, and call traced functions, also
 * the one it is called from. Numbers and arrays it returns take the dtype of the spec.
 *
 * Gradients flow through: the function then runs once more, under a tape, when a gradient of a traced call is computed.
 * They flow to the inputs; not to Variables it reads, which must be inputs for that.
 *
 * @param inputs passed to the function as tensors
 * @param outSpec the dtype and shape of the result, or of each of a list of results; absent when there is none. Sizes
 * may be null in eager code only.
 * @throws TraceError when the function returns a Promise; DTypeError, ShapeError or ValueError when it returns something
 * else than the specs say; and whatever the function throws, unchanged
 * @example
 * const seen: number[] = []
 * const f = tf.function((x: tf.Tensor) => tf.hostCall((a) => (seen.push(a.item()), a.mul(2)), [x], tf.spec([])))
 * f(tf.scalar(3)) // 6
 * seen // [3]
 */
export function hostCall(f: (...inputs: Tensor[]) => HostResult, inputs: readonly TensorLike[]): void
export function hostCall(
  f: (...inputs: Tensor[]) => HostResult,
  inputs: readonly TensorLike[],
  outSpec: ResultSpec,
): Tensor
export function hostCall(
  f: (...inputs: Tensor[]) => HostResult,
  inputs: readonly TensorLike[],
  outSpec: readonly ResultSpec[],
): Tensor[]
export function hostCall(
  f: (...inputs: Tensor[]) => HostResult,
  inputs: readonly TensorLike[],
  outSpec?: ResultSpec | readonly ResultSpec[],
): Tensor | Tensor[] | void {
  const callee = f.name === '' ? 'the function' : f.name
  const operands = inputs.map((input) => convertToTensor(input, { op: 'hostCall' }))
  const specs: readonly ResultSpec[] = outSpec === undefined ? [] : isSpecList(outSpec) ? outSpec : [outSpec]
  const callback: HostCallback = (...given) => {
    const value: unknown = f(...given)
    refusePromise(callee, value)
    if (outSpec === undefined) return []
    return (isSpecList(outSpec) ? value : [value]) as readonly TensorLike[]
  }
  const results = isTracing()
    ? [...bind(hostCallOp, operands, { callee, types: specs.map(closedSpec) }, [], callback)]
    : callNow(callee, callback, operands, specs)
  if (outSpec === undefined) return undefined
  return isSpecList(outSpec) ? results : results[0]
}

function isSpecList(outSpec: ResultSpec | readonly ResultSpec[]): outSpec is readonly ResultSpec[] {
  return Array.isArray(outSpec)
}

function callNow(
  callee: string,
  callback: HostCallback,
  operands: readonly Tensor[],
  specs: readonly ResultSpec[],
): Tensor[] {
  const dtypes = specs.map(({ dtype }) => dtype)
  return resultsOf(callee, callback(...operands), dtypes).map((result, i) => {
    const spec = specs[i]
    if (spec !== undefined) demandType(callee, i, result.type, spec)
    return result
  })
}

/** A spec that a program can allocate memory for. */
function closedSpec({ dtype, shape }: ResultSpec): {
  readonly dtype: DType
  readonly shape: readonly Size[]
} {
  if (shape === null || shape.includes(null))
    throw new ValueError({
      op: 'hostCall',
      problem: `the outSpec ${shape === null ? 'has no rank' : `[${shape.map(String).join(', ')}] leaves a size open`}`,
      fix: 'give every size while tracing; a tensor of the same type also serves as outSpec.',
    })
  return { dtype, shape: shape.filter((size) => size !== null) }
}
