/**
 * Sizes as i32 arithmetic. Names are non-negative integers, but a polynomial may be negative midway, so division
 * floors. A divisor that is 0 at run time belongs to an empty tensor, whose loops do not run: it is replaced by 1 so
 * that computing the size ahead of the loop cannot trap.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { Size } from '../size.ts'

/** The value of `size`; `name` gives a fresh read of a size name, `local` a fresh i32 local. */
export function emitSize(
  module: WasmModule,
  size: Size,
  name: (name: string) => ExpressionRef,
  local: () => number,
): ExpressionRef {
  const { i32 } = module
  if (typeof size === 'number') return i32.const(size)
  let sum: ExpressionRef | undefined
  for (const term of size.terms) {
    let product = term.coefficient === 1 && term.atoms.length > 0 ? undefined : i32.const(term.coefficient)
    for (const atom of term.atoms) {
      const value =
        atom.kind === 'name'
          ? name(atom.key)
          : emitQuotient(
              module,
              atom.kind,
              emitSize(module, atom.x, name, local),
              emitSize(module, atom.y, name, local),
              local,
            )
      product = product === undefined ? value : i32.mul(product, value)
    }
    const made = product ?? i32.const(term.coefficient)
    sum = sum === undefined ? made : i32.add(sum, made)
  }
  return sum ?? i32.const(0)
}

function emitQuotient(
  module: WasmModule,
  kind: 'floorDiv' | 'mod',
  x: ExpressionRef,
  y: ExpressionRef,
  local: () => number,
): ExpressionRef {
  const { i32 } = module
  const dividend = local()
  const divisor = local()
  const remainder = local()
  const get = (index: number): ExpressionRef => module.local.get(index, binaryen.i32)
  const setup = [
    module.local.set(dividend, x),
    module.local.set(divisor, y),
    module.local.set(divisor, i32.add(get(divisor), i32.eqz(get(divisor)))),
    module.local.set(remainder, i32.rem_s(get(dividend), get(divisor))),
  ]
  // The remainder has the wrong sign when it is not 0 and differs from the divisor in sign.
  const wrong = (): ExpressionRef =>
    i32.and(
      i32.ne(get(remainder), i32.const(0)),
      i32.lt_s(i32.xor(get(remainder), get(divisor)), i32.const(0)),
    )
  const result =
    kind === 'mod'
      ? i32.add(get(remainder), i32.mul(get(divisor), wrong()))
      : i32.sub(i32.div_s(get(dividend), get(divisor)), wrong())
  return module.block(null, [...setup, result], binaryen.i32)
}
