/**
 * A traced training step: a tape records a loss, which is itself a traced function, and the weight moves against the
 * gradient. Five steps, one trace.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function trainingStepWithATape(print: (line: string) => void = console.log): void {
  const w = tf.variable(2, { name: 'w' })
  const rate = 0.1

  const loss = tf.function((x: tf.Tensor) => w.mul(x).square())
  const step = tf.function((x: tf.Tensor) => {
    const tape = new tf.GradientTape()
    const value = tape.record(() => loss(x))
    const gradient = tape.gradient(value, w)
    if (gradient !== null) w.assignSub(gradient.mul(rate))
    return value
  })

  const x = tf.scalar(1)
  for (let i = 1; i <= 5; i++) {
    const value = step(x)
    print(`step ${i}: loss ${value.item().toFixed(5)}, w = ${w.item().toFixed(5)}`)
  }
  print(`traces: ${step.traceCount}`)
}

if (isMain(import.meta.url)) trainingStepWithATape()
