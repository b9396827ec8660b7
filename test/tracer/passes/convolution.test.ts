// The steps of a convolutional network's training: a convolution step for each direction, bias and relu inside the forward
// ones, nothing transposed and nothing padded in memory; and which convolutions become loops.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ConvStep, ProgramSpec, Step } from '../../../codegen/program.ts'
import { printSize } from '../../../codegen/size.ts'
import * as tf from '../../../src/index.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import { machineryOf } from '../../../src/function.ts'

const updating = process.env['UPDATE'] !== undefined && process.env['UPDATE'] !== ''

function describeConv(name: (buffer: number) => string, step: ConvStep): string {
  const { sizes, adjacent, init, activation } = step
  const shape = (...names: readonly (keyof ConvStep['sizes'])[]): string =>
    names.map((size) => printSize(sizes[size])).join('×')
  const image = shape('inputHeight', 'inputWidth')
  const window = shape('kernelHeight', 'kernelWidth')
  const epilogue = `${init === undefined ? '' : ` + ${name(init)}`}${activation === 'none' ? '' : `, ${activation}`}`
  return (
    `conv along ${adjacent}, batch ${printSize(sizes.batch)}, ${image}×${printSize(sizes.inner)} by ` +
    `${window}×${printSize(sizes.outer)}: ${name(step.result)} = ${name(step.input)} * ${name(step.kernel)}${epilogue}`
  )
}

function describeStep(spec: ProgramSpec, step: Step): string {
  const name = (buffer: number): string => spec.buffers[buffer]?.name ?? '?'
  switch (step.kind) {
    case 'conv':
      return describeConv(name, step)
    case 'kernel':
      return `kernel ${step.kernel.name}: ${step.buffers.map(name).join(', ')}`
    case 'commit':
      return `commit ${name(step.variable)} from ${name(step.from)}`
    default:
      return step.kind
  }
}

function specOf(f: object): { readonly spec: ProgramSpec; readonly fused: string } {
  const callee = machineryOf(f)?.current
  if (callee === undefined) throw new Error('not traced')
  return { spec: callee.prepare().program.spec, fused: printGraph(callee.fusedGraph()) }
}

function lenet(batch: number | null): object {
  const variable = (name: string, shape: number[]): tf.Variable => tf.variable(tf.ones(shape), { name })
  const [w1, b1] = [variable('w1', [5, 5, 1, 8]), variable('b1', [8])]
  const [w2, b2] = [variable('w2', [5, 5, 8, 16]), variable('b2', [16])]
  const [w3, b3] = [variable('w3', [784, 10]), variable('b3', [10])]
  const variables = [w1, b1, w2, b2, w3, b3]
  const step = tf.function(
    (x: tf.Tensor, y: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => {
        const first = tf.maxPool(tf.conv2d(x, w1, 1, 'same').add(b1).relu(), 2, 2, 'valid')
        const second = tf.maxPool(tf.conv2d(first, w2, 1, 'same').add(b2).relu(), 2, 2, 'valid')
        return second.reshape([-1, 784]).matMul(w3).add(b3).sub(y).square().mean()
      })
      const gradients = tape.gradient(loss, variables)
      variables.forEach((v, i) => v.assignSub((gradients[i] as tf.Tensor).mul(0.01)))
      return loss
    },
    { name: 'step', inputSignature: [tf.spec([batch, 28, 28, 1]), tf.spec([batch, 10])] },
  )
  const rows = batch ?? 3
  step(tf.ones([rows, 28, 28, 1]), tf.ones([rows, 10]))
  return step
}

describe('a convolutional network', () => {
  for (const [name, batch] of [
    ['lenet-sgd', 16],
    ['lenet-sgd-unknown-batch', null],
  ] as const)
    it(`${name}`, () => {
      const { spec, fused } = specOf(lenet(batch))
      const steps = spec.steps.map((step) => describeStep(spec, step)).join('\n')
      const text = `--- fused\n${fused.trim()}\n\n--- steps\n${steps}\n`
      const path = new URL(`../../golden/conv/${name}.txt`, import.meta.url)
      if (updating) writeFileSync(path, text)
      expect(text).toBe(readFileSync(path, 'utf8'))
      expect(spec.steps.filter(({ kind }) => kind === 'conv').length).toBe(5)
      expect(fused).not.toContain('transpose')
      expect(fused).not.toContain(' pad ')
    })
})

describe('which convolutions are steps', () => {
  const kinds = (f: (x: tf.Tensor, w: tf.Tensor) => unknown, x: tf.Tensor, w: tf.Tensor): string[] => {
    const traced = tf.function(f)
    traced(x, w)
    return specOf(traced).spec.steps.map(({ kind }) => kind)
  }
  const [x, w] = [tf.ones([2, 6, 6, 8]), tf.ones([3, 3, 8, 8])]
  it('float32 over one or two axes is', () => {
    expect(kinds((a, b) => tf.conv2d(a, b, 1, 'same'), x, w)).toEqual(['conv'])
    expect(kinds((a, b) => tf.conv1d(a, b, 1, 'same'), tf.ones([2, 6, 8]), tf.ones([3, 8, 8]))).toEqual([
      'conv',
    ])
    expect(kinds((a, b) => tf.conv2d(a, b, 1, 'same'), x, tf.ones([3, 3, 2, 16]))).toEqual(['conv'])
    expect(kinds((a, b) => tf.conv2dTranspose(a, b, [2, 12, 12, 8], 2, 'same'), x, w)).toEqual(['conv'])
  })
  it('channels in front are moved first', () => {
    expect(kinds((a, b) => tf.conv2d(a, b, 1, 'same', 'NCHW'), tf.ones([2, 8, 6, 6]), w)).toEqual([
      'kernel',
      'conv',
      'kernel',
    ])
  })
  it('groups of few features, other dtypes and three axes are loops', () => {
    expect(kinds((a, b) => tf.depthwiseConv2d(a, b, 1, 'same'), x, tf.ones([3, 3, 8, 1]))).not.toContain(
      'conv',
    )
    expect(kinds((a, b) => tf.conv2d(a, b, 1, 'valid'), x.cast('float64'), w.cast('float64'))).toEqual([
      'kernel',
    ])
    expect(
      kinds((a, b) => tf.conv3d(a, b, 1, 'valid'), tf.ones([1, 3, 3, 3, 2]), tf.ones([2, 2, 2, 2, 2])),
    ).toEqual(['kernel'])
  })
})
