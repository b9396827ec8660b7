/**
 * What is measured, and beside whom.
 */

/** One way of running a workload: a library, and how it runs it (`traced`, `eager`, `jit`, `hand-written`). */
export interface Contestant {
  readonly peer: 'tracemill' | 'tfjs-wasm' | 'tfjs-cpu' | 'jax-js' | 'javascript'
  readonly variant: string
}

export interface Workload {
  readonly name: string
  readonly title: string
  /** `steps`: the time of a step that is repeated; `start`: of the first step of a new process; `memory`: growth. */
  readonly kind: 'steps' | 'start' | 'memory'
  /** Whether steps have a loss that all contestants must agree on. */
  readonly loss: boolean
  readonly contestants: readonly Contestant[]
}

const traced: Contestant = { peer: 'tracemill', variant: 'traced' }
const eager: Contestant = { peer: 'tracemill', variant: 'eager' }
const jaxJs: Contestant = { peer: 'jax-js', variant: 'jit' }
const tfjsWasm: Contestant = { peer: 'tfjs-wasm', variant: 'eager' }
const tfjsCpu: Contestant = { peer: 'tfjs-cpu', variant: 'eager' }
const javascript: Contestant = { peer: 'javascript', variant: 'hand-written' }

export const workloads: readonly Workload[] = [
  {
    name: 'mlp-sgd',
    title: 'MLP 784-128-10, batch 128: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, jaxJs, tfjsWasm, tfjsCpu],
  },
  {
    name: 'mlp-adam',
    title: 'MLP 784-128-10, batch 128: one step of Adam',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, jaxJs, tfjsWasm],
  },
  {
    name: 'logistic',
    title: 'Logistic regression, batch 32, 10 features: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, javascript, jaxJs, tfjsWasm, tfjsCpu],
  },
  {
    name: 'mlp-small',
    title: 'MLP 2-16-1, batch 32: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, javascript, jaxJs, tfjsWasm, tfjsCpu],
  },
  ...[10, 100, 1000].map((size): Workload => ({
    name: `add-${size}`,
    title: `x + y, ${size} elements each`,
    kind: 'steps',
    loss: false,
    contestants: [traced, eager, javascript, jaxJs, { peer: 'jax-js', variant: 'eager' }, tfjsWasm, tfjsCpu],
  })),
  {
    name: 'start',
    title: 'A new process to the end of its first MLP 784-128-10 step of SGD',
    kind: 'start',
    loss: false,
    contestants: [traced, eager, jaxJs, tfjsWasm, tfjsCpu],
  },
  {
    name: 'memory-steps',
    title: 'Growth of memory over traced steps of logistic regression',
    kind: 'memory',
    loss: false,
    contestants: [traced],
  },
  {
    name: 'memory-eager',
    title: 'Growth of memory over eager ops whose shapes, slice starts and scalars vary',
    kind: 'memory',
    loss: false,
    contestants: [eager],
  },
]
