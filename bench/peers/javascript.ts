// What somebody would write by hand: loops over typed arrays allocated once, no library.
import { type Logistic, logistic, type Perceptron, quadrants, vectors } from '../workloads/training.ts'
import { type Leapfrog, leapfrog, scalarIterations } from '../workloads/loops.ts'
import { recurrent } from '../workloads/rnn.ts'
import { network } from './javascript-rnn.ts'
import { kernelRunner } from './javascript-kernels.ts'
import type { Prepare, Runner } from './runner.ts'

function crossEntropy(z: number, label: number): number {
  return Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)))
}

/** One hidden layer with tanh, one output with sigmoid cross-entropy. */
function perceptron({ batch, inputs, hidden, rate, x, y, w1, b1, w2, b2 }: Perceptron): Runner {
  const inner = new Float32Array(hidden)
  const dw1 = new Float32Array(w1.length)
  const db1 = new Float32Array(hidden)
  const dw2 = new Float32Array(hidden)
  let loss = Number.NaN
  return {
    step: () => {
      let total = 0
      let db2 = 0
      dw1.fill(0)
      db1.fill(0)
      dw2.fill(0)
      for (let row = 0; row < batch; row++) {
        let z = b2[0]!
        for (let j = 0; j < hidden; j++) {
          let sum = b1[j]!
          for (let k = 0; k < inputs; k++) sum += x[row * inputs + k]! * w1[k * hidden + j]!
          const h = Math.tanh(sum)
          inner[j] = h
          z += h * w2[j]!
        }
        total += crossEntropy(z, y[row]!)
        const dz = (1 / (1 + Math.exp(-z)) - y[row]!) / batch
        db2 += dz
        for (let j = 0; j < hidden; j++) {
          const h = inner[j]!
          dw2[j]! += dz * h
          const dh = dz * w2[j]! * (1 - h * h)
          db1[j]! += dh
          for (let k = 0; k < inputs; k++) dw1[k * hidden + j]! += dh * x[row * inputs + k]!
        }
      }
      for (let i = 0; i < w1.length; i++) w1[i]! -= rate * dw1[i]!
      for (let j = 0; j < hidden; j++) {
        b1[j]! -= rate * db1[j]!
        w2[j]! -= rate * dw2[j]!
      }
      b2[0]! -= rate * db2
      loss = total / batch
    },
    loss: () => loss,
  }
}

function regression({ batch, features, rate, x, y, w, b }: Logistic): Runner {
  const dw = new Float32Array(features)
  let loss = Number.NaN
  return {
    step: () => {
      let total = 0
      let db = 0
      dw.fill(0)
      for (let row = 0; row < batch; row++) {
        let z = b[0]!
        for (let k = 0; k < features; k++) z += x[row * features + k]! * w[k]!
        total += crossEntropy(z, y[row]!)
        const dz = (1 / (1 + Math.exp(-z)) - y[row]!) / batch
        db += dz
        for (let k = 0; k < features; k++) dw[k]! += dz * x[row * features + k]!
      }
      for (let k = 0; k < features; k++) w[k]! -= rate * dw[k]!
      b[0]! -= rate * db
      loss = total / batch
    },
    loss: () => loss,
  }
}

function addition(size: number): Runner {
  const { x, y } = vectors(size)
  let latest = x
  return {
    step: () => {
      const sum = new Float32Array(size)
      for (let i = 0; i < size; i++) sum[i] = x[i]! + y[i]!
      latest = sum
    },
    loss: () => latest[0] ?? Number.NaN,
  }
}

function scalarLoop(iterations: number): number {
  let x = 0
  let i = 0
  while (i < iterations) {
    x = x * 0.75 + 0.25
    i++
  }
  return x
}

function scalarWhile(): Runner {
  let latest = Number.NaN
  return {
    step: () => {
      latest = scalarLoop(scalarIterations)
    },
    loss: () => latest,
  }
}

/** The gradient at the end of a step is the one at the beginning of the next. */
function integrator({ size, steps, stepSize, precision, position, momentum }: Leapfrog): Runner {
  const [q, p, gradient] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)]
  const evaluate = (): void => {
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let j = 0; j < size; j++) sum += precision[i * size + j]! * q[j]!
      gradient[i] = sum
    }
  }
  return {
    step: () => {
      q.set(position)
      p.set(momentum)
      evaluate()
      for (let step = 0; step < steps; step++) {
        for (let i = 0; i < size; i++) {
          p[i]! -= 0.5 * stepSize * gradient[i]!
          q[i]! += stepSize * p[i]!
        }
        evaluate()
        for (let i = 0; i < size; i++) p[i]! -= 0.5 * stepSize * gradient[i]!
      }
    },
    loss: () => q.reduce((sum, value) => sum + value) + p.reduce((sum, value) => sum + value),
  }
}

export const prepare: Prepare = async (workload) => {
  const kernel = kernelRunner(workload)
  if (kernel !== undefined) return kernel
  if (workload === 'scalar-while') return scalarWhile()
  if (workload === 'leapfrog') return integrator(leapfrog())
  if (workload.startsWith('rnn-')) return network(recurrent(), workload === 'rnn-training')
  if (workload === 'mlp-small') return perceptron(quadrants())
  if (workload === 'logistic') return regression(logistic())
  return addition(Number(workload.slice('add-'.length)))
}
