/**
 * Activation functions. Each is a composite of elementwise ops, which the compiler fuses into the kernel around it.
 *
 * Where the derivative at a kink is a matter of convention, it is TensorFlow's. Where the derivative that follows from
 * the formula would overflow, lose digits or keep a needless operand alive, the function carries its own derivative.
 */
import { customGradient } from '../../tracer/gradient/custom.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  abs,
  add,
  div,
  erf,
  exp,
  expm1,
  greater,
  less,
  log1p,
  logicalAnd,
  maximum,
  minimum,
  mul,
  neg,
  where,
  sigmoid,
  square,
  sub,
  tanh,
} from '../../tracer/ops/index.ts'
import { requireFloating } from '../math/checks.ts'

export { sigmoid, tanh } from '../../tracer/ops/index.ts'

const reluOf = customGradient((x: Tensor) => {
  const y = maximum(x, 0)
  // The mask is taken from the result, so that the backward pass needs not keep the operand.
  return { value: y, gradient: (dy: Tensor): Tensor => where(greater(y, 0), dy, 0) }
}, 'relu')

/** max(x, 0), any shape, numeric dtype. NaN stays NaN; the gradient at 0 is 0. Throws DTypeError for bool. */
export function relu(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'relu' })
  return tensor.dtype === 'float32' || tensor.dtype === 'float64' ? reluOf(tensor) : maximum(tensor, 0)
}

const relu6Of = customGradient((x: Tensor) => {
  const y = minimum(maximum(x, 0), 6)
  return {
    value: y,
    gradient: (dy: Tensor): Tensor => where(logicalAnd(greater(y, 0), less(y, 6)), dy, 0),
  }
}, 'relu6')

/** min(max(x, 0), 6), any shape, numeric dtype. NaN stays NaN; the gradient at 0 and at 6 is 0. */
export function relu6(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'relu6' })
  return tensor.dtype === 'float32' || tensor.dtype === 'float64'
    ? relu6Of(tensor)
    : minimum(maximum(tensor, 0), 6)
}

/** x for x ≥ 0, eˣ − 1 below; floating. The gradient at 0 is 1. Throws DTypeError for other dtypes. */
export function elu(x: TensorLike): Tensor {
  const tensor = requireFloating('elu', x)
  // The branch not taken stays finite, so that its zero gradient is not multiplied by infinity.
  return where(less(tensor, 0), expm1(minimum(tensor, 0)), tensor)
}

// Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14.
const seluAlpha = 1.6732632423543772
const seluScale = 1.0507009873554805

/** Scaled ELU: scale·x for x ≥ 0, scale·alpha·(eˣ − 1) below; floating. The gradient at 0 is the scale, 1.0507. */
export function selu(x: TensorLike): Tensor {
  const tensor = requireFloating('selu', x)
  return where(less(tensor, 0), mul(expm1(minimum(tensor, 0)), seluScale * seluAlpha), mul(tensor, seluScale))
}

/** x for x > 0, alpha·x otherwise; floating. The gradient at 0 is alpha. Throws DTypeError for other dtypes. */
export function leakyRelu(x: TensorLike, alpha = 0.2): Tensor {
  const tensor = requireFloating('leakyRelu', x)
  return where(greater(tensor, 0), tensor, mul(tensor, alpha))
}

/** x for x > 0, alpha·x otherwise, alpha broadcasting against x; floating. The gradient at 0 is alpha. */
export function prelu(x: TensorLike, alpha: TensorLike): Tensor {
  const tensor = requireFloating('prelu', x)
  return where(greater(tensor, 0), tensor, mul(minimum(tensor, 0), alpha))
}

/** x·sigmoid(x), also called swish; floating. Throws DTypeError for other dtypes. */
export function silu(x: TensorLike): Tensor {
  const tensor = requireFloating('silu', x)
  return mul(tensor, sigmoid(tensor))
}

const softplusOf = customGradient(
  (x: Tensor) => ({
    value: add(maximum(x, 0), log1p(exp(neg(abs(x))))),
    gradient: (dy: Tensor): Tensor => mul(dy, sigmoid(x)),
  }),
  'softplus',
)

/** log(1 + eˣ) as max(x, 0) + log1p(e^−|x|), which neither overflows nor cancels; floating. */
export function softplus(x: TensorLike): Tensor {
  return softplusOf(requireFloating('softplus', x))
}

/** log(sigmoid(x)) = −softplus(−x); floating. */
export function logSigmoid(x: TensorLike): Tensor {
  return neg(softplus(neg(requireFloating('logSigmoid', x))))
}

const softsignOf = customGradient((x: Tensor) => {
  const denominator = add(abs(x), 1)
  return {
    value: div(x, denominator),
    gradient: (dy: Tensor): Tensor => div(dy, square(add(abs(x), 1))),
  }
}, 'softsign')

/** x / (1 + |x|); floating. */
export function softsign(x: TensorLike): Tensor {
  return softsignOf(requireFloating('softsign', x))
}

/** x·tanh(softplus(x)); floating. Misra, Mish (2019). */
export function mish(x: TensorLike): Tensor {
  const tensor = requireFloating('mish', x)
  return mul(tensor, tanh(softplus(tensor)))
}

/** relu6(x + 3) / 6, the piecewise linear sigmoid of Keras 3; floating. The gradient at ±3 is 0. */
export function hardSigmoid(x: TensorLike): Tensor {
  return mul(relu6(add(requireFloating('hardSigmoid', x), 3)), 1 / 6)
}

/** x·hardSigmoid(x); floating. Howard et al., Searching for MobileNetV3 (2019). */
export function hardSwish(x: TensorLike): Tensor {
  const tensor = requireFloating('hardSwish', x)
  return mul(tensor, hardSigmoid(tensor))
}

/**
 * x·Φ(x) with the normal distribution function Φ; floating. Hendrycks & Gimpel, Gaussian Error Linear Units (2016).
 * `approximate` uses their tanh formula.
 */
export function gelu(x: TensorLike, approximate = false): Tensor {
  const tensor = requireFloating('gelu', x)
  const half = mul(tensor, 0.5)
  if (!approximate) return mul(half, add(erf(mul(tensor, Math.SQRT1_2)), 1))
  const cube = mul(mul(tensor, tensor), tensor)
  const inner = mul(add(tensor, mul(cube, 0.044715)), Math.sqrt(2 / Math.PI))
  return mul(half, add(tanh(inner), 1))
}

/** x limited to [−1, 1]; floating. The gradient at ±1 passes. */
export function hardTanh(x: TensorLike): Tensor {
  return minimum(maximum(requireFloating('hardTanh', x), -1), 1)
}

/** x − tanh(x); floating. */
export function tanhShrink(x: TensorLike): Tensor {
  const tensor = requireFloating('tanhShrink', x)
  return sub(tensor, tanh(tensor))
}
