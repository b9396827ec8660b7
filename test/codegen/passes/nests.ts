/**
 * Kernels for the tests of loop passes: a small description of a loop nest that can be drawn at random, turned into a
 * scheduled kernel, filled with data and run by the interpreter before and after the passes.
 */
import fc from 'fast-check'
import { allocate, type DType, type TypedArray } from '../../../codegen/dtype.ts'
import { type Axis, type Buffer, type Expr, ExprPool, type ReduceOp } from '../../../codegen/expr.ts'
import { interpretKernel } from '../../../codegen/interpret.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { type Root, schedule } from '../../../codegen/schedule.ts'
import { elementCount, evaluateSize, type Size, sizeName } from '../../../codegen/size.ts'

/** How a nest is described: extents (null for a named size), and an expression over inputs that may broadcast. */
export interface Nest {
  readonly dtype: DType
  /** Extents at run time. */
  readonly extents: readonly number[]
  /** Which extents are names while compiling. */
  readonly named: readonly boolean[]
  readonly inputs: readonly Input[]
  readonly body: Body
  /** Which axes are reduced over, and how; none for elementwise nests. */
  readonly reduced: readonly boolean[]
  readonly op: ReduceOp
  /** What the reduced value is used for: stored as it is, or subtracted from every element of the nest. */
  readonly use: 'store' | 'subtract'
}

export interface Input {
  /** Axes the input does not vary with. */
  readonly broadcast: readonly boolean[]
  /** True for the axes in reverse order. */
  readonly transposed: boolean
}

export type Body =
  | { readonly kind: 'input'; readonly at: number }
  | { readonly kind: 'const'; readonly value: number }
  | { readonly kind: 'index'; readonly axis: number }
  | { readonly kind: 'shifted'; readonly at: number; readonly axis: number }
  | { readonly kind: 'unary'; readonly op: 'neg' | 'abs'; readonly x: Body }
  | {
      readonly kind: 'binary'
      readonly op: 'add' | 'sub' | 'mul' | 'max' | 'min'
      readonly x: Body
      readonly y: Body
    }
  | { readonly kind: 'choose'; readonly x: Body; readonly y: Body; readonly z: Body }

const extent = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 16, 17, 31, 0)
const flag = fc.boolean()

const body: fc.Arbitrary<Body> = fc.letrec<{ body: Body }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'body' },
    fc.record({ kind: fc.constant('input' as const), at: fc.nat(2) }),
    fc.record({ kind: fc.constant('const' as const), value: fc.constantFrom(0, 1, 2, 3) }),
    fc.record({ kind: fc.constant('index' as const), axis: fc.nat(2) }),
    fc.record({ kind: fc.constant('shifted' as const), at: fc.nat(2), axis: fc.nat(2) }),
    fc.record({
      kind: fc.constant('unary' as const),
      op: fc.constantFrom('neg' as const, 'abs' as const),
      x: tie('body'),
    }),
    fc.record({
      kind: fc.constant('binary' as const),
      op: fc.constantFrom('add' as const, 'sub' as const, 'mul' as const, 'max' as const, 'min' as const),
      x: tie('body'),
      y: tie('body'),
    }),
    fc.record({ kind: fc.constant('choose' as const), x: tie('body'), y: tie('body'), z: tie('body') }),
  ),
})).body

/** Random nests of the given dtypes. */
export function nests(dtypes: readonly DType[], reduces: boolean): fc.Arbitrary<Nest> {
  return fc.integer({ min: 1, max: 3 }).chain((rank) =>
    fc.record({
      dtype: fc.constantFrom(...dtypes),
      extents: fc.array(extent, { minLength: rank, maxLength: rank }),
      named: fc.array(flag, { minLength: rank, maxLength: rank }),
      inputs: fc.array(
        fc.record({
          broadcast: fc.array(fc.constantFrom(false, false, true), { minLength: rank, maxLength: rank }),
          transposed: fc.constantFrom(false, false, false, true),
        }),
        { minLength: 3, maxLength: 3 },
      ),
      body,
      reduced: fc.array(reduces ? flag : fc.constant(false), { minLength: rank, maxLength: rank }),
      op: fc.constantFrom<ReduceOp>('sum', 'max', 'min'),
      use: fc.constantFrom('store' as const, 'subtract' as const),
    }),
  )
}

/** A nest as a kernel, with what is needed to run it. */
export interface Built {
  readonly pool: ExprPool
  readonly kernel: Kernel
  readonly sizes: Readonly<Record<string, number>>
  /** The same reduction over absolute values: Σ|terms|, for error bounds. */
  readonly magnitude: Kernel
  readonly output: Buffer
}

export function build(nest: Nest): Built {
  const pool = new ExprPool()
  const sizes: Record<string, number> = {}
  const shape = nest.extents.map((value, d): Size => {
    if (nest.named[d] !== true) return value
    sizes[`n${d}`] = value
    return sizeName(`n${d}`)
  })
  const axes = shape.map((size, d) => pool.axis('ijk'[d] ?? 'l', size))
  const inputs = nest.inputs.map((input, at) => {
    const order = axes.map((_, d) => d)
    if (input.transposed) order.reverse()
    const dims = order.map((d): Size => (input.broadcast[d] === true ? 1 : (shape[d] ?? 1)))
    return { ...input, order, dims, buffer: pool.buffer('xyz'[at] ?? 'w', nest.dtype, elementCount(dims)) }
  })
  const zero = pool.const('int32', 0)

  /** The body at an index of the nest. */
  const valueAt = (description: Body, index: readonly Expr[]): Expr => {
    const load = (at: number, where: readonly Expr[]): Expr => {
      const input = inputs[at]
      if (input === undefined) throw new Error('no such input')
      const place = input.order.map((d) => (input.broadcast[d] === true ? zero : (where[d] ?? zero)))
      return pool.load(input.buffer, pool.offset(place, input.dims))
    }
    const sameKind = (x: Expr): Expr =>
      x.dtype === 'bool' && nest.dtype !== 'bool' ? pool.convert(x, nest.dtype) : x
    const visit = (node: Body): Expr => {
      switch (node.kind) {
        case 'input':
          return load(node.at, index)
        case 'const':
          return pool.const(nest.dtype, node.value)
        case 'index':
          return pool.convert(index[node.axis % index.length] ?? zero, nest.dtype)
        case 'shifted': {
          // The element before, the first standing for its own predecessor: an index that is computed per element.
          const d = node.axis % index.length
          const before = pool.binary('max', pool.indexAdd(index[d] ?? zero, -1), zero)
          return load(
            node.at,
            index.map((expr, i) => (i === d ? before : expr)),
          )
        }
        case 'unary': {
          const x = visit(node.x)
          return nest.dtype === 'bool' ? pool.unary('not', x) : pool.unary(node.op, x)
        }
        case 'binary': {
          const x = visit(node.x)
          const y = visit(node.y)
          if (nest.dtype !== 'bool') return pool.binary(node.op, x, y)
          return pool.binary(
            node.op === 'mul' || node.op === 'min' ? 'and' : node.op === 'sub' ? 'xor' : 'or',
            x,
            y,
          )
        }
        case 'choose': {
          const [x, y, z] = [visit(node.x), visit(node.y), visit(node.z)]
          const condition = nest.dtype === 'bool' ? x : pool.compare('lt', x, y)
          return pool.select(condition, sameKind(y), sameKind(z))
        }
      }
    }
    return visit(description)
  }

  const free = axes.filter((_, d) => nest.reduced[d] !== true)
  const over = axes.filter((_, d) => nest.reduced[d] === true)
  const op: ReduceOp = nest.dtype === 'bool' ? (nest.op === 'min' ? 'and' : 'or') : nest.op
  const reduceWith = (
    reduction: ReduceOp,
    wrap: (x: Expr) => Expr,
    at: ReadonlyMap<Axis, Axis> = new Map(),
  ): Expr => {
    const index = axes.map((axis) => pool.index(at.get(axis) ?? axis))
    return pool.reduce(
      reduction,
      over.map((axis) => at.get(axis) ?? axis),
      wrap(valueAt(nest.body, index)),
    )
  }
  const keep = (x: Expr): Expr => x
  const subtract = over.length > 0 && nest.use === 'subtract' && nest.dtype !== 'bool'
  // The reduction needs axes of its own when the nest's are looped over around it.
  const inner = new Map(over.map((axis) => [axis, pool.axis(`${axis.name}1`, axis.extent)]))
  const outputAxes = subtract ? axes : free
  const output = pool.buffer('out', nest.dtype, elementCount(outputAxes.map((axis) => axis.extent)))
  const index = pool.offset(
    outputAxes.map((axis) => pool.index(axis)),
    outputAxes.map((axis) => axis.extent),
  )
  const whole = axes.map((axis) => pool.index(axis))
  const root = (value: Expr): Root => ({ buffer: output, axes: outputAxes, index, value })
  const reduced = reduceWith(op, keep, subtract ? inner : new Map())
  const value =
    over.length === 0
      ? valueAt(nest.body, whole)
      : subtract
        ? pool.binary('sub', valueAt(nest.body, whole), reduced)
        : reduced
  const absolute = (x: Expr): Expr => (nest.dtype === 'bool' ? x : pool.unary('abs', x))
  const scale =
    over.length === 0
      ? absolute(valueAt(nest.body, whole))
      : reduceWith(op === 'sum' ? 'sum' : op, absolute, subtract ? inner : new Map())
  return {
    pool,
    kernel: schedule(pool, 'nest', [root(value)]),
    magnitude: schedule(pool, 'magnitude', [root(scale)]),
    sizes,
    output,
  }
}

/** Contents for the buffers: the same whenever the buffer is the same. */
export function contentsOf(buffer: Buffer, sizes: Readonly<Record<string, number>>): TypedArray {
  const data = allocate(
    buffer.dtype,
    evaluateSize(buffer.elements, (name) => sizes[name] ?? 0),
  )
  let state = buffer.id * 7919 + 17
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const unit = state / 0x7fffffff
    data[i] =
      buffer.dtype === 'bool'
        ? Number(unit > 0.5)
        : buffer.dtype === 'uint8'
          ? state >> 8
          : buffer.dtype === 'int32'
            ? (state >> 8) % 1000
            : unit * 4 - 2
  }
  return data
}

/** Runs a kernel on fresh data and returns what is in `output` then. */
export function run(kernel: Kernel, output: Buffer, sizes: Readonly<Record<string, number>>): TypedArray {
  const memory = new Map(kernel.buffers.map((buffer) => [buffer, contentsOf(buffer, sizes)] as const))
  interpretKernel(kernel, memory, new Map(Object.entries(sizes)))
  return memory.get(output) ?? allocate(output.dtype, 0)
}
