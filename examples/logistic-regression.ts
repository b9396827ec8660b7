/**
 * Logistic regression on points in the plane: which of two clouds does a point belong to?
 * Run it with `npx tsx examples/logistic-regression.ts`.
 *
 * A point belongs to the second cloud with probability sigmoid(x·w + b). One traced step of gradient descent improves
 * w and b; the loss is the cross entropy of the labels.
 */
import * as tf from '../src/index.ts'
import { isMain } from './is-main.ts'

const pointsPerCloud = 100
const steps = 200

export function logisticRegression(print: (line: string) => void = console.log): void {
  const { points, labels } = clouds()
  const w = tf.variable(tf.zeros([2, 1]), { name: 'w' })
  const b = tf.variable(tf.zeros([1]), { name: 'b' })
  const optimizer = tf.optimizers.sgd(0.5)
  optimizer.build([w, b])

  const scoresOf = (x: tf.Tensor): tf.Tensor => x.matMul(w).add(b)

  const step = tf.function((x: tf.Tensor, y: tf.Tensor) => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => tf.losses.sigmoidCrossEntropy(y, scoresOf(x)))
    const [dw, db] = tape.gradient(loss, [w, b] as const)
    optimizer.applyGradients([
      [dw, w],
      [db, b],
    ])
    return loss
  })

  for (let i = 1; i <= steps; i++) {
    const loss = step(points, labels).item()
    if (i === 1 || i % 50 === 0) print(`step ${String(i).padStart(3)}: loss ${loss.toFixed(4)}`)
  }

  const predicted = scoresOf(points).greater(0)
  const correct = predicted.equal(labels.greater(0.5)).cast('int32').sum().item()
  print(`correct: ${correct} of ${2 * pointsPerCloud}`)
  print(`traced:  ${step.traceCount} time for ${steps} steps`)
}

/** Two round clouds of points, f32[200,2], around (−1, −1) and (1, 1), and which of them each belongs to, f32[200,1]. */
function clouds(): { readonly points: tf.Tensor; readonly labels: tf.Tensor } {
  tf.random.setSeed(7)
  const spread = 0.6
  const first = tf.random.normal([pointsPerCloud, 2], -1, spread)
  const second = tf.random.normal([pointsPerCloud, 2], 1, spread)
  return {
    points: tf.concat([first, second], 0),
    labels: tf.concat([tf.zeros([pointsPerCloud, 1]), tf.ones([pointsPerCloud, 1])], 0),
  }
}

if (isMain(import.meta.url)) logisticRegression()
