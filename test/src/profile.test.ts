// Profiles: what is counted, for which kernels, and that programs are the same afterwards.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { activeProfile } from '../../codegen/run/profiler.ts'
import { programKey } from '../../codegen/cache/program-key.ts'
import * as tf from '../../src/index.ts'
import { machineryOf } from '../../src/function.ts'

const quiet = { print: false } as const

/** Ones in memory; those of tf.ones are computed by who reads them. */
function ones(shape: readonly number[]): tf.Tensor {
  return tf.tensor(new Float32Array(shape.reduce((count, size) => count * size, 1)).fill(1), shape)
}

function imports(f: object): readonly string[] {
  const bytes = machineryOf(f)?.current?.prepare().program.wasmBytes
  if (bytes === undefined) throw new Error('there is no program')
  return WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map((entry) => entry.name)
}

function rowOf(profile: tf.Profile, name: string): tf.ProfileRow {
  const row = profile.rows.find((each) => each.name === name)
  if (row === undefined)
    throw new Error(`no row ${name} among ${profile.rows.map((each) => each.name).join()}`)
  return row
}

describe('what is counted', () => {
  test('a matrix product: 2mnk, and each matrix once', () => {
    const f = tf.function((a: tf.Tensor, b: tf.Tensor) => a.matMul(b))
    const [a, b] = [ones([7, 40]), ones([40, 33])]
    const profile = tf.profile(() => f(a, b), { runs: 3, ...quiet })
    expect(profile.rows).toHaveLength(1)
    const [row] = profile.rows
    expect(row).toMatchObject({ kind: 'matmul', calls: 3, function: 'anonymous', name: 'dot' })
    expect(row?.flops).toBe(2 * 7 * 40 * 33)
    expect(row?.bytes).toBe(4 * (7 * 40 + 40 * 33 + 7 * 33))
    expect(row?.gflops).toBeCloseTo((row?.flops ?? 0) / ((row?.meanMs ?? 0) * 1e6), 6)
    expect(profile.result.shape).toEqual([7, 33])
    expect(profile.total).toMatchObject({ runs: 3, flops: 3 * 2 * 7 * 40 * 33 })
  })

  test('a fused kernel: operations per element, hoisted ones once, bytes of each buffer once', () => {
    const f = tf.function((x: tf.Tensor, scale: tf.Tensor) => x.mul(scale.sqrt()).add(x).sub(1))
    const [x, scale] = [ones([8, 16]), tf.scalar(4)]
    const [row] = tf.profile(() => f(x, scale), quiet).rows
    expect(row).toMatchObject({ kind: 'kernel', name: 'sqrt mul add sub' })
    expect(row?.flops).toBe(8 * 16 * 3 + 1)
    expect(row?.bytes).toBe(4 * (2 * 8 * 16 + 1))
  })

  test('sizes that the call decides', () => {
    const f = tf.function((x: tf.Tensor) => x.add(1), { inputSignature: [tf.spec([null, 5])] })
    const [three, nine] = [ones([3, 5]), ones([9, 5])]
    const profile = tf.profile(() => [f(three), f(nine)], quiet)
    const [row] = profile.rows
    expect(profile.rows).toHaveLength(1)
    expect(row?.calls).toBe(2)
    expect(row?.flops).toBe((15 + 45) / 2)
    expect(row?.bytes).toBe(8 * ((15 + 45) / 2))
  })

  test('a convolution: two operations per product', () => {
    const f = tf.function((x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x, w, 1, 'valid'))
    const [x, w] = [ones([2, 9, 10, 3]), ones([3, 4, 3, 5])]
    const row = tf.profile(() => f(x, w), quiet).rows.find(({ kind }) => kind === 'conv')
    expect(row?.flops).toBe(2 * (2 * 7 * 7 * 5) * (3 * 4 * 3))
  })

  test('functions like exp count as their formula', () => {
    const flops = (f: (x: tf.Tensor) => tf.Tensor): number =>
      tf.profile(() => f(ones([100])), quiet).rows.find(({ calls }) => calls > 0)?.flops ?? 0
    expect(flops((x) => x.neg())).toBe(100)
    expect(flops((x) => x.exp())).toBeGreaterThan(800)
  })
})

describe('what is in it', () => {
  test('every iteration of a loop', () => {
    const f = tf.function((x: tf.Tensor) => {
      const [, y] = tf.whileLoop(
        (i: tf.Tensor) => i.less(6),
        (i: tf.Tensor, a: tf.Tensor) => [i.add(1), a.matMul(a)],
        [tf.scalar(0, 'int32'), x],
      )
      return y
    })
    const x = ones([4, 4])
    expect(
      rowOf(
        tf.profile(() => f(x), quiet),
        'dot',
      ),
    ).toMatchObject({ calls: 6, flops: 128 })
  })

  test('a loop in one kernel has time but no count', () => {
    const f = tf.function((n: tf.Tensor) => {
      const [i] = tf.whileLoop(
        (at: tf.Tensor) => at.less(n),
        (at: tf.Tensor) => [at.add(1)],
        [tf.scalar(0)],
      )
      return i
    })
    const profile = tf.profile(() => f(tf.scalar(1000)), quiet)
    const row = profile.rows.find(({ function: name }) => name === 'anonymous')
    expect(row?.flops).toBeUndefined()
    expect(row?.gflops).toBeUndefined()
    expect(row?.totalMs).toBeGreaterThan(0)
    expect(profile.toString()).toContain('–')
  })

  test('eager ops, with the lines they stand on', () => {
    const x = ones([3, 4])
    const profile = tf.profile(() => x.add(1).mul(2).sum(), quiet)
    expect(profile.rows.map(({ function: name }) => name).sort()).toEqual(['add', 'mul', 'reduce_sum'])
    for (const { sources } of profile.rows) expect(sources[0]).toMatch(/^profile\.test\.ts:\d+:\d+$/)
    expect(profile.result.item()).toBe(48)
  })

  test('lines of a traced function, and its gradient', () => {
    const w = tf.variable(ones([4, 4]), { name: 'w' })
    const step = tf.function(function trainStep(x: tf.Tensor): tf.Tensor {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => x.matMul(w).square().sum())
      const [gradient] = tape.gradient(loss, [w])
      if (gradient != null) w.assignSub(gradient.mul(0.001))
      return loss
    })
    const x = ones([8, 4])
    const profile = tf.profile(() => step(x), quiet)
    const products = profile.rows.filter(({ kind }) => kind === 'matmul')
    expect(products.reduce((calls, row) => calls + row.calls, 0)).toBe(2)
    for (const row of profile.rows) {
      expect(row.function).toBe('trainStep')
      expect(row.sources.length).toBeGreaterThan(0)
    }
    const shares = profile.rows.reduce((sum, { share }) => sum + share, 0)
    expect(shares).toBeCloseTo(1, 6)
    expect(profile.total.stepMs).toBeLessThanOrEqual(profile.total.ms)
  })

  test('what a host call runs counts for itself, not for the host call as well', () => {
    const inner = tf.function((x: tf.Tensor) => x.mul(3), { name: 'inner' })
    const wait = (): void => {
      const end = performance.now() + 4
      while (performance.now() < end);
    }
    const outer = tf.function(
      (x: tf.Tensor) =>
        tf.hostCall(
          (value: tf.Tensor) => {
            const result = inner(value)
            wait()
            return result
          },
          [x.add(1)],
          tf.spec([2]),
        ),
      { name: 'outer' },
    )
    const x = ones([2])
    const profile = tf.profile(() => outer(x), { warmup: 1, ...quiet })
    const host = profile.rows.find(({ kind }) => kind === 'host')
    expect(host?.totalMs).toBeGreaterThan(3.9)
    expect(profile.total.stepMs).toBeLessThanOrEqual(profile.total.ms)
    expect(profile.rows.find(({ function: name }) => name === 'inner')?.calls).toBe(1)
  })

  test('warm-up runs are left out', () => {
    let runs = 0
    const x = ones([3])
    const profile = tf.profile(
      () => {
        runs++
        return x.add(runs)
      },
      { warmup: 2, runs: 3, ...quiet },
    )
    expect(runs).toBe(5)
    expect(rowOf(profile, 'add').calls).toBe(3)
    expect(profile.result.data()).toEqual(new Float32Array([6, 6, 6]))
  })
})

describe('what it gives', () => {
  test('a table', () => {
    const lines: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text))
    try {
      const x = ones([3])
      const profile = tf.profile(() => x.add(1))
      expect(lines).toEqual([profile.toString()])
    } finally {
      log.mockRestore()
    }
    const table = lines.join('\n').split('\n')
    expect(table[0]).toMatch(/^1 run in .*: .* in 1 row, .* outside/)
    expect(table[1]).toMatch(/^one thread of this machine at its best: [\d.]+ GFLOP\/s; [\d.]+ GB\/s/)
    expect(table[3]).toMatch(/^ *share +total +calls +mean +GFLOP\/s +GB\/s +kind +function +ops +source$/)
    expect(table[4]).toMatch(/^100\.0% .* kernel +add +add +profile\.test\.ts/)
  })

  test('peaks of an order that a machine has', () => {
    const { peaks } = tf.profile(() => undefined, quiet)
    expect(peaks.gflops).toBeGreaterThan(0.5)
    expect(peaks.gflops).toBeLessThan(1000)
    expect(peaks.cacheGBs).toBeGreaterThan(peaks.memoryGBs / 2)
    expect(peaks.memoryGBs).toBeGreaterThan(0.2)
    // Measured once.
    expect(tf.profile(() => undefined, quiet).peaks).toBe(peaks)
  })

  test('a file for chrome://tracing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracemill-profile-'))
    try {
      const path = join(folder, 'trace.json')
      const f = tf.function((a: tf.Tensor) => a.matMul(a), { name: 'square' })
      const a = ones([16, 16])
      tf.profile(() => f(a), { runs: 2, trace: path, ...quiet })
      const { traceEvents } = JSON.parse(readFileSync(path, 'utf8')) as {
        traceEvents: {
          name: string
          cat?: string
          ph: string
          ts: number
          dur: number
          args: Record<string, unknown>
        }[]
      }
      const complete = traceEvents.filter(({ ph }) => ph === 'X')
      const [runs, calls, steps] = ['run', 'call', 'matmul'].map((cat) =>
        complete.filter((event) => event.cat === cat),
      )
      expect([runs?.length, calls?.length, steps?.length]).toEqual([2, 2, 2])
      expect(calls?.[0]?.name).toBe('square')
      expect(steps?.[0]).toMatchObject({ name: 'dot', args: { flops: 2 * 16 ** 3, ops: 'dot' } })
      expect(steps?.[0]?.args['source']).toMatch(/^profile\.test\.ts:/)
      steps?.forEach((step, i) => {
        const [call, run] = [calls?.[i], runs?.[i]]
        expect(step.ts).toBeGreaterThanOrEqual(call?.ts ?? Infinity)
        expect(step.ts + step.dur).toBeLessThanOrEqual((call?.ts ?? 0) + (call?.dur ?? 0) + 1e-6)
        expect(call?.ts).toBeGreaterThanOrEqual(run?.ts ?? Infinity)
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('nothing is left behind', () => {
  test('programs are those of before, with no more imports', () => {
    const f = tf.function((x: tf.Tensor) => x.add(1))
    const x = ones([4])
    f(x)
    const before = imports(f)
    tf.profile(() => f(x), quiet)
    expect(imports(f)).toEqual(before)
    expect(before).toEqual(['memory'])
    expect(activeProfile).toBeUndefined()
    expect(f.traceCount).toBe(1)
  })

  test('variables change once per run', () => {
    const v = tf.variable(1)
    const f = tf.function(() => v.assignAdd(1).value())
    const profile = tf.profile(() => f(), { warmup: 1, runs: 2, ...quiet })
    expect(v.value().item()).toBe(4)
    expect(profile.result.item()).toBe(4)
    expect(f().item()).toBe(5)
  })

  test('a callback that throws ends the profile', () => {
    const f = tf.function((x: tf.Tensor) => {
      tf.assert(x.greater(0), 'not positive')
      return x.log()
    })
    expect(() => tf.profile(() => f(tf.scalar(-1)), quiet)).toThrow(tf.CheckError)
    expect(activeProfile).toBeUndefined()
    expect(
      rowOf(
        tf.profile(() => ones([2]).add(1), quiet),
        'add',
      ).calls,
    ).toBe(1)
  })

  test('where a step comes from is no part of its key in the cache', () => {
    const f = tf.function((x: tf.Tensor) => x.add(1))
    f(ones([4]))
    const spec = machineryOf(f)?.current?.prepare().program.plan.spec
    if (spec === undefined) throw new Error('there is no program')
    expect(spec.steps[0]?.origin?.ops).toContain('add')
    const steps = spec.steps.map((step) => ({ ...step, origin: { ops: ['x'], sources: ['y'] } }))
    expect(programKey({ ...spec, steps })).toBe(programKey(spec))
  })
})

describe('bad input', () => {
  test.each([
    ['warmup', { warmup: -1 }, /warmup is -1/],
    ['runs', { runs: 0 }, /runs is 0/],
    ['half a run', { runs: 1.5 }, /runs is 1.5/],
  ])('%s', (_, options, message) => {
    expect(() => tf.profile(() => 1, options)).toThrow(tf.ValueError)
    expect(() => tf.profile(() => 1, options)).toThrow(message)
  })

  test('an asynchronous callback', () => {
    expect(() => tf.profile(() => Promise.resolve(1), quiet)).toThrow(/returned a promise/)
    expect(() => tf.profile(() => Promise.reject(new Error('late')), quiet)).toThrow(/returned a promise/)
  })

  test('a tensor in place of a function', () => {
    // @ts-expect-error a profile is of something that runs
    expect(() => tf.profile(ones([2]), quiet)).toThrow(/given an object to run/)
  })

  test('inside a traced function, and inside another profile', () => {
    const f = tf.function((x: tf.Tensor) => tf.profile(() => x.add(1), quiet).result)
    expect(() => f(ones([2]))).toThrow(/while a function is being traced/)
    expect(() => tf.profile(() => tf.profile(() => 1, quiet), quiet)).toThrow(/being taken already/)
    expect(activeProfile).toBeUndefined()
  })
})
