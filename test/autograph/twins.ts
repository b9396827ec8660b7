/**
 * Running one function text four ways: as it is on plain numbers, rewritten on plain numbers, rewritten on eager tensors,
 * and rewritten and traced. `Plain` has the methods of tensors with float32 arithmetic and JavaScript's own booleans, so
 * that the untouched function is ordinary JavaScript.
 */
import { convert } from '../../tracer/autograph/convert.ts'
import * as tf from '../../src/index.ts'

type Operand = Plain | number

const valueOf = (x: Operand): number => (x instanceof Plain ? x.value : Math.fround(x))

/** A float32 number with the methods of a scalar tensor. */
export class Plain {
  readonly value: number
  constructor(value: number) {
    this.value = Math.fround(value)
  }
  add(y: Operand): Plain {
    return new Plain(this.value + valueOf(y))
  }
  sub(y: Operand): Plain {
    return new Plain(this.value - valueOf(y))
  }
  mul(y: Operand): Plain {
    return new Plain(this.value * valueOf(y))
  }
  neg(): Plain {
    return new Plain(-this.value)
  }
  abs(): Plain {
    return new Plain(Math.abs(this.value))
  }
  square(): Plain {
    return new Plain(this.value * this.value)
  }
  maximum(y: Operand): Plain {
    return new Plain(Math.max(this.value, valueOf(y)))
  }
  minimum(y: Operand): Plain {
    return new Plain(Math.min(this.value, valueOf(y)))
  }
  greater(y: Operand): boolean {
    return this.value > valueOf(y)
  }
  greaterEqual(y: Operand): boolean {
    return this.value >= valueOf(y)
  }
  less(y: Operand): boolean {
    return this.value < valueOf(y)
  }
  lessEqual(y: Operand): boolean {
    return this.value <= valueOf(y)
  }
  equal(y: Operand): boolean {
    return this.value === valueOf(y)
  }
}

/** What a twin takes: a scalar, a vector, or a number that stays one. */
export type Input = number | readonly number[] | { readonly raw: unknown }

/** A function of things that are numbers in one run and tensors in another. */
// oxlint-disable-next-line typescript/no-explicit-any -- one text for two kinds of values
export type Twin = (...args: any[]) => unknown

function isRaw(input: Input): input is { readonly raw: unknown } {
  return typeof input === 'object' && 'raw' in input
}

function plainInput(input: Input): unknown {
  if (isRaw(input)) return structuredClone(input.raw)
  return typeof input === 'number' ? new Plain(input) : input.map((value) => new Plain(value))
}

function tensorInput(input: Input): unknown {
  if (isRaw(input)) return structuredClone(input.raw)
  return typeof input === 'number' ? tf.scalar(input) : tf.tensor([...input])
}

/** A result as plain data. */
export function plainResult(value: unknown): unknown {
  if (value instanceof Plain) return plainResult(value.value)
  if (value instanceof tf.Tensor) return plainResult(value.array())
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return Math.fround(value) + 0
  if (Array.isArray(value)) return value.map(plainResult)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plainResult(entry)]))
  return value
}

export interface Runs {
  readonly plain: unknown
  readonly rewritten: unknown
  readonly eager: unknown
  readonly traced: unknown
}

/** The four runs of a function for each list of inputs; the last only where it is wanted, since it compiles. */
export function runTwins(
  fn: Twin,
  inputs: readonly (readonly Input[])[],
  isTraced = true,
  rewritten: Twin = convert(fn),
): Runs[] {
  const traced = tf.function(rewritten, { onRetrace: 'off' })
  return inputs.map((list) => ({
    plain: plainResult(fn(...list.map(plainInput))),
    rewritten: plainResult(rewritten(...list.map(plainInput))),
    eager: plainResult(rewritten(...list.map(tensorInput))),
    traced: isTraced ? plainResult(traced(...list.map(tensorInput))) : undefined,
  }))
}
