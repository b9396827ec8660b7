/** The most elements that a value may have: places of elements are 32-bit numbers. */
import { ValueError } from './errors.ts'

export const mostElements: number = 2 ** 31 - 1

/** The error for more than that; `what` describes the value. */
export function tooManyElements(op: string, what: string): ValueError {
  return new ValueError({
    op,
    problem: `${what} has too many elements`,
    fix: `values have at most ${mostElements}: use smaller batches, or reduce before you broadcast.`,
  })
}
