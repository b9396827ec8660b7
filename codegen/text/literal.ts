/**
 * Constants in kernel text. The spelling says the dtype: `3` is int32, `3u` uint8, `true` bool; a float always has a
 * point, an exponent or a word (`0.5`, `1e-7`, `inf`, `nan`), and float64 adds `d` (`0.5d`, `infd`). Floats are as
 * short as they can be and still read back to the same value.
 */
import type { DType } from '../dtype.ts'

/** The text of a constant. */
export function printLiteral(dtype: DType, value: number): string {
  switch (dtype) {
    case 'int32':
      return String(value)
    case 'uint8':
      return `${value}u`
    case 'bool':
      return value === 0 ? 'false' : 'true'
    case 'float32':
      return floatText(value, shortestFloat32(value))
    case 'float64':
      return `${floatText(value, String(value))}d`
  }
}

function floatText(value: number, finite: string): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  return /[.e]/.test(finite) ? finite : `${finite}.0`
}

/** The fewest decimal digits that round to the same float32. */
function shortestFloat32(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(value)
}

/** Matches a constant without its sign; `true` and `false` are words, not matched here. */
export const literalPattern: RegExp = /(?:inf|nan)d?\b|\d+u\b|\d+(?:\.\d+)?(?:e[+-]?\d+)?d?/y

/** Reads a constant matched by `literalPattern`. */
export function parseLiteral(
  text: string,
  negative: boolean,
): { readonly dtype: DType; readonly value: number } {
  const sign = negative ? -1 : 1
  if (text.endsWith('u')) return { dtype: 'uint8', value: sign * Number(text.slice(0, -1)) }
  const dtype = text.endsWith('d') ? 'float64' : 'float32'
  const digits = dtype === 'float64' ? text.slice(0, -1) : text
  if (digits === 'inf') return { dtype, value: sign * Infinity }
  if (digits === 'nan') return { dtype, value: NaN }
  if (dtype === 'float32' && /^\d+$/.test(digits)) return { dtype: 'int32', value: sign * Number(digits) }
  return { dtype, value: sign * Number(digits) }
}
