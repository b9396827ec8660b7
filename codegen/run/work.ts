/**
 * How much work a step is: arithmetic on floats, and bytes that have to move at least.
 *
 * Both are counted in the program before vectorisation, with the sizes of a call. An expression counts as often as the
 * innermost loop runs that it depends on, since that is where it is computed; a function like exp counts as the
 * arithmetic it is expanded to, a comparison, a maximum or a rounding as one operation, work on integers as none. A
 * matrix product is 2mnk. Bytes are those of each buffer once, however often it is read: what a cache of any size would
 * leave. Steps whose length only the data decides have no count.
 */
import { byteSize, type DType } from '../dtype.ts'
import { type Buffer, type Expr, ExprPool, type Local, operandsOf, type UnaryOp } from '../expr.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { mathExpansions } from '../passes/expand-math.ts'
import type { ConvStep, GemmStep, KernelStep, ProgramSpec, Step } from '../program.ts'
import { bodiesOf, expressionsOf, visitExprs } from '../schedule/contents.ts'
import { evaluateSize, type Size } from '../size.ts'
import { kernelAccess } from './access.ts'

/** What one run of a step does. */
export interface Work {
  readonly flops: number
  readonly bytes: number
}

type SizeOf = (size: Size) => number

/** The work of a step given the values of the size names; undefined when the data decides. */
export function workOf(spec: ProgramSpec, step: Step, valueOf: (name: string) => number): Work | undefined {
  const sizeOf: SizeOf = (size) => evaluateSize(size, valueOf)
  const bytesOf = (buffer: number): number => {
    const found = spec.buffers[buffer]
    return found === undefined ? 0 : sizeOf(found.elements) * byteSize(found.dtype)
  }
  switch (step.kind) {
    case 'kernel':
      return kernelWork(step, sizeOf)
    case 'gemm':
      return gemmWork(step, sizeOf)
    case 'conv':
      return convWork(step, sizeOf, bytesOf)
    case 'commit':
      return { flops: 0, bytes: 2 * bytesOf(step.variable) }
    case 'push':
    case 'pop':
      return { flops: 0, bytes: 2 * step.values.reduce((sum, buffer) => sum + bytesOf(buffer), 0) }
    case 'check':
      return { flops: 0, bytes: bytesOf(step.buffer) }
    case 'host':
    case 'merge':
    case 'list':
    case 'if':
    case 'loop':
      return undefined
  }
}

function gemmWork({ batch, rows, columns, inner, a, b, init }: GemmStep, sizeOf: SizeOf): Work {
  const [count, m, n, k] = [batch, rows, columns, inner].map(sizeOf) as [number, number, number, number]
  const matrices = (stride: Size): number => (sizeOf(stride) === 0 ? 1 : count)
  const start =
    init === undefined ? 0 : matrices(init.batchStride) * (sizeOf(init.rowStride) === 0 ? n : m * n)
  const elements = matrices(a.batchStride) * m * k + matrices(b.batchStride) * k * n + count * m * n + start
  return { flops: 2 * count * m * n * k, bytes: 4 * elements }
}

function convWork(
  { sizes, input, kernel, result, init }: ConvStep,
  sizeOf: SizeOf,
  bytesOf: (buffer: number) => number,
): Work {
  const { batch, groups, inner, outer, kernelHeight, kernelWidth, height, width } = sizes
  const flops = [batch, groups, inner, outer, kernelHeight, kernelWidth, height, width]
    .map(sizeOf)
    .reduce((product, size) => product * size, 2)
  const buffers = [input, kernel, result, ...(init === undefined ? [] : [init])]
  return { flops, bytes: buffers.reduce((sum, buffer) => sum + bytesOf(buffer), 0) }
}

function kernelWork({ kernel }: KernelStep, sizeOf: SizeOf): Work | undefined {
  const counter = new KernelCounter(kernel, sizeOf)
  return counter.isOpen ? undefined : counter
}

/** A loop around the statement being counted: how often its body runs, in all. */
interface Around {
  readonly axis: number | undefined
  readonly runs: number
}

class KernelCounter implements Work {
  flops = 0
  /** Whether it holds a loop of unknown length. */
  isOpen = false
  readonly #sizeOf: SizeOf
  readonly #loaded = new Map<Buffer, number>()
  readonly #stored = new Map<Buffer, number>()
  /** How deep in the loops a node or a local is computed. */
  readonly #depths = new Map<Expr, number>()
  readonly #locals = new Map<Local, number>()
  readonly #written: ReadonlySet<Buffer>

  constructor(kernel: Kernel, sizeOf: SizeOf) {
    this.#sizeOf = sizeOf
    this.#written = kernelAccess(kernel).stores
    this.#list(kernel.body, [{ axis: undefined, runs: 1 }], new Set())
  }

  get bytes(): number {
    let sum = 0
    for (const moved of [this.#loaded, this.#stored])
      for (const [buffer, elements] of moved)
        sum += Math.min(elements, this.#sizeOf(buffer.elements)) * byteSize(buffer.dtype)
    return sum
  }

  #list(statements: readonly Statement[], around: readonly Around[], counted: ReadonlySet<Expr>): void {
    const seen = new Set(counted)
    for (const statement of statements) {
      for (const root of expressionsOf(statement)) this.#expression(root, around, seen)
      const runs = around.at(-1)?.runs ?? 1
      switch (statement.kind) {
        case 'loop': {
          const { from, to, axis, step, body } = statement
          const constant = from.kind === 'const' && to.kind === 'const' ? to.value - from.value : undefined
          const trips = Math.max(0, (constant ?? this.#sizeOf(axis.extent)) / step)
          this.#list(body, [...around, { axis: axis.id, runs: runs * trips }], seen)
          break
        }
        case 'let':
        case 'set':
          this.#locals.set(statement.local, around.length - 1)
          break
        case 'store':
          this.#add(this.#stored, statement.buffer, runs * statement.value.lanes)
          break
        case 'while':
          this.isOpen = true
          break
        case 'if':
          this.#branches(statement, around, seen)
          break
        case 'fail':
          break
      }
    }
  }

  /** The branch that does more counts. */
  #branches(statement: Statement, around: readonly Around[], seen: ReadonlySet<Expr>): void {
    const before = this.flops
    const ends = bodiesOf(statement).map((body) => {
      this.flops = before
      this.#list(body, around, seen)
      return this.flops
    })
    this.flops = Math.max(before, ...ends)
  }

  #expression(root: Expr, around: readonly Around[], seen: Set<Expr>): void {
    const isNew = new Set<Expr>()
    const known = new Set(seen)
    visitExprs([root], (expr) => isNew.add(expr), known)
    for (const expr of isNew) {
      seen.add(expr)
      const depth = this.#depthOf(expr, around)
      this.#depths.set(expr, depth)
      const runs = around[depth]?.runs ?? 1
      this.flops += runs * flopsOf(expr)
      if (expr.kind === 'load') this.#add(this.#loaded, expr.buffer, runs * expr.lanes)
    }
  }

  #depthOf(expr: Expr, around: readonly Around[]): number {
    if (expr.kind === 'axis')
      return Math.max(
        0,
        around.findLastIndex(({ axis }) => axis === expr.axis.id),
      )
    if (expr.kind === 'local') return this.#locals.get(expr.local) ?? around.length - 1
    if (expr.kind === 'load' && this.#written.has(expr.buffer)) return around.length - 1
    return operandsOf(expr).reduce((depth, operand) => Math.max(depth, this.#depths.get(operand) ?? 0), 0)
  }

  #add(map: Map<Buffer, number>, buffer: Buffer, elements: number): void {
    map.set(buffer, (map.get(buffer) ?? 0) + elements)
  }
}

function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64'
}

/** Operations on floats that computing this very node takes. */
function flopsOf(expr: Expr): number {
  switch (expr.kind) {
    case 'unary':
      if (!isFloat(expr.dtype)) return 0
      return expr.lanes * (expr.dtype === 'float32' ? expansionFlops(expr.op) : 1)
    case 'binary':
      return isFloat(expr.dtype) ? expr.lanes : 0
    case 'compare':
      return isFloat(expr.x.dtype) ? expr.lanes : 0
    case 'madd':
      return 2 * expr.lanes
    case 'horizontal':
      return isFloat(expr.dtype) ? expr.x.lanes - 1 : 0
    default:
      return 0
  }
}

const expansions = new Map<UnaryOp, number>()

/** What a function's formula has in operations: 1 for one without. */
function expansionFlops(op: UnaryOp): number {
  const known = expansions.get(op)
  if (known !== undefined) return known
  const expand = mathExpansions[op]
  let flops = 1
  if (expand !== undefined) {
    const pool = new ExprPool()
    const x = pool.load(pool.buffer('x', 'float32', 1), pool.const('int32', 0))
    flops = 0
    // Formulas are made of operations that have none themselves.
    visitExprs([expand(pool, x)], (expr) => {
      if (expr.kind === 'unary') flops += isFloat(expr.dtype) ? 1 : 0
      else flops += flopsOf(expr)
    })
  }
  expansions.set(op, flops)
  return flops
}
