// The digits: read right, split without overlap, and in an order that only the seed decides.
import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import {
  batchesOf,
  digitFile,
  imageAt,
  loadDigits,
  pick,
  pixelsPerImage,
  readNumbers,
  type Samples,
} from '../../examples/mnist/data.ts'

const text = (json: string): Uint8Array => new TextEncoder().encode(json)

test('the numbers are those of JSON.parse', () => {
  for (const digit of [1, 8]) {
    const bytes = readFileSync(digitFile(digit))
    const parsed: unknown = JSON.parse(bytes.toString())
    const { data } = parsed as { readonly data: readonly number[] }
    expect(Buffer.compare(Buffer.from(readNumbers(bytes).buffer, 0, 4 * data.length), floatsOf(data))).toBe(0)
  }
  expect([...readNumbers(text('{ "data": [0,1,0.5,0.25,12.125]}'))]).toEqual([0, 1, 0.5, 0.25, 12.125])
})

function floatsOf(numbers: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(numbers).buffer)
}

test('what is no number among the pixels is refused', () => {
  expect(() => readNumbers(text('{"data":[0,-1]}'))).toThrow('unexpected "-" among the pixels, at byte 11')
})

/** A name for an image by its content, with its label. */
function named(samples: Samples): string[] {
  return Array.from(samples.labels, (label, i) => {
    const image = imageAt(samples, i)
    return `${label} ${Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('latin1')}`
  })
}

test('training and held-back digits are all digits, without overlap', () => {
  const { training, heldBack } = loadDigits(3)
  expect([training.count, heldBack.count]).toEqual([8_000, 2_000])
  const all = [...named(training), ...named(heldBack)].sort()
  const other = loadDigits(4)
  expect(all.length).toBe(10_000)
  const same = [...named(other.training), ...named(other.heldBack)].sort()
  expect(same.every((name, i) => name === all[i])).toBe(true)
  // The split is another one, and each digit is in both parts of it.
  expect(Buffer.from(other.training.labels).equals(Buffer.from(training.labels))).toBe(false)
  expect(new Set(heldBack.labels).size).toBe(10)
  const again = loadDigits(3)
  expect(Buffer.from(again.training.images.buffer).equals(Buffer.from(training.images.buffer))).toBe(true)
})

/** Image i is filled with i and labelled i % 10. */
function numbered(count: number): Samples {
  const images = Float32Array.from({ length: count * pixelsPerImage }, (_, i) =>
    Math.floor(i / pixelsPerImage),
  )
  return { count, images, labels: Int32Array.from({ length: count }, (_, i) => i % 10) }
}

function orderOf(seed: number, epoch: number, count = 300): number[] {
  return [...batchesOf(numbered(count), 128, seed, epoch)].flatMap((batch) => {
    return Array.from(batch.labels, (_, i) => imageAt(batch, i)[0] ?? -1)
  })
}

test('batches hold each sample once, with its label, and the last one is short', () => {
  const batches = [...batchesOf(numbered(300), 128, 0, 1)]
  expect(batches.map((batch) => batch.count)).toEqual([128, 128, 44])
  for (const batch of batches)
    batch.labels.forEach((label, i) => {
      const image = imageAt(batch, i)
      expect((image[0] ?? -1) % 10).toBe(label)
      expect(image.every((pixel) => pixel === image[0])).toBe(true)
    })
  expect(orderOf(0, 1).toSorted((x, y) => x - y)).toEqual(Array.from({ length: 300 }, (_, i) => i))
})

test('the order depends on seed and epoch only', () => {
  expect(orderOf(1, 1)).toEqual(orderOf(1, 1))
  expect(orderOf(1, 1)).not.toEqual(orderOf(1, 2))
  expect(orderOf(1, 1)).not.toEqual(orderOf(2, 1))
})

test('shuffling favours no place', () => {
  // Where sample 0 of 20 goes, over 400 epochs: the mean of the places is 9.5 with a standard error of 0.29.
  const places = Array.from({ length: 400 }, (_, epoch) => orderOf(5, epoch, 20).indexOf(0))
  expect(new Set(places).size).toBe(20)
  const mean = places.reduce((x, y) => x + y) / places.length
  expect(Math.abs(mean - 9.5)).toBeLessThan(4 * 0.29)
})

test('picking copies', () => {
  const samples = numbered(4)
  const picked = pick(samples, Int32Array.of(3, 1))
  picked.images.fill(0)
  expect([...picked.labels]).toEqual([3, 1])
  expect(imageAt(samples, 3)[0]).toBe(3)
})
