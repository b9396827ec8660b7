// The recurrent network with TensorFlow.js, which runs one operation after the other.
import * as tf from '@tensorflow/tfjs-core'
import './tfjs-gradients.ts'
import type { Recurrent } from '../workloads/rnn.ts'
import type { Runner } from './runner.ts'

/** `training`: a step of SGD; otherwise the loss alone. */
export function network({ steps, size, rate, ...data }: Recurrent, training: boolean): Runner {
  const rows = tf.unstack(tf.tensor3d(data.x, [steps, 1, size])) as tf.Tensor2D[]
  const target = tf.tensor2d(data.target, [1, size])
  const w = tf.variable(tf.tensor2d(data.w, [size, size]))
  const u = tf.variable(tf.tensor2d(data.u, [size, size]))
  const lossOf = (): tf.Scalar => {
    let h: tf.Tensor2D = tf.zeros([1, size])
    for (const row of rows) h = tf.tanh(tf.add(tf.matMul(h, w), tf.matMul(row, u)))
    return tf.mean(tf.square(tf.sub(h, target)))
  }
  const optimizer = tf.train.sgd(rate)
  let latest: tf.Scalar | undefined
  return {
    step: () => {
      latest?.dispose()
      latest = training ? (optimizer.minimize(lossOf, true, [w, u]) ?? undefined) : tf.tidy(lossOf)
    },
    loss: () => latest?.dataSync()[0] ?? Number.NaN,
  }
}
