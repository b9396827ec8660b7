// The page's script: computes in one thread and in two, as far as there are two, and leaves what came out in the document.
import * as tf from 'tracemill'

export interface ThreadsOutcome {
  readonly threads: number
  readonly same: boolean
  readonly traces: number
}

const step = tf.function((x: tf.Tensor, y: tf.Tensor) => tf.softmax(tf.matMul(x, y)))

async function run(): Promise<ThreadsOutcome> {
  const x = tf.random.statelessUniform([300, 200], [1, 2])
  const y = tf.random.statelessUniform([200, 256], [3, 4])
  const expected = step(x, y).data()
  const threads = tf.config.setThreads(2)
  let same = true
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 20; i++) {
      const result = step(x, y).data()
      same &&= result.every((value, at) => value === expected[at])
    }
    // Workers start between the rounds.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { threads, same, traces: step.traceCount }
}

const outcome = await run()
const result = document.querySelector<HTMLElement>('#result')
if (result !== null) {
  result.textContent = JSON.stringify(outcome)
  result.dataset['state'] = 'done'
}
