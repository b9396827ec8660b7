/**
 * Which axis of a convolution's operands plays which part, as text: `b01f,01io->b01f`.
 *
 * Before the arrow stand the axes of the input (b: batch, f: feature, g: group, digits: space) and of the kernel (i: input
 * feature, o: output feature), after it those of the result. A group axis runs through all three or is in none. The
 * gradients of a convolution are convolutions whose axes play other parts, so nothing is ever transposed for them.
 */
import { InternalError } from '../../codegen/errors.ts'

/** The axes of one operand by part; −1 where there is no group. */
export interface AxesOfInput {
  readonly batch: number
  readonly group: number
  readonly feature: number
  readonly spatial: readonly number[]
}

export interface AxesOfKernel {
  readonly inner: number
  readonly group: number
  readonly outer: number
  readonly spatial: readonly number[]
}

export interface ConvolutionAxes {
  readonly input: AxesOfInput
  readonly kernel: AxesOfKernel
  readonly result: AxesOfInput
}

function letters(parts: readonly (readonly [string, number])[], spatial: readonly number[]): string {
  const text: string[] = []
  for (const [letter, axis] of parts) if (axis >= 0) text[axis] = letter
  spatial.forEach((axis, d) => (text[axis] = String(d)))
  return text.join('')
}

function inputText({ batch, group, feature, spatial }: AxesOfInput): string {
  return letters(
    [
      ['b', batch],
      ['g', group],
      ['f', feature],
    ],
    spatial,
  )
}

/** The text of the parts. */
export function axesText({ input, kernel, result }: ConvolutionAxes): string {
  const { inner, group, outer, spatial } = kernel
  const kernelText = letters(
    [
      ['i', inner],
      ['g', group],
      ['o', outer],
    ],
    spatial,
  )
  return `${inputText(input)},${kernelText}->${inputText(result)}`
}

const parsed = new Map<string, ConvolutionAxes>()

/** The parts that a text tells. */
export function axesOf(text: string): ConvolutionAxes {
  let axes = parsed.get(text)
  if (axes === undefined) parsed.set(text, (axes = parse(text)))
  return axes
}

function parse(text: string): ConvolutionAxes {
  const [input, kernel, result] = text.split(/,|->/)
  if (input === undefined || kernel === undefined || result === undefined)
    throw new InternalError(`"${text}" does not name the axes of a convolution`)
  const spatialOf = (part: string): number[] =>
    Array.from({ length: part.replaceAll(/\D/g, '').length }, (_, d) => part.indexOf(String(d)))
  const inputOf = (part: string): AxesOfInput => ({
    batch: part.indexOf('b'),
    group: part.indexOf('g'),
    feature: part.indexOf('f'),
    spatial: spatialOf(part),
  })
  const axes = {
    input: inputOf(input),
    kernel: {
      inner: kernel.indexOf('i'),
      group: kernel.indexOf('g'),
      outer: kernel.indexOf('o'),
      spatial: spatialOf(kernel),
    },
    result: inputOf(result),
  }
  if (axesText(axes) !== text) throw new InternalError(`"${text}" does not name the axes of a convolution`)
  return axes
}
