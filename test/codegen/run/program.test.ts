import { afterEach, describe, expect, test } from 'vitest'
import type { TypedArray } from '../../../codegen/dtype.ts'
import { CheckError } from '../../../codegen/errors.ts'
import type { Buffer } from '../../../codegen/expr.ts'
import { arenaDepth } from '../../../codegen/run/arena.ts'
import {
  allocateSlot,
  memoryStatistics,
  readSlot,
  releaseSlot,
  setSlotBudget,
  type Slot,
  slotAddress,
  writeSlot,
} from '../../../codegen/run/memory.ts'
import { Program, type ProgramHost } from '../../../codegen/run/program.ts'
import { sizeName } from '../../../codegen/size.ts'
import { loop, ProgramBuilder } from './programs.ts'

const noHost: ProgramHost = {
  fail: (id, value) => {
    throw new CheckError({ op: 'check', problem: `check ${id} found ${value}` })
  },
  call: () => undefined,
}

function hostOf(call: ProgramHost['call']): ProgramHost {
  return { fail: noHost.fail, call }
}

function floats(...values: readonly number[]): Float32Array {
  return Float32Array.from(values)
}

function slotOf(data: TypedArray): Slot {
  const slot = allocateSlot(data instanceof Int32Array ? 'int32' : 'float32', data.length)
  writeSlot(slot, data)
  return slot
}

/** w ← w + x, returns 2x. */
function addInto(elements: number): ReturnType<ProgramBuilder['build']> {
  const program = new ProgramBuilder('addInto')
  const [w, x] = [program.variable(0, elements), program.input(0, elements)]
  const [next, twice] = [program.temporary(elements), program.temporary(elements)]
  program.elementwise(next, [w, x], (pool, a, b) => pool.binary('add', a!, b!))
  program.elementwise(twice, [x], (pool, a) => pool.binary('mul', a, pool.const('float32', 2)))
  return program.commit(w, next).build([twice])
}

afterEach(() => {
  setSlotBudget(undefined)
  if (arenaDepth() !== 0) throw new Error('a call left the arena entered')
})

describe('a program', () => {
  test('copies inputs in, changes variables in place, copies outputs out', () => {
    for (const elements of [1, 5, 32, 33, 1000]) {
      const program = new Program(addInto(elements), noHost)
      expect(program.plan.inPlaceCommits).toEqual(['var0'])
      const x = Float32Array.from({ length: elements }, (_, i) => i + 0.5)
      const w = slotOf(x.map((value) => -value * 3))
      const address = slotAddress(w)
      for (let call = 1; call <= 3; call++) {
        const [twice] = program.run([x], [w], [])
        expect(twice).toEqual(x.map((value) => value * 2))
        expect(readSlot(w)).toEqual(x.map((value) => -value * 3 + call * value))
      }
      expect(slotAddress(w)).toBe(address)
      expect(w.pins).toBe(0)
      program.dispose()
      releaseSlot(w)
    }
  })

  test('reads and writes every dtype', () => {
    const dtypes = ['float32', 'float64', 'int32', 'uint8', 'bool'] as const
    const data = [
      floats(1.5, -2),
      Float64Array.of(Math.PI, -1e300),
      Int32Array.of(-7, 2 ** 30),
      Uint8Array.of(255, 1),
      Uint8Array.of(1, 0),
    ]
    const builder = new ProgramBuilder('dtypes')
    const inputs = dtypes.map((dtype, i) => builder.input(i, 2, dtype))
    const copies = dtypes.map((dtype, i) => {
      const copy = builder.temporary(2, dtype)
      builder.elementwise(copy, [inputs[i]!], (_, x) => x)
      return copy
    })
    const program = new Program(builder.build([...copies, ...inputs]), noHost)
    expect(program.run(data, [], [])).toEqual([...data, ...data])
  })

  test('an old value and a new one may both be returned', () => {
    const builder = new ProgramBuilder('oldAndNew')
    const [w, next] = [builder.variable(0, 3), builder.temporary(3)]
    builder.elementwise(next, [w], (pool, x) => pool.binary('mul', x, x)).commit(w, next)
    const program = new Program(builder.build([w, next]), noHost)
    const slot = slotOf(floats(2, 3, 4))
    expect(program.run([], [slot], [])).toEqual([floats(2, 3, 4), floats(4, 9, 16)])
    expect(program.run([], [slot], [])).toEqual([floats(4, 9, 16), floats(16, 81, 256)])
  })

  test('two variables swap', () => {
    const builder = new ProgramBuilder('swap')
    const [v, w] = [builder.variable(0, 5), builder.variable(1, 5)]
    const program = new Program(builder.commit(v, w).commit(w, v).build(), noHost)
    const [a, b] = [slotOf(floats(1, 2, 3, 4, 5)), slotOf(floats(6, 7, 8, 9, 10))]
    program.run([], [a, b], [])
    expect([readSlot(a), readSlot(b)]).toEqual([floats(6, 7, 8, 9, 10), floats(1, 2, 3, 4, 5)])
    // The same program with other storage: addresses are not baked in.
    program.run([], [b, a], [])
    expect([readSlot(a), readSlot(b)]).toEqual([floats(1, 2, 3, 4, 5), floats(6, 7, 8, 9, 10)])
  })

  test('two results of one kernel replace two operands', () => {
    const builder = new ProgramBuilder('momentum')
    const n = 37
    const [w, m, g] = [builder.variable(0, n), builder.variable(1, n), builder.input(0, n)]
    const [nextW, nextM] = [builder.temporary(n), builder.temporary(n)]
    builder.kernel([nextM, nextW, w, m, g], (pool, outM, outW, inW, inM, inG) => {
      const axis = pool.axis('i', n)
      const index = pool.index(axis)
      const load = (buffer: Buffer | undefined): ReturnType<typeof pool.load> => pool.load(buffer!, index)
      const moved = pool.binary('add', pool.binary('mul', load(inM), pool.const('float32', 0.5)), load(inG))
      return [
        loop(pool, axis, [
          { kind: 'store', buffer: outM!, index, value: moved },
          { kind: 'store', buffer: outW!, index, value: pool.binary('sub', load(inW), moved) },
        ]),
      ]
    })
    const program = new Program(builder.commit(m, nextM).commit(w, nextW).build(), noHost)
    expect(program.plan.inPlaceCommits).toEqual(['var1', 'var0'])
    const [weights, momentum] = [slotOf(new Float32Array(n).fill(100)), slotOf(new Float32Array(n).fill(8))]
    const gradient = Float32Array.from({ length: n }, (_, i) => i)
    program.run([gradient], [weights, momentum], [])
    expect(readSlot(momentum)).toEqual(gradient.map((value) => 4 + value))
    expect(readSlot(weights)).toEqual(gradient.map((value) => 96 - value))
  })

  test('sizes may change from call to call', () => {
    const n = sizeName('n')
    const builder = new ProgramBuilder('symbolic', ['n'])
    const [x, y, sum] = [builder.input(0, n), builder.input(1, n), builder.temporary(n)]
    builder.elementwise(sum, [x, y], (pool, a, b) => pool.binary('add', a!, b!))
    const program = new Program(builder.build([sum, x]), noHost)
    for (const size of [4, 0, 1000, 3, 4, 20000, 4]) {
      const a = Float32Array.from({ length: size }, (_, i) => i)
      const [result, same] = program.run([a, a.map((value) => 1 - value)], [], [size])
      expect(result).toEqual(new Float32Array(size).fill(1))
      expect(same).toEqual(a)
    }
    expect(() => program.run([floats(1), floats(1, 2)], [], [2])).toThrow(
      'input 0 (in0) has 1 elements instead of 2',
    )
  })

  test('constants are there from the first call on and go with the program', () => {
    const before = memoryStatistics().bytesInUse
    const builder = new ProgramBuilder('constants')
    const [x, c, d] = [
      builder.input(0, 3),
      builder.constant(floats(10, 20, 30)),
      builder.constant(floats(1, 1, 1)),
    ]
    const sum = builder.temporary(3)
    builder.elementwise(sum, [x, c, d], (pool, a, b, e) => pool.binary('add', pool.binary('add', a!, b!), e!))
    const program = new Program(builder.build([sum, c]), noHost)
    expect(program.run([floats(1, 2, 3)], [], [])).toEqual([floats(12, 23, 34), floats(10, 20, 30)])
    program.dispose()
    program.dispose()
    expect(memoryStatistics().bytesInUse).toBe(before)
    expect(() => program.run([floats(1, 2, 3)], [], [])).toThrow('after it was disposed')
  })

  test('matrix products, also in place over their start values', () => {
    const [m, k, n] = [7, 11, 13]
    const builder = new ProgramBuilder('product')
    const [w, a, b, c] = [
      builder.variable(0, m * n),
      builder.input(0, m * k),
      builder.input(1, k * n),
      builder.temporary(m * n),
    ]
    builder.gemm(c, a, b, [m, k, n], { buffer: w, rowStride: n, batchStride: 0 }).commit(w, c)
    const program = new Program(builder.build(), noHost)
    expect(program.plan.inPlaceCommits).toEqual(['var0'])
    const x = Float32Array.from({ length: m * k }, (_, i) => (i % 7) - 3)
    const y = Float32Array.from({ length: k * n }, (_, i) => (i % 5) - 2)
    const slot = slotOf(new Float32Array(m * n).fill(0.5))
    program.run([x, y], [slot], [])
    const expected = Array.from({ length: m * n }, (_, at) => {
      let sum = 0.5
      for (let i = 0; i < k; i++) sum += (x[Math.floor(at / n) * k + i] ?? 0) * (y[i * n + (at % n)] ?? 0)
      return sum
    })
    expect([...readSlot(slot)]).toEqual(expected)
  })

  test('allocates nothing once it has run', () => {
    const program = new Program(addInto(5000), noHost)
    const [w, x] = [slotOf(new Float32Array(5000)), new Float32Array(5000).fill(1)]
    program.run([x], [w], [])
    const before = memoryStatistics()
    for (let i = 0; i < 100; i++) program.run([x], [w], [])
    expect(memoryStatistics()).toEqual(before)
    expect(readSlot(w)).toEqual(new Float32Array(5000).fill(101))
  })

  test('variables that were moved out of memory come back, and stay while it runs', () => {
    const builder = new ProgramBuilder('three')
    const [u, v, w] = [builder.variable(0, 500), builder.variable(1, 500), builder.variable(2, 500)]
    const sum = builder.temporary(500)
    builder.elementwise(sum, [u, v, w], (pool, a, b, c) => pool.binary('add', pool.binary('add', a!, b!), c!))
    const program = new Program(builder.commit(u, sum).build(), noHost)
    const slots = [1, 2, 3].map((value) => slotOf(new Float32Array(500).fill(value)))
    setSlotBudget(1)
    expect(slots.map((slot) => slot.address)).toEqual([0, 0, 0])
    for (let i = 0; i < 3; i++) program.run([], slots, [])
    expect(readSlot(slots[0]!)).toEqual(new Float32Array(500).fill(16))
    expect(slots.map((slot) => slot.pins)).toEqual([0, 0, 0])
  })

  test('refuses what does not fit', () => {
    const program = new Program(addInto(4), noHost)
    const w = slotOf(floats(1, 2, 3))
    expect(() => program.run([], [], [])).toThrow('takes 1 inputs, 1 variables and 0 sizes, not 0, 0 and 0')
    expect(() => program.run([floats(1, 2, 3, 4)], [w], [])).toThrow('variable 0 has 3 elements instead of 4')
    expect(w.pins).toBe(0)
  })
})

describe('checks and host calls', () => {
  test('a failing check throws its error, with earlier commits done and later ones not', () => {
    const builder = new ProgramBuilder('checked')
    const [w, bad] = [builder.variable(0, 6), builder.input(0, 1, 'int32')]
    const [one, two] = [builder.temporary(6), builder.temporary(6)]
    builder.elementwise(one, [w], (pool, x) => pool.binary('add', x, pool.const('float32', 1))).commit(w, one)
    builder.check(bad, 7)
    builder
      .elementwise(two, [one], (pool, x) => pool.binary('add', x, pool.const('float32', 10)))
      .commit(w, two)
    const program = new Program(builder.build([two]), noHost)
    const slot = slotOf(new Float32Array(6))
    expect(() => program.run([Int32Array.of(-3)], [slot], [])).toThrow(CheckError)
    expect(readSlot(slot)).toEqual(new Float32Array(6).fill(1))
    expect(slot.pins).toBe(0)
    expect(() => program.run([Int32Array.of(-3)], [slot], [])).toThrow('check 7 found -3')
    expect(program.run([Int32Array.of(0)], [slot], [])).toEqual([new Float32Array(6).fill(13)])
  })

  test('a value computed before a failing check is not committed by it', () => {
    const builder = new ProgramBuilder('checkBetween')
    const [w, bad, next] = [builder.variable(0, 6), builder.input(0, 1, 'int32'), builder.temporary(6)]
    builder.elementwise(next, [w], (pool, x) => pool.binary('add', x, pool.const('float32', 1)))
    const program = new Program(builder.check(bad).commit(w, next).build(), noHost)
    const slot = slotOf(new Float32Array(6))
    expect(() => program.run([Int32Array.of(1)], [slot], [])).toThrow(CheckError)
    expect(readSlot(slot)).toEqual(new Float32Array(6))
    program.run([Int32Array.of(0)], [slot], [])
    expect(readSlot(slot)).toEqual(new Float32Array(6).fill(1))
  })

  test('the host gets copies and writes back', () => {
    const builder = new ProgramBuilder('host')
    const [x, filled, next] = [builder.input(0, 3), builder.temporary(3), builder.temporary(3)]
    builder.host(4, [x], [filled])
    builder.elementwise(next, [filled], (pool, value) => pool.unary('neg', value))
    const seen: unknown[] = []
    const host = hostOf((id, reads) => {
      seen.push([id, reads])
      return [floats(7, 8, 9)]
    })
    expect(new Program(builder.build([next]), host).run([floats(1, 2, 3)], [], [])).toEqual([
      floats(-7, -8, -9),
    ])
    expect(seen).toEqual([[4, [floats(1, 2, 3)]]])
  })

  test('the host may call other programs and the same one, deeply, and grow the memory', () => {
    const elements = 300
    const builder = new ProgramBuilder('recursive')
    const [x, result, back, sum] = [
      builder.input(0, elements),
      builder.temporary(elements),
      builder.temporary(elements),
      builder.temporary(elements),
    ]
    const two = builder.constant(new Float32Array(elements).fill(2))
    builder.elementwise(result, [x, two], (pool, a, b) => pool.binary('mul', a!, b!))
    builder.host(0, [x], [back])
    builder.elementwise(sum, [result, back, x], (pool, a, b, c) =>
      pool.binary('add', pool.binary('add', a!, b!), c!),
    )
    const slot = slotOf(new Float32Array(elements))
    const other = new Program(addInto(elements), noHost)
    const extra: Slot[] = []
    let depth = 0
    const program: Program = new Program(
      builder.build([sum]),
      hostOf((_, [input]) => {
        if (input === undefined || input[0] === 0) return [new Float32Array(elements)]
        expect(arenaDepth()).toBe(++depth)
        other.run([new Float32Array(elements).fill(1)], [slot], [])
        extra.push(slotOf(new Float32Array(memoryStatistics().bytesReserved / 16)))
        const inner = program.run([input.map((value) => value - 1)], [], [])
        depth--
        return inner
      }),
    )
    // f(x) = 2x + f(x − 1) + x, f(0) = 0.
    for (let call = 1; call <= 2; call++) {
      expect(program.run([new Float32Array(elements).fill(4)], [], [])).toEqual([
        new Float32Array(elements).fill(30),
      ])
      expect(readSlot(slot)).toEqual(new Float32Array(elements).fill(4 * call))
    }
    for (const each of extra) releaseSlot(each)
  })

  test("a callback's own error passes through nested calls and leaves nothing behind", () => {
    const builder = new ProgramBuilder('throwing')
    const [w, next] = [builder.variable(0, 4), builder.temporary(4)]
    builder.host(0).elementwise(next, [w], (pool, x) => pool.unary('neg', x))
    let depth = 0
    const error = new RangeError("the callback's own")
    const slot = slotOf(floats(1, 2, 3, 4))
    const program: Program = new Program(
      builder.commit(w, next).build([next]),
      hostOf(() => {
        if (depth++ === 3) throw error
        program.run([], [slot], [])
        return undefined
      }),
    )
    expect(() => program.run([], [slot], [])).toThrow(error)
    expect(slot.pins).toBe(0)
    expect(readSlot(slot)).toEqual(floats(1, 2, 3, 4))
    depth = 4
    builder.steps.shift()
    const plain = new Program({ ...builder.build([next]), name: 'plain' }, noHost)
    expect(plain.run([], [slot], [])).toEqual([floats(-1, -2, -3, -4)])
    expect(() => program.dispose()).not.toThrow()
  })

  test('a program cannot be disposed while it runs', () => {
    const builder = new ProgramBuilder('disposing')
    const program: Program = new Program(
      builder.host(0).build(),
      hostOf(() => {
        program.dispose()
        return undefined
      }),
    )
    expect(() => program.run([], [], [])).toThrow('disposed while it ran')
  })
})
