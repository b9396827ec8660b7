/**
 * Host calls: a JavaScript function that runs at every execution, in the middle of a compiled program.
 *
 * The function is the node's host payload. When the program gets to it, the function is called eagerly with concrete
 * tensors and what it returns is checked against the types the node promises. It may do what eager code may do, so
 * every Variable is stored before it and read again after it. Its gradient is another host call, of a function that
 * runs the first one once more under a tape; that one can be differentiated the same way.
 */
import { isFloating } from '../../codegen/dtype.ts'
import {
  DTypeError,
  GradientError,
  InternalError,
  ShapeError,
  TraceError,
  ValueError,
} from '../../codegen/errors.ts'
import { type Size, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { type Attrs, textAttribute } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bind } from '../trace/bind.ts'
import { GradientTape } from './tape.ts'

/** What a host call calls: always gives a list. */
export type HostCallback = (...inputs: Tensor[]) => readonly TensorLike[]

/** Attributes of `host_call`: the function's name, and the types of its results. */
export type HostCallAttrs = {
  readonly callee: string
  readonly types: readonly { readonly dtype: TensorType['dtype']; readonly shape: readonly Size[] }[]
}

function nameIn(attrs: Attrs): string {
  return textAttribute({ op: 'host_call', attrs }, 'callee')
}

/** The callback behind a host call. */
function callbackOf(attrs: Attrs, host: unknown): HostCallback {
  if (typeof host !== 'function') throw new InternalError(`the host call of ${nameIn(attrs)} has no function`)
  return host as HostCallback
}

/** Calls the host with the operands. */
export const hostCallOp: OpDefinition<HostCallAttrs> = defineOp<HostCallAttrs>({
  name: 'host_call',
  type: (_operands, { types }) => types.map(({ dtype, shape }) => ({ dtype, shape })),
  gradient: ({ attrs, operands, gradients, needed, host }) => {
    const callback = callbackOf(attrs, host)
    const reached = gradients.map((gradient) => gradient !== null)
    const upstream = gradients.filter((gradient) => gradient !== null)
    const wanted = operands.filter((_, i) => needed[i])
    const results = bind(
      hostCallOp,
      [...operands, ...upstream],
      { callee: `gradient of ${attrs.callee}`, types: wanted.map(({ type }) => type) },
      [],
      gradientOf(callback, attrs, needed, reached),
    )
    let next = 0
    return needed.map((is) => (is ? (results[next++] ?? null) : null))
  },
  lower: { kind: 'program' },
  effect: 'write',
  cost: 100,
})

/** From the inputs and the gradients of the results reached to the gradients of the inputs needed. */
function gradientOf(
  callback: HostCallback,
  attrs: HostCallAttrs,
  needed: readonly boolean[],
  reached: readonly boolean[],
): HostCallback {
  return (...values) => {
    const inputs = values.slice(0, needed.length)
    const upstream = values.slice(needed.length)
    const sources = inputs.filter((_, i) => needed[i])
    const tape = new GradientTape({ watchAccessedVariables: false })
    const results = tape.record(() => {
      for (const input of inputs) if (isFloating(input.dtype)) tape.watch(input)
      return resultsOf(
        attrs.callee,
        callback(...inputs),
        attrs.types.map(({ dtype }) => dtype),
      )
    })
    const targets = results.filter((_, i) => reached[i])
    const gradients = tape.gradient(targets, sources, { outputGradients: upstream, unconnected: 'zero' })
    return gradients.filter((gradient) => gradient !== null)
  }
}

/** Throws TraceError when a callback returned a Promise. */
export function refusePromise(callee: string, value: unknown): void {
  if (value instanceof Promise)
    throw new TraceError({
      op: 'hostCall',
      problem: `${callee} returned a Promise, and a program cannot wait`,
      fix: 'call a synchronous function; await before or after the traced function.',
    })
}

/** What a callback returned as tensors, one per dtype. Throws ValueError for another number of them. */
export function resultsOf(
  callee: string,
  list: readonly TensorLike[],
  dtypes: readonly TensorType['dtype'][],
): readonly Tensor[] {
  if (!Array.isArray(list) || list.length !== dtypes.length)
    throw new ValueError({
      op: 'hostCall',
      problem: `${callee} returned ${Array.isArray(list) ? `${list.length} values` : 'no array'}, not the ${dtypes.length} values of its outSpec`,
      fix: 'return an array with one tensor per spec.',
    })
  return list.map((entry: TensorLike, i) =>
    convertToTensor(entry, { op: `result ${i} of ${callee}`, dtype: dtypes[i] }),
  )
}

/** Throws DTypeError or ShapeError unless the result has the type promised; a null size is any size. */
export function demandType(
  callee: string,
  position: number,
  type: TensorType,
  promised: { readonly dtype: TensorType['dtype']; readonly shape: readonly (Size | null)[] | null },
): void {
  const { dtype, shape } = promised
  const rows = [
    ['returned', printType(type)],
    [
      'outSpec',
      shape === null
        ? `${dtype} of any shape`
        : printType({ dtype, shape: shape.map((size) => size ?? -1) }).replaceAll('-1', 'null'),
    ],
  ]
  const problem = (what: string): string =>
    `result ${position} of ${callee} has another ${what} than its outSpec`
  if (type.dtype !== dtype)
    throw new DTypeError({
      op: 'hostCall',
      problem: problem('dtype'),
      rows,
      fix: `cast it: result.cast('${dtype}').`,
    })
  if (shape === null) return
  if (
    shape.length !== type.shape.length ||
    !shape.every((size, axis) => size === null || sizesEqual(size, type.shape[axis] ?? -1) === true)
  )
    throw new ShapeError({
      op: 'hostCall',
      problem: problem('shape'),
      rows,
      fix: 'reshape it, or give the right outSpec.',
    })
}

/** Runs the callback for a program; the types have no size names left. */
export function runHostCall(
  attrs: Attrs,
  host: unknown,
  inputs: readonly Tensor[],
  types: readonly TensorType[],
): readonly Tensor[] {
  const callee = nameIn(attrs)
  const results = resultsOf(
    callee,
    callbackOf(attrs, host)(...inputs),
    types.map(({ dtype }) => dtype),
  )
  results.forEach((result, i) => {
    const promised = types[i]
    if (promised !== undefined) demandType(callee, i, result.type, promised)
  })
  return results
}

/** For a second derivative of a function whose Variables a host call may have assigned. */
export function refuseReadAfterHostCall(callee: string, variable: string): never {
  throw new GradientError({
    op: callee,
    problem: `it reads the variable ${variable} after a host call, which may assign it: its gradient cannot be differentiated again`,
    fix: 'read the variable before the host call.',
  })
}
