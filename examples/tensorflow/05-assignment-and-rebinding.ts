/**
 * `v = …` gives a name another meaning; `v.assign(…)` changes the Variable, for everybody who has it, traced functions
 * included.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function assignmentAndRebinding(print: (line: string) => void = console.log): void {
  const original = tf.variable(10, { name: 'original' })
  let name: tf.Variable | tf.Tensor = original
  name = tf.scalar(20)
  print(`rebinding: the name is now ${name.item()}, the variable is still ${original.item()}`)
  original.assign(20)
  print(`assigning: the variable is ${original.item()}`)

  const v = tf.variable(3)
  const tape = new tf.GradientTape()
  const y = tape.record(() => v.mul(v).div(2))
  print(`gradient: ${tape.gradient(y, v)?.item()}`)
  v.assign(v.value().add(2))
  v.assign(v.add(2))
  print(`from its own value: ${v.item()}`)
  v.assignAdd(2)
  print(`in place: ${v.item()}`)

  // A gradient summed up over batches, and used once.
  const w = tf.variable([1, 1])
  const total = tf.variable([0, 0], { trainable: false })
  for (const batch of [
    [1, 2],
    [3, 4],
  ]) {
    const recorder = new tf.GradientTape()
    const loss = recorder.record(() => w.mul(batch).sum())
    const gradient = recorder.gradient(loss, w)
    if (gradient !== null) total.assignAdd(gradient)
  }
  w.assignSub(total.mul(0.1))
  print(`accumulated: ${JSON.stringify(total.array())}, w: ${tidy(w)}`)

  // Changed outside and inside: a traced function uses the Variable itself, no copy of its value.
  const c = tf.variable(1)
  const update = tf.function((value: tf.Tensor) => c.assign(value))
  update(tf.scalar(2))
  print(`inside: ${c.item()}`)
  c.assign(3)
  print(`outside: ${c.item()}`)
  update(tf.scalar(4))
  print(`inside again: ${c.item()}, traces: ${update.traceCount}`)
  const read = tf.function(() => c.mul(10))
  print(`read: ${read().item()}`)
  c.assign(5)
  print(`read after a change outside: ${read().item()}, traces: ${read.traceCount}`)
}

function tidy(v: tf.Variable): string {
  return JSON.stringify(Array.from(v.data(), (x) => Number(x.toPrecision(6))))
}

if (isMain(import.meta.url)) assignmentAndRebinding()
