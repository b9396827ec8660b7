/** Roots, exponentials, logarithms, trigonometric and hyperbolic functions: float32 and float64 only. */
import type { UnaryOp } from '../../codegen/expr.ts'
import type { TensorLike } from '../convert.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { floating } from './arguments.ts'
import { add, div, mul, neg, square, sub } from './arithmetic.ts'
import { applyUnary, defineUnary } from './elementwise.ts'

type UnaryGradient = (g: Tensor, x: Tensor, y: Tensor) => Tensor

function defineFunction(
  name: UnaryOp,
  gradient: UnaryGradient,
  label: string = name,
  cost = 10,
): OpDefinition {
  return defineUnary({ name, label, dtypes: floating, cost, lower: (e, x) => e.unary(name, x), gradient })
}

const sqrtOp: OpDefinition = defineFunction('sqrt', (g, _x, y) => div(mul(g, 0.5), y), 'sqrt', 3)
const expOp: OpDefinition = defineFunction('exp', (g, _x, y) => mul(g, y))
const expm1Op: OpDefinition = defineFunction('expm1', (g, x) => mul(g, exp(x)))
const logOp: OpDefinition = defineFunction('log', (g, x) => div(g, x))
const log1pOp: OpDefinition = defineFunction('log1p', (g, x) => div(g, add(x, 1)))
const sinOp: OpDefinition = defineFunction('sin', (g, x) => mul(g, cos(x)))
const cosOp: OpDefinition = defineFunction('cos', (g, x) => neg(mul(g, sin(x))))
const tanOp: OpDefinition = defineFunction('tan', (g, _x, y) => mul(g, add(square(y), 1)))
const asinOp: OpDefinition = defineFunction('asin', (g, x) => div(g, sqrt(oneMinusSquare(x))))
const acosOp: OpDefinition = defineFunction('acos', (g, x) => neg(div(g, sqrt(oneMinusSquare(x)))))
const atanOp: OpDefinition = defineFunction('atan', (g, x) => div(g, add(square(x), 1)))
const sinhOp: OpDefinition = defineFunction('sinh', (g, x) => mul(g, cosh(x)))
const coshOp: OpDefinition = defineFunction('cosh', (g, x) => mul(g, sinh(x)))
const tanhOp: OpDefinition = defineFunction('tanh', (g, _x, y) => mul(g, sub(1, square(y))))
const asinhOp: OpDefinition = defineFunction('asinh', (g, _x, y) => div(g, cosh(y)))
const acoshOp: OpDefinition = defineFunction('acosh', (g, _x, y) => div(g, sinh(y)))
const atanhOp: OpDefinition = defineFunction('atanh', (g, x) => div(g, oneMinusSquare(x)))
const erfOp: OpDefinition = defineFunction('erf', (g, x) =>
  mul(mul(g, 2 / Math.sqrt(Math.PI)), exp(neg(square(x)))),
)
const logisticOp: OpDefinition = defineFunction(
  'logistic',
  (g, _x, y) => mul(g, mul(y, sub(1, y))),
  'sigmoid',
)

/** 1 − x², as a product that keeps its digits near ±1. */
function oneMinusSquare(x: Tensor): Tensor {
  return mul(sub(1, x), add(x, 1))
}

/**
 * The square root; NaN below 0, −0 stays. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.sqrt([4, 9]) // [2, 3]
 */
export function sqrt(x: TensorLike): Tensor {
  return applyUnary(sqrtOp, 'sqrt', x)
}

/**
 * e to the power x. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.exp([0, 1]) // [1, 2.7182817]
 */
export function exp(x: TensorLike): Tensor {
  return applyUnary(expOp, 'exp', x)
}

/**
 * e to the power x, minus 1, exact near 0. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.expm1([0, 1]) // [0, 1.7182819]
 */
export function expm1(x: TensorLike): Tensor {
  return applyUnary(expm1Op, 'expm1', x)
}

/**
 * The natural logarithm; −∞ at 0, NaN below. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.log([1, Math.E]) // [0, 1]
 */
export function log(x: TensorLike): Tensor {
  return applyUnary(logOp, 'log', x)
}

/**
 * The natural logarithm of 1 + x, exact near 0. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.log1p([0, 1]) // [0, 0.6931472]
 */
export function log1p(x: TensorLike): Tensor {
  return applyUnary(log1pOp, 'log1p', x)
}

/**
 * The sine of x in radians. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.sin([0, Math.PI / 2]) // [0, 1]
 */
export function sin(x: TensorLike): Tensor {
  return applyUnary(sinOp, 'sin', x)
}

/**
 * The cosine of x in radians. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.cos([0, Math.PI]) // [1, -1]
 */
export function cos(x: TensorLike): Tensor {
  return applyUnary(cosOp, 'cos', x)
}

/**
 * The tangent of x in radians. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.tan([0, 1]) // [0, 1.5574077]
 */
export function tan(x: TensorLike): Tensor {
  return applyUnary(tanOp, 'tan', x)
}

/**
 * The angle in −π/2 … π/2 whose sine is x; NaN outside −1 … 1. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.asin([0, 1]) // [0, 1.5707964]
 */
export function asin(x: TensorLike): Tensor {
  return applyUnary(asinOp, 'asin', x)
}

/**
 * The angle in 0 … π whose cosine is x; NaN outside −1 … 1. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.acos([1, 0]) // [0, 1.5707964]
 */
export function acos(x: TensorLike): Tensor {
  return applyUnary(acosOp, 'acos', x)
}

/**
 * The angle in −π/2 … π/2 whose tangent is x. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.atan([0, 1]) // [0, 0.7853982]
 */
export function atan(x: TensorLike): Tensor {
  return applyUnary(atanOp, 'atan', x)
}

/**
 * The hyperbolic sine. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.sinh([0, 1]) // [0, 1.1752012]
 */
export function sinh(x: TensorLike): Tensor {
  return applyUnary(sinhOp, 'sinh', x)
}

/**
 * The hyperbolic cosine. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.cosh([0, 1]) // [1, 1.5430806]
 */
export function cosh(x: TensorLike): Tensor {
  return applyUnary(coshOp, 'cosh', x)
}

/**
 * The hyperbolic tangent. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.tanh([0, 1]) // [0, 0.7615942]
 */
export function tanh(x: TensorLike): Tensor {
  return applyUnary(tanhOp, 'tanh', x)
}

/**
 * The inverse hyperbolic sine. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.asinh([0, 1]) // [0, 0.8813736]
 */
export function asinh(x: TensorLike): Tensor {
  return applyUnary(asinhOp, 'asinh', x)
}

/**
 * The inverse hyperbolic cosine; NaN below 1. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.acosh([1, 2]) // [0, 1.316958]
 */
export function acosh(x: TensorLike): Tensor {
  return applyUnary(acoshOp, 'acosh', x)
}

/**
 * The inverse hyperbolic tangent; ±∞ at ±1, NaN beyond. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.atanh([0, 0.5]) // [0, 0.54930615]
 */
export function atanh(x: TensorLike): Tensor {
  return applyUnary(atanhOp, 'atanh', x)
}

/**
 * The error function, 2/√π · ∫₀ˣ exp(−t²) dt. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.erf([0, 1]) // [0, 0.8427008]
 */
export function erf(x: TensorLike): Tensor {
  return applyUnary(erfOp, 'erf', x)
}

/**
 * The logistic function 1 / (1 + exp(−x)), without overflow. Elementwise on float32 or float64, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.sigmoid([0, 2]) // [0.5, 0.880797]
 */
export function sigmoid(x: TensorLike): Tensor {
  return applyUnary(logisticOp, 'sigmoid', x)
}
