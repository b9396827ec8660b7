/**
 * Tensors as `tf.print` shows them, which is TensorFlow's way: `[1 2.5]`.
 *
 * Elements of the last axis are separated by blanks, rows by line breaks and as many blanks as brackets are open;
 * matrices by one empty line more, and so on. Of a long axis the first and last few entries are shown, with `...`
 * between. Numbers take the fewest of 6 or 9 digits (15 or 17 for float64) that give the same number back, and an
 * exponent outside 1e-4 … 1e6, the way C's `%g` writes them; bools are 0 and 1.
 */
import type { DType } from '../../codegen/dtype.ts'
import type { TensorType } from '../ir/type.ts'

/** What C's `%.<digits>g` gives: trailing zeros dropped, an exponent of at least two digits. */
function general(value: number, digits: number): string {
  const [mantissa = '', exponentText = '0'] = value.toExponential(digits - 1).split('e')
  const exponent = Number(exponentText)
  const trimmed = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
  if (exponent >= -4 && exponent < digits) return trimmed(value.toFixed(digits - 1 - exponent))
  const sign = exponent < 0 ? '-' : '+'
  return `${trimmed(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** One element as text. */
export function printElement(value: number, dtype: DType): string {
  if (dtype !== 'float32' && dtype !== 'float64') return String(value)
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [few, many] = dtype === 'float32' ? [6, 9] : [15, 17]
  const short = general(value, few)
  const same = dtype === 'float32' ? Math.fround(Number(short)) === value : Number(short) === value
  return same ? short : general(value, many)
}

/**
 * A tensor's elements as text.
 *
 * @param ends how many entries to show at either end of an axis; all when negative
 */
export function printTensor(
  type: { readonly dtype: DType; readonly shape: readonly number[] },
  elements: ArrayLike<number>,
  ends: number,
): string {
  const { dtype, shape } = type
  const rank = shape.length
  const build = (axis: number, from: number, inner: number): string => {
    if (axis === rank) return printElement(elements[from] ?? 0, dtype)
    const size = shape[axis] ?? 0
    const step = size === 0 ? 0 : inner / size
    const between = axis === rank - 1 ? ' ' : '\n'.repeat(rank - 1 - axis) + ' '.repeat(axis + 1)
    const entries: string[] = []
    for (let i = 0; i < size; i++) {
      if (ends >= 0 && size > 2 * ends && i === ends) {
        entries.push('...')
        i = size - ends
        if (i >= size) break
      }
      entries.push(build(axis + 1, from + i * step, step))
    }
    return `[${entries.join(between)}]`
  }
  return build(0, 0, elements.length)
}

/** A tensor on one line, its ends only, for the rows of a message. */
export function printTensorInline(type: TensorType, elements: ArrayLike<number>): string {
  const shape = type.shape.map((size) => (typeof size === 'number' ? size : 0))
  return printTensor({ dtype: type.dtype, shape }, elements, 3).replaceAll(/\s+/g, ' ')
}
