/**
 * Powers, two-argument arctangent, maximum and minimum.
 *
 * Integer powers multiply squares of the base for the set bits of the exponent, which wraps exactly as repeated
 * multiplication does.
 */
import { isFloating } from '../../codegen/dtype.ts'
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import type { TensorLike } from '../convert.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { floating, numeric, operandRows, readerAt } from './arguments.ts'
import { add, div, mul, neg, square, sub } from './arithmetic.ts'
import { onesLike, zerosLike } from './broadcast.ts'
import { applyBinary, defineBinary } from './elementwise.ts'
import { badPosition, elementText, firstBad, positionText } from './lowering.ts'
import { equal, greater, greaterEqual, lessEqual, where } from './logical.ts'
import { log } from './transcendental.ts'

/** x to an exponent whose bits are read one by one; negative exponents (refused by the check) give some value. */
function integerPower(e: ExprPool, x: Expr, y: Expr): Expr {
  const bits = x.dtype === 'uint8' ? 8 : 31
  const zero = e.const(y.dtype, 0)
  let result = e.const(x.dtype, 1)
  let power = x
  for (let bit = 0; bit < bits; bit++) {
    if (y.kind === 'const' && y.value < 2 ** bit) break
    const set =
      y.kind === 'const'
        ? e.const('bool', (y.value >> bit) & 1)
        : e.compare('ne', e.binary('and', y, e.const(y.dtype, 2 ** bit)), zero)
    result = e.select(set, e.binary('mul', result, power), result)
    power = e.binary('mul', power, power)
  }
  return result
}

const powOp: OpDefinition = defineBinary({
  name: 'pow',
  label: 'pow',
  dtypes: numeric,
  cost: 10,
  lower: (e, x, y) => (isFloating(x.dtype) ? e.binary('pow', x, y) : integerPower(e, x, y)),
  gradient: {
    // Where y is 0 the slope is 0, also at x = 0, where the formula would give 0·∞.
    x: (g, x, y) => mul(g, where(equal(y, 0), zerosLike(x), mul(y, pow(x, sub(y, 1))))),
    y: (g, x, _y, z) => {
      const positive = greater(x, 0)
      const slope = mul(z, log(where(positive, x, onesLike(x))))
      return mul(g, where(positive, slope, zerosLike(x)))
    },
  },
  check: {
    code: ({ e, operands }) => {
      const y = readerAt(operands, 1)
      if (y.type.dtype !== 'int32') return e.const('int32', 0)
      return firstBad(e, y.type.shape, (index) => e.compare('lt', y.read(index), e.const('int32', 0)))
    },
    message: (_attrs, operands, code, read) => ({
      problem: `an integer to a negative power: exponent${positionText(badPosition(code), operands[1])}${elementText(read(1), badPosition(code))}`,
      rows: operandRows(operands),
      fix: 'cast both operands to float32 for fractions.',
    }),
  },
})

/**
 * x to the power y, broadcasting; both of one numeric dtype. Floats follow C: pow(x, 0) and pow(1, y) are 1 even for
 * NaN. Integers wrap. The gradient with respect to y is 0 where x ≤ 0.
 *
 * @throws CheckError for a negative integer exponent; ShapeError when the shapes do not broadcast; DTypeError for
 *   different dtypes or bool.
 * @example tf.pow([2, 3], 2) // [4, 9]
 */
export function pow(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(powOp, 'pow', x, y)
}

/** a / (x² + y²). */
function overNorm(a: Tensor, x: Tensor, y: Tensor): Tensor {
  return div(a, add(square(x), square(y)))
}

const atan2Op: OpDefinition = defineBinary({
  name: 'atan2',
  label: 'atan2',
  dtypes: floating,
  cost: 10,
  lower: (e, y, x) => e.binary('atan2', y, x),
  gradient: {
    x: (g, y, x) => mul(g, overNorm(x, x, y)),
    y: (g, y, x) => mul(g, overNorm(neg(y), x, y)),
  },
})

/**
 * The angle of the point (x, y), in −π … π, broadcasting; float32 or float64, signs of zeros count.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for other dtypes.
 * @example tf.atan2([1, -1], [0, 0]) // [1.5707964, -1.5707964]
 */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  return applyBinary(atan2Op, 'atan2', y, x)
}

function defineExtreme(
  name: 'max' | 'min',
  label: string,
  first: (x: Tensor, y: Tensor) => Tensor,
): OpDefinition {
  return defineBinary({
    name,
    label,
    dtypes: numeric,
    cost: 1,
    lower: (e, x, y) => e.binary(name, x, y),
    gradient: {
      x: (g, x, y) => where(first(x, y), g, zerosLike(g)),
      y: (g, x, y) => where(first(x, y), zerosLike(g), g),
    },
  })
}

const maxOp: OpDefinition = defineExtreme('max', 'maximum', greaterEqual)
const minOp: OpDefinition = defineExtreme('min', 'minimum', lessEqual)

/**
 * The larger of x and y, broadcasting; both of one numeric dtype. NaN if either is NaN. At a tie the gradient goes to x.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.maximum([1, 5], 3) // [3, 5]
 */
export function maximum(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(maxOp, 'maximum', x, y)
}

/**
 * The smaller of x and y, broadcasting; both of one numeric dtype. NaN if either is NaN. At a tie the gradient goes to x.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.minimum([1, 5], 3) // [1, 3]
 */
export function minimum(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(minOp, 'minimum', x, y)
}
