/**
 * Ten lines: a function that runs op by op, made a compiled one. Run it with `npx tsx examples/quick-start.ts`.
 */
import * as tf from '../src/index.ts'
import { isMain } from './is-main.ts'

export function quickStart(print: (line: string) => void = console.log): void {
  const w = tf.variable([3, 4])
  const step = tf.function((x: tf.Tensor) => {
    w.assignSub(x.mul(0.1))
    return w.square().sum()
  })

  print(`first call:   ${step(tf.tensor([10, 10])).item()}`) // traces, compiles and runs
  print(`second call:  ${step(tf.tensor([10, 10])).item()}`) // runs what was compiled
  print(`w is now:     ${JSON.stringify(w.array())}`)
  print(`traced:       ${step.traceCount} time`)
}

if (isMain(import.meta.url)) quickStart()
