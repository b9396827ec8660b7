/**
 * Variables and objects of the host that a staged branch or loop has written to.
 *
 * What it left there is a tensor of the trace, which means nothing once the trace has ended. So they get back what they
 * held before, and the function that is traced is refused: what it does would happen once, when it is traced.
 */
import { TraceError } from '../../codegen/errors.ts'
import { Tensor } from '../tensor.ts'
import { isPlainObject } from './tree.ts'

/** A place that outlives the trace, or may. */
export interface OuterWrite {
  readonly name: string
  /** The object it is in, where only that tells whether it outlives the trace: what the traced function is called on does. */
  readonly holder?: object | undefined
  readonly before: unknown
  get(): unknown
  set(value: unknown): void
}

let writes: OuterWrite[] = []

/** Notes what a staged branch or loop has left in a place that outlives the trace; the first note counts. */
export function noteOuterWrite(write: OuterWrite): void {
  if (!writes.some(({ name, holder }) => name === write.name && holder === write.holder)) writes.push(write)
}

/**
 * Traces a function that is called on `self`; afterwards no noted place holds a tensor of a trace. Throws TraceError when one
 * did that surely outlives the trace.
 */
export function restoringOuterWrites<R>(name: string, self: unknown, body: () => R): R {
  const outer = writes
  writes = []
  let left: readonly OuterWrite[] = []
  let result: R
  try {
    result = body()
  } finally {
    left = writes.filter((write) => isSymbolic(write.get()))
    for (const write of left) write.set(write.before)
    writes = outer
  }
  left = left.filter(({ holder }) => holder === undefined || holder === self)
  if (left.length === 0) return result
  const names = left.map((write) => write.name).join(', ')
  throw new TraceError({
    op: name,
    problem: `${names} ${left.length === 1 ? 'is' : 'are'} not its own, and a branch or loop on tensors writes to ${left.length === 1 ? 'it' : 'them'}: what that leaves there is a tensor that has no value`,
    fix: 'return it, or keep it in a tf.variable.',
  })
}

function isSymbolic(value: unknown): boolean {
  if (value instanceof Tensor) return value.payload.kind === 'symbolic'
  if (Array.isArray(value)) return value.some(isSymbolic)
  return isPlainObject(value) && Object.values(value).some(isSymbolic)
}
