// Convolutional networks with TensorFlow.js.
import * as tf from '@tensorflow/tfjs-core'
import type { Layer, Lenet } from '../workloads/lenet.ts'
import type { Runner } from './runner.ts'

export function convolutional({ batch, rate, ...data }: Lenet): Runner {
  const variables = data.parameters.map(({ shape, values }) =>
    tf.variable(tf.tensor(values, shape as number[])),
  )
  const at = <T extends tf.Tensor>(i: number): T => variables[i] as tf.Tensor as T
  const x = tf.tensor4d(data.x, [batch, 28, 28, 1])
  const y = tf.tensor2d(data.y, [batch, 10])
  const block = (input: tf.Tensor4D, i: number): tf.Tensor4D =>
    tf.maxPool(tf.relu(tf.add(tf.conv2d(input, at<tf.Tensor4D>(i), 1, 'same'), at(i + 1))), 2, 2, 'valid')
  const lossOf = (): tf.Scalar => {
    const flat = tf.reshape(block(block(x, 0), 2), [batch, -1])
    const hidden = tf.relu(tf.add(tf.matMul(flat, at(4)), at(5)))
    return tf.losses.softmaxCrossEntropy(y, tf.add(tf.matMul(hidden, at(6)), at(7)))
  }
  const optimizer = tf.train.sgd(rate)
  let latest: tf.Scalar | undefined
  return {
    step: () => {
      latest?.dispose()
      latest = optimizer.minimize(lossOf, true, variables) ?? undefined
    },
    loss: () => latest?.dataSync()[0] ?? Number.NaN,
  }
}

export function convolution(data: Layer): Runner {
  const x = tf.tensor4d(data.x, [...data.xShape])
  const filter = tf.tensor4d(data.filter, [...data.filterShape])
  return { step: () => tf.conv2d(x, filter, 1, 'same').dispose() }
}
