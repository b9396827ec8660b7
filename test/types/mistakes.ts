// Mistakes that the types have to catch: each line that ends in an error's number must give that error, and no other
// line may give any.
import * as tf from 'tracemill'

const x = tf.tensor([1, 2, 3])
const w = tf.variable([1, 2, 3])
const step = tf.function((a: tf.Tensor, rate: number): tf.Tensor => a.mul(rate))
const tape = new tf.GradientTape()
const [first] = tape.gradient(x, [w])

step(x) // TS2554
step(x, 'fast') // TS2345
step(x, 1, 2) // TS2554
step(x, 1).loss // TS2339
step.traceCount = 0 // TS2540
tf.tensor('1, 2, 3') // TS2769
tf.tensor([1n]) // TS2769
tf.tensor([1], 'float16') // TS2769
x.add('1') // TS2345
x.plus(1) // TS2339
x.sum('rows') // TS2345
x.shape[0] = 1 // TS2542
x + 1 // TS2365
first.mul(2) // TS18049
tape.gradient(x, 3) // TS2345
new tf.GradientTape({ persist: true }) // TS2353
w.assign('0') // TS2345
tf.variable([1], { train: false }) // TS2353
tf.spec([undefined]) // TS2322
tf.debug.show(step, 'assembly') // TS2345
const test: tf.BoolTensor = x // TS2322
if (x === 5) w.assign(1) // TS2367
