// Convolutional networks with the library itself.
import * as tf from '../../src/index.ts'
import type { Layer, Lenet } from '../workloads/lenet.ts'
import type { Runner } from './runner.ts'

export function convolutional({ batch, rate, ...data }: Lenet, variant: string): Runner {
  const variables = data.parameters.map(({ shape, values }) => tf.variable(tf.tensor(values).reshape(shape)))
  const at = (i: number): tf.Variable => variables[i]!
  const logitsOf = (x: tf.Tensor): tf.Tensor => {
    const first = tf.maxPool(tf.conv2d(x, at(0), 1, 'same').add(at(1)).relu(), 2, 2, 'valid')
    const second = tf.maxPool(tf.conv2d(first, at(2), 1, 'same').add(at(3)).relu(), 2, 2, 'valid')
    const hidden = second.reshape([batch, -1]).matMul(at(4)).add(at(5)).relu()
    return hidden.matMul(at(6)).add(at(7))
  }
  const step = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => tf.losses.softmaxCrossEntropy(y, logitsOf(x)))
    const gradients = tape.gradient(loss, variables)
    variables.forEach((variable, i) => {
      const gradient = gradients[i]
      if (gradient != null) variable.assignSub(gradient.mul(rate))
    })
    return loss
  }
  const run = variant === 'traced' ? tf.function(step) : step
  const [x, y] = [tf.tensor(data.x).reshape([batch, 28, 28, 1]), tf.tensor(data.y).reshape([batch, 10])]
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(x, y)
    },
    loss: () => latest?.item() ?? Number.NaN,
  }
}

/** One direction of a layer, its operands and its result in variables. */
export function convolution(data: Layer, direction: 'forward' | 'input' | 'filter'): Runner {
  const x = tf.variable(tf.tensor(data.x).reshape(data.xShape))
  const filter = tf.variable(tf.tensor(data.filter).reshape(data.filterShape))
  const layer = (input: tf.Tensor, kernel: tf.Tensor): tf.Tensor => tf.conv2d(input, kernel, 1, 'same')
  const y = layer(x.value(), filter.value())
  const upstream = tf.variable(y)
  const result = tf.variable(direction === 'forward' ? y : direction === 'input' ? x.value() : filter.value())
  const weighed = (input: tf.Tensor, kernel: tf.Tensor): tf.Tensor =>
    layer(input, kernel).mul(upstream.value()).sum()
  const run = tf.function(() => {
    const [input, kernel] = [x.value(), filter.value()]
    if (direction === 'forward') result.assign(layer(input, kernel))
    else if (direction === 'input') result.assign(tf.grad((v: tf.Tensor) => weighed(v, kernel))(input))
    else result.assign(tf.grad((v: tf.Tensor) => weighed(input, v))(kernel))
  })
  return { step: () => void run() }
}
