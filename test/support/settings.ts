// The three settings a gradient must be the same in: eager code, a tape inside a traced function, and a tape around a
// traced function.
import * as tf from '../../src/index.ts'

export type F = (...xs: tf.Tensor[]) => tf.Tensor
/** From arguments to gradients. */
export type Derivatives = (...xs: tf.Tensor[]) => (tf.Tensor | null)[]

/** Gradients of f by a tape, in the trace that is current. */
export function tapeGradients(f: F, xs: readonly tf.Tensor[]): (tf.Tensor | null)[] {
  const tape = new tf.GradientTape()
  const y = tape.record(() => {
    tape.watch(xs)
    return f(...xs)
  })
  return tape.gradient(y, [...xs])
}

export const settings: readonly { readonly setting: string; readonly derive: (f: F) => Derivatives }[] = [
  {
    setting: 'eager code',
    derive:
      (f) =>
      (...xs) =>
        tapeGradients(f, xs),
  },
  {
    setting: 'a tape inside a traced function',
    derive: (f) => tf.function((...xs: tf.Tensor[]) => tapeGradients(f, xs)),
  },
  {
    setting: 'a tape around a traced function',
    derive: (f) => {
      const traced = tf.function(f, { name: 'f' })
      return (...xs) => tapeGradients(traced, xs)
    },
  },
]

/** Runs a computation as eager code, and as the body of a traced function. */
export const bodies: readonly { readonly setting: string; readonly run: <R>(body: () => R) => R }[] = [
  { setting: 'eager code', run: (body) => body() },
  { setting: 'a traced function', run: (body) => tf.function(body)() },
]

/** Nested arrays of what is not null. */
export function arrays(list: readonly (tf.Tensor | null)[]): unknown[] {
  return list.map((entry) => (entry === null ? null : entry.array()))
}
