/**
 * What this machine can do at best on one thread, through this engine: measured, once per process, when a profile first
 * asks.
 *
 * Three tiny functions, encoded here by hand so that nothing has to be loaded to make them, in a memory of their own,
 * which is given back. Multiply-adds in twelve independent chains, as many as a processor with latencies of four and
 * three units can have on the way; reading and copying, of what fits the second-level cache and of what fits none. The
 * fastest of many short runs counts: what else the machine does only slows.
 */
import { features } from '../wasm/features.ts'

/** The best rates found. */
export interface Peaks {
  /** Float32 operations, a fused multiply-add being two, in 10⁹ a second. */
  readonly gflops: number
  /** Bytes read and written within the second-level cache, in 10⁹ a second. */
  readonly cacheGBs: number
  /** The same where no cache helps. */
  readonly memoryGBs: number
}

const chains = 12
const chainIterations = 10_000
const pieceBytes = 65536
const cacheBytes = 131_072
const memoryBytes = 50_331_648

let measured: Peaks | undefined

/** The machine's peaks, measured by the first call, which takes some tenths of a second. */
export function machinePeaks(): Peaks {
  measured ??= measure()
  return measured
}

type Mover = (from: number, to: number, bytes: number) => void

function measure(): Peaks {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((2 * memoryBytes + pieceBytes) / 65536) })
  const module = new WebAssembly.Module(peakModule(features.relaxedSimd))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const multiplyAdd = exports['multiplyAdd'] as (iterations: number) => void
  const read = exports['read'] as Mover
  const copy = exports['copy'] as Mover
  // What was never written lies on one page of zeros.
  new Uint8Array(memory.buffer).fill(1)
  const stream = (move: Mover, bytes: number, milliseconds: number): number =>
    best(milliseconds, () => {
      for (let at = 0; at < bytes; at += pieceBytes)
        move(pieceBytes + at, pieceBytes + bytes + at, pieceBytes)
    })
  const flops = 2 * 4 * chains * chainIterations
  const rate = (bytes: number, readMs: number, copyMs: number): number =>
    Math.max(bytes / readMs, (2 * bytes) / copyMs) / 1e6
  return {
    gflops: flops / best(60, () => multiplyAdd(chainIterations)) / 1e6,
    cacheGBs: rate(cacheBytes, stream(read, cacheBytes, 30), stream(copy, cacheBytes, 30)),
    memoryGBs: rate(memoryBytes, stream(read, memoryBytes, 60), stream(copy, memoryBytes, 90)),
  }
}

/** Milliseconds of the fastest of the runs that fit into a time; at least three. */
function best(milliseconds: number, run: () => void): number {
  let least = Infinity
  const begin = performance.now()
  for (let i = 0; i < 3 || performance.now() - begin < milliseconds; i++) {
    const start = performance.now()
    run()
    least = Math.min(least, performance.now() - start)
  }
  return least
}

// Encoding ---------------------------------------------------------------------------------------------------------------

const i32 = 0x7f
const v128 = 0x7b

function unsigned(value: number): number[] {
  const low = value & 0x7f
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): number[] {
  const low = value & 0x7f
  const rest = value >> 7
  return (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40) ? [low] : [low | 0x80, ...signed(rest)]
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = [...unsigned(entries.length), ...entries.flat()]
  return [id, ...unsigned(content.length), ...content]
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)]
}

function body(
  locals: readonly (readonly [count: number, type: number])[],
  code: readonly number[],
): number[] {
  const content = [...unsigned(locals.length), ...locals.flat(), ...code, 0x0b]
  return [...unsigned(content.length), ...content]
}

const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const constant = (value: number): number[] => [0x41, ...signed(value)]
const simd = (op: number, ...immediates: number[]): number[] => [0xfd, ...unsigned(op), ...immediates]
const load = (offset: number): number[] => simd(0x00, 4, ...unsigned(offset))
const store = (offset: number): number[] => simd(0x0b, 4, ...unsigned(offset))
const add = [0x6a]
const [splat, vectorAdd, vectorMultiply, madd, or] = [
  simd(0x13),
  simd(0xe4),
  simd(0xe6),
  simd(0x105),
  simd(0x50),
]

/** `do { code; counter += by } while (counter ≠ 0)` */
function countdown(counter: number, by: number, code: readonly number[]): number[] {
  return [0x03, 0x40, ...code, ...get(counter), ...constant(by), ...add, 0x22, counter, 0x0d, 0, 0x0b]
}

function float(value: number): number[] {
  return [0x43, ...new Uint8Array(new Float32Array([value]).buffer)]
}

function multiplyAddBody(relaxed: boolean): number[] {
  const sums = Array.from({ length: chains }, (_, i) => 1 + i)
  const [factor, term] = [chains + 1, chains + 2]
  const start = [...sums, factor, term].flatMap((local, i) => [
    ...float(local === factor ? 0.999 : local === term ? 0.001 : 1 + i / 16),
    ...splat,
    ...set(local),
  ])
  const step = sums.flatMap((sum) => [
    ...get(sum),
    ...get(factor),
    ...(relaxed ? [...get(term), ...madd] : [...vectorMultiply, ...get(term), ...vectorAdd]),
    ...set(sum),
  ])
  const total = sums.flatMap((sum, i) => [...get(sum), ...(i === 0 ? [] : vectorAdd)])
  const code = [...start, ...countdown(0, -1, step), ...constant(0), ...total, ...store(0)]
  return body([[chains + 2, v128]], code)
}

/** Parameters: from, to, bytes. Eight vectors at a time; what is read only is put together in local 3. */
function streamBody(isCopy: boolean): number[] {
  const offsets = Array.from({ length: 8 }, (_, i) => 16 * i)
  const step = offsets.flatMap((offset) =>
    isCopy
      ? [...get(1), ...get(0), ...load(offset), ...store(offset)]
      : [...get(0), ...load(offset), ...get(3), ...or, ...set(3)],
  )
  const advance = [0, 1].flatMap((local) => [...get(local), ...constant(128), ...add, ...set(local)])
  const code = countdown(2, -128, [...step, ...advance])
  return body([[1, v128]], isCopy ? code : [...code, ...constant(0), ...get(3), ...store(0)])
}

function peakModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  return new Uint8Array([
    ...header,
    ...section(1, [
      [0x60, 1, i32, 0],
      [0x60, 3, i32, i32, i32, 0],
    ]),
    ...section(2, [[...name('env'), ...name('memory'), 0x02, 0x00, 1]]),
    ...section(3, [[0], [1], [1]]),
    ...section(7, [
      [...name('multiplyAdd'), 0, 0],
      [...name('read'), 0, 1],
      [...name('copy'), 0, 2],
    ]),
    ...section(10, [multiplyAddBody(relaxed), streamBody(false), streamBody(true)]),
  ])
}
