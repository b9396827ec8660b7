// Records pushed and popped by compiled code: values of every width and of unknown sizes come back, and chains stay apart.
import { describe, expect, test } from 'vitest'
import type { DType, TypedArray } from '../../../codegen/dtype.ts'
import { InternalError } from '../../../codegen/errors.ts'
import type { ProgramBuffer, ProgramSpec, Step } from '../../../codegen/program.ts'
import { memoryStatistics } from '../../../codegen/run/memory.ts'
import { Program, type ProgramHost } from '../../../codegen/run/program.ts'
import { type Size, sizeName } from '../../../codegen/size.ts'

const host: ProgramHost = {
  fail: () => {
    throw new InternalError('there are no checks')
  },
  call: () => undefined,
}

class Spec {
  readonly #buffers: ProgramBuffer[] = []
  readonly #steps: Step[] = []
  #inputs = 0
  #id = 0

  input(dtype: DType, elements: Size): number {
    return this.#buffer(dtype, elements, { kind: 'input', index: this.#inputs++ })
  }

  #buffer(dtype: DType, elements: Size, storage: ProgramBuffer['storage']): number {
    return this.#buffers.push({ name: `b${this.#buffers.length}`, dtype, elements, storage }) - 1
  }

  push(record: number, values: readonly number[]): number {
    const result = this.#buffer('float64', 1, { kind: 'temporary' })
    this.#steps.push({ kind: 'push', id: this.#id++, record, result, values })
    return result
  }

  merge(record: number, other: number): number {
    const result = this.#buffer('float64', 1, { kind: 'temporary' })
    this.#steps.push({ kind: 'merge', id: this.#id++, record, other, result })
    return result
  }

  /** The name of the record before, and the values, which are like `like`. */
  pop(record: number, like: readonly number[]): readonly [number, readonly number[]] {
    const result = this.#buffer('float64', 1, { kind: 'temporary' })
    const values = like.map((buffer) => {
      const { dtype, elements } = this.#buffers[buffer] as ProgramBuffer
      return this.#buffer(dtype, elements, { kind: 'temporary' })
    })
    this.#steps.push({ kind: 'pop', id: this.#id++, record, result, values, names: values.map(() => false) })
    return [result, values]
  }

  build(outputs: readonly number[], sizes: readonly string[] = []): ProgramSpec {
    return { name: 'records', buffers: this.#buffers, sizes, steps: this.#steps, outputs }
  }
}

const none = Float64Array.of(0)
const bools = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)

describe('records', () => {
  test('give back what they keep, last first, whatever its width', () => {
    for (const n of [0, 1, 3, 17, 130, 1000]) {
      const spec = new Spec()
      const empty = spec.input('float64', 1)
      const values = [
        spec.input('bool', 3),
        spec.input('int32', sizeName('n0')),
        spec.input('float64', 5),
        spec.input('float32', 1),
      ]
      const reals = [spec.input('float32', sizeName('n0')), spec.input('bool', 1)]
      const first = spec.push(empty, values)
      const second = spec.push(first, reals)
      const [before, taken] = spec.pop(second, reals)
      const [last, kept] = spec.pop(before, values)
      const program = new Program(spec.build([...taken, ...kept, last], ['n0']), host)
      const counted = Int32Array.from({ length: n }, (_, i) => 7 - i)
      const inputs: TypedArray[] = [
        none,
        bools(1, 0, 1),
        counted,
        Float64Array.of(1, -2, Number.NaN, -0, 5),
        Float32Array.of(0.5),
        Float32Array.from(counted, (value) => value / 3),
        bools(1),
      ]
      for (let call = 0; call < 3; call++)
        expect(program.run(inputs, [], [n])).toEqual([inputs[5], inputs[6], ...inputs.slice(1, 5), none])
      program.dispose()
    }
  })

  test('stay when chains that share them are popped, more than once', () => {
    const spec = new Spec()
    const [empty, a, b, c] = [
      spec.input('float64', 1),
      ...['a', 'b', 'c'].map(() => spec.input('float32', 2)),
    ] as [number, number, number, number]
    const shared = spec.push(empty, [a])
    const [one, two] = [spec.push(shared, [b]), spec.push(shared, [c])]
    const [beforeOne, fromOne] = spec.pop(one, [b])
    const [beforeTwo, fromTwo] = spec.pop(two, [c])
    const [, again] = spec.pop(one, [b])
    const [, first] = spec.pop(beforeOne, [a])
    const [, second] = spec.pop(beforeTwo, [a])
    const program = new Program(spec.build([...fromOne, ...fromTwo, ...again, ...first, ...second]), host)
    const [x, y, z] = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)]
    expect(program.run([none, x, y, z], [], [])).toEqual([y, z, y, x, x])
  })

  test('of two chains add up, one longer than the other; the empty chain holds zeros', () => {
    const spec = new Spec()
    const [empty, a, b] = [spec.input('float64', 1), spec.input('float32', 2), spec.input('float32', 2)]
    const longer = spec.push(spec.push(empty, [a]), [b])
    const sum = spec.merge(longer, spec.push(empty, [b]))
    const [before, top] = spec.pop(sum, [a])
    const [end, rest] = spec.pop(before, [a])
    const [, nothing] = spec.pop(end, [a])
    const program = new Program(spec.build([...top, ...rest, ...nothing, end]), host)
    expect(program.run([none, Float32Array.of(1, 2), Float32Array.of(3, 4)], [], [])).toEqual([
      Float32Array.of(6, 8),
      Float32Array.of(1, 2),
      Float32Array.of(0, 0),
      none,
    ])
  })

  test('take memory that goes with the program', () => {
    const before = memoryStatistics().bytesInUse
    const spec = new Spec()
    const [empty, a] = [spec.input('float64', 1), spec.input('float32', 5000)]
    const [, values] = spec.pop(spec.push(empty, [a]), [a])
    const program = new Program(spec.build(values), host)
    program.run([none, new Float32Array(5000)], [], [])
    const arena = memoryStatistics().bytesInUse
    program.dispose()
    expect(arena - memoryStatistics().bytesInUse).toBeGreaterThanOrEqual(20_000)
    expect(memoryStatistics().bytesInUse).toBeGreaterThanOrEqual(before)
  })
})
