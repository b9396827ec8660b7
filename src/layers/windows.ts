/** What convolution and pooling layers share: windows over the spatial axes of [batch, …spatial, channels]. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import type { InputShape } from './layer.ts'

/** Zeros around the input: none, or as many as keep the size (with strides of 1); causal: all of them before it. */
export type WindowPadding = 'valid' | 'same' | 'causal'

/** A number for all axes, or one for each. */
export type PerAxis = number | readonly number[]

/** One positive integer for each axis. Throws ValueError for anything else. */
export function perAxis(op: string, name: string, given: PerAxis, axes: number): readonly number[] {
  const list = typeof given === 'number' ? Array.from({ length: axes }, () => given) : [...given]
  if (list.length !== axes || list.some((each) => !Number.isInteger(each) || each < 1))
    throw new ValueError({
      op,
      problem: `${name} is ${JSON.stringify(given)}`,
      fix: `give an integer of at least 1${axes === 1 ? '' : `, or ${axes} of them`}.`,
    })
  return list
}

/** A way of padding. Throws ValueError for anything else. */
export function requirePadding(
  op: string,
  padding: WindowPadding,
  allowed: readonly string[],
): WindowPadding {
  if (allowed.includes(padding)) return padding
  throw new ValueError({
    op,
    problem: `padding is "${String(padding)}"`,
    fix: `use one of ${allowed.join(', ')}.`,
  })
}

export interface WindowSizes {
  readonly op: string
  readonly sizes: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padding: WindowPadding
}

/** How many windows fit along each spatial axis; null for an axis of unknown size. */
export function windowCounts(input: InputShape, windows: WindowSizes): InputShape {
  return windows.sizes.map((size, i) => {
    const whole = input[i + 1] ?? null
    if (whole === null) return null
    const stride = windows.strides[i] ?? 1
    const reach = (size - 1) * (windows.dilations[i] ?? 1) + 1
    const count =
      windows.padding === 'valid' ? Math.floor((whole - reach) / stride) + 1 : Math.ceil(whole / stride)
    if (count >= 1) return count
    throw new ShapeError({
      op: windows.op,
      problem: `a window of ${reach} does not fit into axis ${i + 1} of size ${whole}`,
      fix: `use a smaller window, or padding 'same'.`,
    })
  })
}
