/**
 * Control flow over small values as one kernel.
 *
 * A control step runs the steps inside it from the program's `main`, where each is a call of a function and every value
 * between two of them lies in memory. Where all that is inside is small (scalars, short vectors of known length), the
 * control step becomes a kernel with `if` and `while` statements instead, together with the copies and the scalar
 * kernels next to it. Where only part of it is small, neighbouring small steps inside are joined.
 *
 * Neighbours with vectors stay apart: as kernels of their own they may work in place.
 */
import { nodesOfStatements } from '../passes/rewrite.ts'
import type { ProgramSpec, Step } from '../program.ts'
import { iterationsOf } from '../schedule/contents.ts'
import type { Size } from '../size.ts'
import { allSteps, mapInside } from '../steps.ts'
import { stepAccess } from '../run/access.ts'
import { joinedStep, type Surroundings } from './joined-kernel.ts'

/** Most innermost iterations of what is joined, each control step's inside counting once. */
const mostIterations = 16384
/** Most expression nodes of what is joined: a function is compiled as a whole. */
const mostNodes = 4000

/** Most operands of the kernels that are joined: the buffers of a kernel are parameters of a function. */
const mostOperands = 800

/** The program with control steps over small values as kernels. */
export function joinSteps(spec: ProgramSpec): ProgramSpec {
  if (!spec.steps.some((step) => step.kind === 'if' || step.kind === 'loop')) return spec
  return { ...spec, steps: new Joiner(spec).top() }
}

/** How often buffers are read and written. */
interface Counts {
  readonly reads: Map<number, number>
  readonly writes: Map<number, number>
}

class Joiner {
  readonly #spec: ProgramSpec
  readonly #all: Counts
  readonly #outputs: ReadonlySet<number>
  readonly #costs = new Map<Step, Cost | undefined>()

  constructor(spec: ProgramSpec) {
    this.#spec = spec
    this.#all = countsOf(spec.steps)
    this.#outputs = new Set(spec.outputs)
  }

  top(): readonly Step[] {
    const isControl = (step: Step): boolean => step.kind === 'if' || step.kind === 'loop'
    return this.#runs(this.#spec.steps, (step) => isControl(step) || this.#isScalar(step)).flatMap((run) =>
      run.joined && run.steps.some(isControl)
        ? [joinedStep(this.#spec, run.steps, this.#surroundings(run.steps, false))]
        : run.steps.map((step) => mapInside(step, (steps) => this.#inside(steps, step.kind === 'loop'))),
    )
  }

  /** Steps of a control step that has to stay one. */
  #inside(list: readonly Step[], repeated: boolean): readonly Step[] {
    return this.#runs(list, () => true).flatMap((run) =>
      run.joined && (run.steps.length > 1 || run.steps[0]?.kind !== 'kernel')
        ? this.#joined(run.steps, repeated)
        : run.steps.map((step) =>
            mapInside(step, (steps) => this.#inside(steps, repeated || step.kind === 'loop')),
          ),
    )
  }

  #joined(steps: readonly Step[], repeated: boolean): readonly Step[] {
    // Copies and checks alone gain nothing.
    if (!steps.some(({ kind }) => kind === 'kernel' || kind === 'if' || kind === 'loop')) return steps
    return [joinedStep(this.#spec, steps, this.#surroundings(steps, repeated))]
  }

  /** The list cut into stretches of small steps that `accepts` accepts, and others. */
  #runs(
    list: readonly Step[],
    accepts: (step: Step) => boolean,
  ): readonly { readonly joined: boolean; readonly steps: readonly Step[] }[] {
    const runs: { joined: boolean; steps: Step[]; cost: Cost }[] = []
    for (const step of list) {
      const cost = this.#costOf(step)
      const last = runs.at(-1)
      const joined = cost !== undefined && accepts(step)
      if (last !== undefined && last.joined === joined) {
        const sum = joined ? plus(last.cost, cost) : nothing
        if (isSmall(sum)) {
          last.steps.push(step)
          last.cost = sum
          continue
        }
      }
      runs.push({ joined, steps: [step], cost: cost ?? nothing })
    }
    return runs
  }

  /** The cost of a step that may be joined. */
  #costOf(step: Step): Cost | undefined {
    if (this.#costs.has(step)) return this.#costs.get(step)
    const cost = this.#computeCost(step)
    const small = cost !== undefined && isSmall(cost) ? cost : undefined
    this.#costs.set(step, small)
    return small
  }

  #computeCost(step: Step): Cost | undefined {
    switch (step.kind) {
      case 'kernel': {
        const iterations = iterationsOf(step.kernel.body)
        if (typeof iterations !== 'number' || step.checks !== undefined) return undefined
        return { iterations, nodes: nodesOfStatements(step.kernel.body).size, operands: step.buffers.length }
      }
      case 'commit': {
        const iterations = this.#elements(step.variable)
        if (typeof iterations !== 'number' || !this.#isTemporary(step.variable)) return undefined
        return { iterations, nodes: 4, operands: 2 }
      }
      case 'check':
        return { iterations: 1, nodes: 4, operands: 1 + (step.reads?.length ?? 0) }
      case 'if':
        return this.#sum([...step.whenTrue, ...step.whenFalse])
      case 'loop':
        return this.#sum([...step.test, ...step.body])
      default:
        return undefined
    }
  }

  #sum(steps: readonly Step[]): Cost | undefined {
    let sum = nothing
    for (const step of steps) {
      const cost = this.#costOf(step)
      if (cost === undefined) return undefined
      sum = plus(sum, cost)
    }
    return sum
  }

  #elements(buffer: number): Size | undefined {
    return this.#spec.buffers[buffer]?.elements
  }

  #isTemporary(buffer: number): boolean {
    return this.#spec.buffers[buffer]?.storage.kind === 'temporary'
  }

  /** True for a copy to a temporary, and for a kernel that computes scalars only. */
  #isScalar(step: Step): boolean {
    if (step.kind === 'commit') return true
    return (
      step.kind === 'kernel' && [...stepAccess(step).writes].every((buffer) => this.#elements(buffer) === 1)
    )
  }

  #surroundings(steps: readonly Step[], repeated: boolean): Surroundings {
    const own = countsOf(steps)
    const outside = (kind: keyof Counts, buffer: number): boolean =>
      (this.#all[kind].get(buffer) ?? 0) > (own[kind].get(buffer) ?? 0)
    return {
      written: (buffer) => outside('writes', buffer),
      read: (buffer) =>
        outside('reads', buffer) ||
        this.#outputs.has(buffer) ||
        // What a loop carries is read by the same steps in the next iteration.
        (repeated && outside('writes', buffer) && (own.reads.get(buffer) ?? 0) > 0),
    }
  }
}

interface Cost {
  readonly iterations: number
  readonly nodes: number
  readonly operands: number
}

const nothing: Cost = { iterations: 0, nodes: 0, operands: 0 }

function plus(x: Cost, y: Cost): Cost {
  return {
    iterations: x.iterations + y.iterations,
    nodes: x.nodes + y.nodes,
    operands: x.operands + y.operands,
  }
}

function isSmall({ iterations, nodes, operands }: Cost): boolean {
  return iterations <= mostIterations && nodes <= mostNodes && operands <= mostOperands
}

/** Uses by the steps and those inside them; a control step itself reads its condition. */
function countsOf(steps: readonly Step[]): Counts {
  const counts: Counts = { reads: new Map(), writes: new Map() }
  const add = (map: Map<number, number>, buffer: number): void => {
    map.set(buffer, (map.get(buffer) ?? 0) + 1)
  }
  for (const step of allSteps(steps)) {
    if (step.kind === 'if' || step.kind === 'loop') add(counts.reads, step.condition)
    else {
      const { reads, writes } = stepAccess(step)
      for (const buffer of reads) add(counts.reads, buffer)
      for (const buffer of writes) add(counts.writes, buffer)
    }
  }
  return counts
}
