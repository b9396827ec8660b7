/**
 * The nodes of expressions: what kinds there are and what they mean. They are made by `ExprPool` (expr.ts), which also
 * says how index arithmetic is kept canonical.
 *
 * Values: float32/float64 by IEEE rules (no flush to zero, no contraction: `madd` is the only fused form and is used by
 * the expansions of math functions); int32 wraps; uint8 wraps to 0…255 after each op; bool is a truth value.
 */
import type { DType } from './dtype.ts'
import type { Size } from './size.ts'

/** A loop index: runs over 0 … extent−1. Identity is the object. */
export interface Axis {
  readonly id: number
  /** Letter used in kernel text: `i`, `j`, `k1`. */
  readonly name: string
  readonly extent: Size
}

/** Memory a kernel reads or writes; the address comes at run time. */
export interface Buffer {
  readonly id: number
  readonly name: string
  readonly dtype: DType
  /** Number of elements. */
  readonly elements: Size
}

/** A scalar or vector variable of a kernel. `mutable` ones are accumulators, assigned by `set`. */
export interface Local {
  readonly id: number
  readonly dtype: DType
  readonly lanes: Lanes
  readonly mutable: boolean
}

/** 1 for scalars; 4 lanes of 4-byte (or narrower) elements, 2 of float64. */
export type Lanes = 1 | 2 | 4

/** Operand and result have the same dtype. `not` is logical on bool, bitwise on integers. `round` is half to even. */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'trunc'
  | 'sqrt'
  | 'not'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'erf'
  | 'logistic'

/**
 * Operands and result have the same dtype. `div` is for floats; `idiv` truncates (ints; the divisor is never 0: the op
 * that lowers to it selects a safe one) and `rem` keeps the sign of the dividend (C's fmod for floats). `max`/`min`
 * propagate NaN, and give x where the operands are equal (zeros of either sign are). `pmax(x, y)` is `x < y ? y : x`
 * (keeps a NaN in x), `pmin(x, y)` is `y < x ? y : x`. `shr` is arithmetic, `shru` logical; shift counts are taken
 * modulo 32. `mulhu` is the high half of the unsigned 64-bit product.
 */
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'idiv'
  | 'rem'
  | 'pow'
  | 'atan2'
  | 'max'
  | 'min'
  | 'pmax'
  | 'pmin'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'shru'
  | 'mulhu'

/** Result is bool. Any comparison with NaN is false but `ne`. */
export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'

/** `max`/`min` propagate NaN; `and`/`or` are for bool. */
export type ReduceOp = 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or'

interface Node {
  readonly id: number
  readonly dtype: DType
  readonly lanes: Lanes
  /** The axes the value varies with: a loop can be left once they are no longer in scope. */
  readonly axes: readonly Axis[]
}

export interface ConstExpr extends Node {
  readonly kind: 'const'
  readonly value: number
}
/** A size as an int32: known at the call. Only for sizes that are not numbers. */
export interface SizeExpr extends Node {
  readonly kind: 'size'
  readonly size: Size
}
export interface AxisExpr extends Node {
  readonly kind: 'axis'
  readonly axis: Axis
}
/** Σ terms + constant, int32. Canonical: no zero coefficients, terms sorted by atom id, no nested linear. */
export interface LinearExpr extends Node {
  readonly kind: 'linear'
  readonly terms: readonly { readonly atom: Expr; readonly coefficient: Size }[]
  readonly constant: Size
}
export interface LocalExpr extends Node {
  readonly kind: 'local'
  readonly local: Local
}
/**
 * `lanes` consecutive elements from `index` (in elements). With a vector index, one element per lane (a gather).
 */
export interface LoadExpr extends Node {
  readonly kind: 'load'
  readonly buffer: Buffer
  readonly index: Expr
}
export interface UnaryExpr extends Node {
  readonly kind: 'unary'
  readonly op: UnaryOp
  readonly x: Expr
}
export interface BinaryExpr extends Node {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly x: Expr
  readonly y: Expr
}
export interface CompareExpr extends Node {
  readonly kind: 'compare'
  readonly op: CompareOp
  readonly x: Expr
  readonly y: Expr
}
export interface SelectExpr extends Node {
  readonly kind: 'select'
  readonly condition: Expr
  readonly x: Expr
  readonly y: Expr
}
/** Numeric conversion: float→int truncates and saturates (NaN → 0), int→uint8 wraps, anything→bool is `!= 0`. */
export interface ConvertExpr extends Node {
  readonly kind: 'convert'
  readonly x: Expr
}
/** float32 ↔ int32 with the same bits. */
export interface BitcastExpr extends Node {
  readonly kind: 'bitcast'
  readonly x: Expr
}
/** x·y + z, in one rounding where the engine has relaxed SIMD, in two elsewhere. float32 only. */
export interface MaddExpr extends Node {
  readonly kind: 'madd'
  readonly x: Expr
  readonly y: Expr
  readonly z: Expr
}
/** Reduction of `body` over `over`; index notation only. */
export interface ReduceExpr extends Node {
  readonly kind: 'reduce'
  readonly op: ReduceOp
  readonly over: readonly Axis[]
  readonly body: Expr
}
/** int32 index of the first extreme of `body` along `over`; NaN is never chosen; index notation only. */
export interface ArgReduceExpr extends Node {
  readonly kind: 'argReduce'
  readonly op: 'max' | 'min'
  readonly over: Axis
  readonly body: Expr
}
/** The scalar x in every lane. */
export interface SplatExpr extends Node {
  readonly kind: 'splat'
  readonly x: Expr
}
/** int32 lanes x, x+step, x+2·step, …; x and step are scalars. */
export interface RampExpr extends Node {
  readonly kind: 'ramp'
  readonly x: Expr
  readonly step: Expr
}
/** All lanes of x combined pairwise: (l0∘l2)∘(l1∘l3) for four lanes, l0∘l1 for two. A scalar. */
export interface HorizontalExpr extends Node {
  readonly kind: 'horizontal'
  readonly op: ReduceOp
  readonly x: Expr
}
/**
 * The lanes of x and y alternating, x first: of the first half of both (`low`) or the second (`high`). Two rounds of it
 * transpose four vectors.
 */
export interface InterleaveExpr extends Node {
  readonly kind: 'interleave'
  readonly half: 'low' | 'high'
  readonly x: Expr
  readonly y: Expr
}

export type Expr =
  | ConstExpr
  | SizeExpr
  | AxisExpr
  | LinearExpr
  | LocalExpr
  | LoadExpr
  | UnaryExpr
  | BinaryExpr
  | CompareExpr
  | SelectExpr
  | ConvertExpr
  | BitcastExpr
  | MaddExpr
  | ReduceExpr
  | ArgReduceExpr
  | SplatExpr
  | RampExpr
  | HorizontalExpr
  | InterleaveExpr

/** The direct operands of a node. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'const':
    case 'size':
    case 'axis':
    case 'local':
      return []
    case 'linear':
      return expr.terms.map((term) => term.atom)
    case 'load':
      return [expr.index]
    case 'unary':
    case 'convert':
    case 'bitcast':
    case 'splat':
    case 'horizontal':
      return [expr.x]
    case 'binary':
    case 'compare':
    case 'interleave':
      return [expr.x, expr.y]
    case 'ramp':
      return [expr.x, expr.step]
    case 'select':
      return [expr.condition, expr.x, expr.y]
    case 'madd':
      return [expr.x, expr.y, expr.z]
    case 'reduce':
    case 'argReduce':
      return [expr.body]
  }
}
