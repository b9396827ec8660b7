/**
 * What a loop that is being staged is told from inside, by `tf.setLoopOptions`: it is traced once more, with that.
 */
import { TraceError } from '../../codegen/errors.ts'
import { cast, scalarTensor, sub } from '../ops/index.ts'
import type { Tensor } from '../tensor.ts'
import type { LoopSettings } from '../trace/loop-options.ts'

/** What `tf.setLoopOptions` has said of the loop: shapes by the names of leaves. */
export interface Told {
  most: number | Tensor | undefined
  readonly shapes: Map<string, readonly (number | null)[]>
}

/** Thrown out of a body that says something new of its loop. */
export class ToldMore extends Error {}

/** Keeps what a body says of its loop; throws ToldMore when it is new. */
export function hear(
  { maximumIterations, shapeInvariants = [] }: LoopSettings,
  told: Told,
  tensors: readonly Tensor[],
  labels: readonly string[],
  site: string,
): void {
  let isNew = false
  if (maximumIterations !== undefined && told.most === undefined) {
    told.most = maximumIterations
    isNew = true
  }
  for (const [variable, shape] of shapeInvariants) {
    const label = labels[tensors.indexOf(variable as Tensor)]
    if (label === undefined)
      throw new TraceError({
        op: 'setLoopOptions',
        problem:
          'shapeInvariants speaks of a tensor that no variable of the loop holds when an iteration begins',
        fix: 'make it the first statement of the body, and name variables that the loop assigns.',
        site,
      })
    if (told.shapes.has(label)) continue
    told.shapes.set(label, shape)
    isNew = true
  }
  if (isNew) throw new ToldMore()
}

/** What is left of the iterations a loop may make. */
export function iterationsLeft({ most }: Told, made: number): Tensor | undefined {
  if (most === undefined) return undefined
  const limit = typeof most === 'number' ? scalarTensor('int32', most) : cast(most, 'int32')
  return made === 0 ? limit : sub(limit, scalarTensor('int32', made))
}
