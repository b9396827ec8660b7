// The convolution's module against loops in float64: random sizes, strides, dilations, padding, groups and layouts.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  buildConvModule,
  convBlockPositions,
  type ConvExports,
  convHeadFloats,
  convInitFlag,
  type ConvOperands,
  convParameters,
  convReluFlag,
  embeddedConvModule,
  instantiateConv,
} from '../../codegen/runtime-kernels/conv.ts'
import { features } from '../../codegen/wasm/features.ts'

const memory = new WebAssembly.Memory({ initial: 128 })
const numbers = new Float32Array(memory.buffer)
const options = { relaxed: features.relaxedSimd }
const exports: ConvExports = instantiateConv(memory, options)
/** With tiles of 16 features, whose sums have the same terms in the same order. */
const wide: ConvExports = instantiateConv(
  memory,
  options,
  buildConvModule({ ...options, wide: true, validate: true }),
)

interface Case {
  readonly batch: number
  readonly groups: number
  readonly inner: number
  readonly outer: number
  readonly input: readonly [number, number]
  readonly kernel: readonly [number, number]
  readonly size: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  readonly spreads: readonly [number, number]
  readonly low: readonly [number, number]
  readonly reversed: boolean
  readonly swapped: boolean
  readonly flags: number
}

const pairOf = (least: number, most: number): fc.Arbitrary<readonly [number, number]> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  groups: fc.integer({ min: 1, max: 3 }),
  inner: fc.integer({ min: 1, max: 9 }),
  outer: fc.integer({ min: 1, max: 37 }),
  input: pairOf(1, 9),
  kernel: pairOf(0, 4),
  size: pairOf(1, 9),
  strides: pairOf(1, 3),
  dilations: pairOf(1, 2),
  spreads: pairOf(1, 3),
  low: pairOf(-2, 3),
  reversed: fc.boolean(),
  swapped: fc.boolean(),
  flags: fc.integer({ min: 0, max: 3 }),
})

/** Deterministic numbers that are not symmetric. */
function fill(start: number, count: number, seed: number): void {
  let state = seed * 2654435761 + 12345
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    numbers[start + i] = state / 2 ** 31
  }
}

/** Element of the input along one axis that position falls on, or −1. */
function elementAt(position: number, spread: number, size: number): number {
  if (position < 0 || position % spread !== 0 || position / spread >= size) return -1
  return position / spread
}

function naive(
  c: Case,
  x: (b: number, i: number, g: number, y: number, x: number) => number,
  w: (i: number, g: number, o: number, y: number, x: number) => number,
  init: (g: number, o: number) => number,
): (b: number, g: number, o: number, y: number, x: number) => number {
  return (b, g, o, oy, ox) => {
    let sum = init(g, o)
    for (let ky = 0; ky < c.kernel[0]; ky++)
      for (let kx = 0; kx < c.kernel[1]; kx++) {
        const iy = elementAt(oy * c.strides[0] + ky * c.dilations[0] - c.low[0], c.spreads[0], c.input[0])
        const ix = elementAt(ox * c.strides[1] + kx * c.dilations[1] - c.low[1], c.spreads[1], c.input[1])
        if (iy < 0 || ix < 0) continue
        for (let i = 0; i < c.inner; i++) sum += x(b, i, g, iy, ix) * w(i, g, o, ky, kx)
      }
    return sum
  }
}

/** Runs `conv` of both modules on dense operands; the largest difference from the reference, infinite between the two. */
function run(c: Case, kernelMode: boolean): number {
  const { batch, groups, inner, outer, input, kernel, size } = c
  const xCount = batch * groups * inner * input[0] * input[1]
  const wCount = groups * inner * outer * kernel[0] * kernel[1]
  const yCount = batch * groups * outer * size[0] * size[1]
  const x = 1024
  const w = x + xCount
  const init = w + wCount
  const y = init + groups * outer
  const scratch = y + yCount
  fill(x, xCount, 1)
  fill(w, wCount, 2)
  fill(init, groups * outer, 3)
  fill(y, yCount, 4)
  // Input: [batch, y, x, group, inner], or with batch and inner exchanged; kernel: [y, x, inner, group, outer], or with
  // inner and outer exchanged, and reversed.
  const pixel = groups * (kernelMode ? batch : inner)
  const image = pixel * input[0] * input[1]
  const xStrides = kernelMode
    ? { xBatch: 1, xInner: image, xGroup: batch }
    : { xBatch: image, xInner: 1, xGroup: inner }
  const wStrides = c.swapped
    ? { wInner: 1, wOuter: groups * inner, wGroup: inner }
    : { wInner: groups * outer, wOuter: 1, wGroup: outer }
  const wPixel = inner * groups * outer
  const wRow = wPixel * kernel[1]
  const sign = c.reversed ? -1 : 1
  const strides = {
    ...xStrides,
    xRow: pixel * input[1],
    xPixel: pixel,
    ...wStrides,
    wRow: sign * wRow,
    wPixel: sign * wPixel,
    yBatch: kernelMode ? groups * outer : groups * outer * size[0] * size[1],
    yGroup: outer,
    yPixel: groups * outer * (kernelMode ? batch : 1),
    yRow: groups * outer * (kernelMode ? batch : 1) * size[1],
  }
  const wStart = c.reversed ? w + (kernel[0] - 1) * wRow + (kernel[1] - 1) * wPixel : w
  const operands: ConvOperands<number> = {
    x: 4 * x,
    w: 4 * wStart,
    y: 4 * y,
    init: 4 * init,
    scratch: 4 * scratch,
    flags: kernelMode ? 0 : c.flags,
    batch,
    groups,
    inner,
    outer,
    inputHeight: input[0],
    inputWidth: input[1],
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    height: size[0],
    width: size[1],
    strideHeight: c.strides[0],
    strideWidth: c.strides[1],
    dilationHeight: c.dilations[0],
    dilationWidth: c.dilations[1],
    spreadHeight: c.spreads[0],
    spreadWidth: c.spreads[1],
    lowHeight: c.low[0],
    lowWidth: c.low[1],
    ...(Object.fromEntries(Object.entries(strides).map(([name, n]) => [name, 4 * n])) as typeof strides),
  }
  const before = numbers.slice(0, scratch)
  const values = convParameters.map((name) => operands[name])
  const call = (module: ConvExports): Float32Array => {
    fill(y, yCount, 4)
    fill(scratch, 4096, 5)
    if (kernelMode) module.convKernel(...values)
    else module.conv(...values)
    return numbers.slice(y, scratch)
  }
  const narrow = call(exports)
  if (call(wide).some((value, i) => !Object.is(value, narrow[i]))) return Infinity
  const s = strides
  const relu = !kernelMode && (c.flags & convReluFlag) !== 0
  const biased = !kernelMode && (c.flags & convInitFlag) !== 0
  const reference = naive(
    c,
    (b, i, g, iy, ix) =>
      before[x + b * s.xBatch + i * s.xInner + g * s.xGroup + iy * s.xRow + ix * s.xPixel]!,
    (i, g, o, ky, kx) =>
      before[wStart + i * s.wInner + o * s.wOuter + g * s.wGroup + ky * s.wRow + kx * s.wPixel]!,
    (g, o) => (biased ? before[init + g * outer + o]! : 0),
  )
  let worst = 0
  for (let b = 0; b < batch; b++)
    for (let g = 0; g < groups; g++)
      for (let o = 0; o < outer; o++)
        for (let oy = 0; oy < size[0]; oy++)
          for (let ox = 0; ox < size[1]; ox++) {
            const expected = reference(b, g, o, oy, ox)
            const at = y + b * s.yBatch + g * s.yGroup + o + oy * s.yRow + ox * s.yPixel
            const difference = Math.abs(numbers[at]! - (relu ? Math.max(expected, 0) : expected))
            worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference)
            before[at] = numbers[at]!
          }
  // Nothing but the result may have changed.
  for (let i = 0; i < scratch; i++) if (numbers[i] !== before[i]) return Infinity
  return worst
}

describe('the convolution', () => {
  it('agrees with loops, features adjacent', () => {
    fc.assert(
      fc.property(cases, (c) => {
        expect(run(c, false)).toBeLessThan(1e-4)
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with loops, the batch adjacent', () => {
    fc.assert(
      fc.property(cases, (c) => {
        expect(run(c, true)).toBeLessThan(1e-4)
      }),
      { numRuns: 300 },
    )
  })

  it('packs more positions than a block holds', () => {
    const c: Case = {
      batch: 3,
      groups: 1,
      inner: 2,
      outer: 9,
      input: [40, 37],
      kernel: [38, 35],
      size: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      spreads: [1, 1],
      low: [0, 0],
      reversed: false,
      swapped: false,
      flags: 0,
    }
    expect(38 * 35).toBeGreaterThan(convBlockPositions)
    expect(run(c, true)).toBeLessThan(1e-3)
    expect(run({ ...c, inner: 1, outer: 20 }, true)).toBeLessThan(1e-3)
    for (const width of [64, 65, 890])
      for (const outer of [9, 20])
        expect(
          run({ ...c, outer, input: [1, width + 10], kernel: [1, width], size: [1, 5] }, true),
        ).toBeLessThan(1e-3)
  })

  it('is embedded as it is generated', () => {
    for (const relaxed of [false, true])
      expect(embeddedConvModule({ relaxed })).toEqual(buildConvModule({ relaxed, validate: true }))
    expect(convHeadFloats).toBe(64)
  })
})
