// A trace that computes ops one element at a time, by reading an op's lowering literally with JavaScript numbers. It
// shares no code with the compiler, so it is what compiled results can be compared with; and it throws on every load
// outside a buffer. In symbolic mode all sizes but 0 and 1 are hidden behind names while the lowering is made.
import { allocate, type DType, type TypedArray } from '../../codegen/dtype.ts'
import { CheckError, InternalError } from '../../codegen/errors.ts'
import { type Axis, type Buffer, type Expr, ExprPool, type Local } from '../../codegen/expr.ts'
import type { Statement } from '../../codegen/kernel.ts'
import { elementCount, evaluateSize, multiplySizes, type Size, sizeName } from '../../codegen/size.ts'
import type { Attrs, AttrValue } from '../../tracer/ir/graph.ts'
import type { TensorType } from '../../tracer/ir/type.ts'
import type { LowerContext, OperandReader } from '../../tracer/op.ts'
import { dotRead, type DotAttrs } from '../../tracer/ops/dot.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import { type Application, installEagerTrace, type Trace } from '../../tracer/trace/bind.ts'
import { binary, compare, convert, reduceStart, unary } from './naive-scalar.ts'

interface Memo {
  readonly values: Map<Expr, number>
  readonly over: readonly Axis[]
  readonly outer?: Memo
}

class Machine {
  readonly memory = new Map<Buffer, TypedArray>()
  readonly #axes = new Map<Axis, number>()
  readonly #locals = new Map<Local, number>()

  size(size: Size): number {
    return evaluateSize(size, (name) => {
      const match = /^s(\d+)$/.exec(name)
      if (match === null) throw new InternalError(`${name} has no value`)
      return Number(match[1])
    })
  }
  evaluate(expr: Expr): number {
    return this.#value(expr, { values: new Map(), over: [] })
  }
  setAxis(axis: Axis, value: number): void {
    this.#axes.set(axis, value)
  }

  #value(expr: Expr, memo: Memo): number {
    let level = memo
    while (level.outer !== undefined && !expr.axes.some((axis) => level.over.includes(axis)))
      level = level.outer
    const known = level.values.get(expr)
    if (known !== undefined) return known
    const computed = this.#compute(expr, level)
    level.values.set(expr, computed)
    return computed
  }
  #compute(expr: Expr, memo: Memo): number {
    const value = (x: Expr): number => this.#value(x, memo)
    if (expr.lanes !== 1) throw new InternalError('vectors have no place in a lowering')
    switch (expr.kind) {
      case 'const':
        return expr.value
      case 'size':
        return this.size(expr.size)
      case 'axis': {
        const index = this.#axes.get(expr.axis)
        if (index === undefined) throw new InternalError(`axis ${expr.axis.name} is read outside its loop`)
        return index
      }
      case 'local': {
        const held = this.#locals.get(expr.local)
        if (held === undefined) throw new InternalError('a local is read before it is set')
        return held
      }
      case 'linear':
        return expr.terms.reduce(
          (sum, { atom, coefficient }) => (sum + Math.imul(value(atom), this.size(coefficient))) | 0,
          this.size(expr.constant),
        )
      case 'load': {
        const index = value(expr.index)
        const array = this.memory.get(expr.buffer)
        const element = array?.[index]
        if (element === undefined)
          throw new InternalError(`load ${expr.buffer.name}[${index}] of ${array?.length} elements`)
        return element
      }
      case 'unary':
        return unary(expr.op, expr.dtype, value(expr.x))
      case 'binary':
        return binary(expr.op, expr.dtype, value(expr.x), value(expr.y))
      case 'compare':
        return Number(compare(expr.op, value(expr.x), value(expr.y)))
      case 'select': {
        // Both branches are evaluated, as vector code does, so that a bad load in either shows.
        const [x, y] = [value(expr.x), value(expr.y)]
        return value(expr.condition) !== 0 ? x : y
      }
      case 'convert':
        return convert(value(expr.x), expr.dtype)
      case 'bitcast': {
        const words = new DataView(new ArrayBuffer(4))
        if (expr.dtype === 'int32') words.setFloat32(0, value(expr.x))
        else words.setInt32(0, value(expr.x))
        return expr.dtype === 'int32' ? words.getInt32(0) : words.getFloat32(0)
      }
      case 'reduce': {
        let result = reduceStart(expr.op, expr.dtype)
        this.#over(expr.over, () => {
          const inner = this.#value(expr.body, { values: new Map(), over: expr.over, outer: memo })
          const op = expr.op === 'sum' ? 'add' : expr.op === 'prod' ? 'mul' : expr.op
          result = binary(op, expr.dtype, result, inner)
        })
        return result
      }
      case 'argReduce': {
        let best = Number.NaN
        let at = 0
        this.#over([expr.over], () => {
          const candidate = this.#value(expr.body, { values: new Map(), over: [expr.over], outer: memo })
          const better = Number.isNaN(best)
            ? !Number.isNaN(candidate)
            : expr.op === 'max'
              ? candidate > best
              : candidate < best
          if (!better) return
          best = candidate
          at = this.#axes.get(expr.over) ?? 0
        })
        return at
      }
      default:
        throw new InternalError(`${expr.kind} has no place in a lowering`)
    }
  }
  #over(axes: readonly Axis[], body: () => void): void {
    const [first, ...rest] = axes
    if (first === undefined) return body()
    const extent = this.size(first.extent)
    for (let i = 0; i < extent; i++) {
      this.#axes.set(first, i)
      this.#over(rest, body)
    }
  }

  run(statements: readonly Statement[]): void {
    for (const statement of statements)
      switch (statement.kind) {
        case 'loop': {
          const [from, to] = [this.evaluate(statement.from), this.evaluate(statement.to)]
          for (let i = from; i < to; i += statement.step) {
            this.#axes.set(statement.axis, i)
            this.run(statement.body)
          }
          break
        }
        case 'let':
        case 'set':
          this.#locals.set(statement.local, this.evaluate(statement.value))
          break
        case 'store': {
          const array = this.memory.get(statement.buffer)
          const index = this.evaluate(statement.index)
          if (array === undefined || index < 0 || index >= array.length)
            throw new InternalError(`store ${statement.buffer.name}[${index}] of ${array?.length} elements`)
          array[index] = this.evaluate(statement.value)
          break
        }
        case 'if':
          this.run(this.evaluate(statement.condition) === 0 ? (statement.otherwise ?? []) : statement.body)
          break
        case 'while':
          for (;;) {
            this.run(statement.test)
            if (this.evaluate(statement.condition) === 0) break
            this.run(statement.body)
          }
          break
        case 'fail':
          throw new InternalError(`check ${statement.id} failed with ${this.evaluate(statement.value)}`)
      }
  }
}

/** Hides sizes behind names that say their value. */
function hide(size: Size): Size {
  if (typeof size !== 'number' || size === 0 || size === 1) return size
  return size < 0 ? multiplySizes(-1, sizeName(`s${-size}`)) : sizeName(`s${size}`)
}
/** Positions are hidden whatever they are, 0 and 1 too. */
function hidePosition(size: Size): Size {
  if (typeof size !== 'number') return size
  return size < 0 ? multiplySizes(-1, sizeName(`s${-size}`)) : sizeName(`s${size}`)
}
function hideAttrs(attrs: Attrs, sizeAttributes: readonly string[]): Attrs {
  const hidden = (value: AttrValue, how: (size: Size) => Size): AttrValue =>
    Array.isArray(value)
      ? (value as readonly AttrValue[]).map((entry) => hidden(entry, how))
      : typeof value === 'number'
        ? how(value)
        : value
  return Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => [
      key,
      sizeAttributes.includes(key)
        ? hidden(value, key === 'shape' || key === 'sizes' ? hide : hidePosition)
        : value,
    ]),
  )
}

/** The result of an op with one result, computed from its lowering. */
export function evaluateNaively(application: Application, symbolic: boolean): Tensor {
  const { op, operands } = application
  const [staticType] = op.type(
    operands.map((operand) => operand.type),
    application.attrs,
    application.regions,
  )
  const attrs = symbolic ? hideAttrs(application.attrs, op.sizeAttributes ?? []) : application.attrs
  const types: TensorType[] = operands.map(({ type }) =>
    symbolic ? { dtype: type.dtype, shape: type.shape.map(hide) } : type,
  )
  const [type, more] = op.type(types, attrs, application.regions)
  if (type === undefined || staticType === undefined || more !== undefined)
    throw new InternalError(`${op.name} has not one result`)

  const machine = new Machine()
  const e = new ExprPool()
  const shape = type.shape.map((size) => machine.size(size))
  if (
    shape.length !== staticType.shape.length ||
    shape.some((size, axis) => size !== staticType.shape[axis]) ||
    type.dtype !== staticType.dtype
  )
    throw new InternalError(`${op.name}: the type is another one when sizes are names`)
  const readers = operands.map((operand, i): OperandReader => {
    const own = types[i] ?? operand.type
    const buffer = e.buffer(`operand${i}`, own.dtype, elementCount(own.shape))
    machine.memory.set(buffer, operand.elements('evaluateNaively'))
    return { type: own, read: (index) => e.load(buffer, e.offset(index, own.shape)) }
  })
  const context: LowerContext = { e, attrs, operands: readers, result: type }
  if (op.check !== undefined) {
    const code = machine.evaluate(op.check.code(context))
    if (code !== 0) {
      const message = op.check.message(
        application.attrs,
        operands.map((operand) => operand.type),
        code,
        (i) => operands[i]?.elements('evaluateNaively') ?? [],
      )
      throw new CheckError({ op: op.name, ...message })
    }
  }
  const count = shape.reduce((a, b) => a * b, 1)
  const output = allocate(type.dtype, count)
  const { lower } = op
  if (lower.kind === 'program') throw new InternalError(`${op.name} is no computation`)
  if (lower.kind === 'loops') {
    const buffer = e.buffer('output', type.dtype, elementCount(type.shape))
    machine.memory.set(buffer, output)
    machine.run(lower.build({ ...context, output: buffer, axis: (name, extent) => e.axis(name, extent) }))
    return tensorOf(type.dtype, shape, output)
  }
  const axes = type.shape.map((size, d) => e.axis(`i${d}`, size))
  const index = axes.map((axis) => e.index(axis))
  const element =
    lower.kind === 'contraction'
      ? dotRead(context as LowerContext<DotAttrs>, index)
      : lower.read(context, index)
  if (element.dtype !== type.dtype)
    throw new InternalError(`${op.name} promises ${type.dtype} and gives ${element.dtype}`)
  for (let i = 0; i < count; i++) {
    let rest = i
    for (let d = shape.length - 1; d >= 0; d--) {
      const axis = axes[d]
      const size = shape[d] ?? 1
      if (axis !== undefined) machine.setAxis(axis, rest % size)
      rest = Math.floor(rest / size)
    }
    output[i] = machine.evaluate(element)
  }
  return tensorOf(type.dtype, shape, output)
}

/** An eager trace of that kind. */
export function naiveTrace(symbolic: boolean): Trace {
  const noVariables = (): never => {
    throw new InternalError('the naive trace has no variables')
  }
  return {
    kind: 'eager',
    name: symbolic ? 'naive evaluation with symbolic sizes' : 'naive evaluation',
    apply: (application) => [evaluateNaively(application, symbolic)],
    lift: (tensor) => tensor,
    typeOf: noVariables,
    read: noVariables,
    assign: noVariables,
    update: noVariables,
    initialValue: (initial) => initial,
    created: noVariables,
  }
}

/** Which eager trace a test file runs on: the real one, or element by element. Call once per file. */
export async function useTrace(
  kind: 'naive' | 'eager' = process.env['TRACE'] === 'eager' ? 'eager' : 'naive',
): Promise<void> {
  if (kind === 'naive') installEagerTrace(naiveTrace(false))
  else await import('../../tracer/trace/eager.ts')
}

/** A tensor of numbers. */
export function numbers(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
  const data = allocate(dtype, values.length)
  for (let i = 0; i < values.length; i++) data[i] = values[i] ?? 0
  return tensorOf(dtype, shape, data)
}
