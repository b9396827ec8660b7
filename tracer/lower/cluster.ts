/**
 * A fusion region becomes one kernel.
 *
 * The region's nodes are composed by their readers into one expression per output; what is shared between outputs is
 * one node of the expression graph, and scheduling computes it once per iteration of the loops it varies with. Outputs
 * run in order of their *level*: how many reductions over inner axes must have finished before their row can be
 * computed. Outputs of one level share their inner loops.
 *
 * A value that takes a transcendental function, varies along inner axes and is wanted on more than one level (the
 * exponentials of a softmax: summed first, divided by the sum later) is stored in a buffer of its own on its level
 * instead of being computed twice; where a result will lie there, if that can be.
 */
import { type Axis, type Buffer, type Expr, ExprPool } from '../../codegen/expr.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Kernel } from '../../codegen/kernel.ts'
import { makeKernel } from '../../codegen/schedule/contents.ts'
import { type Root, schedule } from '../../codegen/schedule.ts'
import { elementCount, printShape } from '../../codegen/size.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { opNamed } from '../op.ts'
import { accessesOf, isReduction } from '../passes/access.ts'
import { lowerContext, readElement } from '../passes/read-element.ts'
import { keepInResults } from './kept-in-results.ts'

/** A kernel and the values behind its buffers, in the kernel's buffer order. */
export interface LoweredKernel {
  readonly kernel: Kernel
  readonly pool: ExprPool
  readonly buffers: readonly Value[]
}

/** Cost from which a value is worth a buffer rather than a second evaluation. */
const worthStoring = 10

/** The kernel of a fusion region. The buffers' values are the region's params and results, and values kept inside it. */
export function lowerCluster(name: string, region: Graph, prefix: number): LoweredKernel {
  const lowering = new ClusterLowering(region)
  const [only] = region.nodes.slice(-1)
  if (only !== undefined && opNamed(only.op).lower.kind === 'loops') return lowering.loops(name, only)
  return lowering.formulas(name, prefix)
}

/** The kernel that computes the failure code of a fallible node of a region into `code`, an int32 scalar. */
export function lowerCheck(name: string, region: Graph, node: Node, code: Value): LoweredKernel {
  const { check } = opNamed(node.op)
  if (check === undefined) throw new InternalError(`${node.op} cannot fail`)
  return new ClusterLowering(region).scalar(name, code, (pool, read) =>
    check.code(lowerContext(pool, node, read)),
  )
}

class ClusterLowering {
  readonly #pool = new ExprPool()
  readonly #region: Graph
  readonly #definitions = new Map<Value, Node>()
  readonly #buffers = new Map<Value, Buffer>()
  readonly #values = new Map<Buffer, Value>()
  readonly #elements = new Map<string, Expr>()
  readonly #ids = new Map<Value, number>()
  /** Values that an earlier root has stored, with what names its inner loops. */
  readonly #stored = new Map<Value, string>()
  /** The loops all roots share, and what names the inner loops of the root being made. */
  #shared: readonly Axis[] = []
  #loops = ''

  constructor(region: Graph) {
    this.#region = region
    for (const node of region.nodes) for (const result of node.results) this.#definitions.set(result, node)
  }

  formulas(name: string, prefix: number): LoweredKernel {
    const levels = levelsOf(this.#region)
    const outputs = [...new Set([...this.#region.results, ...this.#keptInside(levels, prefix)])]
    const order = new Map(
      this.#region.nodes.flatMap((node, i) => node.results.map((result) => [result, i] as const)),
    )
    outputs.sort(
      (a, b) =>
        (levels.get(a) ?? 0) - (levels.get(b) ?? 0) ||
        innerRank(a, prefix) - innerRank(b, prefix) ||
        (order.get(a) ?? 0) - (order.get(b) ?? 0),
    )
    const [first] = outputs
    if (first === undefined) throw new InternalError(`${name} has no output`)
    this.#shared = first.type.shape.slice(0, prefix).map((size, d) => this.#pool.axis(axisName(d), size))
    const inner = new Map<string, readonly Axis[]>()
    const roots: Root[] = []
    for (const output of outputs) {
      const rest = output.type.shape.slice(prefix)
      const key = `${levels.get(output) ?? 0} ${printShape(rest)}`
      const axes = inner.get(key) ?? rest.map((size, d) => this.#pool.axis(axisName(prefix + d), size))
      inner.set(key, axes)
      this.#loops = key
      roots.push(this.#root(output, [...this.#shared, ...axes]))
      this.#stored.set(output, key)
    }
    const kept = outputs.filter((output) => !this.#region.results.includes(output))
    const places = keepInResults(
      this.#pool,
      roots,
      new Set(kept.map((value) => this.#buffer(value))),
      this.#shared,
    )
    return this.#finish(schedule(this.#pool, name, places))
  }

  loops(name: string, node: Node): LoweredKernel {
    const { lower } = opNamed(node.op)
    const [result] = node.results
    if (lower.kind !== 'loops' || result === undefined)
      throw new InternalError(`${node.op} is not made of loops`)
    const output = this.#buffer(result)
    const context = lowerContext(this.#pool, node, (value, index) => this.#read(value, index))
    const body = lower.build({ ...context, output, axis: (axis, extent) => this.#pool.axis(axis, extent) })
    return this.#finish(makeKernel(name, body))
  }

  scalar(
    name: string,
    into: Value,
    build: (pool: ExprPool, read: (value: Value, index: readonly Expr[]) => Expr) => Expr,
  ): LoweredKernel {
    const value = build(this.#pool, (operand, index) => this.#read(operand, index))
    return this.#finish(
      schedule(this.#pool, name, [
        { buffer: this.#buffer(into), axes: [], index: this.#pool.const('int32', 0), value },
      ]),
    )
  }

  #root(output: Value, axes: readonly Axis[]): Root {
    const index = axes.map((axis) => this.#pool.index(axis))
    const node = this.#definitions.get(output)
    const value = node === undefined ? this.#read(output, index) : this.#formula(output, node, index)
    return { buffer: this.#buffer(output), axes, index: this.#pool.offset(index, output.type.shape), value }
  }

  #read(value: Value, index: readonly Expr[]): Expr {
    const node = this.#definitions.get(value)
    return node === undefined || this.#isRowStored(value, index)
      ? this.#load(value, index)
      : this.#formula(value, node, index)
  }

  /**
   * True when the row that `index` lies in has been stored by a root of the same iteration whose inner loops have ended:
   * those of an earlier level, or of another shape. Inside the same loops its formula is in a local anyway.
   */
  #isRowStored(value: Value, index: readonly Expr[]): boolean {
    const loops = this.#stored.get(value)
    if (loops === undefined || loops === this.#loops || value.type.shape.length <= this.#shared.length)
      return false
    return this.#shared.every((axis, d) => index[d] === this.#pool.index(axis))
  }

  #load(value: Value, index: readonly Expr[]): Expr {
    return this.#pool.load(this.#buffer(value), this.#pool.offset(index, value.type.shape))
  }

  #formula(value: Value, node: Node, index: readonly Expr[]): Expr {
    let id = this.#ids.get(value)
    if (id === undefined) this.#ids.set(value, (id = this.#ids.size))
    const key = `${id}:${index.map((at) => at.id).join(',')}`
    const known = this.#elements.get(key)
    if (known !== undefined) return known
    const made = readElement(this.#pool, node, index, (operand, at) => this.#read(operand, at))
    this.#elements.set(key, made)
    return made
  }

  #buffer(value: Value): Buffer {
    const known = this.#buffers.get(value)
    if (known !== undefined) return known
    const buffer = this.#pool.buffer(
      bufferName(this.#buffers.size),
      value.type.dtype,
      elementCount(value.type.shape),
    )
    this.#buffers.set(value, buffer)
    this.#values.set(buffer, value)
    return buffer
  }

  #finish(kernel: Kernel): LoweredKernel {
    return {
      kernel,
      pool: this.#pool,
      buffers: kernel.buffers.map((buffer) => {
        const value = this.#values.get(buffer)
        if (value === undefined)
          throw new InternalError(`${kernel.name} uses a buffer that no value stands for`)
        return value
      }),
    }
  }

  /**
   * Values to store although nobody outside wants them: dear to compute, and wanted on several levels or several times
   * by one reader. What is computed from a stored value is no longer dear.
   */
  #keptInside(levels: ReadonlyMap<Value, number>, prefix: number): readonly Value[] {
    const free = (value: Value): Node | undefined => {
      const node = this.#definitions.get(value)
      return node !== undefined && (opNamed(node.op).cost ?? 1) === 0 ? node : undefined
    }
    const wantedOn = new Map<Value, Set<number>>()
    const repeated = new Set<Value>()
    const want = (value: Value, level: number): void => {
      wantedOn.set(value, (wantedOn.get(value) ?? new Set()).add(level))
    }
    for (const result of this.#region.results) want(result, levels.get(result) ?? 0)
    for (const node of this.#region.nodes) {
      const [result] = node.results
      if (result === undefined || free(result) !== undefined) continue
      // A reduction runs its loop one level before its result is known.
      const level = (levels.get(result) ?? 0) - (isReduction(node) ? 1 : 0)
      for (const access of accessesOf(node, free)) {
        want(access.value, level)
        if (!access.once) repeated.add(access.value)
      }
    }
    const kept: Value[] = []
    const costs = new Map<Value, number>()
    for (const node of this.#region.nodes) {
      const [result] = node.results
      if (result === undefined) continue
      const cost = Math.max(
        opNamed(node.op).cost ?? 1,
        ...node.operands.map((operand) => costs.get(operand) ?? 0),
      )
      // What does not vary along inner axes is computed before their loops; results are stored anyway.
      const isRow = result.type.shape.length > prefix
      const isKept =
        isRow && cost >= worthStoring && ((wantedOn.get(result)?.size ?? 0) > 1 || repeated.has(result))
      if (isKept && !this.#region.results.includes(result)) kept.push(result)
      costs.set(result, isKept || !isRow ? 0 : cost)
    }
    return kept
  }
}

/** How many reductions precede each value of a region. */
function levelsOf(region: Graph): ReadonlyMap<Value, number> {
  const levels = new Map<Value, number>()
  for (const node of region.nodes) {
    const operands = Math.max(0, ...node.operands.map((operand) => levels.get(operand) ?? 0))
    for (const value of node.results) levels.set(value, operands + (isReduction(node) ? 1 : 0))
  }
  return levels
}

function innerRank(value: Value, prefix: number): number {
  return value.type.shape.length - prefix
}

function axisName(depth: number): string {
  return 'ijklmnpq'[depth] ?? `i${depth}`
}

function bufferName(position: number): string {
  return position < 26 ? String.fromCharCode(97 + position) : `b${position}`
}
