/**
 * Variables of every shape, and what they can be made from.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function kindsOfVariables(print: (line: string) => void = console.log): void {
  const describe = (v: tf.Variable): void =>
    print(
      `${v.name}: ${v.dtype}[${v.shape.join(', ')}] ${v.trainable ? 'trainable' : 'not trainable'} ${JSON.stringify(v.array())}`,
    )
  describe(tf.variable(5, { name: 'scalar' }))
  describe(tf.variable([1, 2, 3], { name: 'vector', dtype: 'int32' }))
  describe(
    tf.variable(
      [
        [1, 2],
        [3, 4],
      ],
      { name: 'matrix', trainable: false },
    ),
  )
  describe(tf.variable(new Float64Array([0.1, 0.2]), { name: 'from_a_typed_array' }))
  const source = tf.variable([7, 8], { name: 'source' })
  const copy = tf.variable(source, { name: 'from_a_variable' })
  source.assign([0, 0])
  describe(copy)
  describe(tf.variable(() => tf.ones([2, 2]).mul(3), { name: 'from_a_function' }))

  // Sizes that assignments may change.
  const open = tf.variable([1, 2], { name: 'open', shape: [null] })
  open.assign([1, 2, 3, 4])
  describe(open)
  const sum = tf.function(() => open.sum())
  print(`sum: ${sum().item()}`)
  open.assign([10])
  print(`sum: ${sum().item()}, traces: ${sum.traceCount}`)

  const fixed = tf.variable([1, 2], { name: 'fixed' })
  try {
    fixed.assign([1, 2, 3])
  } catch (error) {
    print(error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error))
  }
  describe(fixed)

  // What tapes watch.
  const [weight, count] = [tf.variable(2), tf.variable(3, { trainable: false })]
  const tape = new tf.GradientTape()
  const y = tape.record(() => weight.mul(count))
  const [byWeight, byCount] = tape.gradient(y, [weight, count])
  print(`gradients: ${byWeight?.item()}, ${byCount === null ? 'null' : byCount?.item()}`)
}

if (isMain(import.meta.url)) kindsOfVariables()
