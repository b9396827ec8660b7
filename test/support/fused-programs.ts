// The programs whose fused form is asserted: each traces a function, calls it once and hands it over.
import * as tf from '../../src/index.ts'

/** A traced function that has been called. */
export interface FusedProgram {
  readonly name: string
  readonly make: () => object
}

type Unary = (x: tf.Tensor) => unknown

function called(f: (...args: never[]) => unknown, args: readonly tf.Tensor[]): object {
  Reflect.apply(f, undefined, args)
  return f
}

/** A program of one argument, for a known and an unknown number of rows. */
function rows(name: string, shape: readonly number[], body: Unary): readonly FusedProgram[] {
  const [, ...inner] = shape
  const spec = tf.spec([null, ...inner])
  return [
    { name, make: () => called(tf.function(body, { name: 'f' }), [tf.ones(shape)]) },
    {
      name: `${name}-unknown-rows`,
      make: () => called(tf.function(body, { name: 'f', inputSignature: [spec] }), [tf.ones(shape)]),
    },
  ]
}

function layerNorm(x: tf.Tensor, scale: tf.Tensor | tf.Variable, offset: tf.Tensor | tf.Variable): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true)
  return x
    .sub(mean)
    .mul(tf.rsqrt(variance.add(1e-5)))
    .mul(scale)
    .add(offset)
}

const [range16, range32, weights] = [range(16), range(32), tf.ones([32, 16]).add(0)] as const

/** n numbers from 0 to 1. */
function range(n: number): tf.Tensor {
  return tf.range(n).cast('float32').div(n)
}

/** A linear model trained by plain gradient descent. */
function logisticRegression(): object {
  const w = tf.variable(tf.zeros([10, 1]), { name: 'w' })
  const b = tf.variable(tf.zeros([1]), { name: 'b' })
  const step = tf.function(
    function step(x: tf.Tensor, y: tf.Tensor) {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => tf.losses.sigmoidCrossEntropy(y, x.matMul(w).add(b)))
      const [dw, db] = tape.gradient(loss, [w, b])
      if (dw != null) w.assignSub(dw.mul(0.1))
      if (db != null) b.assignSub(db.mul(0.1))
      return loss
    },
    { name: 'step' },
  )
  return called(step, [tf.ones([32, 10]), tf.ones([32, 1])])
}

type Update = (pairs: readonly (readonly [tf.Tensor, tf.Variable])[]) => void

/** The 784-128-10 network of the examples, with an optimizer and a known or unknown batch size. */
export function mlpStep(optimizer: 'sgd' | 'adam' | 'momentum', batch: number | null): object {
  const w1 = tf.variable(tf.zeros([784, 128]), { name: 'w1' })
  const b1 = tf.variable(tf.zeros([128]), { name: 'b1' })
  const w2 = tf.variable(tf.zeros([128, 10]), { name: 'w2' })
  const b2 = tf.variable(tf.zeros([10]), { name: 'b2' })
  const parameters = [w1, b1, w2, b2]
  const made =
    optimizer === 'adam'
      ? tf.optimizers.adam(0.001)
      : optimizer === 'momentum'
        ? tf.optimizers.sgd(0.1, { momentum: 0.9 })
        : undefined
  made?.build(parameters)
  const update: Update = (pairs) => {
    if (made !== undefined) made.applyGradients(pairs)
    else for (const [gradient, variable] of pairs) variable.assignSub(gradient.mul(0.1))
  }
  const step = tf.function(
    (x: tf.Tensor, y: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => {
        const hidden = tf.relu(x.matMul(w1).add(b1))
        return tf.losses.sparseSoftmaxCrossEntropy(y, hidden.matMul(w2).add(b2))
      })
      const gradients = tape.gradient(loss, parameters)
      update(
        parameters.flatMap((variable, i) => {
          const gradient = gradients[i]
          return gradient == null ? [] : [[gradient, variable] as const]
        }),
      )
      return loss
    },
    {
      name: 'step',
      ...(batch === null ? { inputSignature: [tf.spec([null, 784]), tf.spec([null], 'int32')] } : {}),
    },
  )
  const rowCount = batch ?? 4
  return called(step, [tf.ones([rowCount, 784]), tf.zeros([rowCount], 'int32')])
}

/** A transformer block with normalisation after each half, and one step of gradient descent on its squared output. */
function transformerStep(): object {
  const attention = tf.layers.multiHeadAttention({ numHeads: 2, keyDim: 16, name: 'attention' })
  const [first, second] = [1, 2].map((i) => tf.layers.layerNormalization({ name: `norm${i}` }))
  const wide = tf.layers.dense({ units: 64, activation: 'relu', name: 'wide' })
  const narrow = tf.layers.dense({ units: 32, name: 'narrow' })
  if (first === undefined || second === undefined) throw new Error('no layers')
  const block = (x: tf.Tensor): tf.Tensor => {
    const y = first.apply(x.add(attention.apply(x)))
    return second.apply(y.add(narrow.apply(wide.apply(y))))
  }
  const x = tf.ones([4, 10, 32])
  block(x)
  const variables = [attention, first, wide, narrow, second].flatMap((layer) => layer.trainableVariables)
  return called(
    tf.function((input: tf.Tensor) => descend(() => block(input), variables), { name: 'step' }),
    [x],
  )
}

/** An LSTM over ten places. */
function lstmForward(): object {
  const lstm = tf.layers.lstm({ units: 16, name: 'lstm' })
  const x = tf.ones([4, 10, 8])
  lstm.apply(x)
  return called(
    tf.function((input: tf.Tensor) => lstm.apply(input), { name: 'forward' }),
    [x],
  )
}

function descend(value: () => tf.Tensor, variables: readonly tf.Variable[]): tf.Tensor {
  const tape = new tf.GradientTape()
  const loss = tape.record(() => value().square().mean())
  const gradients = tape.gradient(loss, [...variables])
  variables.forEach((variable, i) => {
    const gradient = gradients[i]
    if (gradient != null) variable.assignSub(gradient.mul(0.1))
  })
  return loss
}

const labels = tf.zeros([128], 'int32')

export const fusedPrograms: readonly FusedProgram[] = [
  ...rows('softmax', [64, 10], (x) => tf.softmax(x)),
  ...rows('log-softmax', [64, 10], (x) => tf.logSoftmax(x)),
  ...rows('softmax-gradient', [64, 10], (x) => tf.grad((z: tf.Tensor) => tf.softmax(z).square().sum())(x)),
  ...rows('layer-norm', [64, 32], (x) => layerNorm(x, range32, range32)),
  ...rows('layer-norm-gradient', [64, 32], (x) =>
    tf.grad((z: tf.Tensor) => layerNorm(z, range32, range32).square().sum())(x),
  ),
  ...rows('elementwise-chain', [64, 32], (x) => x.mul(2).add(1).tanh().sub(x).abs().sqrt()),
  ...rows('mean-and-variance', [64, 32], (x) => {
    const { mean, variance } = tf.moments(x, 0)
    return [mean, variance]
  }),
  ...rows('dense-relu', [64, 32], (x) => tf.relu(x.matMul(weights).add(range16))),
  {
    name: 'sparse-softmax-cross-entropy',
    make: () =>
      called(
        tf.function(
          (x: tf.Tensor) =>
            tf.valueAndGrad((z: tf.Tensor) => tf.losses.sparseSoftmaxCrossEntropy(labels, z))(x),
          { name: 'f' },
        ),
        [tf.ones([128, 10])],
      ),
  },
  {
    name: 'sparse-softmax-cross-entropy-unknown-rows',
    make: () =>
      called(
        tf.function(
          (y: tf.Tensor, x: tf.Tensor) =>
            tf.valueAndGrad((z: tf.Tensor) => tf.losses.sparseSoftmaxCrossEntropy(y, z))(x),
          { name: 'f', inputSignature: [tf.spec([null], 'int32'), tf.spec([null, 10])] },
        ),
        [labels, tf.ones([128, 10])],
      ),
  },
  { name: 'logistic-regression', make: logisticRegression },
  { name: 'transformer-step', make: transformerStep },
  { name: 'lstm-forward', make: lstmForward },
  { name: 'mlp-sgd', make: () => mlpStep('sgd', 128) },
  { name: 'mlp-sgd-unknown-batch', make: () => mlpStep('sgd', null) },
  { name: 'mlp-momentum', make: () => mlpStep('momentum', 128) },
  { name: 'mlp-adam', make: () => mlpStep('adam', 128) },
  { name: 'mlp-adam-unknown-batch', make: () => mlpStep('adam', null) },
]
