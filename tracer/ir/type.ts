/**
 * Tensor types: what is known of a value before it exists. A dtype and a size per axis; sizes may be names.
 *
 * Text: `f32[n0,784]`, `i32[]`. The same text is used in graphs, error messages and retrace reports.
 */
import { type DType, dtypeOfShortName, shortName } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { parseSize, printShape, sameShape, type Size } from '../../codegen/size.ts'

export type Shape = readonly Size[]

export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
  /** For a float64 scalar that names a record (ops/control): the sum of two is not that of the numbers. Not part of the text. */
  readonly record?: true
}

/** `f32[n0,784]`. */
export function printType(type: TensorType): string {
  return `${shortName(type.dtype)}${printShape(type.shape)}`
}

/** True when dtype and shape are known to agree in every call. */
export function sameType(x: TensorType, y: TensorType): boolean {
  return x.dtype === y.dtype && sameShape(x.shape, y.shape)
}

/** Parses `f32[n0,784]`; throws InternalError on anything else. */
export function parseType(text: string): TensorType {
  const match = /^(\w+)\[(.*)\]$/.exec(text)
  const dtype = match?.[1] === undefined ? undefined : dtypeOfShortName(match[1])
  if (match === null || dtype === undefined) throw new InternalError(`"${text}" is not a tensor type`)
  const inside = match[2] ?? ''
  return { dtype, shape: inside === '' ? [] : splitTopLevel(inside).map(parseSize) }
}

/** Splits at commas that stand in no bracket. */
export function splitTopLevel(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '(' || c === '[' || c === '{') depth++
    else if (c === ')' || c === ']' || c === '}') depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  parts.push(text.slice(start).trim())
  return parts
}
