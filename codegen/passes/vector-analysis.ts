/**
 * May a loop run its iterations as lanes, and is it worth it?
 *
 * Looking at a loop over one axis, every expression either varies with the axis or not. What varies becomes a vector:
 * loads with stride 1 are vector loads, other loads gathers, stores must have stride 1, every operation must exist for
 * lanes. There are 2 lanes where a float64 takes part and 4 elsewhere.
 * What does not vary stays scalar and is splatted. The body may hold let, set, store and inner loops; an inner loop's
 * own axis then stays sequential. A mutable local from before the loop must be an accumulator: `acc = acc ∘ f` with an
 * associative ∘, read nowhere else in the loop.
 */
import type { DType } from '../dtype.ts'
import type { Axis, BinaryOp, Expr, ExprPool, LoadExpr, Local, ReduceOp, UnaryOp } from '../expr.ts'
import { operandsOf } from '../expr.ts'
import type { Loop, SetLocal } from '../kernel.ts'
import type { Size } from '../size.ts'
import { expressionsOf } from '../schedule/contents.ts'
import {
  assignedLocals,
  eachStatement,
  isWholeLoop,
  nodesOf,
  nodesOfStatements,
  storesOf,
} from './rewrite.ts'

/** How an accumulator is combined. */
export interface Accumulation {
  readonly op: ReduceOp
  /** The local's own use node. */
  readonly self: Expr
}

/** What the analysis found about a loop that can be vectorised. */
export interface VectorPlan {
  readonly loop: Loop
  readonly lanes: 2 | 4
  /** Arithmetic nodes per iteration that become vector operations. */
  readonly operations: number
  /** Those of them that are inside loops of the body; all, when it holds none. */
  readonly innerOperations: number
  readonly gathers: number
  /** True when the body holds loops of its own. */
  readonly outer: boolean
  readonly accumulators: ReadonlyMap<Local, Accumulation>
  /** Locals first assigned inside the loop. */
  readonly own: ReadonlySet<Local>
  /** All locals assigned inside the loop. */
  readonly assigned: ReadonlySet<Local>
  readonly innerAxes: ReadonlySet<Axis>
  /** Loads that are certain to stay inside their buffer only where the select around them takes them. */
  readonly guarded: ReadonlySet<Expr>
  /** True when the value differs between iterations of the loop. */
  readonly varies: (expr: Expr) => boolean
  readonly variesLocal: (local: Local) => boolean
}

const floatUnary: ReadonlySet<UnaryOp> = new Set(['neg', 'abs', 'floor', 'ceil', 'round', 'trunc', 'sqrt'])
const integerUnary: ReadonlySet<UnaryOp> = new Set(['neg', 'abs', 'not'])
const floatBinary: ReadonlySet<BinaryOp> = new Set(['add', 'sub', 'mul', 'div', 'max', 'min', 'pmax', 'pmin'])
const integerBinary: ReadonlySet<BinaryOp> = new Set(['add', 'sub', 'mul', 'max', 'min', 'and', 'or', 'xor'])
const boolBinary: ReadonlySet<BinaryOp> = new Set(['and', 'or', 'xor'])
const shifts: ReadonlySet<BinaryOp> = new Set(['shl', 'shr', 'shru'])

/** Arithmetic a gather has to be worth, in vector operations: its lanes are loaded and inserted one by one. */
const operationsPerGather = 4

/** The element stride of an index along an axis: its coefficient, 0 when it does not vary, undefined when computed. */
export function strideOf(index: Expr, axis: Axis, varies: (expr: Expr) => boolean): Size | undefined {
  if (!varies(index)) return 0
  if (index.kind === 'axis') return index.axis === axis ? 1 : undefined
  if (index.kind !== 'linear') return undefined
  let stride: Size = 0
  for (const { atom, coefficient } of index.terms) {
    if (!varies(atom)) continue
    if (atom.kind !== 'axis') return undefined
    stride = coefficient
  }
  return stride
}

/**
 * The plan for a loop, or undefined when it has to stay scalar. `declared` are the locals assigned before it; loads
 * that are `given` as vectors cost nothing.
 */
export function planVectorLoop(
  pool: ExprPool,
  loop: Loop,
  declared: ReadonlySet<Local>,
  given: (load: LoadExpr) => boolean = () => false,
): VectorPlan | undefined {
  if (!isWholeLoop(pool, loop)) return undefined
  const innerAxes = new Set<Axis>()
  const sets: SetLocal[] = []
  for (const statement of eachStatement(loop.body)) {
    if (statement.kind === 'if' || statement.kind === 'while' || statement.kind === 'fail') return undefined
    if (statement.kind === 'loop') innerAxes.add(statement.axis)
    if (statement.kind === 'set' && declared.has(statement.local)) sets.push(statement)
  }
  const assigned = assignedLocals(loop.body)
  const accumulators = findAccumulators(loop, sets)
  if (accumulators === undefined) return undefined
  const own = new Set([...assigned].filter((local) => !declared.has(local)))
  const { varies, variesLocal } = findVarying(loop, accumulators)
  if (!storesAreIndependent(loop, varies)) return undefined

  const walk = new ValueWalk(loop.axis, varies, given)
  for (const statement of eachStatement(loop.body)) {
    switch (statement.kind) {
      case 'loop':
        if (varies(statement.from) || varies(statement.to)) return undefined
        break
      case 'store':
        if (strideOf(statement.index, loop.axis, varies) !== 1) return undefined
        walk.elements(statement.buffer.dtype)
        walk.value(statement.value)
        break
      case 'let':
      case 'set':
        if (accumulators.has(statement.local) || variesLocal(statement.local)) {
          walk.elements(statement.local.dtype)
          walk.value(statement.value)
        }
        break
      case 'if':
      case 'while':
      case 'fail':
        return undefined
    }
  }
  const lanes = walk.lanes()
  if (lanes === undefined || walk.operations < operationsPerGather * walk.gathers) return undefined
  if (typeof loop.axis.extent === 'number' && loop.axis.extent < lanes) return undefined
  return {
    loop,
    lanes,
    operations: walk.operations,
    innerOperations: innerAxes.size > 0 ? operationsInside(loop, varies) : walk.operations,
    gathers: walk.gathers,
    outer: innerAxes.size > 0,
    accumulators,
    own,
    assigned,
    innerAxes,
    guarded: guardedLoads(pool, loop),
    varies,
    variesLocal,
  }
}

/** Vector operations per iteration in the loops inside a loop. */
function operationsInside(loop: Loop, varies: (expr: Expr) => boolean): number {
  const walk = new ValueWalk(loop.axis, varies)
  for (const inner of loop.body)
    if (inner.kind === 'loop')
      for (const statement of eachStatement(inner.body))
        expressionsOf(statement).forEach((expr) => walk.value(expr))
  return walk.operations
}

/** The accumulators among the locals set from outside, or undefined when one of them is something else. */
function findAccumulators(loop: Loop, sets: readonly SetLocal[]): Map<Local, Accumulation> | undefined {
  const result = new Map<Local, Accumulation>()
  const uses = (expr: Expr, local: Local): boolean =>
    [...nodesOf([expr])].some((node) => node.kind === 'local' && node.local === local)
  const updates = new Set<SetLocal>(sets)
  for (const set of sets) {
    const update = updateOf(set)
    if (
      update === undefined ||
      uses(update.rest[0], set.local) ||
      (update.rest[1] !== undefined && uses(update.rest[1], set.local))
    )
      return undefined
    const known = result.get(set.local)
    if (known !== undefined && known.op !== update.op) return undefined
    result.set(set.local, { op: update.op, self: update.self })
  }
  for (const statement of eachStatement(loop.body)) {
    for (const expr of expressionsOf(statement))
      for (const local of result.keys())
        if (
          uses(expr, local) &&
          !(statement.kind === 'set' && statement.local === local && updates.has(statement))
        )
          return undefined
  }
  return result
}

const reductionOf: Partial<Record<BinaryOp, ReduceOp>> = {
  add: 'sum',
  mul: 'prod',
  max: 'max',
  min: 'min',
  and: 'and',
  or: 'or',
}

function updateOf(set: SetLocal): { op: ReduceOp; self: Expr; rest: readonly [Expr, Expr?] } | undefined {
  const { value, local } = set
  const isSelf = (expr: Expr): boolean => expr.kind === 'local' && expr.local === local
  if (value.kind === 'madd' && isSelf(value.z)) return { op: 'sum', self: value.z, rest: [value.x, value.y] }
  if (value.kind !== 'binary') return undefined
  const op = reductionOf[value.op]
  if (op === undefined || ((op === 'and' || op === 'or') && local.dtype !== 'bool')) return undefined
  if (isSelf(value.x)) return { op, self: value.x, rest: [value.y] }
  if (isSelf(value.y)) return { op, self: value.y, rest: [value.x] }
  return undefined
}

/** Which expressions differ between iterations: those over the axis, accumulators, and locals computed from either. */
function findVarying(
  loop: Loop,
  accumulators: ReadonlyMap<Local, Accumulation>,
): { varies: (expr: Expr) => boolean; variesLocal: (local: Local) => boolean } {
  const locals = new Set<Local>(accumulators.keys())
  let memo = new Map<Expr, boolean>()
  const varies = (expr: Expr): boolean => {
    const known = memo.get(expr)
    if (known !== undefined) return known
    const result =
      expr.kind === 'axis'
        ? expr.axis === loop.axis
        : expr.kind === 'local'
          ? locals.has(expr.local)
          : operandsOf(expr).some(varies)
    memo.set(expr, result)
    return result
  }
  for (let before = -1; before !== locals.size;) {
    before = locals.size
    for (const statement of eachStatement(loop.body))
      if ((statement.kind === 'let' || statement.kind === 'set') && varies(statement.value))
        locals.add(statement.local)
    memo = new Map()
  }
  return { varies, variesLocal: (local) => locals.has(local) }
}

/** A buffer the loop writes may be written at one index only, and read only there: then iterations cannot meet. */
function storesAreIndependent(loop: Loop, varies: (expr: Expr) => boolean): boolean {
  const stores = storesOf(loop.body)
  if (stores.size === 0) return true
  for (const indices of stores.values()) if (indices.size > 1) return false
  for (const statement of eachStatement(loop.body))
    for (const node of nodesOf(expressionsOf(statement))) {
      if (node.kind !== 'load') continue
      const written = stores.get(node.buffer)
      if (written !== undefined && !(written.has(node.index) && varies(node.index))) return false
    }
  return true
}

/** The loads under an arm of a select whose index may lie outside the buffer when the other arm is taken. */
function guardedLoads(pool: ExprPool, loop: Loop): ReadonlySet<Expr> {
  const result = new Set<Expr>()
  for (const node of nodesOfStatements(loop.body)) {
    if (node.kind !== 'select') continue
    for (const inner of nodesOf([node.x, node.y]))
      if (inner.kind === 'load' && !pool.isBelow(inner.index, inner.buffer.elements)) result.add(inner)
  }
  return result
}

/** Counts what a set of varying values needs and whether all of it exists for lanes. */
class ValueWalk {
  operations = 0
  gathers = 0
  #possible = true
  readonly #dtypes = new Set<DType>()
  readonly #seen = new Set<Expr>()
  readonly #axis: Axis
  readonly #varies: (expr: Expr) => boolean
  readonly #given: (load: LoadExpr) => boolean

  constructor(axis: Axis, varies: (expr: Expr) => boolean, given: (load: LoadExpr) => boolean = () => false) {
    this.#axis = axis
    this.#varies = varies
    this.#given = given
  }

  /** Lanes all values share, or undefined when one of them cannot be a vector. */
  lanes(): 2 | 4 | undefined {
    return this.#possible ? (this.#dtypes.has('float64') ? 2 : 4) : undefined
  }

  /** Elements of this dtype are stored or held in a vector local. */
  elements(dtype: DType): void {
    this.#dtypes.add(dtype)
  }

  value(expr: Expr): void {
    if (!this.#varies(expr) || this.#seen.has(expr)) return
    this.#seen.add(expr)
    this.#dtypes.add(expr.dtype)
    if (expr.kind === 'load') {
      if (strideOf(expr.index, this.#axis, this.#varies) === 1 || this.#given(expr)) return
      // Index arithmetic is part of a gather's price, not of what it buys.
      const counted = this.operations
      this.gathers++
      this.value(expr.index)
      this.operations = counted
      return
    }
    if (expr.kind !== 'axis' && expr.kind !== 'local') this.operations++
    if (!existsForLanes(expr)) this.#possible = false
    else for (const operand of operandsOf(expr)) this.value(operand)
  }
}

function existsForLanes(expr: Expr): boolean {
  const { dtype } = expr
  const floating = dtype === 'float32' || dtype === 'float64'
  if (expr.lanes !== 1) return false
  switch (expr.kind) {
    case 'const':
    case 'size':
    case 'axis':
    case 'linear':
    case 'local':
    case 'load':
    case 'select':
    case 'bitcast':
    case 'convert':
    case 'madd':
      return true
    case 'compare':
      return expr.x.dtype !== 'bool' || expr.op === 'eq' || expr.op === 'ne'
    case 'unary':
      return floating
        ? floatUnary.has(expr.op)
        : dtype === 'bool'
          ? expr.op === 'not'
          : integerUnary.has(expr.op)
    case 'binary':
      if (shifts.has(expr.op)) return dtype === 'int32' && expr.y.kind === 'const'
      if (expr.op === 'mulhu') return dtype === 'int32'
      return (floating ? floatBinary : dtype === 'bool' ? boolBinary : integerBinary).has(expr.op)
    default:
      return false
  }
}
