/** Tests and flags at run time: JavaScript values and tensors with a value are true or false; others are not known yet. */
import { TraceError } from '../../codegen/errors.ts'
import { printType } from '../ir/type.ts'
import { logicalOr, reshape } from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { consider } from '../trace/unused-tests.ts'
import { contentOf, demandBool, isSymbolic } from './operators.ts'

/** The branch that does nothing. */
export function nothing(): undefined {
  return undefined
}

/** What a test says: true or false, or a tensor that will. */
export function truthOf(test: unknown, site: string): boolean | Tensor {
  const value = contentOf(test)
  if (!(value instanceof Tensor)) return Boolean(value)
  const isScalar = value.type.shape.every((size) => size === 1)
  if (value.dtype !== 'bool' || !isScalar)
    throw new TraceError({
      op: 'condition',
      problem: `it is ${printType(value.type)}, not a bool scalar`,
      fix: isScalar
        ? "compare it, e.g. x.greater(0); x.cast('bool') is true where x is not 0."
        : 'reduce it with tf.any or tf.all.',
      site,
    })
  consider(value)
  if (value.payload.kind !== 'symbolic') return value.item() !== 0
  return value.rank === 0 ? value : reshape(value, [])
}

/** A test whose outcome is not used in the graph, because it is asked again there. */
export function considered(test: boolean | Tensor): boolean | Tensor {
  if (test instanceof Tensor) consider(test)
  return test
}

/** The right side of `&&` or `||` behind a tensor: a bool. */
export function boolOf(op: string, value: unknown, site: string): unknown {
  const content = contentOf(value)
  if (content instanceof Tensor) demandBool(op, content, site)
  else if (typeof content !== 'boolean')
    throw new TraceError({
      op,
      problem: `the left side is a tensor, and the right side is no bool`,
      fix: 'use ?: to choose between values.',
      site,
    })
  return content
}

/** The flags that have no value yet; undefined when one is true. */
export function openFlags(flags: readonly unknown[]): Tensor[] | undefined {
  const isTrue = (flag: unknown): boolean => (flag instanceof Tensor ? flag.item() !== 0 : flag === true)
  const open: Tensor[] = []
  for (const flag of flags) {
    if (isSymbolic(flag)) open.push(flag)
    else if (isTrue(flag)) return undefined
  }
  return open
}

export function anyOf(flags: readonly Tensor[]): Tensor {
  return flags.reduce((x, y) => logicalOr(x, y))
}
