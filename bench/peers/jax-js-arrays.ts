// Single operations and the large perceptron's data in jax-js. Results are read: what nobody reads is not computed.
import { jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { classes, elements, magnitude, matrices } from '../workloads/arrays.ts'
import type { Runner } from './runner.ts'

/** An array of a shape. */
export function array(values: Float32Array, ...shape: number[]): np.Array {
  return np.array(values as Float32Array<ArrayBuffer>).reshape(shape)
}

function operation(run: () => np.Array): Runner {
  let latest: ArrayLike<number> = []
  return {
    step: () => {
      latest = run().dataSync() as Float32Array
    },
    loss: () => magnitude(latest),
  }
}

function product(size: number): Runner {
  const data = matrices(size)
  const [a, b] = [array(data.a, size, size), array(data.b, size, size)]
  const run = jit(np.matmul)
  return operation(() => run(a.ref, b.ref))
}

function chain(): Runner {
  const { x, scale, shift } = elements()
  const values = array(x, x.length)
  const run = jit((v: np.Array) =>
    np.tanh(v.ref.mul(scale).add(shift)).mul(nn.sigmoid(v.ref)).sub(np.square(v)),
  )
  return operation(() => run(values.ref))
}

function crossEntropy(): Runner {
  const { batch, classes: count, logits, labels } = classes()
  const [x, y] = [array(logits, batch, count), array(labels, batch, count)]
  const run = jit(
    valueAndGrad((values: np.Array, oneHot: np.Array) =>
      np.mean(np.sum(nn.logSoftmax(values).mul(oneHot), -1)).neg(),
    ),
  )
  let [loss, gradient]: [number, ArrayLike<number>] = [Number.NaN, []]
  return {
    step: () => {
      const [value, slope] = run(x.ref, y.ref)
      loss = value.dataSync()[0] ?? Number.NaN
      gradient = slope.dataSync() as Float32Array
    },
    loss: () => loss + 1000 * magnitude(gradient),
  }
}

/** The runner of a workload of this kind; undefined for others. */
export function arrays(workload: string): Runner | undefined {
  if (workload.startsWith('matmul-')) return product(Number(workload.slice(7)))
  if (workload === 'elementwise') return chain()
  return workload === 'softmax-gradient' ? crossEntropy() : undefined
}
