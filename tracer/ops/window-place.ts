/**
 * Windows over axes of space, as convolutions and pooling see them: element k of window o stands at position
 * o·stride + k·dilation − low of an input whose elements lie `inputDilation` apart.
 */
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { addSizes, multiplySizes, type Size, subtractSizes } from '../../codegen/size.ts'
import { at } from './arguments.ts'
import { clampIndex, insideRange } from './lowering.ts'
import { lastIndex } from './sizes.ts'

/** Where windows lie; lists have one entry per axis of space. */
export interface WindowAttrs {
  readonly strides: readonly number[]
  /** How many positions of the first window lie before the input. */
  readonly low: readonly Size[]
  /** How many windows there are. */
  readonly sizes: readonly Size[]
  readonly kernelDilations: readonly number[]
  readonly inputDilations: readonly number[]
}

/** (size − 1)·dilation − low for each axis: what precedes the input when a window is counted from its end. */
export function lowFromEnd(
  sizes: readonly Size[],
  dilations: readonly number[],
  low: readonly Size[],
): Size[] {
  return sizes.map((size, d) => subtractSizes(multiplySizes(lastIndex(size), at(dilations, d)), at(low, d)))
}

/** The place along one axis of space that a window position falls on, and when it is one of the input's. */
export function placeOf(
  e: ExprPool,
  position: Expr,
  bounds: { readonly size: Size; readonly inside: boolean; readonly dilation: number },
): { readonly index: Expr; readonly condition: Expr | undefined } {
  const { size, inside, dilation } = bounds
  if (dilation === 1)
    return inside
      ? { index: position, condition: undefined }
      : { index: clampIndex(e, position, size), condition: insideRange(e, position, size) }
  const zero = e.const('int32', 0)
  const counted = e.binary('max', position, zero)
  const quotient = e.binary('idiv', counted, e.const('int32', dilation))
  const onElement = e.compare('eq', e.binary('rem', counted, e.const('int32', dilation)), zero)
  const inRange = e.binary('and', e.compare('ge', position, zero), e.compare('lt', quotient, e.size(size)))
  return { index: clampIndex(e, quotient, size), condition: e.binary('and', inRange, onElement) }
}

/** True when all windows lie inside the input along an axis of space. */
export function isInside(attrs: WindowAttrs, d: number, inputSize: Size, kernelSize: Size): boolean {
  const low = at(attrs.low, d)
  if (low !== 0 || at(attrs.inputDilations, d) !== 1) return false
  const last = addSizes(
    multiplySizes(lastIndex(at(attrs.sizes, d)), at(attrs.strides, d)),
    multiplySizes(lastIndex(kernelSize), at(attrs.kernelDilations, d)),
  )
  const slack = subtractSizes(inputSize, last)
  return typeof slack === 'number' && slack >= 1
}
