// What a tape keeps: nothing once it has given its gradient, everything it needs while it is persistent, and nothing
// beyond its own life.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Which of the references are still alive after a full collection. */
async function alive(references: readonly WeakRef<object>[]): Promise<boolean[]> {
  // References made in this turn live until it ends.
  await new Promise((resolve) => setTimeout(resolve, 0))
  collect()
  return references.map((reference) => reference.deref() !== undefined)
}

const f = tf.function((x: tf.Tensor) => tf.exp(x).mul(x))

/** Records something on the tape; asks for the gradient, and gives weak references to all there was. */
function use(tape: tf.GradientTape, traced: boolean): WeakRef<object>[] {
  const x = tf.tensor([1, 2])
  const between: tf.Tensor[] = []
  const y = tape.record(() => {
    tape.watch(x)
    const inner = traced ? f(x) : tf.exp(x)
    between.push(inner)
    return inner.mul(inner)
  })
  expect(tape.gradient(y, x)?.shape).toEqual([2])
  return [...between, x, y].map((tensor) => new WeakRef(tensor))
}

test.each([false, true])('after its gradient a tape holds nothing; traced: %s', async (traced) => {
  const tape = new tf.GradientTape()
  const references = use(tape, traced)
  expect(await alive(references)).toEqual([false, false, false])
  expect(() => tape.gradient(tf.tensor(1), tf.tensor(1))).toThrow(tf.GradientError)
})

test.each([false, true])(
  'a persistent tape holds its records until it is reset; traced: %s',
  async (traced) => {
    const tape = new tf.GradientTape({ persistent: true })
    const references = use(tape, traced)
    expect(await alive(references)).toEqual([true, true, true])
    tape.reset()
    expect(await alive(references)).toEqual([false, false, false])
  },
)

test.each([false, true])('a tape that is dropped leaves nothing; traced: %s', async (traced) => {
  const references = ((): WeakRef<object>[] => {
    const tape = new tf.GradientTape({ persistent: true })
    return [...use(tape, traced), new WeakRef(tape)]
  })()
  expect(await alive(references)).toEqual([false, false, false, false])
})

test('what a function computes for its gradient goes with the tape, also when a variable stays', async () => {
  const v = tf.variable([1, 2])
  const g = tf.function((x: tf.Tensor) => tf.exp(x.mul(v)))
  const references = ((): WeakRef<object>[] => {
    const x = tf.tensor([1, 2])
    const tape = new tf.GradientTape()
    const y = tape.record(() => g(x))
    const gradient = tape.gradient(y, v) as tf.Tensor
    return [x, y, gradient].map((tensor) => new WeakRef(tensor))
  })()
  expect(await alive(references)).toEqual([false, false, false])
  expect(v.array()).toEqual([1, 2])
})
