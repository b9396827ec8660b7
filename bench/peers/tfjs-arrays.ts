// Single operations and the large perceptron in TensorFlow.js.
import * as tf from '@tensorflow/tfjs-core'
import { classes, elements, largeDigits, magnitude, matrices } from '../workloads/arrays.ts'
import { adamEpsilon, adamRate } from '../workloads/training.ts'
import type { Runner } from './runner.ts'

function operation(run: () => tf.Tensor): Runner {
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest?.dispose()
      latest = tf.tidy(run)
    },
    loss: () => magnitude(latest?.dataSync() ?? []),
  }
}

function product(size: number): Runner {
  const data = matrices(size)
  const [a, b] = [tf.tensor2d(data.a, [size, size]), tf.tensor2d(data.b, [size, size])]
  return operation(() => tf.matMul(a, b))
}

function chain(): Runner {
  const data = elements()
  const x = tf.tensor1d(data.x)
  return operation(() =>
    tf.sub(tf.mul(tf.tanh(tf.add(tf.mul(x, data.scale), data.shift)), tf.sigmoid(x)), tf.square(x)),
  )
}

function crossEntropy(): Runner {
  const data = classes()
  const shape: [number, number] = [data.batch, data.classes]
  const [logits, labels] = [tf.tensor2d(data.logits, shape), tf.tensor2d(data.labels, shape)]
  const both = tf.valueAndGrad((x: tf.Tensor) => tf.losses.softmaxCrossEntropy(labels, x) as tf.Scalar)
  let latest: { value: tf.Tensor; grad: tf.Tensor } | undefined
  return {
    step: () => {
      latest?.value.dispose()
      latest?.grad.dispose()
      latest = both(logits)
    },
    loss: () => (latest?.value.dataSync()[0] ?? Number.NaN) + 1000 * magnitude(latest?.grad.dataSync() ?? []),
  }
}

function perceptron(): Runner {
  const { batch, x, y, layers } = largeDigits()
  const [features, labels] = [tf.tensor2d(x, [batch, 784]), tf.tensor2d(y, [batch, 10])]
  const parameters = layers.map(
    ({ inputs, outputs, w, b }) =>
      [tf.variable(tf.tensor2d(w, [inputs, outputs])), tf.variable(tf.tensor1d(b))] as const,
  )
  const optimizer = tf.train.adam(adamRate, 0.9, 0.999, adamEpsilon)
  const lossOf = (): tf.Scalar => {
    let out: tf.Tensor2D = features
    parameters.forEach(([w, b], i) => {
      out = tf.add(tf.matMul(out, w as tf.Tensor2D), b)
      if (i + 1 < parameters.length) out = tf.relu(out)
    })
    return tf.losses.softmaxCrossEntropy(labels, out)
  }
  let latest: tf.Scalar | undefined
  return {
    step: () => {
      latest?.dispose()
      latest = optimizer.minimize(lossOf, true, parameters.flat() as tf.Variable[]) ?? undefined
    },
    loss: () => latest?.dataSync()[0] ?? Number.NaN,
  }
}

/** The runner of a workload of this kind; undefined for others. */
export function arrays(workload: string): Runner | undefined {
  if (workload.startsWith('matmul-')) return product(Number(workload.slice(7)))
  if (workload === 'elementwise') return chain()
  if (workload === 'softmax-gradient') return crossEntropy()
  return workload === 'mlp-large' ? perceptron() : undefined
}
