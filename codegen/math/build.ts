/**
 * A small writing aid for float32 formulas in the loop language: constants take the lanes of the operand they are
 * written for, so that one formula serves scalars and vectors.
 */
import type { CompareOp, Expr, ExprPool, Lanes } from '../expr.ts'

/** Bits of the sign of a float32. */
export const signBit = -0x80000000

export class Formula {
  readonly #pool: ExprPool
  readonly #lanes: Lanes

  constructor(pool: ExprPool, x: Expr) {
    this.#pool = pool
    this.#lanes = x.lanes
  }

  number(value: number): Expr {
    return this.#pool.const('float32', value, this.#lanes)
  }
  integer(value: number): Expr {
    return this.#pool.const('int32', value, this.#lanes)
  }
  #expr(x: Expr | number): Expr {
    return typeof x === 'number' ? this.number(x) : x
  }

  add(x: Expr | number, y: Expr | number): Expr {
    return this.#pool.binary('add', this.#expr(x), this.#expr(y))
  }
  sub(x: Expr | number, y: Expr | number): Expr {
    return this.#pool.binary('sub', this.#expr(x), this.#expr(y))
  }
  mul(x: Expr | number, y: Expr | number): Expr {
    return this.#pool.binary('mul', this.#expr(x), this.#expr(y))
  }
  div(x: Expr | number, y: Expr | number): Expr {
    return this.#pool.binary('div', this.#expr(x), this.#expr(y))
  }
  madd(x: Expr | number, y: Expr | number, z: Expr | number): Expr {
    return this.#pool.madd(this.#expr(x), this.#expr(y), this.#expr(z))
  }
  abs(x: Expr): Expr {
    return this.#pool.unary('abs', x)
  }
  neg(x: Expr): Expr {
    return this.#pool.unary('neg', x)
  }
  sqrt(x: Expr): Expr {
    return this.#pool.unary('sqrt', x)
  }
  /** The smaller of x and a number; a NaN stays. */
  atMost(x: Expr, bound: number): Expr {
    return this.#pool.binary('pmin', x, this.number(bound))
  }
  /** The larger of x and a number; a NaN stays. */
  atLeast(x: Expr, bound: number): Expr {
    return this.#pool.binary('pmax', x, this.number(bound))
  }
  compare(op: CompareOp, x: Expr, y: Expr | number): Expr {
    return this.#pool.compare(op, x, this.#expr(y))
  }
  select(condition: Expr, x: Expr | number, y: Expr | number): Expr {
    return this.#pool.select(condition, this.#expr(x), this.#expr(y))
  }

  /** Σ coefficients·x^k by Horner's rule, the highest power first. */
  polynomial(x: Expr, coefficients: readonly number[]): Expr {
    const [highest = 0, ...rest] = coefficients
    return rest.reduce<Expr>((sum, coefficient) => this.madd(sum, x, coefficient), this.number(highest))
  }

  bits(x: Expr): Expr {
    return this.#pool.bitcast(x, 'int32')
  }
  float(bits: Expr): Expr {
    return this.#pool.bitcast(bits, 'float32')
  }
  toFloat(x: Expr): Expr {
    return this.#pool.convert(x, 'float32')
  }
  /** Integer operations, on the bits. */
  addBits(x: Expr, y: Expr | number): Expr {
    return this.#pool.binary('add', x, typeof y === 'number' ? this.integer(y) : y)
  }
  subBits(x: Expr, y: Expr | number): Expr {
    return this.#pool.binary('sub', x, typeof y === 'number' ? this.integer(y) : y)
  }
  and(x: Expr, mask: number): Expr {
    return this.#pool.binary('and', x, this.integer(mask))
  }
  shiftLeft(x: Expr, count: number): Expr {
    return this.#pool.binary('shl', x, this.integer(count))
  }
  shiftRight(x: Expr, count: number): Expr {
    return this.#pool.binary('shr', x, this.integer(count))
  }
  compareBits(op: CompareOp, x: Expr, y: number): Expr {
    return this.#pool.compare(op, x, this.integer(y))
  }
  /** `value` negated where the sign bit of `sign` is set; its other bits are 0. */
  flipSign(value: Expr, sign: Expr): Expr {
    return this.float(this.#pool.binary('xor', this.bits(value), sign))
  }
  /** `value` with the sign of x; `value` must have no sign, or that of x already. */
  withSign(value: Expr, x: Expr): Expr {
    return this.float(this.#pool.binary('or', this.bits(value), this.and(this.bits(x), signBit)))
  }
}
