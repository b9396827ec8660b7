/**
 * Derivatives of derivatives, traced. Run it with `npx tsx examples/second-derivative.ts`.
 *
 * `tf.grad` makes a function that computes a derivative; applied to its own result it gives the second one. Newton's
 * method uses both to find where a function is lowest: x ← x − f′(x) / f″(x).
 */
import * as tf from '../src/index.ts'
import { isMain } from './is-main.ts'

/** f(x) = eˣ − 2x, lowest at ln 2. */
function f(x: tf.Tensor): tf.Tensor {
  return x.exp().sub(x.mul(2))
}

export function secondDerivative(print: (line: string) => void = console.log): void {
  const slope = tf.grad(f)
  const curvature = tf.grad((x) => tf.grad(f)(x))
  const all = tf.function((x: tf.Tensor) => ({ value: f(x), slope: slope(x), curvature: curvature(x) }))

  const at = all(tf.scalar(1))
  print(`f(1)   = ${at.value.item().toFixed(5)}   e − 2`)
  print(`f′(1)  = ${at.slope.item().toFixed(5)}   e − 2`)
  print(`f″(1)  = ${at.curvature.item().toFixed(5)}   e`)

  const newtonStep = tf.function((x: tf.Tensor) => x.sub(slope(x).div(curvature(x))))
  let x = tf.scalar(0)
  for (let i = 1; i <= 5; i++) {
    x = newtonStep(x)
    print(`step ${i}: x = ${x.item().toFixed(5)}`)
  }
  print(`ln 2  =  ${Math.LN2.toFixed(5)}`)
}

if (isMain(import.meta.url)) secondDerivative()
