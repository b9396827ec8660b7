/**
 * What is measured, and beside whom.
 */
import { type KernelName, kernelNames } from './kernels.ts'

/**
 * One way of running a workload: a library, and how it runs it (`traced`, `eager`, `jit`, `hand-written`). `warm cache` is
 * `traced` in a process that finds its programs in the compile cache.
 */
export interface Contestant {
  readonly peer: 'tracemill' | 'tfjs-wasm' | 'tfjs-cpu' | 'jax-js' | 'onnxruntime-web' | 'javascript'
  readonly variant: string
  /** One, when nothing is said. */
  readonly threads?: number
}

export interface Workload {
  readonly name: string
  readonly title: string
  /** `steps`: the time of a step that is repeated; `start`: of the first step of a new process; `memory`: growth. */
  readonly kind: 'steps' | 'start' | 'memory'
  /** Whether steps have a loss that all contestants must agree on. */
  readonly loss: boolean
  readonly contestants: readonly Contestant[]
  /** Operations on floats in a step, for the table. */
  readonly flops?: number
}

const traced: Contestant = { peer: 'tracemill', variant: 'traced' }
const twoThreads: Contestant = { ...traced, threads: 2 }
const eager: Contestant = { peer: 'tracemill', variant: 'eager' }
const jaxJs: Contestant = { peer: 'jax-js', variant: 'jit' }
const tfjsWasm: Contestant = { peer: 'tfjs-wasm', variant: 'eager' }
const tfjsCpu: Contestant = { peer: 'tfjs-cpu', variant: 'eager' }
const onnx: Contestant = { peer: 'onnxruntime-web', variant: 'model' }
const javascript: Contestant = { peer: 'javascript', variant: 'hand-written' }

const kernelTitles: Readonly<Record<KernelName, string>> = {
  sum: 'The sum',
  max: 'The largest element',
  transpose: 'A transpose of 1008×1040',
  gather: 'A thousand rows gathered',
  concat: 'Two halves one after the other',
}

export const workloads: readonly Workload[] = [
  {
    name: 'mlp-sgd',
    title: 'MLP 784-128-10, batch 128: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, twoThreads, eager, jaxJs, tfjsWasm, tfjsCpu],
  },
  {
    name: 'mlp-adam',
    title: 'MLP 784-128-10, batch 128: one step of Adam',
    kind: 'steps',
    loss: true,
    contestants: [traced, twoThreads, eager, jaxJs, tfjsWasm],
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
  ...[64, 256, 512, 1024].map((size): Workload => ({
    name: `matmul-${size}`,
    title: `The product of two matrices of ${size}×${size}`,
    kind: 'steps',
    loss: true,
    contestants:
      size > 256
        ? [traced, twoThreads, onnx, jaxJs, tfjsWasm]
        : [traced, twoThreads, eager, onnx, jaxJs, tfjsWasm],
    flops: 2 * size ** 3,
  })),
  {
    name: 'elementwise',
    title: 'y = tanh(ax + b)·σ(x) − x², a million elements',
    kind: 'steps',
    loss: true,
    contestants: [traced, twoThreads, eager, onnx, jaxJs, tfjsWasm],
  },
  {
    name: 'softmax-gradient',
    title: 'Softmax cross-entropy of 128×1000 logits, with its gradient',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, onnx, jaxJs, tfjsWasm],
  },
  ...kernelNames.map((name): Workload => ({
    name: `${name}-1m`,
    title: `${kernelTitles[name]}, 1,048,320 elements in Variables`,
    kind: 'steps',
    loss: true,
    contestants: [traced, javascript],
  })),
  {
    name: 'mlp-large',
    title: 'MLP 784-1024-1024-10, batch 256: one step of Adam',
    kind: 'steps',
    loss: true,
    contestants: [traced, twoThreads, jaxJs, tfjsWasm],
  },
  {
    name: 'scalar-while',
    title: 'A loop of a million iterations over a scalar and its counter',
    kind: 'steps',
    loss: true,
    contestants: [traced, javascript],
  },
  {
    name: 'leapfrog',
    title: 'Ten leapfrog steps for a Gaussian in ten dimensions, dense precision matrix',
    kind: 'steps',
    loss: true,
    contestants: [traced, { peer: 'tracemill', variant: 'staged' }, javascript, jaxJs],
  },
  {
    name: 'rnn-forward',
    title: 'RNN, 1,000 iterations of h = tanh(h·W + x·U), 1x64: the loss',
    kind: 'steps',
    loss: true,
    contestants: [traced, javascript, tfjsWasm, tfjsCpu],
  },
  {
    name: 'rnn-training',
    title: 'RNN, 1,000 iterations of h = tanh(h·W + x·U), 1x64: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, javascript, tfjsWasm, tfjsCpu],
  },
  {
    name: 'conversion',
    title: 'Rewriting a function by the inspector: the first of a process, and each one after',
    kind: 'steps',
    loss: false,
    contestants: [traced],
  },
  {
    name: 'lenet',
    title: 'LeNet, 32 and 64 filters of 5×5, 512 units, batch 64: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, twoThreads, eager],
  },
  {
    name: 'lenet-small',
    title: 'LeNet, 6 and 16 filters of 5×5, 120 units, batch 8: one step of SGD',
    kind: 'steps',
    loss: true,
    contestants: [traced, eager, tfjsCpu],
  },
  {
    name: 'conv-forward',
    title: 'Convolution 28×28×32 → 64, 5×5, batch 64 (5.14 GFLOP)',
    kind: 'steps',
    loss: false,
    contestants: [traced, tfjsWasm],
  },
  ...(['input', 'filter'] as const).map((operand): Workload => ({
    name: `conv-${operand}-gradient`,
    title: `The gradient of its ${operand}`,
    kind: 'steps',
    loss: false,
    contestants: [traced],
  })),
  {
    name: 'start',
    title: 'A new process to the end of its first MLP 784-128-10 step of SGD',
    kind: 'start',
    loss: false,
    contestants: [traced, { peer: 'tracemill', variant: 'warm cache' }, eager, jaxJs, tfjsWasm, tfjsCpu],
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
