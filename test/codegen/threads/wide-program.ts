// Run as a program of its own by a newer Node: turns wide vectors on and off, and says what changed.
import { wideSelfTest } from '../../../codegen/run/wide-self-test.ts'
import * as tf from '../../../src/index.ts'

const x = tf.random.statelessUniform([200, 200], [1, 2])
const image = tf.random.statelessUniform([2, 12, 12, 16], [3, 4])
const kernel = tf.random.statelessUniform([3, 3, 16, 40], [5, 6])
const convolve = (k: tf.Tensor): tf.Tensor => tf.conv2d(image, k, 1, 'same').square().sum()
const f = tf.function(() => {
  const long = tf.tanh(tf.tanh(x.mul(1.3).add(0.2)).mul(tf.sigmoid(x)))
  const parts = [tf.softmax(tf.tanh(tf.matMul(x, x))), tf.conv2d(image, kernel, 1, 'same')]
  return tf.concat([...parts, tf.grad(convolve)(kernel), long].map((part) => part.reshape([-1])))
})
const results: Float32Array[] = []
for (const on of [false, true, false]) {
  tf.config.unsafeWideVectors(on)
  let last = f().data()
  const end = performance.now() + 100
  while (performance.now() < end) last = f().data()
  results.push(last as Float32Array)
}
const [narrow, wide, again] = results
const same = (a?: Float32Array, b?: Float32Array): boolean => a!.every((value, i) => Object.is(value, b![i]))
tf.config.unsafeWideVectors(true)
const threads = tf.config.setThreads(2)
const both = same(narrow, f().data() as Float32Array)
const failed = wideSelfTest(() => undefined) ?? 'none'
console.log(
  JSON.stringify({
    wide: same(narrow, wide),
    again: same(narrow, again),
    both,
    threads,
    failed,
    traces: f.traceCount,
  }),
)
