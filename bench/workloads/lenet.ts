/**
 * A convolutional network for digits: two convolutions of 5×5 with relu and pooling of 2×2, two dense layers.
 */
import { generator, uniform } from './random.ts'

export interface Lenet {
  readonly batch: number
  readonly rate: number
  /** [batch, 28, 28, 1] */
  readonly x: Float32Array
  /** One-hot rows. */
  readonly y: Float32Array
  /** Kernels [height, width, in, out], then matrices, each followed by a bias. */
  readonly parameters: readonly { readonly shape: readonly number[]; readonly values: Float32Array }[]
}

/** `filters` of the two convolutions, and `hidden` units of the dense layer between them and the ten classes. */
function network(batch: number, filters: readonly [number, number], hidden: number): Lenet {
  const next = generator(123456789)
  const x = uniform(next, batch * 784, 1)
  const y = new Float32Array(batch * 10)
  for (let row = 0; row < batch; row++) y[row * 10 + ((row * 7) % 10)] = 1
  const shapes = [
    [5, 5, 1, filters[0]],
    [5, 5, filters[0], filters[1]],
    [49 * filters[1], hidden],
    [hidden, 10],
  ]
  const parameters = shapes.flatMap((shape) => {
    const count = shape.reduce((product, size) => product * size, 1)
    const outputs = shape.at(-1) ?? 1
    const scale = Math.sqrt(3 / (count / outputs))
    return [
      { shape, values: uniform(next, count, scale) },
      { shape: [outputs], values: new Float32Array(outputs) },
    ]
  })
  return { batch, rate: 0.05, x, y, parameters }
}

/** 32 and 64 filters, 512 units, batch 64. */
export function lenet(): Lenet {
  return network(64, [32, 64], 512)
}

/** 6 and 16 filters, 120 units, batch 8: what libraries without fast convolutions can do in a bearable time. */
export function smallLenet(): Lenet {
  return network(8, [6, 16], 120)
}

/** A layer of 5×5 over 28×28×32 with 64 filters, batch 64: 5.14 GFLOP in each direction. */
export interface Layer {
  readonly x: Float32Array
  readonly filter: Float32Array
  readonly xShape: readonly [number, number, number, number]
  readonly filterShape: readonly [number, number, number, number]
}

export function layer(): Layer {
  const next = generator(987654321)
  return {
    x: uniform(next, 64 * 28 * 28 * 32, 1),
    filter: uniform(next, 25 * 32 * 64, 0.05),
    xShape: [64, 28, 28, 32],
    filterShape: [5, 5, 32, 64],
  }
}
