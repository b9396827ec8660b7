// A program that uses the public types. It must compile without an error; `Same` fails to when two types differ.
// types.test.ts compiles it against the sources, and `npm run check:tarball` against the packed declarations.
import * as tf from 'tracemill'

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : ['differ:', A, B]
function check<T extends true>(): T | undefined {
  return undefined
}

// tf.function keeps the callback's parameters and result, and adds what is known of its traces.
const step = tf.function(
  (x: tf.Tensor, rate: number, training?: boolean): { loss: tf.Tensor; rows: number } => ({
    loss: (training === true ? x.mul(rate) : x).sum(),
    rows: x.rank,
  }),
)
check<Same<Parameters<typeof step>[1], number>>()
check<Same<Parameters<typeof step>['length'], 2 | 3>>()
check<Same<ReturnType<typeof step>, { loss: tf.Tensor; rows: number }>>()
check<Same<typeof step.traceCount, number>>()
check<Same<typeof step.cacheSize, number>>()
check<Same<Parameters<typeof step.fn>, Parameters<typeof step>>>()
export const loss: tf.Tensor = step(tf.tensor([1, 2]), 0.1).loss

// A concrete function has the result of its function.
const concrete = step.concrete(tf.spec([null]), 0.1)
check<Same<typeof concrete, tf.Concrete<typeof step.fn>>>()
check<Same<ReturnType<typeof concrete>, { loss: tf.Tensor; rows: number }>>()
export const sizes: readonly (number | null)[] | undefined = concrete.signature.inputs[0]?.shape

// Binding arguments leaves the others, of traced functions and of others.
const halved = tf.partial(
  (factor: number, x: tf.Tensor, deep?: boolean) => (deep === true ? x : x.mul(factor)),
  0.5,
)
check<Same<Parameters<typeof halved>, [x: tf.Tensor, deep?: boolean | undefined]>>()
check<Same<ReturnType<typeof halved>, tf.Tensor>>()
const twice = tf.partial(
  tf.function((factor: number, x: tf.Tensor) => x.mul(factor)),
  2,
)
check<Same<typeof twice.traceCount, number>>()
check<Same<ReturnType<typeof twice>, tf.Tensor>>()
tf.function(halved)(loss)

// Decorators keep the types of what they decorate.
class Decorated {
  @tf.func step(x: tf.Tensor): tf.Tensor {
    return x
  }
  @tf.func({ name: 'other', reduceRetracing: true }) static other(x: tf.Tensor, n: number): tf.Tensor {
    return x.mul(n)
  }
  @tf.func get current(): tf.Tensor {
    return tf.scalar(1)
  }
  @tf.func field = (x: tf.Tensor): tf.Tensor => x
  @tf.func accessor held = (x: tf.Tensor): tf.Tensor => x
}
const decorated = new Decorated()
check<Same<Parameters<typeof Decorated.other>, [x: tf.Tensor, n: number]>>()
check<Same<typeof decorated.current, tf.Tensor>>()
export const stepped: tf.Tensor = decorated.held(decorated.field(decorated.step(loss)))
export const bound: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function(decorated, 'step')

// An input signature is made of specs.
const anyRows: tf.TensorSpec = tf.spec([null, 3], 'int32')
const options: tf.FunctionOptions = { inputSignature: [anyRows] }
export const summed: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function((x: tf.Tensor) => x.sum(), options)

// A tape gives gradients in the structure of the sources.
const w = tf.variable([[1, 2]], { name: 'w', dtype: 'float32', trainable: true })
check<Same<typeof w, tf.Variable>>()
const tape = new tf.GradientTape({ persistent: true })
const y = tape.record(() => w.mul(w))
check<Same<typeof y, tf.Tensor>>()
const one = tape.gradient(y, w)
check<Same<typeof one, tf.Tensor | null>>()
const named = tape.gradient(y, { w, inner: { w } })
check<Same<typeof named.inner.w, tf.Tensor | null>>()
const listed = tape.gradient(y, [w, w], { unconnected: 'zero' })
check<Same<(typeof listed)[number], tf.Tensor | null>>()

// Derivatives of functions.
export const slope: number = tf
  .grad((x) => x.mul(x))(3)
  .item()
const both = tf.valueAndGrad((x) => x.exp())(1)
check<Same<typeof both, { value: tf.Tensor; grad: tf.Tensor }>>()
export const clipped: (...args: tf.TensorLike[]) => tf.Tensor = tf.customGradient((x) => ({
  value: x,
  gradient: (upstream) => upstream.clip(-1, 1),
}))

// Tensors: made of nested and typed arrays, chained, and read.
const x = tf.tensor([[1, 2], new Float32Array([3, 4]), tf.ones([2])])
const chained = x.matMul(x, false, true).add(1).sum([0], true).cast('int32')
check<Same<typeof chained, tf.Tensor>>()
check<Same<typeof chained.dtype, tf.DType>>()
check<Same<tf.DType, 'float32' | 'int32' | 'bool' | 'uint8' | 'float64'>>()
check<Same<typeof chained.shape, readonly number[]>>()
const elements: tf.TypedArray = chained.data()
check<Same<tf.TypedArray, Float32Array | Float64Array | Int32Array | Uint8Array>>()
const nested: tf.NestedArray = chained.array()
export const text: string = `${String(chained)} ${elements.length} ${JSON.stringify(nested)}`
export const assigned: tf.Variable = w
  .assign([[3, 4]])
  .assignAdd(tf.ones([1, 2]))
  .assignSub(w)

// Comparisons are tensors, and tests.
const positive = x.greater(0)
check<Same<typeof positive, tf.BoolTensor>>()
check<Same<ReturnType<typeof tf.logicalAnd>, tf.BoolTensor>>()
const staged = tf.function((a: tf.Tensor, mask: tf.BoolTensor): tf.Tensor => {
  if (a.sum().less(0) || tf.any(mask)) return a.neg()
  return tf.where(mask, a, tf.cond(tf.all(mask.logicalNot()), () => a, () => a.mul(2))) // prettier-ignore
})
export const counted: tf.Tensor = staged(x, positive).add(x.isNaN().cast('int32'))

// Errors are classes, all of one family.
try {
  tf.matMul(tf.ones([2, 3]), tf.ones([4, 5]))
} catch (error) {
  if (error instanceof tf.ShapeError) {
    const known: tf.TracemillError = error
    console.log(known.message)
  }
}
export const families: readonly (typeof tf.TracemillError)[] = [tf.DTypeError, tf.ValueError, tf.TraceError]

// Layers, losses and optimizers.
const layer = tf.layers.dense({ inputSize: 2, units: 3, activation: 'relu' })
const optimizer = tf.optimizers.adam(0.01)
const trained = layer.trainableVariables
optimizer.build(trained)
const training = new tf.GradientTape()
const cost: tf.Tensor = training.record(() =>
  tf.losses.sparseSoftmaxCrossEntropy(tf.tensor([0, 1, 2], 'int32'), layer.apply(x)),
)
const gradients = training.gradient(cost, trained)
optimizer.applyGradients(trained.map((variable, i) => [gradients[i] ?? null, variable]))
