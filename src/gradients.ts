/**
 * Derivatives of functions: `grad`, `grads`, `valueAndGrad` over GradientTape.
 */
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { GradientTape } from '../tracer/gradient/tape.ts'
import type { Tensor } from '../tracer/tensor.ts'

/**
 * The derivative of `f` with respect to its first argument, as a function. `f` returns a tensor, whose elements are summed.
 *
 * @example
 * const df = tf.grad((x) => x.mul(x).mul(x))
 * df(2).item() // 12
 */
export function grad(
  f: (x: Tensor, ...rest: Tensor[]) => Tensor,
): (x: TensorLike, ...rest: TensorLike[]) => Tensor {
  return (x, ...rest) => valueAndGrad(f)(x, ...rest).gradient
}

/**
 * The derivatives of `f` with respect to each of its arguments, as a function; zeros where `f` does not depend on one.
 *
 * @example
 * const df = tf.grads((x, y) => x.mul(y))
 * df(2, 3).map((g) => g.item()) // [3, 2]
 */
export function grads(f: (...xs: Tensor[]) => Tensor): (...xs: TensorLike[]) => Tensor[] {
  return (...values) => {
    const xs = values.map((value) => fresh(value))
    const tape = new GradientTape()
    const y = tape.record(() => {
      tape.watch(xs)
      return f(...xs)
    })
    return connected(tape.gradient(y, xs, { unconnected: 'zero' }))
  }
}

/**
 * The value of `f` and its derivative with respect to the first argument, as a function.
 *
 * @example
 * const { value, gradient } = tf.valueAndGrad((x) => x.mul(x))(3)
 * value.item() // 9
 * gradient.item() // 6
 */
export function valueAndGrad(
  f: (x: Tensor, ...rest: Tensor[]) => Tensor,
): (x: TensorLike, ...rest: TensorLike[]) => { value: Tensor; gradient: Tensor } {
  return (first, ...rest) => {
    const x = fresh(first)
    const tape = new GradientTape()
    const value = tape.record(() => {
      tape.watch(x)
      return f(x, ...rest.map((other) => convertToTensor(other)))
    })
    const [gradient] = connected(tape.gradient(value, [x], { unconnected: 'zero' }))
    return { value, gradient: gradient as Tensor }
  }
}

function fresh(value: TensorLike): Tensor {
  return convertToTensor(value)
}

function connected(gradients: readonly (Tensor | null)[]): Tensor[] {
  return gradients.filter((gradient) => gradient !== null)
}
