/**
 * Walking through the steps of a program, those inside control steps included.
 */
import type { Step, StepOrigin } from './program.ts'

/** The lists of steps inside a control step; none for others. */
export function listsInside(step: Step): readonly (readonly Step[])[] {
  if (step.kind === 'if') return [step.whenTrue, step.whenFalse]
  return step.kind === 'loop' ? [step.test, step.body] : []
}

/** All steps in the order of the program, control steps before what is inside them. */
export function allSteps(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => [step, ...listsInside(step).flatMap(allSteps)])
}

/** The control step with the lists inside it changed; other steps as they are. */
export function mapInside(step: Step, change: (steps: readonly Step[]) => readonly Step[]): Step {
  if (step.kind === 'if')
    return { ...step, whenTrue: change(step.whenTrue), whenFalse: change(step.whenFalse) }
  return step.kind === 'loop' ? { ...step, test: change(step.test), body: change(step.body) } : step
}

/** True when the step, or one inside it, may call the host or end the program. */
export function mayStop(step: Step): boolean {
  return allSteps([step]).some((inner) => inner.kind === 'host' || inner.kind === 'check' || hasChecks(inner))
}

/** True for a kernel that may end the program. */
export function hasChecks(step: Step): boolean {
  return step.kind === 'kernel' && step.checks !== undefined
}

/** Where steps that become one come from. */
export function joinedOrigin(steps: readonly Step[]): StepOrigin {
  return {
    ops: steps.flatMap(({ origin }) => origin?.ops ?? []),
    sources: [...new Set(steps.flatMap(({ origin }) => origin?.sources ?? []))],
  }
}
