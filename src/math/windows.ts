/**
 * Where the windows of convolutions and pooling lie: strides, dilations and padding as users give them, turned into the
 * position of the first window and the number of windows along each axis of space.
 *
 * Padding is TensorFlow's. `'valid'` takes windows that lie inside, ⌊(n − k) / stride⌋ + 1 of them, k being the size of a
 * dilated window. `'same'` takes ⌈n / stride⌉ and puts what is missing around the input, the odd element behind it.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import {
  addSizes,
  floorDivideSizes,
  multiplySizes,
  printSize,
  type Size,
  subtractSizes,
} from '../../codegen/size.ts'
import { printType, type TensorType } from '../../tracer/ir/type.ts'
import { at, sizeAt } from '../../tracer/ops/arguments.ts'
import { lastIndex } from '../../tracer/ops/sizes.ts'
import type { Padding } from '../../tracer/tensor-methods.ts'

export type { Padding } from '../../tracer/tensor-methods.ts'

/** What a user says of windows. */
export interface WindowRequest {
  readonly op: string
  readonly input: TensorType
  /** The input's axes of space. */
  readonly spatial: readonly number[]
  /** Sizes of a window. */
  readonly sizes: readonly Size[]
  readonly strides: number | readonly number[]
  readonly dilations: number | readonly number[]
  readonly pad: Padding
  /** Further rows of messages. */
  readonly rows?: readonly (readonly string[])[]
}

/** Where windows lie, an entry per axis of space. */
export interface Windows {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** How far before the input the first window begins. */
  readonly low: readonly Size[]
  /** How many windows there are. */
  readonly counts: readonly Size[]
}

/** A number, or a number per axis of space, as a list. Throws ValueError for anything but integers of at least 1. */
export function perAxis(op: string, name: string, given: number | readonly number[], rank: number): number[] {
  const list = typeof given === 'number' ? Array.from({ length: rank }, () => given) : [...given]
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < 1 || n > mostIndex))
    throw new ValueError({
      op,
      problem: `${name} is ${JSON.stringify(given)}`,
      fix: `give one integer of at least 1, or ${rank}, one per axis of space.`,
    })
  return list
}

const mostIndex = 0x7fffffff

/** The places of windows. Throws ValueError for strides and such that make no sense, ShapeError when no window fits. */
export function placeWindows(request: WindowRequest): Windows {
  const { op, spatial } = request
  const strides = perAxis(op, 'strides', request.strides, spatial.length)
  const dilations = perAxis(op, 'dilations', request.dilations, spatial.length)
  const pads = paddingPerAxis(request)
  const low: Size[] = []
  const counts: Size[] = []
  spatial.forEach((axis, d) => {
    const size = sizeAt(request.input.shape, axis)
    const window = addSizes(multiplySizes(lastIndex(at(request.sizes, d)), at(dilations, d)), 1)
    if (typeof window === 'number' && window < 1)
      throw new ShapeError({
        op,
        problem: `windows are empty along axis ${axis}`,
        rows: rowsOf(request),
        fix: 'give the window at least one element along every axis.',
      })
    const placed = placeAlong(request, { axis, size, window, stride: at(strides, d), pad: pads[d] })
    const end = addSizes(multiplySizes(lastIndex(placed.count), at(strides, d)), window)
    if ([end, placed.low, placed.count].some((n) => typeof n === 'number' && n > mostIndex))
      throw new ShapeError({
        op,
        problem: `the padded axis ${axis} would have ${printSize(end)} elements, more than fit in memory`,
        rows: rowsOf(request),
        fix: 'use less padding or smaller dilations.',
      })
    low.push(placed.low)
    counts.push(placed.count)
  })
  return { strides, dilations, low, counts }
}

function rowsOf({ input, sizes, rows }: WindowRequest): readonly (readonly string[])[] {
  return [['x', printType(input)], ...(rows ?? [['window', `[${sizes.map(printSize).join(',')}]`]])]
}

/** The two amounts per axis of space, or the word that determines them. */
function paddingPerAxis(request: WindowRequest): readonly ('same' | readonly [number, number])[] {
  const { op, input, spatial, pad } = request
  if (typeof pad === 'string') {
    const word = pad.toLowerCase()
    if (word === 'same') return spatial.map(() => 'same')
    if (word === 'valid') return spatial.map(() => [0, 0])
  }
  const isAmount = (n: unknown): boolean => Number.isInteger(n) && Number(n) >= 0 && Number(n) <= mostIndex
  if (typeof pad === 'number' && isAmount(pad)) return spatial.map(() => [pad, pad])
  if (Array.isArray(pad)) {
    const pairs = pad as readonly (readonly [number, number])[]
    const isPair = (entry: unknown): boolean =>
      Array.isArray(entry) && entry.length === 2 && entry.every(isAmount)
    const elsewhere =
      pairs.length === spatial.length ? [] : pairs.filter((_, axis) => !spatial.includes(axis))
    if (
      pairs.every(isPair) &&
      (pairs.length === spatial.length || pairs.length === input.shape.length) &&
      elsewhere.every(([before, after]) => before === 0 && after === 0)
    )
      return pairs.length === spatial.length ? pairs : spatial.map((axis) => at(pairs, axis))
  }
  throw new ValueError({
    op,
    problem: `the padding is ${JSON.stringify(pad)}`,
    rows: rowsOf(request),
    fix: `use 'same', 'valid', an integer of at least 0, or a pair [before, after] per axis, [0, 0] for batch and channels.`,
  })
}

interface Along {
  readonly axis: number
  readonly size: Size
  readonly window: Size
  readonly stride: number
  readonly pad: 'same' | readonly [number, number] | undefined
}

function placeAlong(request: WindowRequest, along: Along): { readonly low: Size; readonly count: Size } {
  const { axis, size, window, stride, pad } = along
  if (pad === 'same') {
    const count = floorDivideSizes(addSizes(size, stride - 1), stride)
    return { low: floorDivideSizes(missing(request, along, count), 2), count }
  }
  const [before, after] = pad ?? [0, 0]
  const slack = subtractSizes(addSizes(size, before, after), window)
  if (typeof slack === 'number' && slack < 0)
    throw new ShapeError({
      op: request.op,
      problem: `a window of ${printSize(window)} does not fit into axis ${axis} of size ${printSize(addSizes(size, before, after))}${before + after > 0 ? ', padding included' : ''}`,
      rows: rowsOf(request),
      fix: "use a smaller window or dilation, or pad: 'same'.",
    })
  return { low: before, count: addSizes(floorDivideSizes(slack, stride), 1) }
}

/** max(0, what the last of `count` windows lacks). */
function missing(request: WindowRequest, { size, window, stride, axis }: Along, count: Size): Size {
  const lack = subtractSizes(addSizes(multiplySizes(lastIndex(count), stride), window), size)
  if (typeof lack === 'number') return Math.max(0, lack)
  // The windows begin inside the input, so those that are at least a stride long never end before it.
  if (stride === 1 || (typeof window === 'number' && window >= stride)) return lack
  if (typeof window !== 'number')
    throw new ShapeError({
      op: request.op,
      problem: `padding 'same' with stride ${stride} needs the window's size along axis ${axis} while tracing`,
      rows: rowsOf(request),
      fix: 'give the filter its sizes in the signature.',
    })
  // −stride < lack < stride: the quotient is 1 where lack ≥ 0, else 0.
  return multiplySizes(lack, floorDivideSizes(addSizes(lack, stride), stride))
}
