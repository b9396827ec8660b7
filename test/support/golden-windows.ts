// How golden cases of convolutions and pooling become calls.
import * as tf from '../../src/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'

type Pair = readonly [number, number]
type Triple = readonly [number, number, number]

interface Call {
  readonly attrs: {
    as<T>(name: string): T
    number(name: string): number
    list(name: string): readonly number[]
  }
  x(position: number): Tensor
}

const padOf = (c: Call): tf.Padding => c.attrs.as<tf.Padding>('pad')
const pairOf = (c: Call, name: string): Pair => c.attrs.as<Pair>(name)

export const windowRunners: Readonly<Record<string, (call: Call) => Tensor>> = {
  conv1d: (c) =>
    tf.conv1d(c.x(0), c.x(1), c.attrs.number('stride'), padOf(c), 'NWC', c.attrs.number('dilation')),
  conv2d: (c) => tf.conv2d(c.x(0), c.x(1), pairOf(c, 'strides'), padOf(c), 'NHWC', pairOf(c, 'dilations')),
  conv3d: (c) => tf.conv3d(c.x(0), c.x(1), c.attrs.as<Triple>('strides'), padOf(c)),
  depthwiseConv2d: (c) =>
    tf.depthwiseConv2d(c.x(0), c.x(1), pairOf(c, 'strides'), padOf(c), 'NHWC', pairOf(c, 'dilations')),
  separableConv2d: (c) => tf.separableConv2d(c.x(0), c.x(1), c.x(2), pairOf(c, 'strides'), padOf(c)),
  conv2dTranspose: (c) =>
    tf.conv2dTranspose(c.x(0), c.x(1), c.attrs.list('outputShape'), pairOf(c, 'strides'), padOf(c)),
  maxPool: (c) => tf.maxPool(c.x(0), pairOf(c, 'filterSize'), pairOf(c, 'strides'), padOf(c)),
  avgPool: (c) => tf.avgPool(c.x(0), pairOf(c, 'filterSize'), pairOf(c, 'strides'), padOf(c)),
  pool: (c) =>
    tf.pool(
      c.x(0),
      c.attrs.list('windowShape'),
      c.attrs.as<'avg' | 'max'>('poolingType'),
      padOf(c),
      c.attrs.list('dilations'),
      c.attrs.list('strides'),
    ),
}
