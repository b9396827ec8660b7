/**
 * Where batch, space and channels lie in the operands of convolutions and pooling, and into how many groups the
 * channels fall.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { floorDivideSizes, multiplySizes } from '../../codegen/size.ts'
import type { TensorType } from '../../tracer/ir/type.ts'
import { operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import { reshape } from '../../tracer/ops/movement.ts'
import type { Tensor } from '../../tracer/tensor.ts'

/** The axes of an input with a batch axis in front. */
export interface Layout {
  readonly spatial: readonly number[]
  readonly channel: number
  readonly channelsLast: boolean
}

const spaceLetters = ['', 'W', 'HW', 'DHW']

/** The layout that a data format names. Throws ValueError for formats there are not. */
export function layoutOf(op: string, dataFormat: string, rank: number): Layout {
  const space = spaceLetters[rank] ?? ''
  const channelsLast = dataFormat === `N${space}C`
  if (!channelsLast && dataFormat !== `NC${space}`)
    throw new ValueError({
      op,
      problem: `the data format is ${JSON.stringify(dataFormat)}`,
      fix: `use 'N${space}C' or 'NC${space}'.`,
    })
  const first = channelsLast ? 1 : 2
  return {
    spatial: Array.from({ length: rank }, (_, d) => first + d),
    channel: channelsLast ? rank + 1 : 1,
    channelsLast,
  }
}

/** The axes of input and result as a convolution's attribute names them. */
export function inputText({ channelsLast }: Layout, rank: number, grouped = false): string {
  const space = Array.from({ length: rank }, (_, d) => d).join('')
  const channels = grouped ? 'gf' : 'f'
  return channelsLast ? `b${space}${channels}` : `b${channels}${space}`
}

/** How many groups the channels of the input fall into: as many as the filter's channels go into them. */
export function groupsOf(op: string, input: TensorType, channel: number, filter: TensorType): number {
  const rank = filter.shape.length - 2
  const [given, own, filters] = [
    sizeAt(input.shape, channel),
    sizeAt(filter.shape, rank),
    sizeAt(filter.shape, rank + 1),
  ]
  if (given === own || typeof given !== 'number' || typeof own !== 'number') return 1
  const groups = given / own
  if (!Number.isInteger(groups) || groups < 1 || (typeof filters === 'number' && filters % groups !== 0))
    throw new ShapeError({
      op,
      problem:
        Number.isInteger(groups) && groups >= 1
          ? `${String(filters)} filters do not fall into ${groups} groups`
          : `x has ${given} channels and the filter ${own}`,
      rows: operandRows([input, filter], ['x', 'filter']),
      fix: 'the filter needs the channels of x, or for groups a divisor of them; the filters a multiple of the groups.',
    })
  return groups
}

/** The tensor with its channels as two axes, groups and the channels of each. */
export function splitChannels(x: Tensor, axis: number, groups: number): Tensor {
  const shape = [...x.type.shape]
  shape.splice(axis, 1, groups, floorDivideSizes(sizeAt(shape, axis), groups))
  return reshape(x, shape)
}

/** The inverse of `splitChannels`: the axes at `axis` and after it as one. */
export function joinChannels(y: Tensor, axis: number): Tensor {
  const shape = [...y.type.shape]
  shape.splice(axis, 2, multiplySizes(sizeAt(shape, axis), sizeAt(shape, axis + 1)))
  return reshape(y, shape)
}
