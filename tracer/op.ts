/**
 * An op is one definition: its type rule, its gradient and its lowering, stated side by side in the op's own file.
 *
 * - `type` maps operand types and attributes to result types. It raises the user's error; the tracer calls it, and the
 *   verifier calls it again after every pass.
 * - `gradient` is written with public ops on tensors, so it works eagerly, while tracing, and twice. `'none'` is said aloud.
 * - `lower` says what an element of the result is, in index notation over readers of the operands. Fusion composes
 *   readers; the interpreter, the SIMD code and the eager kernels all come from this rule.
 *
 * Definitions register themselves under their name when their module is evaluated; graphs refer to ops by name.
 */
import type { Axis, Expr, ExprPool } from '../codegen/expr.ts'
import { InternalError } from '../codegen/errors.ts'
import type { Statement } from '../codegen/kernel.ts'
import type { Buffer } from '../codegen/expr.ts'
import type { Size } from '../codegen/size.ts'
import type { Attrs, Graph } from './ir/graph.ts'
import type { TensorType } from './ir/type.ts'
import type { Tensor } from './tensor.ts'

/** An operand inside a lowering: its type, and what its element at an index is. `index` has one expression per axis. */
export interface OperandReader {
  readonly type: TensorType
  read(index: readonly Expr[]): Expr
}

export interface LowerContext<A extends Attrs = Attrs> {
  /** Makes expressions. */
  readonly e: ExprPool
  readonly attrs: A
  readonly operands: readonly OperandReader[]
  readonly result: TensorType
}

/** How an op becomes loops. */
export type Lowering<A extends Attrs = Attrs> =
  /** A formula per element. The result may be fused into what reads it, and what it reads into it. */
  | { readonly kind: 'index'; readonly read: (context: LowerContext<A>, index: readonly Expr[]) => Expr }
  /**
   * A kernel body of its own (a running sum, a scatter). Statements write `output`, a row-major buffer of the result's
   * shape; operands are read through readers, so producers still fuse into it. Nothing fuses past its output.
   */
  | {
      readonly kind: 'loops'
      readonly build: (
        context: LowerContext<A> & {
          readonly output: Buffer
          readonly axis: (name: string, extent: Size) => Axis
        },
      ) => readonly Statement[]
    }
  /** A matrix product run by the long-lived GEMM module, or by loops where that is better; see lower/contraction. */
  | { readonly kind: 'contraction' }
  /** The same elements under another shape: memory is shared when the operand is in memory. `read` is the index form. */
  | { readonly kind: 'alias'; readonly read: (context: LowerContext<A>, index: readonly Expr[]) => Expr }
  /** Handled by the lowering of programs itself: read, assign, commit, captured, print, check, host_call, call, fusion. */
  | { readonly kind: 'program' }

export interface GradientContext<A extends Attrs = Attrs> {
  readonly attrs: A
  readonly operands: readonly Tensor[]
  readonly results: readonly Tensor[]
  /** Gradient of the target with respect to each result; null where nothing depends on it. At least one is not null. */
  readonly gradients: readonly (Tensor | null)[]
  /** Which operands a gradient is wanted for; the others may be null in the answer without being computed. */
  readonly needed: readonly boolean[]
  readonly regions: readonly Graph[]
  /** What the host needed to carry the application out. */
  readonly host?: unknown
}

/** One gradient per operand, of the operand's type, or null where none flows. */
export type GradientRule<A extends Attrs = Attrs> = (
  context: GradientContext<A>,
) => readonly (Tensor | null)[]

/** What a rule may do besides computing its results from its operands. */
export type Effect =
  /** Nothing: may be removed, moved and shared. */
  | 'pure'
  /** Reads a Variable. */
  | 'read'
  /** Writes a Variable, prints, checks, calls the host: stays, in order. */
  | 'write'

export interface OpDefinition<A extends Attrs = Attrs> {
  /** snake_case, as in graph text. */
  readonly name: string
  type(operands: readonly TensorType[], attrs: A, regions: readonly Graph[]): readonly TensorType[]
  readonly gradient: GradientRule<A> | 'none'
  readonly lower: Lowering<A>
  readonly effect?: Effect
  /**
   * For fallible ops: an int32 that is 0 when all is well and otherwise identifies the failure, in index notation over
   * the operands (usually a max-reduction of 1 + the bad position). Checked at the op's place in the program.
   */
  readonly check?: {
    readonly code: (context: LowerContext<A>) => Expr
    /**
     * The message for a code ≠ 0; `op` is the name users know, when it is not the op's own. `read` gives an operand's
     * data, empty where it cannot be had.
     */
    readonly message: (
      attrs: A,
      operands: readonly TensorType[],
      code: number,
      read: (operand: number) => ArrayLike<number>,
    ) => { op?: string; problem: string; rows?: readonly (readonly string[])[]; fix?: string }
  }
  /**
   * Names of the attributes that are sizes (or lists of sizes): they may hold names, and a value of theirs is no part of
   * what a kernel is compiled for, except that a broadcast tells 1 from the rest.
   */
  readonly sizeAttributes?: readonly string[]
  /**
   * Rough cost of recomputing one element: 0 free (movement, constants), 1 cheap arithmetic, 10 transcendental,
   * 100 must not be recomputed. The fusion pass reads it. Defaults to 1.
   */
  readonly cost?: number
}

const registry = new Map<string, OpDefinition>()

/** Registers a definition and returns it. */
export function defineOp<A extends Attrs>(definition: OpDefinition<A>): OpDefinition<A> {
  if (registry.has(definition.name)) throw new InternalError(`the op ${definition.name} is defined twice`)
  registry.set(definition.name, definition as OpDefinition)
  return definition
}

/** The definition of an op by name. */
export function opNamed(name: string): OpDefinition {
  const found = registry.get(name)
  if (found === undefined) throw new InternalError(`no op is called ${name}`)
  return found
}

/** All definitions, in order of registration. */
export function allOps(): readonly OpDefinition[] {
  return [...registry.values()]
}
