/** Notes in the steps that a node was lowered to which ops they do and which of the user's lines asked for them. */
import type { Step } from '../../codegen/program.ts'
import type { Node } from '../ir/graph.ts'

/** Gives the steps from `first` on their origin, unless steps inside a control step have given them one. */
export function addOrigin(steps: Step[], first: number, node: Node): void {
  if (steps.length === first) return
  // A fusion's nodes say more than it does itself; a control step's have steps of their own.
  const nodes = node.op === 'fusion' ? (node.regions[0]?.nodes ?? []) : [node]
  const sources = new Set<string>()
  for (const { source } of [...nodes, node]) if (source !== undefined) sources.add(source)
  const origin = { ops: nodes.map(({ op }) => op), sources: [...sources] }
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]
    if (step !== undefined && step.origin === undefined) steps[i] = { ...step, origin }
  }
}
