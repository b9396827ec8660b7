// Control flow on tensors in every place where a program has functions: closures over Variables, methods, fields, private
// methods, decorators, helpers of other modules, functions inside async ones.
import * as tf from 'tracemill'
import { add, where } from 'tracemill'
import { shrink } from './helpers.ts'

const best: tf.Variable = tf.variable(100)

/** A closure that reads and writes a Variable of its module. */
export const keepBest: (loss: tf.Tensor) => tf.Tensor = tf.function((loss: tf.Tensor) => {
  if (loss.less(best)) {
    best.assign(loss)
    return loss.mul(-1)
  }
  return best.add(0)
})

/** A counter that becomes a tensor, used by functions of the library under imported names. */
export const count: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor) => {
  let steps = 0
  for (let i = 0; i < 50; i++) {
    if (x.greater(100)) break
    x = add(x, steps)
    x = x.mul(where(x.greater(10), 3, 2))
    steps += 1
  }
  return tf.add(x, steps)
})

export class Model {
  readonly weight: tf.Variable = tf.variable([1, -2, 3])
  #calls: tf.Variable = tf.variable(0)

  @tf.func
  step(x: tf.Tensor): tf.Tensor {
    const y = shrink(x.mul(this.weight), 10)
    if (y.sum().less(0)) this.#flip()
    let total = y.sum().mul(0)
    for (const value of y) {
      if (value.less(0)) continue
      total = total.add(value)
    }
    return total
  }

  #flip(): void {
    if (this.#calls.greater(0)) this.weight.assign(this.weight.mul(-1))
    this.#calls.assignAdd(1)
  }

  readonly sign: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor) =>
    x.greater(0) ? x : !x.less(0) ? x.add(1) : x.neg(),
  )

  /** Throws at a line that is asked for. */
  explode(flag: boolean): void {
    if (flag) {
      throw new Error('as asked for') // line of the error
    }
  }
}

/** Fails while tracing, with a message that names a line. */
export const mistaken: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor) => {
  let y = x
  if (x.sum().greater(0)) y = x.cast('int32') // line of the mistake
  return y
})

export async function later(x: number): Promise<unknown> {
  await Promise.resolve()
  const collatz = tf.function((n: tf.Tensor) => {
    let steps = 0
    while (n.greater(1)) {
      n = n.mod(2).equal(0) ? n.div(2) : n.mul(3).add(1)
      steps++
    }
    return steps
  })
  return collatz(tf.scalar(x))
}
