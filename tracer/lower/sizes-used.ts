/** The size names that a program's code and memory depend on. */
import type { ProgramBuffer, Step } from '../../codegen/program.ts'
import { namesOfSize } from '../../codegen/size.ts'
import { allSteps } from '../../codegen/steps.ts'
import type { Value } from '../ir/graph.ts'

/** In order of first use: those of the parameters first. */
export function sizesUsed(
  params: readonly Value[],
  buffers: readonly ProgramBuffer[],
  steps: readonly Step[],
): Set<string> {
  const sizes = new Set<string>()
  for (const { type } of params) for (const size of type.shape) namesOfSize(size, sizes)
  for (const buffer of buffers) namesOfSize(buffer.elements, sizes)
  for (const step of allSteps(steps))
    if (step.kind === 'kernel') for (const size of step.kernel.sizes) sizes.add(size)
    else if (step.kind === 'conv') for (const size of Object.values(step.sizes)) namesOfSize(size, sizes)
  return sizes
}
