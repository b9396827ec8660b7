/**
 * The graph passes, in order. Each is pure: a graph in, a graph out.
 *
 * Canonical forms come before folding and sharing, so that equal computations look equal, and once more after, since
 * both uncover identities (a folded `1`, two branches that became one).
 */
import type { Graph } from '../ir/graph.ts'
import { verifyGraph } from '../ir/verify.ts'
import { assume } from './assume.ts'
import { canonicalize } from './canonicalize.ts'
import { cse } from './cse.ts'
import { dce } from './dce.ts'
import { discharge } from './discharge.ts'
import { type Evaluate, fold } from './fold.ts'
import { hoistInvariants } from './hoist-invariants.ts'
import { inline } from './inline.ts'
import { mergeLoops } from './merge-loops.ts'
import { narrow } from './narrow.ts'
import { sumInPlace } from './sums.ts'

export interface PipelineOptions {
  /** Computes small constant nodes with the compiled kernels; without it nothing is folded. */
  readonly evaluate?: Evaluate
  /** Captures known to be the same Variable: name → the name that stands for it. */
  readonly aliases?: ReadonlyMap<string, string>
  /** Groups nodes into kernels. */
  readonly fuse: (graph: Graph) => Graph
  /** Verifies the input and the output of every stage. */
  readonly verify?: boolean
  /** Sees the graph as traced and after every stage. */
  readonly trace?: (stage: string, graph: Graph) => void
}

/** Runs all passes. */
export function runPasses(graph: Graph, options: PipelineOptions): Graph {
  const { evaluate, aliases, fuse } = options
  const stages: readonly (readonly [name: string, pass: (graph: Graph) => Graph])[] = [
    ['inline', inline],
    ['assume', assume],
    ['discharge', (before) => discharge(before, aliases)],
    ['narrow', narrow],
    ['canonicalize', canonicalize],
    ['fold', (before) => (evaluate === undefined ? before : fold(before, evaluate))],
    ['cse', cse],
    ['canonicalize', canonicalize],
    ['loops', mergeLoops],
    ['sums', sumInPlace],
    ['hoist', hoistInvariants],
    ['dce', dce],
    ['fuse', fuse],
  ]
  const see = (stage: string, seen: Graph): Graph => {
    options.trace?.(stage, seen)
    if (options.verify === true) verifyGraph(seen)
    return seen
  }
  return stages.reduce((before, [name, pass]) => see(name, pass(before)), see('traced', graph))
}
