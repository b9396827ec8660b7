// TensorFlow.js: its core, with the backend that main.ts names.
import * as tf from '@tensorflow/tfjs-core'
import './tfjs-gradients.ts'
import {
  adamEpsilon,
  adamRate,
  digits,
  type Logistic,
  logistic,
  type Perceptron,
  quadrants,
  vectors,
} from '../workloads/training.ts'
import { recurrent } from '../workloads/rnn.ts'
import { layer, smallLenet } from '../workloads/lenet.ts'
import type { Prepare, Runner } from './runner.ts'
import { arrays } from './tfjs-arrays.ts'
import { convolution, convolutional } from './tfjs-lenet.ts'
import { network } from './tfjs-rnn.ts'

function train(lossOf: () => tf.Scalar, optimizer: tf.Optimizer, variables: tf.Variable[]): Runner {
  let latest: tf.Scalar | undefined
  return {
    step: () => {
      latest?.dispose()
      latest = optimizer.minimize(lossOf, true, variables) ?? undefined
    },
    loss: () => latest?.dataSync()[0] ?? Number.NaN,
  }
}

function perceptron(
  data: Perceptron,
  activation: (x: tf.Tensor2D) => tf.Tensor2D,
  kind: 'softmax' | 'sigmoid',
  adam: boolean,
): Runner {
  const { batch, inputs, hidden, outputs, rate } = data
  const x = tf.tensor2d(data.x, [batch, inputs])
  const y = tf.tensor2d(data.y, [batch, outputs])
  const w1 = tf.variable(tf.tensor2d(data.w1, [inputs, hidden]))
  const b1 = tf.variable(tf.tensor1d(data.b1))
  const w2 = tf.variable(tf.tensor2d(data.w2, [hidden, outputs]))
  const b2 = tf.variable(tf.tensor1d(data.b2))
  const lossOf = (): tf.Scalar => {
    const inner = activation(tf.add(tf.matMul(x, w1), b1))
    const logits = tf.add(tf.matMul(inner, w2), b2)
    return kind === 'softmax'
      ? tf.losses.softmaxCrossEntropy(y, logits)
      : tf.losses.sigmoidCrossEntropy(y, logits)
  }
  return train(lossOf, adam ? tf.train.adam(adamRate, 0.9, 0.999, adamEpsilon) : tf.train.sgd(rate), [
    w1,
    b1,
    w2,
    b2,
  ])
}

function regression({ batch, features, rate, ...data }: Logistic): Runner {
  const x = tf.tensor2d(data.x, [batch, features])
  const y = tf.tensor2d(data.y, [batch, 1])
  const w = tf.variable(tf.tensor2d(data.w, [features, 1]))
  const b = tf.variable(tf.tensor1d(data.b))
  return train(() => tf.losses.sigmoidCrossEntropy(y, tf.add(tf.matMul(x, w), b)), tf.train.sgd(rate), [w, b])
}

function addition(size: number): Runner {
  const data = vectors(size)
  const [x, y] = [tf.tensor1d(data.x), tf.tensor1d(data.y)]
  return { step: () => tf.add(x, y).dispose() }
}

/** Makes the runners of one backend. */
export function prepareFor(backend: string): Prepare {
  return async (workload) => {
    if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no backend ${backend}`)
    await tf.ready()
    const array = arrays(workload)
    if (array !== undefined) return array
    switch (workload) {
      case 'mlp-sgd':
      case 'start':
        return perceptron(digits(), (x) => tf.relu(x), 'softmax', false)
      case 'mlp-adam':
        return perceptron(digits(), (x) => tf.relu(x), 'softmax', true)
      case 'mlp-small':
        return perceptron(quadrants(), (x) => tf.tanh(x), 'sigmoid', false)
      case 'rnn-forward':
      case 'rnn-training':
        return network(recurrent(), workload === 'rnn-training')
      case 'lenet-small':
        return convolutional(smallLenet())
      case 'conv-forward':
        return convolution(layer())
      case 'logistic':
        return regression(logistic())
      default:
        return addition(Number(workload.slice('add-'.length)))
    }
  }
}
