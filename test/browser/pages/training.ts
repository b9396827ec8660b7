// Trains a small network with the installed package, the way a user would write it. The browser test runs this file
// in Node and, through Vite, in a page, and compares what it returns.
import * as tf from 'tracemill'

export interface Outcome {
  /** Whether the engine has relaxed SIMD: without it, each multiply-add rounds twice. */
  readonly relaxedSimd: boolean
  readonly losses: readonly number[]
  readonly predictions: readonly number[]
  readonly traces: number
}

/** `(func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))` */
const relaxedMadd = '0061736d0100000001060160017b017b030201000a0d010b00200020002000fd85020b'

export function train(steps: number): Outcome {
  const points = 64
  const features = 6
  const hiddenSize = 16
  tf.random.setSeed(7)
  const x = tf.random.normal([points, features])
  const labels = x.sum(1).greater(0).cast('int32')
  const w1 = tf.variable(tf.random.normal([features, hiddenSize], 0, 0.4), { name: 'w1' })
  const b1 = tf.variable(tf.zeros([hiddenSize]), { name: 'b1' })
  const w2 = tf.variable(tf.random.normal([hiddenSize, 2], 0, 0.4), { name: 'w2' })
  const b2 = tf.variable(tf.zeros([2]), { name: 'b2' })
  const weights = [w1, b1, w2, b2]

  const scoresOf = (batch: tf.Tensor): tf.Tensor =>
    tf.add(tf.matMul(tf.tanh(tf.add(tf.matMul(batch, w1), b1)), w2), b2)

  const step = tf.function((batch: tf.Tensor, wanted: tf.Tensor): tf.Tensor => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => tf.losses.sparseSoftmaxCrossEntropy(wanted, scoresOf(batch)))
    const gradients = tape.gradient(loss, weights)
    weights.forEach((weight, i) => {
      const gradient = gradients[i]
      if (gradient !== null && gradient !== undefined) weight.assignSub(gradient.mul(0.5))
    })
    return loss
  })

  const losses = Array.from({ length: steps }, () => Number(step(x, labels).item()))
  const predictions = Array.from(tf.argMax(scoresOf(x), 1).data(), Number)
  const relaxedSimd = WebAssembly.validate(
    Uint8Array.from(relaxedMadd.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
  )
  return { relaxedSimd, losses, predictions, traces: step.traceCount }
}
