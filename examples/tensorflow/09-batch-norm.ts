/**
 * Batch normalisation written out: trained scale and offset, and running statistics that training changes and inference
 * uses. The same by the library's layer follows, with the same numbers.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

const momentum = 0.9
const epsilon = 0.001

export function batchNorm(print: (line: string) => void = console.log): void {
  const gamma = tf.variable(tf.ones([2]), { name: 'gamma' })
  const beta = tf.variable(tf.zeros([2]), { name: 'beta' })
  const mean = tf.variable(tf.zeros([2]), { name: 'moving_mean', trainable: false })
  const variance = tf.variable(tf.ones([2]), { name: 'moving_variance', trainable: false })

  // Two traces are meant: one that trains, one that does not.
  const normalize = tf.function(
    (x: tf.Tensor, training: boolean) => {
      let [center, spread]: [tf.Tensor, tf.Tensor] = [mean.value(), variance.value()]
      if (training) {
        const moments = tf.moments(x, 0)
        center = moments.mean
        spread = moments.variance
        mean.assign(mean.mul(momentum).add(center.mul(1 - momentum)))
        variance.assign(variance.mul(momentum).add(spread.mul(1 - momentum)))
      }
      return x.sub(center).mul(spread.add(epsilon).rsqrt()).mul(gamma).add(beta)
    },
    { onRetrace: 'off' },
  )

  const layer = tf.layers.batchNormalization({ momentum, epsilon })
  const x = tf.tensor([
    [1, 10],
    [2, 20],
    [3, 30],
  ])
  for (let i = 1; i <= 3; i++) {
    const y = normalize(x, true)
    layer.apply(x, { training: true })
    print(`training ${i}: first row ${round(y.at(0))}, mean ${round(mean)}, variance ${round(variance)}`)
  }
  print(`inference:  first row ${round(normalize(x, false).at(0))}`)
  print(
    `the layer:  first row ${round(layer.apply(x, { training: false }).at(0))}, mean ${round(layer.movingMean)}`,
  )
  print(
    `traces: ${normalize.traceCount}, trainable: ${[gamma, beta, mean, variance]
      .filter((v) => v.trainable)
      .map((v) => v.name)
      .join()}`,
  )
}

function round(x: tf.Tensor | tf.Variable): string {
  return `[${Array.from(x.data(), (value) => value.toFixed(4)).join(', ')}]`
}

if (isMain(import.meta.url)) batchNorm()
