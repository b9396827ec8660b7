/** How many elements a dataset has: a number, Infinity, or null where it is found out only by going through it. */
import { ValueError } from '../../codegen/errors.ts'
import type { BatchOptions } from './batch.ts'

/** Number of elements; null when it is not known. */
export type Count = number | null

/** `value` when it is an integer of at least `least`. Throws ValueError otherwise. */
export function requireCount(op: string, name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value
  throw new ValueError({ op, problem: `${name} is ${value}`, fix: `use an integer of at least ${least}.` })
}

export function batchCount(count: Count, size: number, { dropRemainder = false }: BatchOptions): Count {
  return count === null ? null : dropRemainder ? Math.floor(count / size) : Math.ceil(count / size)
}

export function repeatCount(count: Count, times: number): Count {
  if (times === 0 || count === 0) return 0
  return count === null ? (times === Infinity ? Infinity : null) : count * times
}

export function takeCount(count: Count, taken: number): Count {
  return count === null ? null : Math.min(count, taken)
}

export function skipCount(count: Count, skipped: number): Count {
  return count === null ? null : Math.max(0, count - skipped)
}

export function sumOfCounts(one: Count, other: Count): Count {
  return one === Infinity || other === Infinity
    ? Infinity
    : one === null || other === null
      ? null
      : one + other
}

export function leastCount(counts: readonly Count[]): Count {
  return counts.includes(0)
    ? 0
    : counts.some((each) => each === null)
      ? null
      : Math.min(...(counts as number[]))
}
