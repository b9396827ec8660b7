/** Code that cuts a range into parts, the same ones whoever computes them. */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'

/** Which part of how many, as locals of the function. */
export interface Part {
  readonly part: number
  readonly parts: number
  /** The thread that computes it; 0 is the main one. */
  readonly thread: number
}

/** A part of a range: `first` and `count` are locals that hold it once `setup` has run. */
export interface Range {
  readonly setup: readonly ExpressionRef[]
  readonly first: number
  readonly count: number
}

/**
 * The part of 0 … `extent`−1 when that is cut in multiples of `granule`; the last part has what is left over. `part` and
 * `parts` are locals, `local` gives fresh ones.
 */
export function emitRange(
  module: WasmModule,
  extent: ExpressionRef,
  granule: number,
  { part, parts }: Pick<Part, 'part' | 'parts'>,
  local: () => number,
): Range {
  const { i32 } = module
  const get = (index: number): ExpressionRef => module.local.get(index, binaryen.i32)
  const set = (index: number, value: ExpressionRef): ExpressionRef => module.local.set(index, value)
  const [whole, share, rest, first, count] = [local(), local(), local(), local(), local()]
  const least = (x: ExpressionRef, y: ExpressionRef, x2: ExpressionRef, y2: ExpressionRef): ExpressionRef =>
    module.select(i32.lt_u(x, y), x2, y2)
  const units = (): ExpressionRef => i32.div_u(get(whole), i32.const(granule))
  const isLast = i32.eq(i32.add(get(part), i32.const(1)), get(parts))
  const size = i32.add(get(share), i32.lt_u(get(part), get(rest)))
  return {
    first,
    count,
    setup: [
      set(whole, extent),
      module.if(i32.lt_s(get(whole), i32.const(0)), set(whole, i32.const(0))),
      set(share, i32.div_u(units(), get(parts))),
      set(rest, i32.rem_u(units(), get(parts))),
      set(
        first,
        i32.mul(
          i32.add(i32.mul(get(part), get(share)), least(get(part), get(rest), get(part), get(rest))),
          i32.const(granule),
        ),
      ),
      set(count, module.select(isLast, i32.sub(get(whole), get(first)), i32.mul(size, i32.const(granule)))),
    ],
  }
}
