// Single operations and the large perceptron in the library itself.
import * as tf from '../../src/index.ts'
import {
  type Classes,
  classes,
  type DeepPerceptron,
  type Elements,
  elements,
  largeDigits,
  magnitude,
  matrices,
  type Matrices,
} from '../workloads/arrays.ts'
import { adamEpsilon, adamRate } from '../workloads/training.ts'
import type { Runner } from './runner.ts'

function product({ size, a, b }: Matrices, variant: string): Runner {
  const [x, y] = [tf.tensor(a, [size, size]), tf.tensor(b, [size, size])]
  const multiply = (left: tf.Tensor, right: tf.Tensor): tf.Tensor => left.matMul(right)
  return operation(variant === 'traced' ? tf.function(multiply) : multiply, x, y)
}

function chain({ x, scale, shift }: Elements, variant: string): Runner {
  const formula = (value: tf.Tensor): tf.Tensor =>
    value.mul(scale).add(shift).tanh().mul(value.sigmoid()).sub(value.square())
  const run = variant === 'traced' ? tf.function(formula) : formula
  return operation((value) => run(value), tf.tensor(x), tf.scalar(0))
}

function operation(run: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor, x: tf.Tensor, y: tf.Tensor): Runner {
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(x, y)
    },
    loss: () => magnitude(latest?.data() ?? []),
  }
}

function crossEntropy(data: Classes, variant: string): Runner {
  const shape = [data.batch, data.classes]
  const [logits, labels] = [tf.tensor(data.logits, shape), tf.tensor(data.labels, shape)]
  const both = (x: tf.Tensor, y: tf.Tensor): [tf.Tensor, tf.Tensor] => {
    const tape = new tf.GradientTape()
    tape.watch(x)
    const loss = tape.record(() => tf.losses.softmaxCrossEntropy(y, x))
    return [loss, tape.gradient(loss, x) ?? loss]
  }
  const run = variant === 'traced' ? tf.function(both) : both
  let latest: readonly tf.Tensor[] = []
  return {
    step: () => {
      latest = run(logits, labels)
    },
    loss: () => (latest[0]?.item() ?? Number.NaN) + 1000 * magnitude(latest[1]?.data() ?? []),
  }
}

function perceptron({ batch, x, y, layers }: DeepPerceptron, variant: string): Runner {
  const parameters = layers.map(({ inputs, outputs, w, b }) => [
    tf.variable(tf.tensor(w, [inputs, outputs])),
    tf.variable(tf.tensor(b)),
  ])
  const variables = parameters.flat()
  const optimizer = tf.optimizers.adam(adamRate, { epsilon: adamEpsilon })
  optimizer.build(variables)
  const train = (features: tf.Tensor, labels: tf.Tensor): tf.Tensor =>
    optimizer.minimize(() => {
      let out = features
      parameters.forEach(([w, b], i) => {
        out = out.matMul(w!).add(b!)
        if (i + 1 < parameters.length) out = out.relu()
      })
      return tf.losses.softmaxCrossEntropy(labels, out)
    }, variables)
  const run = variant === 'traced' ? tf.function(train) : train
  const [features, labels] = [tf.tensor(x, [batch, 784]), tf.tensor(y, [batch, 10])]
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(features, labels)
    },
    loss: () => latest?.item() ?? Number.NaN,
  }
}

/** The runner of a workload of this kind; undefined for others. */
export function arrays(workload: string, variant: string): Runner | undefined {
  if (workload.startsWith('matmul-')) return product(matrices(Number(workload.slice(7))), variant)
  if (workload === 'elementwise') return chain(elements(), variant)
  if (workload === 'softmax-gradient') return crossEntropy(classes(), variant)
  return workload === 'mlp-large' ? perceptron(largeDigits(), variant) : undefined
}
