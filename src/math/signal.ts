/** `tf.signal`: windows, and a signal in frames. */
import { ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { constant, gather } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize, requireCount } from './checks.ts'
import { pad } from './shape.ts'

/** a − b·cos(2πi/n) for i = 0 … length−1; n is the length when that is even, else one less, as in TensorFlow. */
function cosineWindow(op: string, length: number, a: number, b: number): Tensor {
  requireCount(op, 'the length', length)
  const period = length % 2 === 0 ? length : length - 1
  const values = Array.from({ length }, (_, i) =>
    length === 1 ? 1 : a - b * Math.cos((2 * Math.PI * i) / period),
  )
  return constant('float32', [length], values)
}

/**
 * Hann's window, float32[length]. Throws ValueError for a bad length.
 *
 * @example tf.signal.hannWindow(4) // [0, 0.5, 1, 0.5]
 */
export function hannWindow(length: number): Tensor {
  return cosineWindow('signal.hannWindow', length, 0.5, 0.5)
}

/** Hamming's window, float32[length]. Throws ValueError for a bad length. */
export function hammingWindow(length: number): Tensor {
  return cosineWindow('signal.hammingWindow', length, 0.54, 0.46)
}

/**
 * A signal, a vector of known size, in frames of `frameLength` elements that begin every `frameStep`: [frames, frameLength].
 * What does not fill a frame at the end is left out, or with `padEnd` filled up with `padValue`.
 *
 * @throws ShapeError for another rank, ValueError for lengths that are no integers above 0.
 * @example tf.signal.frame([1, 2, 3, 4, 5], 2, 2, true) // [[1, 2], [3, 4], [5, 0]]
 */
export function frame(
  signal: TensorLike,
  frameLength: number,
  frameStep: number,
  padEnd = false,
  padValue = 0,
): Tensor {
  const op = 'signal.frame'
  const tensor = convertToTensor(signal, { op })
  requireCount(op, 'frameLength', frameLength, 1)
  requireCount(op, 'frameStep', frameStep, 1)
  if (tensor.rank !== 1)
    throw new ShapeError({
      op,
      problem: 'a signal is a vector',
      rows: [['signal', printType(tensor.type)]],
      fix: 'frame one signal at a time, or reshape it.',
    })
  const size = knownSize(op, tensor.type, 0)
  const count = padEnd
    ? Math.ceil(size / frameStep)
    : Math.max(0, 1 + Math.floor((size - frameLength) / frameStep))
  const needed = count === 0 ? 0 : (count - 1) * frameStep + frameLength
  const long = needed > size ? pad(tensor, [[0, needed - size]], padValue) : tensor
  const starts = Array.from({ length: count }, (_, i) => i * frameStep)
  const positions = starts.flatMap((start) => Array.from({ length: frameLength }, (_, k) => start + k))
  return gather(long, constant('int32', [count, frameLength], positions))
}
