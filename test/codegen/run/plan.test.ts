import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Buffer } from '../../../codegen/expr.ts'
import type { Statement } from '../../../codegen/kernel.ts'
import type { ProgramSpec } from '../../../codegen/program.ts'
import {
  LayoutCache,
  layoutMemory,
  type Lifetime,
  liveLowerBound,
  packLifetimes,
  planReport,
} from '../../../codegen/run/layout.ts'
import { planMemory } from '../../../codegen/run/plan.ts'
import { multiplySizes, sizeName } from '../../../codegen/size.ts'
import { loop, ProgramBuilder } from './programs.ts'

function inPlace(spec: ProgramSpec): readonly string[] {
  return planMemory(spec).inPlaceCommits
}

/** w ← f(w, …) where `middle` may put steps between the update and its commit. */
function update(
  middle: (program: ProgramBuilder, w: number, next: number) => void,
  after: (program: ProgramBuilder, w: number, next: number) => readonly number[] = () => [],
): ProgramSpec {
  const program = new ProgramBuilder('update')
  const w = program.variable(0, 100)
  const next = program.temporary(100)
  program.elementwise(next, [w], (pool, x) => pool.binary('mul', x, pool.const('float32', 0.5)))
  middle(program, w, next)
  program.commit(w, next)
  return program.build(after(program, w, next))
}

describe('commits in place', () => {
  test('an elementwise update is computed in the storage of the variable', () => {
    const plan = planMemory(update(() => {}))
    expect(plan.inPlaceCommits).toEqual(['var0'])
    expect(plan.spec.steps.map((step) => step.kind)).toEqual(['kernel'])
    expect(plan.places[1]).toEqual({ kind: 'variable', index: 0 })
    expect(plan.blocks).toEqual([])
  })

  test('also when the new value is used later and returned', () => {
    const spec = update(
      () => {},
      (program, _, next) => {
        const other = program.temporary(100)
        program.elementwise(other, [next], (pool, x) => pool.unary('neg', x))
        return [next, other]
      },
    )
    expect(inPlace(spec)).toEqual(['var0'])
  })

  test('not when a check or a host call lies between', () => {
    const checked = update((program) => {
      program.check(program.constant(Int32Array.of(0), 'int32'))
    })
    expect(inPlace(checked)).toEqual([])
    expect(inPlace(update((program) => void program.host(0)))).toEqual([])
  })

  test('a check after the commit or before the update does not matter', () => {
    const spec = update(
      () => {},
      (program) => {
        program.check(program.constant(Int32Array.of(0), 'int32'))
        return []
      },
    )
    expect(inPlace(spec)).toEqual(['var0'])
  })

  test('not when the old content is read between the update and the commit', () => {
    const spec = update((program, w) => {
      const other = program.temporary(100)
      program.elementwise(other, [w], (pool, x) => pool.unary('neg', x))
    })
    expect(inPlace(spec)).toEqual([])
  })

  test('not when the update reads other elements than the one it stores', () => {
    const program = new ProgramBuilder('reverse')
    const w = program.variable(0, 100)
    const next = program.temporary(100)
    program.kernel([next, w], (pool, out, own) => {
      const axis = pool.axis('i', 100)
      const reversed = pool.linear([{ atom: pool.index(axis), coefficient: -1 }], 99)
      return [
        loop(pool, axis, [
          {
            kind: 'store',
            buffer: out as Buffer,
            index: pool.index(axis),
            value: pool.load(own as Buffer, reversed),
          },
        ]),
      ]
    })
    expect(inPlace(program.commit(w, next).build())).toEqual([])
  })

  test('not when the element is stored more than once, or in another loop than it is read', () => {
    const program = new ProgramBuilder('twice')
    const [w, v] = [program.variable(0, 10), program.variable(1, 10)]
    const [next, other] = [program.temporary(10), program.temporary(10)]
    program.kernel([next, w], (pool, out, own) => {
      const [k, i] = [pool.axis('k', 3), pool.axis('i', 10)]
      const value = pool.binary(
        'add',
        pool.load(own as Buffer, pool.index(i)),
        pool.convert(pool.index(k), 'float32'),
      )
      return [
        loop(pool, k, [
          loop(pool, i, [{ kind: 'store', buffer: out as Buffer, index: pool.index(i), value }]),
        ]),
      ]
    })
    program.kernel([other, v], (pool, out, own) => {
      const i = pool.axis('i', 10)
      const sum = pool.local('float32', 1, true)
      const read = pool.load(own as Buffer, pool.index(i))
      const total = pool.localValue(sum, [])
      return [
        { kind: 'set', local: sum, value: pool.const('float32', 0) },
        loop(pool, i, [{ kind: 'set', local: sum, value: pool.binary('add', total, read) }]),
        loop(pool, i, [
          {
            kind: 'store',
            buffer: out as Buffer,
            index: pool.index(i),
            value: pool.binary('div', read, total),
          },
        ]),
      ]
    })
    expect(inPlace(program.commit(w, next).commit(v, other).build())).toEqual([])
  })

  test('a producer that does not read the variable may store in any order', () => {
    const program = new ProgramBuilder('transposed')
    const [w, x] = [program.variable(0, 6), program.input(0, 6)]
    const next = program.temporary(6)
    program.kernel([next, x], (pool, out, own) => {
      const [i, j] = [pool.axis('i', 2), pool.axis('j', 3)]
      const value = pool.load(own as Buffer, pool.offset([pool.index(j), pool.index(i)], [3, 2]))
      return [
        loop(pool, i, [
          loop(pool, j, [
            {
              kind: 'store',
              buffer: out as Buffer,
              index: pool.offset([pool.index(i), pool.index(j)], [2, 3]),
              value,
            },
          ]),
        ]),
      ]
    })
    expect(inPlace(program.commit(w, next).build())).toEqual(['var0'])
  })

  test('a matrix product may start from the variable, but not multiply it', () => {
    const build = (start: boolean, rowStride = 4): ProgramSpec => {
      const program = new ProgramBuilder('product')
      const w = program.variable(0, 16)
      const [a, b, c] = [program.input(0, 16), program.input(1, 16), program.temporary(16)]
      program.gemm(
        c,
        a,
        start ? b : w,
        [4, 4, 4],
        start ? { buffer: w, rowStride, batchStride: 0 } : undefined,
      )
      return program.commit(w, c).build()
    }
    expect(inPlace(build(true))).toEqual(['var0'])
    expect(inPlace(build(true, 0))).toEqual([])
    expect(inPlace(build(false))).toEqual([])
  })

  test('a value that several steps write, an input, or another variable is copied', () => {
    const program = new ProgramBuilder('copies')
    const [u, v, w] = [program.variable(0, 8), program.variable(1, 8), program.variable(2, 8)]
    const [x, t] = [program.input(0, 8), program.temporary(8)]
    for (let i = 0; i < 2; i++) program.elementwise(t, [x], (pool, value) => pool.unary('neg', value))
    const plan = planMemory(program.commit(u, t).commit(v, x).commit(w, u).build())
    expect(plan.inPlaceCommits).toEqual([])
    expect(plan.spec.steps.filter((step) => step.kind === 'commit').length).toBe(4)
  })

  test('one value for two variables lies in the first and is copied to the second', () => {
    const program = new ProgramBuilder('both')
    const [v, w, x, t] = [
      program.variable(0, 8),
      program.variable(1, 8),
      program.input(0, 8),
      program.temporary(8),
    ]
    program.elementwise(t, [x], (pool, value) => pool.unary('neg', value))
    const plan = planMemory(program.commit(v, t).commit(w, t).build())
    expect(plan.inPlaceCommits).toEqual(['var0'])
    expect(plan.spec.steps.filter((step) => step.kind === 'commit')).toEqual([
      { kind: 'commit', variable: w, from: t },
    ])
  })

  test('two commits of one variable: each in place unless the first value outlives the second commit', () => {
    const build = (keep: boolean): ProgramSpec => {
      const program = new ProgramBuilder('twice')
      const [w, first, second] = [program.variable(0, 8), program.temporary(8), program.temporary(8)]
      program.elementwise(first, [w], (pool, x) => pool.unary('neg', x)).commit(w, first)
      program.check(program.constant(Int32Array.of(0), 'int32'))
      program.elementwise(second, [first], (pool, x) => pool.unary('abs', x)).commit(w, second)
      return program.build(keep ? [first] : [])
    }
    expect(inPlace(build(false))).toEqual(['var0', 'var0'])
    expect(inPlace(build(true))).toEqual(['var0'])
    expect(planMemory(build(true)).places[1]).toMatchObject({ kind: 'arena' })
  })

  test('the second of two commits is a copy when the first value is read after the second is begun', () => {
    const program = new ProgramBuilder('twice')
    const [w, first, second, other] = [
      program.variable(0, 8),
      program.temporary(8),
      program.temporary(8),
      program.temporary(8),
    ]
    program.elementwise(first, [w], (pool, x) => pool.unary('neg', x)).commit(w, first)
    program.elementwise(second, [first], (pool, x) => pool.unary('abs', x))
    program.elementwise(other, [first], (pool, x) => pool.unary('sqrt', x)).commit(w, second)
    const plan = planMemory(program.build([other]))
    expect(plan.inPlaceCommits).toEqual(['var0'])
    expect(plan.places[first]).toEqual({ kind: 'variable', index: 0 })
    expect(plan.places[second]).toMatchObject({ kind: 'arena' })
  })

  test('not when the store is conditional, there are two, or the result is read back', () => {
    const build = (shape: 'conditional' | 'two' | 'readBack'): ProgramSpec => {
      const program = new ProgramBuilder(shape)
      const [w, next] = [program.variable(0, 8), program.temporary(8)]
      program.kernel([next, w], (pool, out, own) => {
        const axis = pool.axis('i', 8)
        const index = pool.index(axis)
        const [value, written] = [pool.load(own!, index), pool.load(out!, index)]
        const store = (of: typeof value): Statement => ({ kind: 'store', buffer: out!, index, value: of })
        const condition = pool.compare('lt', index, pool.const('int32', 4))
        const bodies: Readonly<Record<typeof shape, readonly Statement[]>> = {
          conditional: [{ kind: 'if', condition, body: [store(pool.unary('neg', value))] }],
          two: [store(pool.unary('neg', value)), store(pool.unary('abs', value))],
          readBack: [store(pool.binary('add', value, written))],
        }
        return [loop(pool, axis, bodies[shape])]
      })
      return program.commit(w, next).build()
    }
    for (const shape of ['conditional', 'two', 'readBack'] as const) expect(inPlace(build(shape))).toEqual([])
  })

  test('a value still needed after a host call does not lie in the variable', () => {
    const build = (returned: boolean): ProgramSpec =>
      update(
        () => {},
        (program, _, next) => {
          program.host(0)
          return returned ? [next] : []
        },
      )
    expect(inPlace(build(false))).toEqual(['var0'])
    expect(inPlace(build(true))).toEqual([])
  })

  test('loads for a second result that come after the store move before it', () => {
    const program = new ProgramBuilder('momentum')
    const [w, m, g] = [program.variable(0, 50), program.variable(1, 50), program.input(0, 50)]
    const [nextW, nextM] = [program.temporary(50), program.temporary(50)]
    program.kernel([nextM, nextW, w, m, g], (pool, outM, outW, inW, inM, inG) => {
      const axis = pool.axis('i', 50)
      const index = pool.index(axis)
      const load = (buffer: Buffer | undefined): ReturnType<typeof pool.load> =>
        pool.load(buffer as Buffer, index)
      const moved = pool.binary('add', load(inM), load(inG))
      return [
        loop(pool, axis, [
          { kind: 'store', buffer: outM as Buffer, index, value: moved },
          { kind: 'store', buffer: outW as Buffer, index, value: pool.binary('sub', load(inW), moved) },
        ]),
      ]
    })
    const plan = planMemory(program.commit(m, nextM).commit(w, nextW).build())
    expect(plan.inPlaceCommits).toEqual(['var1', 'var0'])
    const [step] = plan.spec.steps
    const outer = step?.kind === 'kernel' ? step.kernel.body[0] : undefined
    expect(outer?.kind === 'loop' ? outer.body.map((statement) => statement.kind) : []).toEqual([
      'let',
      'store',
      'store',
    ])
  })
})

describe('old values', () => {
  test('one that is returned is copied before the update, which is then in place', () => {
    const spec = update(
      () => {},
      (_, w) => [w],
    )
    const plan = planMemory(spec)
    expect(plan.inPlaceCommits).toEqual(['var0'])
    expect(plan.spec.steps.map((step) => step.kind)).toEqual(['commit', 'kernel'])
    expect(plan.spec.outputs).toEqual([2])
    expect(plan.spec.buffers[2]).toMatchObject({ name: 'var0_old', storage: { kind: 'temporary' } })
  })

  test('a swap of two variables reads both before it writes', () => {
    const program = new ProgramBuilder('swap')
    const [v, w] = [program.variable(0, 8), program.variable(1, 8)]
    const { steps } = planMemory(program.commit(v, w).commit(w, v).build()).spec
    expect(steps).toEqual([
      { kind: 'commit', variable: 2, from: v },
      { kind: 'commit', variable: v, from: w },
      { kind: 'commit', variable: w, from: 2 },
    ])
  })

  test('what the host may have changed is read anew', () => {
    const program = new ProgramBuilder('host')
    const [w, next, after] = [program.variable(0, 8), program.temporary(8), program.temporary(8)]
    program.elementwise(next, [w], (pool, x) => pool.unary('neg', x)).commit(w, next)
    program.host(0, [], [w])
    program.elementwise(after, [w], (pool, x) => pool.unary('neg', x))
    const plan = planMemory(program.build([after, w]))
    expect(plan.spec.buffers.length).toBe(3)
    expect(plan.spec.outputs).toEqual([after, w])
    expect(plan.inPlaceCommits).toEqual(['var0'])
  })
})

describe('arena', () => {
  test('a chain of elementwise steps works in one block, an operand that is needed again keeps its own', () => {
    const program = new ProgramBuilder('chain')
    const x = program.input(0, 64)
    const [a, b, c] = [program.temporary(64), program.temporary(64), program.temporary(64)]
    program.elementwise(a, [x], (pool, value) => pool.unary('neg', value))
    program.elementwise(b, [a], (pool, value) => pool.unary('abs', value))
    program.elementwise(c, [a, b], (pool, ...values) =>
      pool.binary('add', values[0] ?? values[1]!, values[1]!),
    )
    const { blocks } = planMemory(program.build([c]))
    expect(blocks).toEqual([
      { buffers: [x, a, c], bytes: 256, start: -1, end: 3 },
      { buffers: [b], bytes: 256, start: 1, end: 2 },
    ])
  })

  test('an output, another width or another size is not written over', () => {
    const program = new ProgramBuilder('kept')
    const [x, y, z] = [program.input(0, 64), program.input(1, 64, 'uint8'), program.input(2, 32)]
    const results = [64, 64, 64].map((elements) => program.temporary(elements))
    program.elementwise(results[0] ?? -1, [x], (pool, value) => pool.unary('neg', value))
    program.elementwise(results[1] ?? -1, [y], (pool, value) => pool.convert(value, 'float32'))
    program.kernel([results[2] ?? -1, z], (pool, out, own) => {
      const axis = pool.axis('i', 64)
      return [
        loop(pool, axis, [
          {
            kind: 'store',
            buffer: out as Buffer,
            index: pool.index(axis),
            value: pool.load(own as Buffer, pool.indexMod(pool.index(axis), 32)),
          },
        ]),
      ]
    })
    expect(
      planMemory(program.build([x, ...results])).blocks.every(({ buffers }) => buffers.length === 1),
    ).toBe(true)
  })

  test('two results of a step never share, even when one is not used', () => {
    const program = new ProgramBuilder('dead')
    const [x, unused, result] = [program.input(0, 8), program.temporary(8), program.temporary(8)]
    program.kernel([unused, result, x], (pool, out1, out2, own) => {
      const axis = pool.axis('i', 8)
      const index = pool.index(axis)
      const value = pool.load(own!, index)
      const store = (buffer: Buffer): Statement => ({ kind: 'store', buffer, index, value })
      return [loop(pool, axis, [store(out1!), store(out2!)])]
    })
    expect(planMemory(program.build([result])).blocks.map(({ buffers }) => buffers)).toEqual([
      [x, unused],
      [result],
    ])
  })

  test('unused buffers take no memory', () => {
    const program = new ProgramBuilder('unused')
    program.input(0, 1000)
    program.temporary(1000)
    const plan = planMemory(program.build())
    expect(plan.places).toEqual([{ kind: 'nowhere' }, { kind: 'nowhere' }])
    expect(layoutMemory(plan, []).arenaBytes).toBe(0)
  })

  test('symbolic sizes are laid out for each binding, and remembered', () => {
    const program = new ProgramBuilder('symbolic', ['n'])
    const n = sizeName('n')
    const [x, t] = [program.input(0, n), program.temporary(multiplySizes(2, n))]
    program.kernel([t, x], (pool, out, own) => {
      const axis = pool.axis('i', multiplySizes(2, n))
      return [
        loop(pool, axis, [
          {
            kind: 'store',
            buffer: out as Buffer,
            index: pool.index(axis),
            value: pool.load(own as Buffer, pool.indexDivide(pool.index(axis), 2)),
          },
        ]),
      ]
    })
    const plan = planMemory(program.build([t]))
    const layouts = new LayoutCache(plan, 2)
    expect(layouts.get([8])).toEqual({ offsets: [80, 0], elements: [8, 16], arenaBytes: 128 })
    expect(layouts.get([8])).toBe(layouts.get([8]))
    const old = layouts.get([8])
    for (const size of [0, 1, 2]) expect(layouts.get([size]).elements).toEqual([size, 2 * size])
    expect(layouts.get([8])).not.toBe(old)
    expect(planReport(plan, [8])).toMatchObject({ arenaBytes: 128, liveLowerBound: 128, unsharedBytes: 128 })
  })
})

describe('packing', () => {
  const lifetime = fc
    .record({
      bytes: fc.oneof(fc.nat(100), fc.nat(10000), fc.constant(0)),
      start: fc.nat(12),
      length: fc.nat(6),
    })
    .map(({ bytes, start, length }): Lifetime => ({ bytes, start, end: start + length }))

  test('blocks alive together never overlap, and share memory otherwise', () => {
    fc.assert(
      fc.property(fc.array(lifetime, { maxLength: 30 }), (lifetimes) => {
        const { offsets, bytes } = packLifetimes(lifetimes)
        let sum = 0
        lifetimes.forEach((x, i) => {
          const at = offsets[i] ?? -1
          expect(at % (x.bytes >= 1024 ? 64 : 16)).toBe(0)
          expect(at + x.bytes + 16).toBeLessThanOrEqual(bytes)
          sum += Math.ceil((Math.ceil(x.bytes / 16) * 16 + 16) / 64) * 64
          lifetimes.slice(0, i).forEach((y, j) => {
            if (x.end < y.start || y.end < x.start) return
            const other = offsets[j] ?? -1
            expect(at + x.bytes + 16 <= other || other + y.bytes + 16 <= at).toBe(true)
          })
        })
        expect(bytes).toBeLessThanOrEqual(sum)
        expect(bytes).toBeGreaterThanOrEqual(liveLowerBound(lifetimes))
      }),
      { numRuns: 300 },
    )
  })

  test('reaches the lower bound for blocks that replace each other', () => {
    const lifetimes: Lifetime[] = Array.from({ length: 20 }, (_, i) => ({
      bytes: 4080,
      start: i,
      end: i + 1,
    }))
    expect(packLifetimes(lifetimes).bytes).toBe(2 * 4096)
    expect(liveLowerBound(lifetimes)).toBe(2 * 4096)
  })
})
