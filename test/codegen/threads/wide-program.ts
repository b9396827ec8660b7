// Run as a program of its own by a newer Node: turns wide vectors on and off, and says what changed.
import { wideSelfTest } from '../../../codegen/run/wide-self-test.ts'
import * as tf from '../../../src/index.ts'

const x = tf.random.statelessUniform([200, 200], [1, 2])
const f = tf.function(() => tf.softmax(tf.tanh(tf.matMul(x, x))))
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
