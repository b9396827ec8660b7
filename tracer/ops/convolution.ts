/**
 * The general convolution: windows of an input times a kernel, summed over the window and the input's features.
 *
 *     result[b, o, f] = Σ over k, i of input[b, (o·stride + k·kernelDilation − low) / inputDilation, i] · kernel[k, i, f]
 *
 * where the input counts as 0 outside its bounds and between its elements (where the division leaves a rest). The parts
 * that the axes play are attributes, and so is the size of the result, since any window may lie outside. That makes the
 * op closed: its gradients are convolutions with strides and dilations exchanged, the kernel reversed, and the axes in
 * other parts. Kernel positions are counted from the end when `reversed` is set.
 */
import type { Expr } from '../../codegen/expr.ts'
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import { isStaticShape, multiplySizes, printSize, type Size } from '../../codegen/size.ts'
import { printType, type Shape, type TensorType } from '../ir/type.ts'
import { defineOp, type LowerContext, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, demandDType, numeric, onlyGradient, operandRows, readerAt, sizeAt } from './arguments.ts'
import { axesOf, axesText, type ConvolutionAxes } from './convolution-axes.ts'
import { axisName } from './lowering.ts'
import { reverse } from './movement.ts'
import { lastIndex, mergeSizes } from './sizes.ts'
import { isInside, lowFromEnd, placeOf } from './window-place.ts'

/** Lists have one entry per axis of space. */
export type ConvolutionAttrs = {
  /** The parts of the axes; see convolution-axes.ts. */
  readonly axes: string
  readonly strides: readonly number[]
  /** How many positions of the first window lie before the input. */
  readonly low: readonly Size[]
  /** The sizes of the result. */
  readonly sizes: readonly Size[]
  readonly kernelDilations: readonly number[]
  readonly inputDilations: readonly number[]
  readonly reversed: boolean
}

const names = ['input', 'kernel']

function pair(input: TensorType, kernel: TensorType, a: number, b: number, what: string): Size {
  return mergeSizes(sizeAt(input.shape, a), sizeAt(kernel.shape, b), () => ({
    op: 'conv',
    problem: `the numbers of ${what} differ`,
    rows: [
      ['input', printType(input), `axis ${a} is ${printSize(sizeAt(input.shape, a))}`],
      ['kernel', printType(kernel), `axis ${b} is ${printSize(sizeAt(kernel.shape, b))}`],
    ],
    fix: 'the kernel needs as many input features as the input has.',
  }))
}

function checkAxes(operands: readonly TensorType[], attrs: ConvolutionAttrs, axes: ConvolutionAxes): void {
  const rank = axes.input.spatial.length
  const grouped = axes.input.group >= 0 ? 3 : 2
  const lists = [attrs.strides, attrs.low, attrs.sizes, attrs.kernelDilations, attrs.inputDilations]
  const fits =
    operands.every((operand) => operand.shape.length === rank + grouped) &&
    lists.every((list) => list.length === rank) &&
    [...attrs.strides, ...attrs.kernelDilations, ...attrs.inputDilations].every(
      (step) => Number.isInteger(step) && step >= 1,
    ) &&
    attrs.sizes.every((size) => typeof size !== 'number' || size >= 0)
  if (!fits)
    throw new ShapeError({
      op: 'conv',
      problem: `the operands do not have the axes ${attrs.axes}, or strides and dilations do not fit them`,
      rows: operandRows(operands, names),
      fix: 'give every list one entry of at least 1 per axis of space.',
    })
}

/** The type of the result. Throws like the op. */
export function convolutionType(operands: readonly TensorType[], attrs: ConvolutionAttrs): TensorType {
  const [input, kernel] = [at(operands, 0), at(operands, 1)]
  demandDType('conv', input, numeric, operands, names)
  if (input.dtype !== kernel.dtype)
    throw new DTypeError({
      op: 'conv',
      problem: 'operands have different dtypes',
      rows: operandRows(operands, names),
      fix: `cast one of them, e.g. kernel.cast('${input.dtype}').`,
    })
  const axes = axesOf(attrs.axes)
  checkAxes(operands, attrs, axes)
  pair(input, kernel, axes.input.feature, axes.kernel.inner, 'input features')
  const shape: Size[] = []
  if (axes.result.group >= 0)
    shape[axes.result.group] = pair(input, kernel, axes.input.group, axes.kernel.group, 'groups')
  shape[axes.result.batch] = sizeAt(input.shape, axes.input.batch)
  shape[axes.result.feature] = sizeAt(kernel.shape, axes.kernel.outer)
  axes.result.spatial.forEach((axis, d) => (shape[axis] = sizeAt(attrs.sizes, d)))
  return { dtype: input.dtype, shape }
}

const convolutionOp: OpDefinition<ConvolutionAttrs> = defineOp<ConvolutionAttrs>({
  name: 'conv',
  cost: 100,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => [convolutionType(operands, attrs)],
  gradient: ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const [input, kernel] = [at(operands, 0), at(operands, 1)]
    return [
      needed[0] === true ? inputGradient(g, input, kernel, attrs) : null,
      needed[1] === true ? kernelGradient(g, input, kernel, attrs) : null,
    ]
  },
  lower: { kind: 'index', read: readConvolution },
})

function spatialSizes(shape: Shape, spatial: readonly number[]): Size[] {
  return spatial.map((axis) => sizeAt(shape, axis))
}

function exceeds(sizes: readonly Size[], others: readonly Size[]): boolean {
  const count = (list: readonly number[]): number => list.reduce((product, size) => product * size, 1)
  return isStaticShape(sizes) && isStaticShape(others) && count(sizes) > count(others)
}

/** Every place of the input gets what the windows that cover it have, times the kernel's element there. */
function inputGradient(g: Tensor, input: Tensor, kernel: Tensor, attrs: ConvolutionAttrs): Tensor {
  const axes = axesOf(attrs.axes)
  const kernelSizes = spatialSizes(kernel.type.shape, axes.kernel.spatial)
  const sizes = spatialSizes(input.type.shape, axes.input.spatial)
  const { strides, low, inputDilations, kernelDilations } = attrs
  if (!exceeds(kernelSizes, attrs.sizes))
    return conv(g, kernel, {
      axes: axesText({
        input: axes.result,
        kernel: { ...axes.kernel, inner: axes.kernel.outer, outer: axes.kernel.inner },
        result: axes.input,
      }),
      strides: inputDilations,
      low: lowFromEnd(kernelSizes, kernelDilations, low),
      sizes,
      kernelDilations,
      inputDilations: strides,
      reversed: !attrs.reversed,
    })
  // The gradient is the smaller of the two, as in the gradient of a kernel's gradient: the two change places.
  return conv(attrs.reversed ? reverse(kernel, axes.kernel.spatial) : kernel, g, {
    axes: axesText({
      input: { ...axes.kernel, batch: axes.kernel.inner, feature: axes.kernel.outer },
      kernel: { ...axes.result, inner: axes.result.feature, outer: axes.result.batch },
      result: { ...axes.input, batch: axes.input.feature, feature: axes.input.batch },
    }),
    strides: inputDilations,
    low: lowFromEnd(attrs.sizes, strides, low),
    sizes,
    kernelDilations: strides,
    inputDilations: kernelDilations,
    reversed: true,
  })
}

/** The input and the gradient, summed over the batch: one is the kernel, as large as the result is. */
function kernelGradient(g: Tensor, input: Tensor, kernel: Tensor, attrs: ConvolutionAttrs): Tensor {
  const axes = axesOf(attrs.axes)
  const sizes = spatialSizes(kernel.type.shape, axes.kernel.spatial)
  const { strides, low, inputDilations, kernelDilations } = attrs
  if (!attrs.reversed)
    return conv(input, g, {
      axes: axesText({
        input: { ...axes.input, batch: axes.input.feature, feature: axes.input.batch },
        kernel: { ...axes.result, inner: axes.result.batch, outer: axes.result.feature },
        result: { ...axes.kernel, batch: axes.kernel.inner, feature: axes.kernel.outer },
      }),
      strides: kernelDilations,
      low,
      sizes,
      kernelDilations: strides,
      inputDilations,
      reversed: false,
    })
  return conv(g, input, {
    axes: axesText({
      input: { ...axes.result, batch: axes.result.feature, feature: axes.result.batch },
      kernel: { ...axes.input, inner: axes.input.batch, outer: axes.input.feature },
      result: { ...axes.kernel, batch: axes.kernel.outer, feature: axes.kernel.inner },
    }),
    strides: kernelDilations,
    low: lowFromEnd(sizes, kernelDilations, low),
    sizes,
    kernelDilations: inputDilations,
    inputDilations: strides,
    reversed: false,
  })
}

/** An element of a convolution in index notation. */
function readConvolution(
  { e, attrs, operands, result }: LowerContext<ConvolutionAttrs>,
  index: readonly Expr[],
): Expr {
  const axes = axesOf(attrs.axes)
  const [input, kernel] = [readerAt(operands, 0), readerAt(operands, 1)]
  if (input.type.shape.includes(0)) return e.const(result.dtype, 0)
  const inner = e.axis('rf', sizeAt(kernel.type.shape, axes.kernel.inner))
  const over = axes.kernel.spatial.map((axis, d) =>
    e.axis(`r${axisName(d)}`, sizeAt(kernel.type.shape, axis)),
  )
  const inputIndex: Expr[] = []
  const kernelIndex: Expr[] = []
  inputIndex[axes.input.batch] = at(index, axes.result.batch)
  kernelIndex[axes.kernel.outer] = at(index, axes.result.feature)
  inputIndex[axes.input.feature] = kernelIndex[axes.kernel.inner] = e.index(inner)
  if (axes.input.group >= 0)
    inputIndex[axes.input.group] = kernelIndex[axes.kernel.group] = at(index, axes.result.group)
  const conditions: Expr[] = []
  over.forEach((axis, d) => {
    const k = e.index(axis)
    const kernelAxis = at(axes.kernel.spatial, d)
    const kernelSize = sizeAt(kernel.type.shape, kernelAxis)
    const inputAxis = at(axes.input.spatial, d)
    const size = sizeAt(input.type.shape, inputAxis)
    const position = e.linear(
      [
        { atom: at(index, at(axes.result.spatial, d)), coefficient: at(attrs.strides, d) },
        { atom: k, coefficient: at(attrs.kernelDilations, d) },
      ],
      multiplySizes(-1, at(attrs.low, d)),
    )
    const place = placeOf(e, position, {
      size,
      inside: isInside(attrs, d, size, kernelSize),
      dilation: at(attrs.inputDilations, d),
    })
    inputIndex[inputAxis] = place.index
    if (place.condition !== undefined) conditions.push(place.condition)
    kernelIndex[kernelAxis] = attrs.reversed
      ? e.linear([{ atom: k, coefficient: -1 }], lastIndex(kernelSize))
      : k
  })
  const zero = e.const(result.dtype, 0)
  const element = conditions.reduce<Expr>(
    (value, inside) => e.select(inside, value, zero),
    input.read(inputIndex),
  )
  // In the order in which the input lies in memory: features last, a batch that is summed first.
  const summed = axes.input.spatial.some((axis) => axis > axes.input.feature)
    ? [inner, ...over]
    : [...over, inner]
  return e.reduce(
    'sum',
    summed.filter((axis) => axis.extent !== 1),
    e.binary('mul', element, kernel.read(kernelIndex)),
  )
}

/**
 * The general convolution of `input` and `kernel`; see the head of this file. Numeric dtypes, one for both.
 *
 * @throws ShapeError when numbers of features or groups differ or the axes do not fit; DTypeError for different dtypes.
 */
export function conv(input: Tensor, kernel: Tensor, attrs: ConvolutionAttrs): Tensor {
  return bindOne(convolutionOp, [input, kernel], attrs)
}
