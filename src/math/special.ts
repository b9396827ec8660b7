/**
 * The logarithm of the gamma function and its derivative, by Lanczos' approximation.
 *
 * Γ(z + 1) = √(2π)·(z + g + ½)^(z + ½)·e^−(z + g + ½)·A(z) with A(z) = c₀ + Σ cᵢ/(z + i). Coefficients for g = 7 and nine
 * terms by Godfrey (2001), as in Numerical Recipes and Wikipedia's "Lanczos approximation". Arguments below ½ go through
 * the reflection formulas.
 */
import { customGradient } from '../../tracer/gradient/custom.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import {
  abs,
  add,
  cos,
  div,
  equal,
  floor,
  less,
  log,
  log1p,
  logicalAnd,
  lessEqual,
  mul,
  neg,
  sin,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireFloating } from './checks.ts'

const g = 7
const base = 0.99999999999980993
const coefficients = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
]

/** log(z + g + ½), written so that it keeps its digits near z = 0. */
function logOfShifted(z: Tensor): Tensor {
  return add(log1p(mul(z, 1 / (g + 0.5))), Math.log(g + 0.5))
}

/** A(z). */
function series(z: Tensor): Tensor {
  return coefficients.reduce<Tensor | number>(
    (total, c, i) => add(div(c, add(z, i + 1)), total),
    base,
  ) as Tensor
}

/** −A′(z). */
function seriesSlope(z: Tensor): Tensor {
  return coefficients.reduce<Tensor | number>((total, c, i) => {
    const term = add(z, i + 1)
    return add(div(c, mul(term, term)), total)
  }, 0) as Tensor
}

const lgammaOf = customGradient((x: Tensor) => {
  const reflect = less(x, 0.5)
  // Infinity would turn into ∞ − ∞ below.
  const infinite = equal(abs(x), Number.POSITIVE_INFINITY)
  const z = where(infinite, 0, where(reflect, neg(x), sub(x, 1)))
  const logT = logOfShifted(z)
  const t = add(z, g + 0.5)
  const right = add(
    add(mul(sub(add(z, 0.5), div(t, logT)), logT), 0.5 * Math.log(2 * Math.PI)),
    log(series(z)),
  )
  // log(π / |sin πx|) − lgamma(1 − x), with x reduced to its fraction first.
  const size = abs(x)
  const part = sub(size, floor(size))
  const fraction = where(less(part, 0.5), part, sub(1, part))
  const left = sub(sub(Math.log(Math.PI), log(sin(mul(fraction, Math.PI)))), right)
  return {
    value: where(infinite, Number.POSITIVE_INFINITY, where(reflect, left, right)),
    gradient: (dy: Tensor): Tensor => mul(dy, digamma(x)),
  }
}, 'lgamma')

/** log |Γ(x)|; floating. ∞ at 0 and the negative integers. The gradient is digamma. Throws DTypeError for other dtypes. */
export function lgamma(x: TensorLike): Tensor {
  return lgammaOf(requireFloating('lgamma', x))
}

/** Γ′(x) / Γ(x), the derivative of lgamma; floating. NaN at 0, the negative integers and −∞. Throws DTypeError for other dtypes. */
export function digamma(x: TensorLike): Tensor {
  const tensor = requireFloating('digamma', x)
  const reflect = less(tensor, 0.5)
  const z = where(reflect, neg(tensor), sub(tensor, 1))
  const t = add(z, g + 0.5)
  const right = sub(sub(logOfShifted(z), div(seriesSlope(z), series(z))), div(g, t))
  // digamma(1 − x) − π / tan(πx), with x reduced to its fraction first.
  const fraction = sub(tensor, floor(add(tensor, 0.5)))
  const angle = mul(fraction, Math.PI)
  const left = sub(right, div(mul(cos(angle), Math.PI), sin(angle)))
  const pole = logicalAnd(lessEqual(tensor, 0), equal(tensor, floor(tensor)))
  return where(pole, Number.NaN, where(reflect, left, right))
}
