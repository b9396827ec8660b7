// The library itself.
import * as tf from '../../src/index.ts'
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
import { type Leapfrog, leapfrog, scalarIterations } from '../workloads/loops.ts'
import { recurrent } from '../workloads/rnn.ts'
import { layer, lenet, smallLenet } from '../workloads/lenet.ts'
import type { Prepare, Runner } from './runner.ts'
import { arrays } from './tracemill-arrays.ts'
import { kernelRunner } from './tracemill-kernels.ts'
import { convolution, convolutional } from './tracemill-lenet.ts'
import { network } from './tracemill-rnn.ts'

type Loss = (labels: tf.Tensor, logits: tf.Tensor) => tf.Tensor

function train(
  step: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
  y: tf.Tensor,
  variant: string,
): Runner {
  const run = variant === 'traced' ? tf.function(step) : step
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(x, y)
    },
    loss: () => latest?.item() ?? Number.NaN,
  }
}

function perceptron(
  data: Perceptron,
  activation: (x: tf.Tensor) => tf.Tensor,
  lossOf: Loss,
  variant: string,
  adam: boolean,
): Runner {
  const { batch, inputs, hidden, outputs, rate } = data
  const w1 = tf.variable(tf.tensor(data.w1).reshape([inputs, hidden]), { name: 'w1' })
  const b1 = tf.variable(tf.tensor(data.b1), { name: 'b1' })
  const w2 = tf.variable(tf.tensor(data.w2).reshape([hidden, outputs]), { name: 'w2' })
  const b2 = tf.variable(tf.tensor(data.b2), { name: 'b2' })
  const variables = [w1, b1, w2, b2] as const
  const forward = (x: tf.Tensor, y: tf.Tensor): tf.Tensor =>
    lossOf(y, activation(x.matMul(w1).add(b1)).matMul(w2).add(b2))
  const x = tf.tensor(data.x).reshape([batch, inputs])
  const y = tf.tensor(data.y).reshape([batch, outputs])
  if (adam) {
    const optimizer = tf.optimizers.adam(adamRate, { epsilon: adamEpsilon })
    optimizer.build([...variables])
    const step = (features: tf.Tensor, labels: tf.Tensor): tf.Tensor => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => forward(features, labels))
      const gradients = tape.gradient(loss, [...variables])
      optimizer.applyGradients(variables.map((variable, i) => [gradients[i] ?? null, variable]))
      return loss
    }
    return train(step, x, y, variant)
  }
  const step = (features: tf.Tensor, labels: tf.Tensor): tf.Tensor => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => forward(features, labels))
    const gradients = tape.gradient(loss, [...variables])
    variables.forEach((variable, i) => {
      const gradient = gradients[i]
      if (gradient != null) variable.assignSub(gradient.mul(rate))
    })
    return loss
  }
  return train(step, x, y, variant)
}

function regression({ batch, features, rate, ...data }: Logistic, variant: string): Runner {
  const w = tf.variable(tf.tensor(data.w).reshape([features, 1]), { name: 'w' })
  const b = tf.variable(tf.tensor(data.b), { name: 'b' })
  const step = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => tf.losses.sigmoidCrossEntropy(y, x.matMul(w).add(b)))
    const [dw, db] = tape.gradient(loss, [w, b])
    if (dw != null) w.assignSub(dw.mul(rate))
    if (db != null) b.assignSub(db.mul(rate))
    return loss
  }
  return train(
    step,
    tf.tensor(data.x).reshape([batch, features]),
    tf.tensor(data.y).reshape([batch, 1]),
    variant,
  )
}

function addition(size: number, variant: string): Runner {
  const data = vectors(size)
  const [x, y] = [tf.tensor(data.x), tf.tensor(data.y)]
  const add = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => a.add(b)
  const run = variant === 'traced' ? tf.function(add) : add
  return { step: () => void run(x, y) }
}

/** Traced, compiled and run for one iteration before the first step: that one is of the loop alone. */
function scalarWhile(): Runner {
  const run = tf.function((iterations: tf.Tensor) => {
    const [, x] = tf.whileLoop(
      (i: tf.Tensor) => i.less(iterations),
      (i: tf.Tensor, value: tf.Tensor) => [i.add(1), value.mul(0.75).add(0.25)],
      [tf.scalar(0, 'int32'), tf.scalar(0)],
    )
    return x
  })
  run(tf.scalar(1, 'int32'))
  const iterations = tf.scalar(scalarIterations, 'int32')
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(iterations)
    },
    loss: () => latest?.item() ?? Number.NaN,
  }
}

/** `traced` unrolls the steps in JavaScript, `staged` has them in a loop of the program. */
function integrator(data: Leapfrog, variant: string): Runner {
  const { size, steps, stepSize } = data
  const precision = tf.tensor(data.precision).reshape([size, size])
  type State = [q: tf.Tensor, p: tf.Tensor, gradient: tf.Tensor]
  const step = (q: tf.Tensor, p: tf.Tensor, gradient: tf.Tensor): State => {
    const half = p.sub(gradient.mul(0.5 * stepSize))
    const position = q.add(half.mul(stepSize))
    const next = tf.matVec(precision, position)
    return [position, half.sub(next.mul(0.5 * stepSize)), next]
  }
  const run = tf.function((position: tf.Tensor, momentum: tf.Tensor) => {
    let state: State = [position, momentum, tf.matVec(precision, position)]
    if (variant === 'traced') for (let i = 0; i < steps; i++) state = step(...state)
    else {
      const [, ...last] = tf.whileLoop(
        (i: tf.Tensor) => i.less(steps),
        (i: tf.Tensor, ...at: tf.Tensor[]) => [i.add(1), ...step(...(at as State))],
        [tf.scalar(0, 'int32'), ...state],
      )
      state = last as State
    }
    return [state[0], state[1]]
  })
  const [position, momentum] = [tf.tensor(data.position), tf.tensor(data.momentum)]
  let latest: readonly tf.Tensor[] = []
  return {
    step: () => {
      latest = run(position, momentum)
    },
    loss: () => latest.reduce((sum, x) => sum + x.sum().item(), 0),
  }
}

/** Slices, broadcasts and scalars that are never the same twice in a row. */
function varying(): Runner {
  const source = tf.range(0, 4096).cast('float32')
  let i = 0
  return {
    step: () => {
      const size = 1 + ((i * 37) % 509)
      const x = source.slice([(i * 13) % 2048], [size])
      x.mul(i * 0.001).add(x)
      i += 3
    },
  }
}

export const prepare: Prepare = async (workload, variant) => {
  const kernel = kernelRunner(workload)
  if (kernel !== undefined) return kernel
  const array = arrays(workload, variant)
  if (array !== undefined) return array
  const softmax: Loss = (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits)
  switch (workload) {
    case 'mlp-sgd':
    case 'start':
      return perceptron(digits(), tf.relu, softmax, variant, false)
    case 'mlp-adam':
      return perceptron(digits(), tf.relu, softmax, variant, true)
    case 'mlp-small':
      return perceptron(
        quadrants(),
        tf.tanh,
        (labels, logits) => tf.losses.sigmoidCrossEntropy(labels, logits),
        variant,
        false,
      )
    case 'logistic':
    case 'memory-steps':
      return regression(logistic(), variant)
    case 'memory-eager':
      return varying()
    case 'scalar-while':
      return scalarWhile()
    case 'rnn-forward':
    case 'rnn-training':
      return network(recurrent(), workload === 'rnn-training')
    case 'conversion': {
      const { convertFresh } = await import('../workloads/conversion.ts')
      return { step: convertFresh }
    }
    case 'lenet':
      return convolutional(lenet(), variant)
    case 'lenet-small':
      return convolutional(smallLenet(), variant)
    case 'conv-forward':
      return convolution(layer(), 'forward')
    case 'conv-input-gradient':
      return convolution(layer(), 'input')
    case 'conv-filter-gradient':
      return convolution(layer(), 'filter')
    case 'leapfrog':
      return integrator(leapfrog(), variant)
    default:
      return addition(Number(workload.slice('add-'.length)), variant)
  }
}
