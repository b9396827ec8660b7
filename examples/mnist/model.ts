/**
 * The model, and the step that trains it. This is all there is to read to train something of your own.
 *
 * The model is plain TypeScript over tensors: 784 pixels, a layer of 128 neurons, and one score per digit. The training
 * step runs it under a tape, asks the tape for the gradients, and has Adam move the weights. Each function works as it
 * stands, op by op; wrapped in `tf.function`, it is traced on its first call and compiled to WebAssembly.
 */
import * as tf from '../../src/index.ts'
import { pixelsPerImage } from './data.ts'

const hiddenSize = 128
const digits = 10
/** Of rates from 0.001 to 0.012, among the best on 1,000 training digits that were left out for the purpose. */
const learningRate = 0.006

/** A batch: images f32[n,784] and labels i32[n]. The null is n: one compiled program serves every batch size. */
const anyImages: tf.TensorSpec = tf.spec([null, pixelsPerImage])
const anyLabels: tf.TensorSpec = tf.spec([null], 'int32')

/** A model with what trains it and what uses it. */
export interface Classifier {
  /** Trains on a batch; gives the mean loss before the step, and how many images were classified correctly. */
  readonly trainStep: tf.Traced<
    (images: tf.Tensor, labels: tf.Tensor) => { readonly loss: tf.Tensor; readonly correct: tf.Tensor }
  >
  /** The probability of each digit for each image: f32[n,10]. */
  readonly classify: tf.Traced<(images: tf.Tensor) => tf.Tensor>
}

/** An untrained model; the same seed gives the same weights. */
export function createClassifier(seed: number): Classifier {
  tf.random.setSeed(seed)
  const hidden = tf.layers.dense({ inputSize: pixelsPerImage, units: hiddenSize, activation: 'relu' })
  const output = tf.layers.dense({ inputSize: hiddenSize, units: digits })
  const weights = [...hidden.trainableVariables, ...output.trainableVariables]

  // Adam remembers a running mean and variance for each weight. Creating these variables here, rather than in the first
  // step, makes the first trace of the step the only one.
  const optimizer = tf.optimizers.adam(learningRate)
  optimizer.build(weights)

  function scoresOf(images: tf.Tensor): tf.Tensor {
    return output.apply(hidden.apply(images))
  }

  function trainStep(images: tf.Tensor, labels: tf.Tensor): { loss: tf.Tensor; correct: tf.Tensor } {
    const tape = new tf.GradientTape()
    const { scores, loss } = tape.record(() => {
      const scores = scoresOf(images)
      return { scores, loss: tf.losses.sparseSoftmaxCrossEntropy(labels, scores) }
    })
    const gradients = tape.gradient(loss, weights)
    optimizer.applyGradients(weights.map((weight, i) => [gradients[i] ?? null, weight]))
    const correct = scores.argMax(1).equal(labels).cast('int32').sum()
    return { loss, correct }
  }

  function classify(images: tf.Tensor): tf.Tensor {
    return tf.softmax(scoresOf(images))
  }

  // The weights are captured by reference: each call of the step changes them, and `classify` sees the change.
  return {
    trainStep: tf.function(trainStep, { inputSignature: [anyImages, anyLabels] }),
    classify: tf.function(classify, { inputSignature: [anyImages] }),
  }
}
