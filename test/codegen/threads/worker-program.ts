// Run as a program of its own, in the main thread of a process or in a worker: trains with two threads, and ends by
// itself while the workers of the pool are alive.
import { threadId } from 'node:worker_threads'
import * as tf from '../../../src/index.ts'

const threads = tf.config.setThreads(2)
const weights = tf.variable(tf.random.statelessUniform([256, 256], [1, 2]))
const step = tf.function((x: tf.Tensor) => {
  weights.assignSub(tf.matMul(x, weights, true).mul(1e-4))
  return tf.sum(weights)
})
const x = tf.ones([256, 256])
let sum = 0
for (let i = 0; i < 20; i++) sum = step(x).item()
console.log(JSON.stringify({ threads, sum, traces: step.traceCount, inWorker: threadId > 0 }))
