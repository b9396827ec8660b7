// Every layer against Keras 3.15 on TensorFlow 2.21: outputs, gradients of Σ output·sin(1, 2, …) with respect to the
// input and each trainable weight, moved statistics, in one traced function; and the outputs of eager code.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]

interface Case {
  readonly name: string
  readonly make: string
  readonly options: unknown
  readonly x: Nested
  readonly weights: readonly Nested[]
  readonly weightNames: readonly string[]
  readonly outputs: readonly Nested[]
  readonly shape: readonly (number | null)[]
  readonly gradients: readonly (Nested | null)[]
  readonly integers?: true
  readonly training?: true
  readonly apply?: Readonly<Record<string, Nested>>
  readonly after?: readonly Nested[]
}

const file = new URL('../golden-data/keras-layers.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] }

type AnyLayer = tf.layers.Layer<tf.Tensor | readonly tf.Tensor[]>
type Make = (options: unknown) => AnyLayer

/** Layers that Keras makes of other layers. */
const wrapped: Readonly<Record<string, (options: never) => AnyLayer>> = {
  'bidirectional lstm': (options: tf.layers.LSTMOptions) =>
    tf.layers.bidirectional(tf.layers.lstm(options), tf.layers.lstm({ ...options, goBackwards: true })),
  'bidirectional gru sum': (options: tf.layers.GRUOptions) =>
    tf.layers.bidirectional(tf.layers.gru(options), tf.layers.gru({ ...options, goBackwards: true }), {
      mergeMode: 'sum',
    }),
  'timeDistributed dense': (options: tf.layers.DenseOptions) =>
    tf.layers.timeDistributed(tf.layers.dense(options)),
}

function layerOf({ make, options }: Case): AnyLayer {
  const found: unknown = wrapped[make] ?? Reflect.get(tf.layers, make)
  return (found as Make)(options)
}

const flat = (value: unknown): number[] => [value].flat(Infinity).map(Number)

function expectClose(got: tf.Tensor | null | undefined, wanted: Nested | null, what: string): void {
  const values = Array.from(got?.data() ?? [])
  const expected = wanted === null ? [] : flat(wanted)
  expect(values.length, what).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs((values[i] ?? NaN) - value), `${what}[${i}]: ${values[i]}, not ${value}`).toBeLessThan(
      2e-6 + 1e-5 * Math.abs(value),
    )
}

/** What a layer gives, as a list. */
function results(output: tf.Tensor | readonly tf.Tensor[]): readonly tf.Tensor[] {
  return output instanceof tf.Tensor ? [output] : output
}

function weighted(outputs: readonly tf.Tensor[]): tf.Tensor {
  return outputs
    .map((output) => {
      const sines = Float32Array.from({ length: output.size }, (_, i) => Math.sin(i + 1))
      return output.mul(tf.tensor(sines, output.shape)).sum()
    })
    .reduce((sum, each) => sum.add(each))
}

describe('layers compute what Keras computes', () => {
  for (const each of cases)
    it(`${each.name}`, () => {
      const x = tf.tensor(each.x as number[], each.integers === true ? 'int32' : 'float32')
      const options = { ...each.apply, ...(each.training === true ? { training: true } : {}) }
      const layer = layerOf(each)
      layer.apply(x, { ...each.apply })
      expect(layer.weights.map(({ name }) => name.slice(name.indexOf('/') + 1))).toHaveLength(
        each.weightNames.length,
      )
      const step = (input: tf.Tensor): readonly (tf.Tensor | null)[] => {
        const tape = new tf.GradientTape()
        const outputs = tape.record(() => {
          if (each.integers !== true) tape.watch(input)
          return results(layer.apply(input, options))
        })
        const loss = tape.record(() => weighted(outputs))
        const sources = [...(each.integers === true ? [] : [input]), ...layer.trainableVariables]
        return [...outputs, ...tape.gradient(loss, sources)]
      }
      layer.setWeights(each.weights as number[][])
      const eager = results(layer.apply(x, { ...each.apply }))
      if (each.training !== true)
        each.outputs.forEach((output, i) => expectClose(eager[i], output, `eager output ${i}`))
      const got = tf.function(step)(x)
      each.outputs.forEach((output, i) => expectClose(got[i], output, `output ${i}`))
      expect(got).toHaveLength(each.outputs.length + each.gradients.length)
      each.gradients.forEach((gradient, i) =>
        expectClose(got[each.outputs.length + i], gradient, `gradient ${i}`),
      )
      each.after?.forEach((weight, i) => expectClose(layer.getWeights()[i], weight, `weight ${i} after`))
      const inferred = layer.outputShape([null, ...x.shape.slice(1)])
      expect(inferred).toEqual(each.shape.map((size, axis) => (inferred[axis] === null ? null : size)))
    })

  it('on every layer of the file', () => {
    expect(cases.length).toBeGreaterThan(80)
  })
})
