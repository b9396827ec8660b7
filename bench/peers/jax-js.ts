// jax-js on its WebAssembly backend: one thread, as it starts workers only where there is a global `Worker`.
//
// A function takes over the references to its arguments; `.ref` is one more reference, for what is used again.
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'

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
import { type Leapfrog, leapfrog } from '../workloads/loops.ts'
import { largeDigits } from '../workloads/arrays.ts'
import { array, arrays } from './jax-js-arrays.ts'
import type { Prepare, Runner } from './runner.ts'

type Arrays = np.Array[]

/** The mean of max(z, 0) − z·y + log1p(exp(−|z|)). */
function sigmoidLoss(labels: np.Array, logits: np.Array): np.Array {
  const positive = nn.relu(logits.ref)
  const product = logits.ref.mul(labels)
  return np.mean(positive.sub(product).add(np.log1p(np.exp(np.abs(logits).neg()))))
}

function softmaxLoss(labels: np.Array, logits: np.Array): np.Array {
  return np.mean(np.sum(nn.logSoftmax(logits).mul(labels), -1)).neg()
}

/** Trains `state` in place of itself; `update` gives the new state and the loss. */
function train(
  initial: Arrays,
  fixed: readonly [np.Array, np.Array],
  update: (state: Arrays, x: np.Array, y: np.Array) => [Arrays, np.Array],
): Runner {
  const [x, y] = fixed
  const compiled = jit(update)
  let state = initial
  let latest = Number.NaN
  return {
    // The loss is read at once: what nobody has asked for yet is queued, and a long queue is slower than none.
    step: () => {
      const [next, loss] = compiled(state, x.ref, y.ref)
      state = next
      latest = loss.dataSync()[0] ?? Number.NaN
    },
    finish: async () => {
      await blockUntilReady(state)
    },
    loss: () => latest,
  }
}

function sgd(lossOf: (parameters: Arrays, x: np.Array, y: np.Array) => np.Array, rate: number) {
  return (parameters: Arrays, x: np.Array, y: np.Array): [Arrays, np.Array] => {
    const [loss, gradients] = valueAndGrad(lossOf)(
      parameters.map((parameter) => parameter.ref),
      x,
      y,
    )
    return [parameters.map((parameter, i) => parameter.sub((gradients as Arrays)[i]!.mul(rate))), loss]
  }
}

/** The state is the parameters, their first moments, their second moments, and the powers of both decays. */
function adam(lossOf: (parameters: Arrays, x: np.Array, y: np.Array) => np.Array, count: number) {
  return (state: Arrays, x: np.Array, y: np.Array): [Arrays, np.Array] => {
    const parameters = state.slice(0, count)
    const first = state.slice(count, 2 * count)
    const second = state.slice(2 * count, 3 * count)
    const power1 = state[3 * count]!.mul(0.9)
    const power2 = state[3 * count + 1]!.mul(0.999)
    const [loss, gradients] = valueAndGrad(lossOf)(
      parameters.map((parameter) => parameter.ref),
      x,
      y,
    )
    const rate = np.sqrt(np.subtract(1, power2.ref)).div(np.subtract(1, power1.ref)).mul(adamRate)
    const next: Arrays[] = [[], [], []]
    parameters.forEach((parameter, i) => {
      const gradient = (gradients as Arrays)[i]!
      const m = first[i]!.mul(0.9).add(gradient.ref.mul(0.1))
      const v = second[i]!.mul(0.999).add(np.square(gradient).mul(0.001))
      next[0]!.push(parameter.sub(m.ref.mul(rate.ref).div(np.sqrt(v.ref).add(adamEpsilon))))
      next[1]!.push(m)
      next[2]!.push(v)
    })
    rate.dispose()
    return [[...next.flat(), power1, power2], loss]
  }
}

function perceptron(
  data: Perceptron,
  activation: (x: np.Array) => np.Array,
  lossOf: typeof softmaxLoss,
  withAdam: boolean,
): Runner {
  const { batch, inputs, hidden, outputs, rate } = data
  const forward = (parameters: Arrays, x: np.Array, y: np.Array): np.Array => {
    const [w1, b1, w2, b2] = parameters as [np.Array, np.Array, np.Array, np.Array]
    return lossOf(y, np.matmul(activation(np.matmul(x, w1).add(b1)), w2).add(b2))
  }
  const parameters = [
    array(data.w1, inputs, hidden),
    array(data.b1, hidden),
    array(data.w2, hidden, outputs),
    array(data.b2, outputs),
  ]
  const fixed = [array(data.x, batch, inputs), array(data.y, batch, outputs)] as const
  if (!withAdam) return train(parameters, fixed, sgd(forward, rate))
  const zeros = (): Arrays => parameters.map((parameter) => np.zeros(parameter.shape))
  return train(
    [...parameters, ...zeros(), ...zeros(), np.array(1), np.array(1)],
    fixed,
    adam(forward, parameters.length),
  )
}

function deepPerceptron(): Runner {
  const { batch, x, y, layers } = largeDigits()
  const parameters = layers.flatMap(({ inputs, outputs, w, b }) => [
    array(w, inputs, outputs),
    array(b, outputs),
  ])
  const forward = (state: Arrays, features: np.Array, labels: np.Array): np.Array => {
    let out = features
    for (let i = 0; i < layers.length; i++) {
      out = np.matmul(out, state[2 * i]!).add(state[2 * i + 1]!)
      if (i + 1 < layers.length) out = nn.relu(out) as np.Array
    }
    return softmaxLoss(labels, out)
  }
  const zeros = (): Arrays => parameters.map((parameter) => np.zeros(parameter.shape))
  return train(
    [...parameters, ...zeros(), ...zeros(), np.array(1), np.array(1)],
    [array(x, batch, 784), array(y, batch, 10)],
    adam(forward, parameters.length),
  )
}

function regression({ batch, features, rate, ...data }: Logistic): Runner {
  const forward = (parameters: Arrays, x: np.Array, y: np.Array): np.Array => {
    const [w, b] = parameters as [np.Array, np.Array]
    return sigmoidLoss(y, np.matmul(x, w).add(b))
  }
  return train(
    [array(data.w, features, 1), array(data.b, 1)],
    [array(data.x, batch, features), array(data.y, batch, 1)],
    sgd(forward, rate),
  )
}

function addition(size: number, variant: string): Runner {
  const data = vectors(size)
  const [x, y] = [
    np.array(data.x as Float32Array<ArrayBuffer>),
    np.array(data.y as Float32Array<ArrayBuffer>),
  ]
  const run = variant === 'jit' ? jit(np.add) : np.add
  // A sum that nobody reads would never be computed.
  return {
    step: () => {
      run(x.ref, y.ref).dataSync()
    },
  }
}

function integrator({ size, steps, stepSize, precision, ...data }: Leapfrog): Runner {
  const matrix = array(precision, size, size)
  const [position, momentum] = [array(data.position, size), array(data.momentum, size)]
  const run = jit((a: np.Array, start: np.Array, velocity: np.Array): [np.Array, np.Array] => {
    let [q, p] = [start, velocity]
    let gradient = np.dot(a.ref, q.ref)
    for (let i = 0; i < steps; i++) {
      p = p.sub(gradient.mul(0.5 * stepSize))
      q = q.add(p.ref.mul(stepSize))
      gradient = np.dot(a.ref, q.ref)
      p = p.sub(gradient.ref.mul(0.5 * stepSize))
    }
    gradient.dispose()
    a.dispose()
    return [q, p]
  })
  let latest = Number.NaN
  return {
    step: () => {
      const [q, p] = run(matrix.ref, position.ref, momentum.ref)
      latest = 0
      for (const result of [q, p]) for (const value of result.dataSync()) latest += value
    },
    loss: () => latest,
  }
}

export const prepare: Prepare = async (workload, variant) => {
  await init('wasm')
  defaultDevice('wasm')
  const single = arrays(workload)
  if (single !== undefined) return single
  switch (workload) {
    case 'mlp-sgd':
    case 'start':
      return perceptron(digits(), nn.relu, softmaxLoss, false)
    case 'mlp-adam':
      return perceptron(digits(), nn.relu, softmaxLoss, true)
    case 'mlp-large':
      return deepPerceptron()
    case 'mlp-small':
      return perceptron(quadrants(), np.tanh, sigmoidLoss, false)
    case 'logistic':
      return regression(logistic())
    case 'leapfrog':
      return integrator(leapfrog())
    default:
      return addition(Number(workload.slice('add-'.length)), variant)
  }
}
