/**
 * Which convolutions the convolution's module runs, and how their axes have to lie for that.
 *
 * The module takes float32 over one or two axes of space. It wants either the features that are summed or the batch
 * adjacent in the input, groups next to them, and the result's features adjacent; whatever else the axes are, strides say.
 * Operands laid out otherwise are transposed first. Groups of few features are cheaper as loops, which run along the
 * groups; all other dtypes are loops, too.
 *
 * `fused_conv` is a `conv` with a third operand, a bias, and an activation, see contraction.ts.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { ConvStep } from '../../codegen/program.ts'
import {
  convBlockPositions,
  convHeadFloats,
  convSpreadFloats,
} from '../../codegen/runtime-kernels/conv-parameters.ts'
import { addSizes, elementCount, floorDivideSizes, multiplySizes, type Size } from '../../codegen/size.ts'
import { makeValue, type Node, type Value } from '../ir/graph.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { at, sizeAt } from '../ops/arguments.ts'
import { type AxesOfInput, axesOf, axesText, type ConvolutionAxes } from '../ops/convolution-axes.ts'
import { type ConvolutionAttrs, convolutionType } from '../ops/convolution.ts'
import { lastIndex } from '../ops/sizes.ts'
import { isInside } from '../ops/window-place.ts'

/** Groups with fewer features of the result are loops. */
const leastGroupFeatures = 4

/** True when the node is left to the convolution's module. */
export function isConvolutionStep(node: Node): boolean {
  if (node.op === fusedConv.name) return true
  if (node.op !== 'conv') return false
  const [input, kernel] = node.operands
  const { kernel: parts } = axesOf((node.attrs as ConvolutionAttrs).axes)
  if (input?.type.dtype !== 'float32' || kernel === undefined) return false
  const rank = parts.spatial.length
  if (rank !== 1 && rank !== 2) return false
  const outer = sizeAt(kernel.type.shape, parts.outer)
  return parts.group < 0 || typeof outer !== 'number' || outer >= leastGroupFeatures
}

/** A `conv` whose sums start from a bias per feature and whose result passes an activation. */
export const fusedConv: OpDefinition<ConvolutionAttrs> = defineOp<ConvolutionAttrs>({
  name: 'fused_conv',
  cost: 100,
  sizeAttributes: ['low', 'sizes'],
  type: ([input, kernel], attrs) => {
    if (input === undefined || kernel === undefined)
      throw new InternalError('fused_conv takes two or three operands')
    return [convolutionType([input, kernel], attrs)]
  },
  gradient: 'none',
  lower: { kind: 'program' },
})

/** True when a bias and an activation can be part of the node: its features are the last axis, in one group. */
export function takesEpilogue(node: Node): boolean {
  if (node.op !== 'conv' || !isConvolutionStep(node)) return false
  const { input, result } = axesOf((node.attrs as ConvolutionAttrs).axes)
  const rank = result.spatial.length + 2
  return result.group < 0 && result.feature === rank - 1 && input.feature === rank - 1
}

type Mode = 'features' | 'batch'

/** How an input lies, when that is a way the module takes. */
function modeOf({ batch, group, feature, spatial }: AxesOfInput): Mode | undefined {
  const last = spatial.length + (group < 0 ? 1 : 2)
  if (group >= 0 && group !== last - 1) return undefined
  return feature === last ? 'features' : batch === last ? 'batch' : undefined
}

/** Batch, space, groups, features; or space, batch, groups, features. */
function tidyAxes(like: AxesOfInput, batchFirst: boolean): AxesOfInput {
  const rank = like.spatial.length
  const first = batchFirst ? 1 : 0
  const grouped = like.group >= 0
  return {
    batch: batchFirst ? 0 : rank,
    spatial: like.spatial.map((_, d) => first + d),
    group: grouped ? rank + 1 : -1,
    feature: rank + (grouped ? 2 : 1),
  }
}

/** For each axis of `to`, the axis of `from` that plays its part. */
function permutationOf(from: AxesOfInput, to: AxesOfInput): number[] {
  const permutation: number[] = []
  permutation[to.batch] = from.batch
  permutation[to.feature] = from.feature
  if (to.group >= 0) permutation[to.group] = from.group
  to.spatial.forEach((axis, d) => (permutation[axis] = at(from.spatial, d)))
  return permutation
}

function transposed(value: Value, permutation: readonly number[], result: Value, node: Node): Node {
  return {
    op: 'transpose',
    operands: [value],
    attrs: { permutation },
    regions: [],
    results: [result],
    ...(node.source === undefined ? {} : { source: node.source }),
  }
}

/** What a `conv` or `fused_conv` consists of. */
function partsOf(node: Node): {
  readonly attrs: ConvolutionAttrs
  readonly axes: ConvolutionAxes
  readonly input: Value
  readonly kernel: Value
  readonly result: Value
} {
  const attrs = node.attrs as ConvolutionAttrs
  const [input, kernel, result] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)]
  return { attrs, axes: axesOf(attrs.axes), input, kernel, result }
}

/** The convolution with operands that lie as the module wants them, between the transposes that takes. */
export function withLayout(node: Node): readonly Node[] {
  const { attrs, axes, input, kernel, result } = partsOf(node)
  const mode = modeOf(axes.input)
  const inputAxes = mode === undefined ? tidyAxes(axes.input, true) : axes.input
  const resultIsTidy = axes.result.feature === result.type.shape.length - 1
  const resultAxes = resultIsTidy ? axes.result : tidyAxes(axes.result, mode !== 'batch')
  if (mode !== undefined && resultIsTidy) return [node]
  const move = (shape: Shape, permutation: readonly number[]): Value =>
    makeValue({ dtype: 'float32', shape: permutation.map((axis) => sizeAt(shape, axis)) })
  const inputOrder = permutationOf(axes.input, inputAxes)
  const resultOrder = permutationOf(axes.result, resultAxes)
  const from = mode === undefined ? move(input.type.shape, inputOrder) : input
  const to = resultIsTidy ? result : move(result.type.shape, resultOrder)
  return [
    ...(mode === undefined ? [transposed(input, inputOrder, from, node)] : []),
    {
      ...node,
      operands: [from, kernel],
      attrs: { ...attrs, axes: axesText({ ...axes, input: inputAxes, result: resultAxes }) },
      results: [to],
    },
    ...(resultIsTidy ? [] : [transposed(to, permutationOf(resultAxes, axes.result), result, node)]),
  ]
}

function strideOf(shape: Shape, axis: number): Size {
  return axis < 0 ? 0 : multiplySizes(...shape.slice(axis + 1))
}

type StepSizes = ConvStep['sizes']

/** What a step needs to know of a `conv` or `fused_conv`, apart from its buffers. */
export function convolutionStepOf(
  node: Node,
): Pick<ConvStep, 'adjacent' | 'kernelStart' | 'activation' | 'sizes'> & { readonly scratchFloats: Size } {
  const { attrs, axes, input, kernel, result } = partsOf(node)
  const adjacent = modeOf(axes.input)
  if (adjacent === undefined) throw new InternalError('the input of a convolution is not laid out')
  const [x, w, y] = [input.type.shape, kernel.type.shape, result.type.shape]
  const rank = axes.input.spatial.length
  // A sequence is an image of one line.
  const along = <T>(list: readonly T[], d: number, missing: T): T =>
    rank === 2 ? at(list, d) : d === 1 ? at(list, 0) : missing
  const axisOf = (spatial: readonly number[], d: number): number => along(spatial, d, -1)
  const sizeOf = (shape: Shape, spatial: readonly number[], d: number): Size => {
    const axis = axisOf(spatial, d)
    return axis < 0 ? 1 : sizeAt(shape, axis)
  }
  const sign = attrs.reversed ? -1 : 1
  const kernelStrides = [0, 1].map((d) => strideOf(w, axisOf(axes.kernel.spatial, d)))
  const kernelSizes = [0, 1].map((d) => sizeOf(w, axes.kernel.spatial, d))
  const sizes: StepSizes = {
    batch: sizeAt(x, axes.input.batch),
    groups: axes.input.group < 0 ? 1 : sizeAt(x, axes.input.group),
    inner: sizeAt(w, axes.kernel.inner),
    outer: sizeAt(w, axes.kernel.outer),
    inputHeight: sizeOf(x, axes.input.spatial, 0),
    inputWidth: sizeOf(x, axes.input.spatial, 1),
    kernelHeight: at(kernelSizes, 0),
    kernelWidth: at(kernelSizes, 1),
    height: along(attrs.sizes, 0, 1),
    width: along(attrs.sizes, 1, 1),
    strideHeight: along(attrs.strides, 0, 1),
    strideWidth: along(attrs.strides, 1, 1),
    dilationHeight: along(attrs.kernelDilations, 0, 1),
    dilationWidth: along(attrs.kernelDilations, 1, 1),
    spreadHeight: along(attrs.inputDilations, 0, 1),
    spreadWidth: along(attrs.inputDilations, 1, 1),
    lowHeight: along(attrs.low, 0, 0),
    lowWidth: along(attrs.low, 1, 0),
    xBatch: strideOf(x, axes.input.batch),
    xInner: strideOf(x, axes.input.feature),
    xGroup: strideOf(x, axes.input.group),
    xRow: strideOf(x, axisOf(axes.input.spatial, 0)),
    xPixel: strideOf(x, axisOf(axes.input.spatial, 1)),
    wInner: strideOf(w, axes.kernel.inner),
    wOuter: strideOf(w, axes.kernel.outer),
    wGroup: strideOf(w, axes.kernel.group),
    wRow: multiplySizes(sign, at(kernelStrides, 0)),
    wPixel: multiplySizes(sign, at(kernelStrides, 1)),
    yBatch: strideOf(y, axes.result.batch),
    yGroup: strideOf(y, axes.result.group),
    yRow: strideOf(y, axisOf(axes.result.spatial, 0)),
    yPixel: strideOf(y, axisOf(axes.result.spatial, 1)),
  }
  const kernelStart = attrs.reversed
    ? addSizes(...kernelSizes.map((size, d) => multiplySizes(lastIndex(size), at(kernelStrides, d))))
    : 0
  return {
    adjacent,
    kernelStart,
    activation: node.attrs['activation'] === 'relu' ? 'relu' : 'none',
    sizes,
    scratchFloats: scratchOf(adjacent, sizes, isCovered(x, w, axes, attrs)),
  }
}

/** True when it is certain that all windows lie inside, so that images are read where they are. */
function isCovered(x: Shape, w: Shape, axes: ConvolutionAxes, attrs: ConvolutionAttrs): boolean {
  return axes.input.spatial.every((axis, d) =>
    isInside(attrs, d, sizeAt(x, axis), sizeAt(w, at(axes.kernel.spatial, d))),
  )
}

const panelColumns = 8

/** Numbers of scratch memory that a convolution needs at most: a head, panels, a padded image. */
function scratchOf(adjacent: Mode, sizes: StepSizes, covered: boolean): Size {
  const { kernelHeight, kernelWidth, inner, outer, groups } = sizes
  const panels =
    adjacent === 'features'
      ? elementCount([
          groups,
          floorDivideSizes(addSizes(outer, panelColumns - 1), panelColumns),
          panelColumns,
          kernelHeight,
          kernelWidth,
          inner,
        ])
      : multiplySizes(panelColumns, addSizes(convBlockPositions, kernelWidth))
  if (covered) return addSizes(convHeadFloats, panels)
  const extent = (count: Size, stride: Size, kernel: Size, dilation: Size): Size =>
    addSizes(multiplySizes(count, stride), multiplySizes(kernel, dilation))
  const pixel = multiplySizes(groups, adjacent === 'features' ? inner : sizes.batch)
  const row = multiplySizes(
    addSizes(pixel, convSpreadFloats),
    extent(sizes.width, sizes.strideWidth, kernelWidth, sizes.dilationWidth),
  )
  const image = multiplySizes(
    addSizes(row, convSpreadFloats),
    extent(sizes.height, sizes.strideHeight, kernelHeight, sizes.dilationHeight),
  )
  return addSizes(convHeadFloats, panels, image)
}
