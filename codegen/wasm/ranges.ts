/**
 * Bounds of index expressions, to tell loads that certainly stay inside their buffer from those that stay inside
 * only where the condition around them holds (padding, concatenation). The latter are not evaluated where no lane
 * needs them. Bounds are sizes, so they hold for every call.
 */
import type { Axis, Expr, LoadExpr, Local } from '../expr.ts'
import {
  addSizes,
  divideExactly,
  floorDivideSizes,
  multiplySizes,
  type Size,
  subtractSizes,
} from '../size.ts'

/** The least and the greatest value, each where known. */
interface Range {
  readonly low: Size | undefined
  readonly high: Size | undefined
}

const unknown: Range = { low: undefined, high: undefined }

/** True when a size is ≥ 0 whatever its names are. */
export function nonNegative(size: Size | undefined): boolean {
  if (size === undefined) return false
  return typeof size === 'number' ? size >= 0 : size.terms.every((term) => term.coefficient >= 0)
}

function sum(x: Size | undefined, y: Size | undefined): Size | undefined {
  return x === undefined || y === undefined ? undefined : addSizes(x, y)
}

function scaled(x: Size | undefined, by: Size): Size | undefined {
  return x === undefined ? undefined : multiplySizes(x, by)
}

export class Ranges {
  /** The axes of open loops, with the steps of the loops. */
  readonly #steps = new Map<Axis, number>()
  readonly #locals = new Map<Local, Range>()
  readonly #unsafe = new Map<Expr, boolean>()

  open(axis: Axis, step: number): void {
    this.#steps.set(axis, step)
    this.#unsafe.clear()
  }
  close(axis: Axis): void {
    this.#steps.delete(axis)
    this.#unsafe.clear()
  }
  define(local: Local, value: Expr): void {
    this.#locals.set(local, value.dtype === 'int32' ? this.#of(value) : unknown)
  }

  /** Takes over what another function knows of locals. */
  adopt(other: Ranges): void {
    for (const [local, range] of other.#locals) this.#locals.set(local, range)
  }

  /** True when the value is certainly ≥ 0. */
  isNonNegative(expr: Expr): boolean {
    return nonNegative(this.#of(expr).low)
  }

  /** True when every element the load reads is certainly in its buffer. */
  isSafe(load: LoadExpr): boolean {
    const { low, high } = this.#of(load.index)
    if (high === undefined || !nonNegative(low)) return false
    const last = load.index.lanes === 1 ? addSizes(high, load.lanes - 1) : high
    return nonNegative(subtractSizes(load.buffer.elements, addSizes(last, 1)))
  }

  /** True when evaluating the expression reads memory that may lie outside a buffer. */
  readsUnsafely(expr: Expr, operands: (expr: Expr) => readonly Expr[]): boolean {
    const known = this.#unsafe.get(expr)
    if (known !== undefined) return known
    const unsafe =
      (expr.kind === 'load' && !this.isSafe(expr)) ||
      operands(expr).some((operand) => this.readsUnsafely(operand, operands))
    this.#unsafe.set(expr, unsafe)
    return unsafe
  }

  #of(expr: Expr): Range {
    if (expr.dtype !== 'int32') return unknown
    switch (expr.kind) {
      case 'const':
        return { low: expr.value, high: expr.value }
      case 'size':
        return { low: expr.size, high: expr.size }
      case 'axis': {
        const step = this.#steps.get(expr.axis)
        return { low: 0, high: step === undefined ? undefined : subtractSizes(expr.axis.extent, step) }
      }
      case 'local':
        return expr.local.mutable ? unknown : (this.#locals.get(expr.local) ?? unknown)
      case 'splat':
        return this.#of(expr.x)
      case 'ramp': {
        const { low, high } = this.#of(expr.x)
        if (expr.step.kind !== 'const' || expr.step.value < 0) return unknown
        return { low, high: sum(high, expr.step.value * (expr.lanes - 1)) }
      }
      case 'linear': {
        let low: Size | undefined = expr.constant
        let high: Size | undefined = expr.constant
        for (const { atom, coefficient } of expr.terms) {
          const range = this.#of(atom)
          const rising = nonNegative(coefficient)
          if (!rising && !nonNegative(multiplySizes(-1, coefficient))) return unknown
          low = sum(low, scaled(rising ? range.low : range.high, coefficient))
          high = sum(high, scaled(rising ? range.high : range.low, coefficient))
        }
        return { low, high }
      }
      case 'binary':
        return this.#binary(expr.op, this.#of(expr.x), this.#of(expr.y))
      default:
        return unknown
    }
  }

  #binary(op: string, x: Range, y: Range): Range {
    const exact = y.low !== undefined && y.low === y.high ? y.low : undefined
    switch (op) {
      case 'add':
        return { low: sum(x.low, y.low), high: sum(x.high, y.high) }
      case 'mul':
        return exact !== undefined && nonNegative(exact)
          ? { low: scaled(x.low, exact), high: scaled(x.high, exact) }
          : unknown
      case 'rem':
        return nonNegative(x.low) && y.high !== undefined ? { low: 0, high: addSizes(y.high, -1) } : unknown
      case 'idiv': {
        if (!nonNegative(x.low)) return unknown
        if (x.high === undefined || exact === undefined || exact === 0) return { low: 0, high: x.high }
        const extent = divideExactly(addSizes(x.high, 1), exact)
        return { low: 0, high: extent === undefined ? floorDivideSizes(x.high, exact) : addSizes(extent, -1) }
      }
      case 'min':
        return { low: nonNegative(x.low) && nonNegative(y.low) ? 0 : undefined, high: y.high ?? x.high }
      case 'max': {
        const low = nonNegative(x.low) || nonNegative(y.low) ? 0 : undefined
        // Against 0 only an empty buffer has a high below it, and its one clamped element is harmless to read.
        if (exact === 0) return { low, high: x.high }
        if (x.high === undefined || y.high === undefined) return { low, high: undefined }
        if (nonNegative(subtractSizes(x.high, y.high))) return { low, high: x.high }
        return { low, high: nonNegative(subtractSizes(y.high, x.high)) ? y.high : undefined }
      }
      default:
        return unknown
    }
  }
}
