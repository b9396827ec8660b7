// The matrix product against triple loops, for random shapes, every stride variant, start value and flag: within the
// rounding bound of a float64 sum always, and bit for bit equal to the float32 sum over k in order when the code does
// not use fused multiply-add and neither operand is a vector.
import { describe, expect, it } from 'vitest'
import {
  buildGemmModule,
  embeddedGemmModule,
  type GemmExports,
  gemmScratchBytes,
  initBatchedFlag,
  initFlag,
  instantiateGemm,
  reluFlag,
} from '../../codegen/runtime-kernels/gemm.ts'
import { features } from '../../codegen/wasm/features.ts'

const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536 })
const floats = new Float32Array(memory.buffer)
const scratch = 64
const arena = 64 + gemmScratchBytes

/** xorshift32: the same cases in every run. */
function randomSource(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4294967296
  }
}

type Layout = 'row-major' | 'column-major' | 'strided' | 'padded'

/** A matrix in memory: strides in bytes. */
interface Matrix {
  readonly address: number
  readonly rows: number
  readonly columns: number
  readonly row: number
  readonly column: number
  /** Bytes it spans. */
  readonly bytes: number
}

function place(address: number, rows: number, columns: number, layout: Layout): Matrix {
  const [row, column] = {
    'row-major': [columns * 4, 4],
    'column-major': [4, rows * 4],
    padded: [columns * 4 + 12, 4],
    strided: [columns * 12 + 8, 12],
  }[layout] as [number, number]
  return { address, rows, columns, row, column, bytes: (rows + 1) * row + (columns + 1) * column }
}

function read(m: Matrix, i: number, j: number): number {
  return floats[(m.address + i * m.row + j * m.column) / 4]!
}

function write(m: Matrix, i: number, j: number, value: number): void {
  floats[(m.address + i * m.row + j * m.column) / 4] = value
}

function fill(m: Matrix, value: () => number): void {
  for (let i = 0; i < m.rows; i++) for (let j = 0; j < m.columns; j++) write(m, i, j, value())
}

type Start = 'zero' | 'matrix' | 'bias' | 'accumulate'

interface Problem {
  readonly M: number
  readonly N: number
  readonly K: number
  readonly a: Layout
  readonly b: Layout
  readonly cPadding: number
  readonly start: Start
  readonly relu: boolean
  readonly seed: number
  /** Replaces some elements of A and B by NaN, infinities and zeros. */
  readonly special?: boolean
}

const guard = 1234.5

/** What to run a problem with. */
interface Kernel {
  readonly gemm: GemmExports['gemm']
  readonly relaxed: boolean
}

/** `actual` is the exact float32 result, or close enough to the float64 one; all NaNs are alike. */
function agrees(actual: number, float64: number, float32: number, bound: number, relaxed: boolean): boolean {
  if (!relaxed) return Number.isNaN(float32) ? Number.isNaN(actual) : actual === float32
  if (Number.isNaN(float64)) return Number.isNaN(actual)
  return actual === float64 || Math.abs(actual - float64) <= bound
}

/**
 * Runs one product between guard values. Says what is wrong, if anything: an element that disagrees, or a write
 * outside C.
 */
function disagreement({ gemm, relaxed }: Kernel, problem: Problem): string | undefined {
  const { M, N, K, relu, start } = problem
  const random = randomSource(problem.seed)
  const value = (): number => {
    if (problem.special === true && random() < 0.05) {
      return [Number.NaN, Infinity, -Infinity, 0, -0][Math.floor(random() * 5)]!
    }
    return random() * 2 - 1
  }
  const a = place(arena, M, K, problem.a)
  const b = place(a.address + a.bytes, K, N, problem.b)
  const init = place(b.address + b.bytes, start === 'bias' ? 1 : M, N, 'padded')
  const cRow = (N + problem.cPadding) * 4
  const c: Matrix = {
    address: init.address + init.bytes + 64,
    rows: M,
    columns: N,
    row: cRow,
    column: 4,
    bytes: M * cRow + 128,
  }
  const end = (c.address + c.bytes) / 4
  floats.fill(guard, arena / 4, end)
  // Packing must not leak what an earlier product left behind.
  floats.fill(Number.NaN, scratch / 4, arena / 4)
  fill(a, value)
  fill(b, value)
  fill(init, value)
  if (start === 'accumulate') fill(c, value)
  const source = start === 'accumulate' ? c : init
  const before = floats.slice(arena / 4, end)
  const flags = (start === 'zero' ? 0 : initFlag) | (relu ? reluFlag : 0)
  const initRow = start === 'bias' ? 0 : source.row
  const starting = (i: number, j: number): number => {
    if (start === 'zero') return 0
    return before[(source.address - arena + i * initRow + j * 4) / 4]!
  }
  gemm(
    a.address,
    b.address,
    c.address,
    source.address,
    M,
    N,
    K,
    a.row,
    a.column,
    b.row,
    b.column,
    c.row,
    initRow,
    flags,
    scratch,
  )
  const label = JSON.stringify(problem)
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let float64 = starting(i, j)
      let float32 = float64
      let magnitude = Math.abs(float64)
      for (let k = 0; k < K; k++) {
        const product = read(a, i, k) * read(b, k, j)
        float64 += product
        float32 = Math.fround(float32 + Math.fround(product))
        magnitude += Math.abs(product)
      }
      if (relu && float64 < 0) float64 = 0
      if (relu && float32 < 0) float32 = 0
      const actual = read(c, i, j)
      const bound = magnitude * (K + 2) * 2 ** -24
      // A vector times a matrix may be summed in four parts.
      if (!agrees(actual, float64, float32, bound, relaxed || M === 1 || N === 1)) {
        return `C[${i},${j}] is ${actual}, not ${relaxed ? float64 : float32}, in ${label}`
      }
      write(c, i, j, before[(c.address - arena + i * c.row + j * 4) / 4]!)
    }
  }
  const after = floats.subarray(arena / 4, end)
  const changed = after.findIndex((x, i) => !Object.is(x, before[i]))
  return changed < 0 ? undefined : `wrote outside C, at element ${changed} of the arena, in ${label}`
}

const layouts: readonly Layout[] = ['row-major', 'column-major', 'padded', 'strided']
const starts: readonly Start[] = ['zero', 'matrix', 'bias', 'accumulate']
const kinds = [false, true]
  .filter((relaxed) => features.relaxedSimd || !relaxed)
  .flatMap((relaxed) => [
    { relaxed, wide: false },
    { relaxed, wide: true },
  ])

describe.each(kinds)('gemm, relaxed multiply-add: $relaxed, 16 columns: $wide', ({ relaxed, wide }) => {
  const { gemm, gemmBatched } = instantiateGemm(
    memory,
    { relaxed },
    buildGemmModule({ relaxed, wide, validate: true }),
  )
  const disagreementOf = (problem: Problem): string | undefined => disagreement({ gemm, relaxed }, problem)

  it('agrees for random small problems', () => {
    const random = randomSource(relaxed ? 77 : 78)
    const upTo = (limit: number): number => Math.floor(random() * (limit + 1))
    for (let n = 0; n < 300; n++) {
      expect(
        disagreementOf({
          M: 1 + upTo(n % 3 === 0 ? 80 : 20),
          N: 1 + upTo(n % 3 === 1 ? 80 : 20),
          K: upTo(n % 5 === 2 ? 300 : 20),
          a: layouts[upTo(3)]!,
          b: layouts[upTo(3)]!,
          cPadding: upTo(2),
          start: starts[upTo(3)]!,
          relu: random() < 0.3,
          seed: 1000 + n,
        }),
      ).toBeUndefined()
    }
  })

  it('agrees for every remainder of rows and columns, in every layout', () => {
    for (const a of layouts) {
      for (const b of layouts) {
        for (let M = 1; M <= 13; M++) {
          for (let N = 1; N <= 9; N++) {
            expect(
              disagreementOf({
                M,
                N,
                K: 1 + ((M + N) % 7),
                a,
                b,
                cPadding: 1,
                start: 'bias',
                relu: false,
                seed: M * 16 + N,
              }),
            ).toBeUndefined()
          }
        }
      }
    }
  })

  it.each([
    { M: 70, N: 530, K: 5 },
    { M: 200, N: 12, K: 260 },
    { M: 7, N: 19, K: 1030 },
    { M: 9, N: 515, K: 512 },
    { M: 400, N: 9, K: 3 },
    { M: 1, N: 523, K: 39 },
    { M: 261, N: 1, K: 70 },
    { M: 1, N: 71, K: 1030 },
  ])('agrees across blocks: $M x $K times $K x $N', (size) => {
    for (const a of layouts) {
      for (const b of ['row-major', 'column-major'] as const) {
        for (const start of starts)
          expect(
            disagreementOf({ ...size, a, b, cPadding: 0, start, relu: start === 'bias', seed: 5 }),
          ).toBeUndefined()
      }
    }
  })

  it('propagates NaN and infinities, also against zeros and through relu', () => {
    for (let n = 0; n < 60; n++) {
      const size = { M: 1 + (n % 11), N: 1 + (n % 9), K: 1 + (n % 5) }
      const [a, b] = [layouts[n % 4]!, layouts[(n >> 2) % 4]!]
      expect(
        disagreementOf({
          ...size,
          a,
          b,
          cPadding: 0,
          start: starts[n % 3]!,
          relu: n % 2 === 0,
          seed: 300 + n,
          special: true,
        }),
      ).toBeUndefined()
    }
    floats.set([0, 0], arena / 4)
    floats.set([Number.NaN, 1], arena / 4 + 2)
    gemm(arena, arena + 8, arena + 64, 0, 1, 1, 2, 8, 4, 4, 4, 4, 0, reluFlag, scratch)
    expect(floats[arena / 4 + 16]).toBeNaN()
  })

  it('gives the start value, clamped, when K is 0', () => {
    for (const start of starts) {
      for (const relu of [false, true]) {
        expect(
          disagreementOf({
            M: 7,
            N: 13,
            K: 0,
            a: 'row-major',
            b: 'row-major',
            cPadding: 0,
            start,
            relu,
            seed: 9,
          }),
        ).toBeUndefined()
      }
    }
  })

  it('writes nothing when M or N is 0', () => {
    for (const [M, N] of [
      [0, 5],
      [5, 0],
      [0, 0],
    ] as const) {
      expect(
        disagreementOf({
          M,
          N,
          K: 3,
          a: 'row-major',
          b: 'row-major',
          cPadding: 4,
          start: 'zero',
          relu: false,
          seed: 9,
        }),
      ).toBeUndefined()
    }
  })

  it('reads nothing past the end of an operand, even where memory ends', () => {
    const end = memory.buffer.byteLength
    const K = 9
    for (const columnMajor of [false, true]) {
      for (let M = 1; M <= 13; M++) {
        for (const N of [1, 2, 3, 4, 5, 8, 10, 70, 261]) {
          const [aRow, aColumn] = columnMajor ? [4, M * 4] : [K * 4, 4]
          const [bRow, bColumn] = columnMajor ? [4, K * 4] : [N * 4, 4]
          const sizes = [M * K * 4, K * N * 4, M * N * 4, N * 4]
          for (let last = 0; last < 4; last++) {
            const [a, b, c, init] = sizes.map((bytes, i) => (i === last ? end - bytes : arena + i * 65536))
            if (a === undefined || b === undefined || c === undefined || init === undefined) continue
            const run = (): void =>
              gemm(a, b, c, init, M, N, K, aRow, aColumn, bRow, bColumn, N * 4, 0, initFlag, scratch)
            expect(run).not.toThrow()
          }
        }
      }
    }
  })

  it('is deterministic, bit for bit, and independent of what scratch held', () => {
    const run = (): Uint32Array => {
      const random = randomSource(3)
      for (let i = 0; i < 13 * 300 + 300 * 21; i++) floats[arena / 4 + i] = random() - 0.5
      const c = arena + 4 * (13 * 300 + 300 * 21)
      gemm(arena, arena + 4 * 13 * 300, c, 0, 13, 21, 300, 1200, 4, 84, 4, 84, 0, 0, scratch)
      return new Uint32Array(memory.buffer.slice(c, c + 4 * 13 * 21))
    }
    const first = run()
    floats.fill(7, scratch / 4, arena / 4)
    expect(run()).toEqual(first)
  })

  it.each([
    { shareB: false, start: 'zero' },
    { shareB: true, start: 'bias' },
    { shareB: false, start: 'accumulate' },
  ] as const)('runs batches: shared B $shareB, start $start', ({ shareB, start }) => {
    const [batch, M, N, K] = [5, 7, 11, 6]
    const [aBytes, bBytes, cBytes] = [M * K * 4, shareB ? 0 : K * N * 4, M * N * 4]
    const b = arena + batch * aBytes
    const c = b + batch * K * N * 4
    const bias = c + batch * cBytes
    const random = randomSource(11)
    for (let i = arena / 4; i < bias / 4 + N; i++) floats[i] = random() - 0.5
    const before = floats.slice()
    const init = { zero: 0, bias, accumulate: c }[start]
    const flags = { zero: 0, bias: initFlag, accumulate: initFlag | initBatchedFlag }[start]
    const initRow = start === 'accumulate' ? N * 4 : 0
    gemmBatched(
      batch,
      aBytes,
      bBytes,
      cBytes,
      arena,
      b,
      c,
      init,
      M,
      N,
      K,
      K * 4,
      4,
      N * 4,
      4,
      N * 4,
      initRow,
      flags,
      scratch,
    )
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          const cell = (c + n * cBytes) / 4 + i * N + j
          let sum = { zero: 0, bias: before[bias / 4 + j]!, accumulate: before[cell]! }[start]
          for (let k = 0; k < K; k++) {
            sum += before[(arena + n * aBytes) / 4 + i * K + k]! * before[(b + n * bBytes) / 4 + k * N + j]!
          }
          expect(floats[cell]).toBeCloseTo(sum, 5)
        }
      }
    }
    gemmBatched(
      0,
      aBytes,
      bBytes,
      cBytes,
      arena,
      b,
      c,
      init,
      M,
      N,
      K,
      K * 4,
      4,
      N * 4,
      4,
      N * 4,
      initRow,
      flags,
      scratch,
    )
  })
})

describe('the bytes generated ahead of time', () => {
  it.each([true, false])('are what the generator gives (relaxed: %s)', (relaxed) => {
    expect(
      Buffer.from(embeddedGemmModule({ relaxed })).equals(Buffer.from(buildGemmModule({ relaxed }))),
    ).toBe(true)
  })
})
