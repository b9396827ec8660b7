/**
 * Derivatives of functions: `grad`, `grads`, `valueAndGrad`, `valueAndGrads` over GradientTape.
 *
 * Each takes a function of tensors and returns a function of the same arguments that computes derivatives. They nest:
 * the derivative of a derivative is the second one. Only what `f` does with its arguments counts; the same tensor
 * reached otherwise, by a closure, is a constant.
 */
import { isFloating } from '../codegen/dtype.ts'
import { DTypeError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { identity } from '../tracer/gradient/custom.ts'
import { GradientTape } from '../tracer/gradient/tape.ts'
import { printType } from '../tracer/ir/type.ts'
import type { Tensor } from '../tracer/tensor.ts'

/**
 * The derivative of `f`, as a function of its argument and, optionally, of weights for the elements of `f`'s result.
 * Without weights the elements are summed. The derivative has the shape of the argument; it is zero where `f` does not
 * depend on it.
 *
 * @throws DTypeError when the argument is not floating; ShapeError when `dy` has not the shape of `f`'s result.
 * @example
 * const df = tf.grad((x) => x.mul(x).mul(x))
 * df(2).item() // 12
 */
export function grad(f: (x: Tensor) => Tensor): (x: TensorLike, dy?: TensorLike) => Tensor {
  return (x, dy) => valueAndGrad(f)(x, dy).grad
}

/**
 * The derivatives of `f` with respect to each of its arguments, as a function of the list of arguments and, optionally,
 * of weights for the elements of `f`'s result.
 *
 * @throws as for `grad`.
 * @example
 * const df = tf.grads((x, y) => x.mul(y))
 * df([2, 3]).map((g) => g.item()) // [3, 2]
 */
export function grads(
  f: (...xs: Tensor[]) => Tensor,
): (xs: readonly TensorLike[], dy?: TensorLike) => Tensor[] {
  return (xs, dy) => valueAndGrads(f)(xs, dy).grads
}

/**
 * The value of `f` and its derivative, as a function of the arguments of `grad(f)`.
 *
 * @throws as for `grad`.
 * @example
 * const { value, grad } = tf.valueAndGrad((x) => x.mul(x))(3)
 * value.item() // 9
 * grad.item() // 6
 */
export function valueAndGrad(
  f: (x: Tensor) => Tensor,
): (x: TensorLike, dy?: TensorLike) => { value: Tensor; grad: Tensor } {
  return (x, dy) => {
    const { value, gradients } = differentiate('grad', ([only]) => f(only as Tensor), [x], dy)
    return { value, grad: gradients[0] as Tensor }
  }
}

/**
 * The value of `f` and its derivatives, as a function of the arguments of `grads(f)`.
 *
 * @throws as for `grad`.
 * @example
 * const { value, grads } = tf.valueAndGrads((x, y) => x.mul(y))([2, 3])
 * value.item() // 6
 * grads.map((g) => g.item()) // [3, 2]
 */
export function valueAndGrads(
  f: (...xs: Tensor[]) => Tensor,
): (xs: readonly TensorLike[], dy?: TensorLike) => { value: Tensor; grads: Tensor[] } {
  return (xs, dy) => {
    const { value, gradients } = differentiate('grads', (inputs) => f(...inputs), xs, dy)
    return { value, grads: gradients }
  }
}

function differentiate(
  op: string,
  f: (inputs: readonly Tensor[]) => Tensor,
  xs: readonly TensorLike[],
  dy: TensorLike | undefined,
): { readonly value: Tensor; readonly gradients: Tensor[] } {
  const inputs = xs.map((x, i) => {
    const tensor = convertToTensor(x, { op })
    if (!isFloating(tensor.dtype))
      throw new DTypeError({
        op,
        problem: `argument ${i} is ${printType(tensor.type)}, and only floating tensors have derivatives`,
        fix: `cast it: x.cast('float32').`,
      })
    return identity(tensor)
  })
  const tape = new GradientTape()
  const value = tape.record(() => {
    tape.watch(inputs)
    return convertToTensor(f(inputs), { op })
  })
  const options = dy === undefined ? {} : { outputGradients: convertToTensor(dy, { dtype: value.dtype, op }) }
  const gradients = tape.gradient(value, inputs, { ...options, unconnected: 'zero' })
  return { value, gradients: gradients.filter((gradient) => gradient !== null) }
}
