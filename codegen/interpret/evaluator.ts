/**
 * Expressions as closures. The nodes of one statement are put in evaluation order, each with a slot for its value; a
 * node becomes a function that reads the slots of its operands and returns its own value. Running a statement runs the
 * functions in order, so a shared node is computed once.
 *
 * A value is a number, or an array with one number per lane. Both arms of a `select` are computed; a load in an arm may
 * lie outside its buffer when the arm is not taken, and then reads 0.
 */
import type { TypedArray } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import { type Axis, type Buffer, type Expr, type Local, operandsOf } from '../expr.ts'
import { visitExprs } from '../schedule/contents.ts'
import { evaluateSize, type Size } from '../size.ts'
import {
  type Binary,
  binaryFunction,
  bitcastFunction,
  combineFunction,
  compareFunction,
  convertFunction,
  madd,
  type Unary,
  unaryFunction,
} from './scalar.ts'

export type Value = number | readonly number[]

interface Cell {
  value: Value | undefined
}

function unexpectedFailure(id: number, value: number): never {
  throw new InternalError(`the interpreter met the failure ${value} of check ${id}`)
}

/** Everything a running kernel refers to. */
export class Environment {
  readonly #memory: ReadonlyMap<Buffer, TypedArray>
  readonly #sizes: ReadonlyMap<string, number>
  readonly #locals = new Map<Local, Cell>()
  readonly #axes = new Map<Axis, { value: number | undefined }>()
  readonly relaxed: boolean
  /** Tells the host that a check has failed. */
  readonly fail: (id: number, value: number) => never

  constructor(
    memory: ReadonlyMap<Buffer, TypedArray>,
    sizes: ReadonlyMap<string, number>,
    relaxed: boolean,
    fail: (id: number, value: number) => never = unexpectedFailure,
  ) {
    this.#memory = memory
    this.#sizes = sizes
    this.relaxed = relaxed
    this.fail = fail
  }
  array(buffer: Buffer): TypedArray {
    const array = this.#memory.get(buffer)
    if (array === undefined) throw new InternalError(`the interpreter got no memory for %${buffer.name}`)
    return array
  }
  size(size: Size): number {
    return (
      evaluateSize(size, (name) => {
        const value = this.#sizes.get(name)
        if (value === undefined) throw new InternalError(`the interpreter got no value for the size ${name}`)
        return value
      }) | 0
    )
  }
  local(local: Local): Cell {
    let cell = this.#locals.get(local)
    if (cell === undefined) this.#locals.set(local, (cell = { value: undefined }))
    return cell
  }
  axis(axis: Axis): { value: number | undefined } {
    let cell = this.#axes.get(axis)
    if (cell === undefined) this.#axes.set(axis, (cell = { value: undefined }))
    return cell
  }
}

/** A function that evaluates the expressions (of one statement) and returns their values in order. */
export function compileExprs(roots: readonly Expr[], environment: Environment): () => readonly Value[] {
  const slots: Value[] = []
  const slotOf = new Map<Expr, number>()
  const code: (() => Value)[] = []
  const certain = alwaysUsed(roots)
  visitExprs(roots, (expr) => {
    const operands = operandsOf(expr).map((operand) => slotOf.get(operand) ?? 0)
    slotOf.set(expr, code.length)
    code.push(compileNode(expr, operands, slots, environment, certain.has(expr)))
  })
  const results = roots.map((root) => slotOf.get(root) ?? 0)
  return () => {
    for (let i = 0; i < code.length; i++) slots[i] = code[i]?.() ?? 0
    return results.map((slot) => slots[slot] ?? 0)
  }
}

/** The nodes that are used whichever arms the selects take. */
function alwaysUsed(roots: readonly Expr[]): ReadonlySet<Expr> {
  const used = new Set<Expr>()
  const visit = (expr: Expr): void => {
    if (used.has(expr)) return
    used.add(expr)
    for (const operand of expr.kind === 'select' ? [expr.condition] : operandsOf(expr)) visit(operand)
  }
  for (const root of roots) visit(root)
  return used
}

/** The single lane of a scalar. */
export function scalarOf(value: Value | undefined): number {
  if (typeof value !== 'number') throw new InternalError('the interpreter expected a scalar')
  return value
}

/** Lane `i`; a scalar is its own lane 0. */
export function laneOf(value: Value | undefined, i: number): number {
  const lane = typeof value === 'number' ? value : value?.[i]
  if (lane === undefined) throw new InternalError('the interpreter expected more lanes')
  return lane
}

/** Throws unless elements at … at+count−1 exist. */
export function checkBounds(
  what: string,
  buffer: Buffer,
  array: TypedArray,
  at: number,
  count: number,
): void {
  if (!(Number.isInteger(at) && at >= 0 && at + count <= array.length))
    throw new InternalError(
      `${what} of %${buffer.name}: element ${at}${count > 1 ? `…${at + count - 1}` : ''} of ${array.length}`,
    )
}

function compileNode(
  expr: Expr,
  operands: readonly number[],
  slots: readonly Value[],
  environment: Environment,
  certain: boolean,
): () => Value {
  const [a = 0, b = 0, c = 0] = operands
  const lanes = expr.lanes
  switch (expr.kind) {
    case 'const': {
      const value = lanes === 1 ? expr.value : repeat(lanes, () => expr.value)
      return () => value
    }
    case 'size': {
      const value = environment.size(expr.size)
      return () => value
    }
    case 'axis': {
      const cell = environment.axis(expr.axis)
      return () => cell.value ?? undefinedName(`the axis ${expr.axis.name}`)
    }
    case 'local': {
      const cell = environment.local(expr.local)
      return () => cell.value ?? undefinedName(`local ${expr.local.id}`)
    }
    case 'linear': {
      const constant = environment.size(expr.constant)
      const coefficients = expr.terms.map((term) => environment.size(term.coefficient))
      return () => {
        let sum = constant
        for (let i = 0; i < operands.length; i++)
          sum = (sum + Math.imul(scalarOf(slots[operands[i] ?? 0]), coefficients[i] ?? 0)) | 0
        return sum
      }
    }
    case 'load': {
      const array = environment.array(expr.buffer)
      const load = (at: number): number => {
        if (certain) checkBounds('load', expr.buffer, array, at, 1)
        return array[at] ?? 0
      }
      if (expr.index.lanes > 1) return () => repeat(lanes, (i) => load(laneOf(slots[a], i)))
      if (lanes === 1) return () => load(scalarOf(slots[a]))
      return () => repeat(lanes, (i) => load(scalarOf(slots[a]) + i))
    }
    case 'unary':
      return mapLanes(unaryFunction(expr.op, expr.dtype), a, slots, lanes)
    case 'convert':
      return mapLanes(convertFunction(expr.x.dtype, expr.dtype), a, slots, lanes)
    case 'bitcast':
      return mapLanes(bitcastFunction(expr.dtype), a, slots, lanes)
    case 'binary':
      return zipLanes(binaryFunction(expr.op, expr.dtype), a, b, slots, lanes)
    case 'compare':
      return zipLanes(compareFunction(expr.op), a, b, slots, lanes)
    case 'select': {
      const choose = (i: number): number => laneOf(laneOf(slots[a], i) !== 0 ? slots[b] : slots[c], i)
      return lanes === 1 ? () => choose(0) : () => repeat(lanes, choose)
    }
    case 'madd': {
      const f = madd(environment.relaxed)
      const lane = (i: number): number => f(laneOf(slots[a], i), laneOf(slots[b], i), laneOf(slots[c], i))
      return lanes === 1 ? () => lane(0) : () => repeat(lanes, lane)
    }
    case 'splat':
      return () => repeat(lanes, () => scalarOf(slots[a]))
    case 'ramp':
      return () => repeat(lanes, (i) => (scalarOf(slots[a]) + Math.imul(i, scalarOf(slots[b]))) | 0)
    case 'horizontal': {
      const f = combineFunction(expr.op, expr.dtype)
      const at = (i: number): number => laneOf(slots[a], i)
      return expr.x.lanes === 4 ? () => f(f(at(0), at(2)), f(at(1), at(3))) : () => f(at(0), at(1))
    }
    case 'interleave': {
      const start = expr.half === 'low' ? 0 : lanes / 2
      return () => repeat(lanes, (i) => laneOf(slots[i % 2 === 0 ? a : b], start + (i >> 1)))
    }
    case 'reduce':
    case 'argReduce':
      throw new InternalError('a reduction has to be scheduled before it can run')
  }
}

function undefinedName(what: string): never {
  throw new InternalError(`${what} has no value yet`)
}

function repeat(lanes: number, lane: (i: number) => number): readonly number[] {
  return lanes === 2 ? [lane(0), lane(1)] : [lane(0), lane(1), lane(2), lane(3)]
}

function mapLanes(f: Unary, x: number, slots: readonly Value[], lanes: number): () => Value {
  return lanes === 1 ? () => f(scalarOf(slots[x])) : () => repeat(lanes, (i) => f(laneOf(slots[x], i)))
}

function zipLanes(f: Binary, x: number, y: number, slots: readonly Value[], lanes: number): () => Value {
  return lanes === 1
    ? () => f(scalarOf(slots[x]), scalarOf(slots[y]))
    : () => repeat(lanes, (i) => f(laneOf(slots[x], i), laneOf(slots[y], i)))
}
