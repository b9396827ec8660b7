/**
 * What a loop carries is computed where it lies.
 *
 * A loop body ends with copies of the next values to the buffers of the carried ones. Such a copy is not needed when the
 * step that computes the next value may write over the present one: nothing reads that afterwards in the iteration,
 * and the step itself reads each element before it overwrites it.
 */
import type { CommitStep, LoopStep, ProgramSpec, Step } from '../program.ts'
import { mapInside } from '../steps.ts'
import { type Access, stepAccess } from './access.ts'
import { overwritingStep } from './overwriting-step.ts'
import { renamed } from './rename.ts'

/** The program with loops that carry in place where they can. */
export function carryInPlace(spec: ProgramSpec): ProgramSpec {
  const visit = (steps: readonly Step[]): readonly Step[] =>
    steps.map((step) => {
      const inner = mapInside(step, visit)
      return inner.kind === 'loop' ? withoutCopies(spec, inner) : inner
    })
  const steps = visit(spec.steps)
  return steps.every((step, i) => step === spec.steps[i]) ? spec : { ...spec, steps }
}

function withoutCopies(spec: ProgramSpec, loop: LoopStep): LoopStep {
  let body = loop.body
  // A next value that two are to have lies in the first of them by then: it must stay there for the next iteration.
  const kept = new Set(body.flatMap((step) => (step.kind === 'commit' ? [step.variable] : [])))
  for (let at = body.length - 1; at >= 0; at--) {
    const copy = body[at]
    if (copy?.kind !== 'commit' || kept.has(copy.from)) continue
    body = withoutCopy(spec, body, at, copy) ?? body
  }
  return body === loop.body ? loop : { ...loop, body }
}

/** The body without the copy at `at`, or undefined when it is needed. */
function withoutCopy(
  spec: ProgramSpec,
  body: readonly Step[],
  at: number,
  { from, variable: carried }: CommitStep,
): readonly Step[] | undefined {
  if (spec.buffers[from]?.storage.kind !== 'temporary' || spec.buffers[carried]?.storage.kind !== 'temporary')
    return undefined
  const access = body.map(stepAccess)
  const writers = access.flatMap(({ writes }, i) => (writes.has(from) ? [i] : []))
  const [producer] = writers
  const step = producer === undefined ? undefined : body[producer]
  if (producer === undefined || writers.length > 1 || producer >= at) return undefined
  if (step?.kind !== 'kernel' && step?.kind !== 'gemm') return undefined
  // The present value is not wanted once it has been overwritten, and nothing else changes it.
  if (
    access.some(
      ({ reads, writes }, i) => (i !== at && writes.has(carried)) || (i < producer && reads.has(from)),
    )
  )
    return undefined
  const lastUse = access.findLastIndex(({ reads }, i) => i !== producer && reads.has(carried))
  // Where it is still used after the producer, that may be late enough when it runs later.
  const position = Math.max(producer, lastUse)
  if (position >= at || !mayRunAfter(access, producer, position)) return undefined
  const reads = access[producer]?.reads.has(carried) === true ? new Set([carried]) : new Set<number>()
  const overwritten = overwritingStep(step, reads, from)
  if (overwritten === undefined) return undefined
  const inPlace = (buffer: number): number => (buffer === from ? carried : buffer)
  return body.flatMap((other, i) => {
    const kept = i === at || i === producer ? [] : [renamed(other, inPlace)]
    return i === position ? [...kept, renamed(overwritten, inPlace)] : kept
  })
}

/** True when step `at` may as well run after the step `later`. */
function mayRunAfter(access: readonly Access[], at: number, later: number): boolean {
  const own = access[at]
  if (own === undefined) return false
  return access
    .slice(at + 1, later + 1)
    .every(
      ({ reads, writes }) =>
        ![...own.writes].some((buffer) => reads.has(buffer) || writes.has(buffer)) &&
        ![...own.reads].some((buffer) => writes.has(buffer)),
    )
}
