/**
 * sin, cos and tan for float32.
 *
 * x = n·π/2 + r with |r| ≤ π/4. π/2 is subtracted in three parts, the first two of few bits, so that n times them is
 * exact up to |x| = 8192; the polynomials are those of Cephes' sinf and tanf. Beyond 8192 the host is called, which
 * compiled code does only for vectors that have such a lane.
 */
import type { Expr, ExprPool } from '../expr.ts'
import { Formula, signBit } from './build.ts'

const bound = 8192
const rounder = 12582912
const twoOverPi = 0.6366197723675814
const halfPi = [1.5703125, 0.0004837512969970703, 7.549789954891882e-8]

interface Quadrant {
  /** n in the low bits. */
  readonly n: Expr
  readonly r: Expr
}

function reduce(f: Formula, x: Expr): Quadrant {
  const sum = f.madd(x, twoOverPi, rounder)
  const n = f.sub(sum, rounder)
  return { n: f.bits(sum), r: halfPi.reduce<Expr>((rest, part) => f.madd(n, -part, rest), x) }
}

function beyondBound(f: Formula, x: Expr): Expr {
  return f.compare('gt', f.abs(x), bound)
}

/** sin(r + n·π/2): the cosine for odd n, negated where n mod 4 is 2 or 3. */
function sineOfQuadrant(f: Formula, n: Expr, r: Expr): Expr {
  const square = f.mul(r, r)
  const sineFactor = f.polynomial(square, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1, 1])
  const cosine = f.polynomial(
    square,
    [2.443315711809948e-5, -0.001388731625493765, 0.04166664568298827, -0.5, 1],
  )
  const isOdd = f.compareBits('ne', f.and(n, 1), 0)
  const magnitude = f.select(isOdd, cosine, f.mul(sineFactor, r))
  return f.flipSign(magnitude, f.and(f.shiftLeft(n, 30), signBit))
}

export function sin(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { n, r } = reduce(f, x)
  return f.select(beyondBound(f, x), pool.unary('sin', x), sineOfQuadrant(f, n, r))
}

export function cos(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { n, r } = reduce(f, x)
  return f.select(beyondBound(f, x), pool.unary('cos', x), sineOfQuadrant(f, f.addBits(n, 1), r))
}

/** tan r for even n, −1 / tan r for odd n. */
export function tan(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { n, r } = reduce(f, x)
  const square = f.mul(r, r)
  const factor = f.polynomial(
    square,
    [
      9.38540185543e-3, 3.11992232697e-3, 2.44301354525e-2, 5.34112807005e-2, 1.33387994085e-1,
      3.33331568548e-1, 1,
    ],
  )
  const tangent = f.mul(factor, r)
  const value = f.select(f.compareBits('ne', f.and(n, 1), 0), f.div(-1, tangent), tangent)
  return f.select(beyondBound(f, x), pool.unary('tan', x), value)
}
