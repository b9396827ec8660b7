/** Small programs for the tests of this folder, written by hand. */
import type { DType, TypedArray } from '../../../codegen/dtype.ts'
import { type Axis, type Buffer, type Expr, ExprPool } from '../../../codegen/expr.ts'
import type { Statement } from '../../../codegen/kernel.ts'
import type { GemmStep, KernelStep, ProgramBuffer, ProgramSpec, Step } from '../../../codegen/program.ts'
import { namesOfSize, type Size } from '../../../codegen/size.ts'

/** Collects the buffers and steps of a program. */
export class ProgramBuilder {
  readonly buffers: ProgramBuffer[] = []
  readonly steps: Step[] = []
  readonly #name: string
  readonly #sizes: readonly string[]

  constructor(name: string, sizes: readonly string[] = []) {
    this.#name = name
    this.#sizes = sizes
  }
  #add(buffer: ProgramBuffer): number {
    return this.buffers.push(buffer) - 1
  }
  input(index: number, elements: Size, dtype: DType = 'float32'): number {
    return this.#add({ name: `in${index}`, dtype, elements, storage: { kind: 'input', index } })
  }
  variable(index: number, elements: Size, dtype: DType = 'float32'): number {
    return this.#add({ name: `var${index}`, dtype, elements, storage: { kind: 'variable', index } })
  }
  constant(data: TypedArray, dtype: DType = 'float32'): number {
    return this.#add({
      name: `constant${this.buffers.length}`,
      dtype,
      elements: data.length,
      storage: { kind: 'constant', data },
    })
  }
  temporary(elements: Size, dtype: DType = 'float32'): number {
    return this.#add({ name: `t${this.buffers.length}`, dtype, elements, storage: { kind: 'temporary' } })
  }
  step(step: Step): this {
    this.steps.push(step)
    return this
  }
  /** A kernel over buffers of the program; `write` gets the kernel's own. */
  kernel(
    buffers: readonly number[],
    write: (pool: ExprPool, ...own: Buffer[]) => readonly Statement[],
  ): this {
    const pool = new ExprPool()
    const own = buffers.map((index) => {
      const { name, dtype, elements } = this.buffers[index] as ProgramBuffer
      return pool.buffer(name, dtype, elements)
    })
    const sizes = [...new Set(own.flatMap((buffer) => [...namesOfSize(buffer.elements)]))]
    const step: KernelStep = {
      kind: 'kernel',
      pool,
      buffers,
      kernel: { name: `k${this.steps.length}`, buffers: own, sizes, body: write(pool, ...own) },
    }
    return this.step(step)
  }
  /** result[i] = value(i), for as many i as the result has elements. */
  elementwise(
    result: number,
    operands: readonly number[],
    value: (pool: ExprPool, ...loads: Expr[]) => Expr,
  ): this {
    return this.kernel([result, ...operands], (pool, out, ...own) => {
      const axis = pool.axis('i', (out as Buffer).elements)
      const index = pool.index(axis)
      return [
        loop(pool, axis, [
          {
            kind: 'store',
            buffer: out as Buffer,
            index,
            value: value(pool, ...own.map((buffer) => pool.load(buffer, index))),
          },
        ]),
      ]
    })
  }
  commit(variable: number, from: number): this {
    return this.step({ kind: 'commit', variable, from })
  }
  check(buffer: number, id = 0): this {
    return this.step({ kind: 'check', buffer, id })
  }
  host(id: number, reads: readonly number[] = [], writes: readonly number[] = []): this {
    return this.step({ kind: 'host', id, reads, writes })
  }
  /** c[m,n] = start + a[m,k]·b[k,n], everything dense and row-major. */
  gemm(
    c: number,
    a: number,
    b: number,
    [m, k, n]: readonly [number, number, number],
    init?: GemmStep['init'],
  ): this {
    const operand = (buffer: number, columns: number): GemmStep['a'] => ({
      buffer,
      rowStride: columns,
      columnStride: 1,
      batchStride: 0,
    })
    return this.step({
      kind: 'gemm',
      batch: 1,
      rows: m,
      columns: n,
      inner: k,
      a: operand(a, k),
      b: operand(b, n),
      c,
      init,
      activation: 'none',
    })
  }
  build(outputs: readonly number[] = []): ProgramSpec {
    return { name: this.#name, buffers: this.buffers, sizes: this.#sizes, steps: this.steps, outputs }
  }
}

/** A loop over the whole axis. */
export function loop(pool: ExprPool, axis: Axis, body: readonly Statement[]): Statement {
  return { kind: 'loop', axis, from: pool.const('int32', 0), to: pool.size(axis.extent), step: 1, body }
}
