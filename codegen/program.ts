/**
 * Programs: what one call of a traced function runs, as data. The tracer lowers a graph to a `ProgramSpec`; run/ plans
 * its memory, wasm/ turns it into one module with one exported `main(frame)`.
 *
 * Buffers are named by their index in `buffers`. A call supplies the inputs, the addresses of the variables and the
 * values of the size names; steps run in order; the outputs are read back at the end. `commit` makes a value the new
 * content of a variable: the planner lets the producing step write there directly when nothing later needs the old
 * content and no index of the producer reads what it has already overwritten, and copies otherwise. A variable's buffer
 * stands for one value, also after a commit: the content when the call began, or since the last host step that lists
 * the buffer in `writes`. A commit to a temporary is a copy. Steps inside control steps commit to temporaries and
 * cells only.
 */
import type { DType, TypedArray } from './dtype.ts'
import type { ExprPool } from './expr.ts'
import type { Kernel } from './kernel.ts'
import type { ConvOperands } from './runtime-kernels/conv-parameters.ts'
import type { Size } from './size.ts'

/** Where a buffer's memory comes from. */
export type Storage =
  /** Copied in from the call's `inputs[index]`. */
  | { readonly kind: 'input'; readonly index: number }
  /** The storage of the call's `variables[index]`. Read where it lies; changed by `commit` only. */
  | {
      readonly kind: 'variable'
      readonly index: number
      /** Copied from and to at any step, also inside control steps: its buffer stands for what it holds at the moment. */
      readonly isCell?: boolean
    }
  /** Fixed data, placed in memory once per program. */
  | { readonly kind: 'constant'; readonly data: TypedArray }
  /** Arena memory, alive from its first write to its last read. */
  | { readonly kind: 'temporary' }

export interface ProgramBuffer {
  readonly name: string
  readonly dtype: DType
  readonly elements: Size
  readonly storage: Storage
}

/** Runs a kernel; `buffers[i]` is the program buffer bound to the kernel's i-th buffer. */
export interface KernelStep {
  readonly kind: 'kernel'
  readonly kernel: Kernel
  /** What made the kernel's expressions; passes make more of them. */
  readonly pool: ExprPool
  readonly buffers: readonly number[]
  /** What the kernel's `fail` statements are the failures of. */
  readonly checks?: readonly CheckStep[]
  /** Whether parts of its outermost loops may run at once (threads/split-kernel.ts); said for programs with threads. */
  readonly split?: boolean
}

/** A matrix operand: element (row, column) lies at offset + row·rowStride + column·columnStride, all in elements. */
export interface MatrixOperand {
  readonly buffer: number
  readonly rowStride: Size
  readonly columnStride: Size
  /** Distance between consecutive matrices of the batch. */
  readonly batchStride: Size
}

/** c = activation(init + a·b) for each matrix of the batch: float32, c dense row-major per matrix [rows, columns]. */
export interface GemmStep {
  readonly kind: 'gemm'
  readonly batch: Size
  readonly rows: Size
  readonly columns: Size
  readonly inner: Size
  readonly a: MatrixOperand
  readonly b: MatrixOperand
  readonly c: number
  /** Added before the activation: a row of `columns` (rowStride 0) or a matrix (rowStride = columns). */
  readonly init: { readonly buffer: number; readonly rowStride: Size; readonly batchStride: Size } | undefined
  readonly activation: 'none' | 'relu'
}

/**
 * result = activation(init + convolution of input and kernel): float32, over one or two axes of space, see
 * runtime-kernels/conv.ts. The result is dense.
 */
export interface ConvStep {
  readonly kind: 'conv'
  /** Which axis is adjacent in the input: that of the features that are summed, or the batch. */
  readonly adjacent: 'features' | 'batch'
  readonly input: number
  readonly kernel: number
  /** Where the kernel's first element lies, in elements: at the end of what is reversed. */
  readonly kernelStart: Size
  readonly result: number
  /** A number per feature of the result. */
  readonly init: number | undefined
  readonly activation: 'none' | 'relu'
  /** A buffer for panels and padded images. */
  readonly scratch: number
  /** Sizes, strides in elements. */
  readonly sizes: Omit<ConvOperands<Size>, 'x' | 'w' | 'y' | 'init' | 'scratch' | 'flags'>
}

/** Calls the host's `fail(id, value)` (which throws) when the int32 scalar in `buffer` is not 0. */
export interface CheckStep {
  readonly kind: 'check'
  readonly buffer: number
  readonly id: number
  /** Buffers whose content the host may ask for when it words the failure. */
  readonly reads?: readonly number[]
}

/** Calls the host's `call(id)`; the host reads `reads` and may write `writes`; it may call other programs. */
export interface HostStep {
  readonly kind: 'host'
  readonly id: number
  readonly reads: readonly number[]
  readonly writes: readonly number[]
}

/** Makes the content of `from` the content of the variable buffer `variable`. */
export interface CommitStep {
  readonly kind: 'commit'
  readonly variable: number
  readonly from: number
}

/** Runs `whenTrue` or `whenFalse`, as the bool in `condition` says. */
export interface IfStep {
  readonly kind: 'if'
  readonly condition: number
  readonly whenTrue: readonly Step[]
  readonly whenFalse: readonly Step[]
}

/**
 * Runs `test`, which writes the bool `condition`, and ends when that is false; runs `body`, and begins again. What an
 * iteration leaves for the next one is in buffers that have been written before the loop.
 */
export interface LoopStep {
  readonly kind: 'loop'
  readonly condition: number
  readonly test: readonly Step[]
  readonly body: readonly Step[]
}

/**
 * Keeps a copy of `values` in a record before the record that `record` names, and names the new one in `result`. Both
 * are float64 scalars; 0 names none. Records live until the call ends.
 */
export interface PushStep {
  readonly kind: 'push'
  readonly id: number
  readonly record: number
  readonly result: number
  readonly values: readonly number[]
}

/** Writes what the record named by `record` keeps to `values`, and the name of the one before to `result`: of none, zeros. */
export interface PopStep {
  readonly kind: 'pop'
  readonly id: number
  readonly record: number
  readonly result: number
  readonly values: readonly number[]
  /** Which of the values name records themselves. */
  readonly names: readonly boolean[]
}

/** A record that stands for the sums of what two chains of records keep. */
export interface MergeStep {
  readonly kind: 'merge'
  readonly id: number
  readonly record: number
  readonly other: number
  readonly result: number
}

/**
 * Does something with lists of tensors, whose names are float64 scalars: negative numbers, or 0 for the empty list. Lists
 * live until the call ends and never change: writing to one gives another.
 *
 * - `write` list, index, value → list; `erase` list, index → list; `truncate` list, length → list
 * - `read` list, index → value, zeros where there is none; `has` list, index → bool; `length` list → int32
 * - `uniform` list → bool, whether all elements have one shape
 * - `stack` list, count → value, with zeros for elements that are not there; `unstack` value → list
 * - `concat` list, like → value, with zeros where only `like` has an element; `split` value, like → list
 */
export interface ListStep {
  readonly kind: 'list'
  readonly id: number
  readonly action:
    | 'write'
    | 'erase'
    | 'truncate'
    | 'read'
    | 'has'
    | 'length'
    | 'uniform'
    | 'stack'
    | 'unstack'
    | 'concat'
    | 'split'
  readonly reads: readonly number[]
  readonly write: number
  /** Of the value that is read or written. */
  readonly shape: readonly Size[]
  /** Whether elements are names of lists or records themselves. */
  readonly isName: boolean
  /** Sizes that get their value here: that of an axis of the result. */
  readonly found: readonly { readonly name: string; readonly axis: number }[]
}

/** Where a step comes from: the ops it does, and the lines of the user's that asked for them. For profiles only. */
export interface StepOrigin {
  readonly ops: readonly string[]
  readonly sources: readonly string[]
}

export type Step = { readonly origin?: StepOrigin } & (
  | KernelStep
  | GemmStep
  | ConvStep
  | CheckStep
  | HostStep
  | CommitStep
  | IfStep
  | LoopStep
  | PushStep
  | PopStep
  | MergeStep
  | ListStep
)

export interface ProgramSpec {
  readonly name: string
  readonly buffers: readonly ProgramBuffer[]
  /** Names of the sizes a call supplies, in order. */
  readonly sizes: readonly string[]
  /** Names of sizes that list steps find. A buffer that depends on one has memory once that is known. */
  readonly found?: readonly string[]
  /** How many threads the code is for; one, when nothing is said. Scratch memory has been made for all of them. */
  readonly threads?: number
  readonly steps: readonly Step[]
  /** Buffers whose content the call returns, in order; may repeat, may be inputs, variables or constants. */
  readonly outputs: readonly number[]
}
