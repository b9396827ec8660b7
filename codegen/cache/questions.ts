/**
 * What is said between a thread without binaryen and the worker that has it.
 *
 * Messages are cloned, shared nodes included, so that a kernel arrives as it was but for the class of its sizes, which is
 * put back. Pools, and kernels as they were before the loop passes, stay behind, as does the data of constants.
 */
import type { Kernel } from '../kernel.ts'
import type { ProgramSpec, Step } from '../program.ts'
import { mapInside } from '../steps.ts'
import { SizePolynomial } from '../size.ts'

export type Question =
  | {
      readonly kind: 'assemble'
      readonly spec: ProgramSpec
      readonly kernels: readonly Kernel[]
      readonly relaxed: boolean
    }
  | { readonly kind: 'disassemble'; readonly bytes: Uint8Array }

export type Answer =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'ended'; readonly how: string }

/** What the first shared word of memory says; the second is 1 once the worker runs. */
export const words: { readonly asked: 0; readonly answered: 1; readonly ended: 2 } = {
  asked: 0,
  answered: 1,
  ended: 2,
}

/** What assembling needs of a program. */
export function withoutData(spec: ProgramSpec): ProgramSpec {
  const bare = (step: Step): Step => {
    if (step.kind !== 'kernel') return mapInside(step, (steps) => steps.map(bare))
    const { pool: _pool, kernel: _kernel, ...kept } = step
    return kept as Step
  }
  return {
    ...spec,
    buffers: spec.buffers.map((buffer) =>
      buffer.storage.kind === 'constant'
        ? { ...buffer, storage: { kind: 'constant', data: new Uint8Array(0) } }
        : buffer,
    ),
    steps: spec.steps.map(bare),
  }
}

/** Gives sizes in a message their class back. */
export function reviveSizes(message: unknown): void {
  const seen = new Set<object>()
  const waiting = [message]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null || seen.has(value) || ArrayBuffer.isView(value)) continue
    seen.add(value)
    if ('terms' in value && 'key' in value) Object.setPrototypeOf(value, SizePolynomial.prototype)
    for (const name of Object.keys(value)) waiting.push(Reflect.get(value, name))
  }
}
