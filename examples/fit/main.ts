/**
 * A model of layers, trained by `fit`: which of three spirals does a point of the plane belong to?
 * Run it with `npx tsx examples/fit/main.ts`.
 *
 * The points are a dataset: sliced from arrays, shuffled in each epoch, batched. The last batch is smaller than the
 * others; the training step is traced once nevertheless. Training stops when the held-back points stop gaining, and the
 * model then has the weights of its best epoch.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

const spirals = 3
const pointsPerSpiral = 150
const heldBack = 90

export function fitSpirals(print: (line: string) => void = console.log, verbose: 0 | 1 | 2 = 0): void {
  tf.random.setSeed(4)
  const points = tf.data.Dataset.fromTensorSlices(spiralPoints()).shuffle(spirals * pointsPerSpiral, {
    seed: 1,
    reshuffleEachIteration: false,
  })
  const training = points
    .skip(heldBack)
    .cache()
    .shuffle(spirals * pointsPerSpiral)
    .batch(50)
  const validation = points.take(heldBack).batch(50).cache()

  const model = tf.layers.sequential([
    tf.layers.dense({ units: 32, activation: 'tanh' }),
    tf.layers.dense({ units: 32, activation: 'tanh' }),
    tf.layers.dense({ units: spirals, activation: 'softmax' }),
  ])
  model.compile({
    optimizer: tf.optimizers.adam(0.02),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  })
  const { history } = model.fit(training, {
    epochs: 60,
    validationData: validation,
    callbacks: new tf.callbacks.EarlyStopping({ patience: 12, restoreBestWeights: true }),
    verbose,
  })

  const losses = history['val_loss'] ?? []
  losses.forEach((loss, epoch) => {
    if (epoch % 10 === 0) print(`epoch ${String(epoch + 1).padStart(2)}: held-back loss ${loss.toFixed(3)}`)
  })
  const { accuracy = 0 } = model.evaluate(validation)
  print(`best:     ${Math.min(...losses).toFixed(3)}, and ${(100 * accuracy).toFixed(0)} % right`)
  print(`traced:   ${model.trainFunction.traceCount} time for ${model.optimizer.iterations.item()} steps`)
}

/** Points f32[450,2] on three noisy spirals, and the spiral of each, i32[450]. */
function spiralPoints(): readonly [points: tf.Tensor, labels: tf.Tensor] {
  const count = spirals * pointsPerSpiral
  const noise = tf.random.normal([count], 0, 0.1).data()
  const labels = Int32Array.from({ length: count }, (_, i) => i % spirals)
  const points = new Float32Array(2 * count)
  labels.forEach((spiral, i) => {
    const radius = Math.floor(i / spirals) / pointsPerSpiral
    const angle = 4 * radius + (2 * Math.PI * spiral) / spirals + (noise[i] ?? 0)
    points[2 * i] = radius * Math.cos(angle)
    points[2 * i + 1] = radius * Math.sin(angle)
  })
  return [tf.tensor(points, [count, 2]), tf.tensor(labels)]
}

if (isMain(import.meta.url)) fitSpirals(console.log, 1)
