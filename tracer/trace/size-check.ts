/**
 * Sizes that a program finds while it runs cannot be guarded when a call begins: where an op takes two of them to be
 * equal, the program compares them when it gets there.
 */
import { printSize, type Size } from '../../codegen/size.ts'
import type { Attrs, Guard } from '../ir/graph.ts'
import { opNamed } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { currentTrace } from './bind.ts'
import { userSite } from './source.ts'

/** Adds a check to the current trace. `reason` reads `op: what is wrong`. */
export function checkSizes(x: Size, y: Size, reason: string): void {
  const trace = currentTrace()
  const record = (op: string, operands: readonly Tensor[], attrs: Attrs): readonly Tensor[] =>
    trace.apply({ op: opNamed(op), operands, attrs, regions: [] })
  const sizes = [x, y].flatMap((size) => record('size_value', [], { size }))
  const equal = record('compare', sizes, { op: 'eq' })
  const [api = 'shape', ...rest] = reason.split(': ')
  const message = rest.length === 0 ? reason : rest.join(': ')
  record('check', [...equal, ...sizes], { api, message, labels: [printSize(x), printSize(y)] })
}

/** Whether a guard says of two sizes that they are equal. */
export function isSame(guard: Guard, x: Size, y: Size): boolean {
  const same = (a: Size, b: Size): boolean => printSize(a) === printSize(b)
  return (same(guard.x, x) && same(guard.y, y)) || (same(guard.x, y) && same(guard.y, x))
}

/** ` at model.ts:12:5`: where the user asked for it. */
export function siteSuffix(): string {
  const site = userSite()
  return site === undefined ? '' : ` at ${site}`
}
