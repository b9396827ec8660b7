/**
 * Expressions as wasm code. Code is generated in the order in which wasm evaluates it, so that a shared expression
 * can be kept by the use generated first (`local.tee`) and read by the later ones.
 *
 * Three things move code. What does not vary with the loop goes ahead of it. Shared expressions that read no memory
 * are kept for their block, the others for their statement. And an operand of `select` that may read outside a
 * buffer where the condition does not choose it, or that calls the host, is evaluated only where the condition does.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import { InternalError } from '../errors.ts'
import type { While } from '../kernel.ts'
import type { Axis, BinaryExpr, Buffer, Expr, Local, SelectExpr, SplatExpr } from '../expr.ts'
import { emitAddress } from './emit-address.ts'
import { emitLoadSplat } from './emit-memory.ts'
import { divideBySize, emitLoadExpr, emitMadd, emitRamp, type OperandHost } from './emit-operands.ts'
import { scalarBinary, scalarCompare, scalarConvert, scalarUnary } from './emit-scalar.ts'
import {
  horizontal,
  interleave,
  splat,
  vectorBinary,
  vectorCompare,
  vectorConvert,
  vectorSelect,
  vectorShift,
  vectorUnary,
} from './emit-vector.ts'
import { type FunctionContext, wasmType } from './function-context.ts'
import { isHostCall } from './host-imports.ts'
import { Ranges } from './ranges.ts'
import {
  type Block,
  countUses,
  Depths,
  evaluatedOperands,
  functionScope,
  makeBlock,
  type Scope,
} from './scopes.ts'

export class ExpressionEmitter implements OperandHost {
  readonly context: FunctionContext
  readonly depths: Depths = new Depths()
  readonly ranges: Ranges = new Ranges()
  readonly scopes: Scope[]
  block: Block
  readonly #buffers = new Map<Buffer, number>()
  readonly #axes = new Map<Axis, number>()
  readonly #locals = new Map<Local, number>()
  readonly #hostCalls = new Map<Expr, boolean>()
  /** How many conditions around the current point guard loads. */
  guards = 0
  /** Emits a `while` at the current point: see emit-while.ts, which needs to know of the kernel. */
  whileLoop: (emitter: ExpressionEmitter, statement: While) => ExpressionRef[] = () => {
    throw new InternalError('a while stands in code that cannot have one')
  }

  constructor(context: FunctionContext, buffers: readonly Buffer[]) {
    this.context = context
    buffers.forEach((buffer, i) => this.#buffers.set(buffer, i))
    const scope = functionScope()
    this.scopes = [scope]
    this.block = makeBlock(scope, undefined)
  }

  readonly parameterOf = (buffer: Buffer): number => {
    const index = this.#buffers.get(buffer)
    if (index === undefined)
      throw new InternalError(`the kernel uses the buffer ${buffer.name} but does not list it`)
    return index
  }

  /** The wasm local of a loop index. */
  axisLocal(axis: Axis): number {
    let index = this.#axes.get(axis)
    if (index === undefined) {
      index = this.context.local(binaryen.i32)
      this.#axes.set(axis, index)
    }
    return index
  }

  /** The wasm local of a kernel local. */
  localOf(local: Local): number {
    let index = this.#locals.get(local)
    if (index === undefined) {
      index = this.context.local(wasmType(local.dtype, local.lanes))
      this.#locals.set(local, index)
    }
    return index
  }

  /** Makes a kernel local the same as a parameter, known from the start of the function. */
  bindLocal(local: Local, parameter: number): void {
    this.#locals.set(local, parameter)
    this.depths.define(local, 0)
  }

  /** Runs `emit` for one statement whose roots are given, then forgets what only holds within a statement. */
  statement<T>(roots: readonly Expr[], emit: () => T): T {
    this.block.statementCounts = countUses(roots, (expr) => this.depths.of(expr) === Infinity)
    const made = emit()
    for (const expr of this.block.memo.keys())
      if (this.depths.of(expr) === Infinity) this.block.memo.delete(expr)
    return made
  }

  /** The value of an expression at the current point. */
  readonly value = (expr: Expr): ExpressionRef => {
    const { module } = this.context
    if (expr.kind === 'const') return this.#constant(expr)
    if (expr.kind === 'size') return this.context.size(expr.size)
    if (expr.kind === 'axis') return module.local.get(this.axisLocal(expr.axis), binaryen.i32)
    const type = wasmType(expr.dtype, expr.lanes)
    if (expr.kind === 'local') return module.local.get(this.localOf(expr.local), type)
    const known = this.#find(expr)
    if (known !== undefined) return module.local.get(known, type)
    const depth = this.depths.of(expr)
    if (depth < this.block.scope.depth) return module.local.get(this.#hoist(expr, depth), type)
    const made = this.#compute(expr)
    const counts = depth === Infinity ? this.block.statementCounts : this.block.counts
    if ((counts.get(expr) ?? 0) < 2) return made
    const local = this.context.local(type)
    this.block.memo.set(expr, local)
    return module.local.tee(local, made, type)
  }

  #find(expr: Expr): number | undefined {
    for (let block: Block | undefined = this.block; block !== undefined; block = block.parent) {
      const known = block.memo.get(expr)
      if (known !== undefined) return known
    }
    return undefined
  }

  /** Computes an expression of scope `depth` ahead of the loop that stands in that scope. */
  #hoist(expr: Expr, depth: number): number {
    const scope = this.scopes[depth + 1]
    const outside = scope?.outside
    if (scope === undefined || outside === undefined) throw new InternalError('a loop scope is missing')
    const saved = this.block
    const counts = outside.counts
    outside.counts = countUses([expr], () => true)
    this.block = outside
    const value = this.#compute(expr)
    this.block = saved
    outside.counts = counts
    const local = this.context.local(wasmType(expr.dtype, expr.lanes))
    scope.before.push(this.context.module.local.set(local, value))
    outside.memo.set(expr, local)
    return local
  }

  #constant(expr: Extract<Expr, { kind: 'const' }>): ExpressionRef {
    if (expr.lanes !== 1) return this.context.vectorConstant(expr.dtype, expr.value)
    const { module } = this.context
    if (expr.dtype === 'float32') return module.f32.const(expr.value)
    return expr.dtype === 'float64' ? module.f64.const(expr.value) : module.i32.const(expr.value)
  }

  #compute(expr: Expr): ExpressionRef {
    const { context, value } = this
    const { module } = context
    switch (expr.kind) {
      case 'linear': {
        const { i32 } = module
        let sum: ExpressionRef | undefined
        for (const { atom, coefficient } of expr.terms) {
          const term = coefficient === 1 ? value(atom) : i32.mul(value(atom), context.size(coefficient))
          sum = sum === undefined ? term : i32.add(sum, term)
        }
        if (sum === undefined) return context.size(expr.constant)
        return expr.constant === 0 ? sum : i32.add(sum, context.size(expr.constant))
      }
      case 'load':
        return emitLoadExpr(this, expr)
      case 'unary': {
        const x = value(expr.x)
        if (expr.lanes === 1) return scalarUnary(context, expr.op, expr.dtype, x)
        return vectorUnary(context, expr.op, expr.dtype, expr.lanes, x)
      }
      case 'binary':
        return this.#binary(expr)
      case 'compare': {
        const x = value(expr.x)
        const y = value(expr.y)
        if (expr.lanes === 1) return scalarCompare(context, expr.op, expr.x.dtype, x, y)
        return vectorCompare(context, expr.op, expr.x.dtype, expr.lanes, x, y)
      }
      case 'select':
        return this.#select(expr)
      case 'convert': {
        const x = value(expr.x)
        if (expr.lanes === 1) return scalarConvert(context, expr.x.dtype, expr.dtype, x)
        return vectorConvert(context, expr.x.dtype, expr.dtype, expr.lanes, x)
      }
      case 'bitcast': {
        const x = value(expr.x)
        if (expr.lanes !== 1) return x
        return expr.dtype === 'float32' ? module.f32.reinterpret(x) : module.i32.reinterpret(x)
      }
      case 'madd':
        return emitMadd(this, expr)
      case 'splat':
        return this.#splat(expr)
      case 'ramp':
        return emitRamp(this, expr)
      case 'horizontal':
        return horizontal(context, expr.op, expr.dtype, expr.x.lanes, value(expr.x))
      case 'interleave': {
        const x = value(expr.x)
        return interleave(context, expr.dtype, expr.lanes, expr.half, x, value(expr.y))
      }
      case 'const':
      case 'size':
      case 'axis':
      case 'local':
        return value(expr)
      case 'reduce':
      case 'argReduce':
        throw new InternalError(`${expr.kind} has to be scheduled before code is emitted`)
    }
  }

  #binary(expr: BinaryExpr): ExpressionRef {
    const { context, value } = this
    const { op, dtype, lanes } = expr
    if (lanes === 1) {
      const x = value(expr.x)
      if ((op === 'idiv' || op === 'rem') && dtype === 'int32' && expr.y.kind === 'size')
        return divideBySize(context, op, x, value(expr.y))
      return scalarBinary(context, op, dtype, x, value(expr.y))
    }
    if (op === 'shl' || op === 'shr' || op === 'shru') {
      const x = value(expr.x)
      if (expr.y.kind === 'const')
        return vectorShift(context, op, dtype, x, context.module.i32.const(expr.y.value))
      if (expr.y.kind === 'splat') return vectorShift(context, op, dtype, x, value(expr.y.x))
      return vectorBinary(context, op, dtype, lanes, x, value(expr.y))
    }
    if (op === 'max' || op === 'min') {
      // Against a number, pmax and pmin propagate a NaN in their first operand.
      const quick = op === 'max' ? 'pmax' : 'pmin'
      if (isNumber(expr.y)) return vectorBinary(context, quick, dtype, lanes, value(expr.x), value(expr.y))
    }
    const x = value(expr.x)
    return vectorBinary(context, op, dtype, lanes, x, value(expr.y))
  }

  #splat(expr: SplatExpr): ExpressionRef {
    const { x } = expr
    const { context } = this
    const { dtype } = x
    const single = (this.block.statementCounts.get(x) ?? 0) < 2 && this.#find(x) === undefined
    if (x.kind === 'load' && single && (dtype === 'float32' || dtype === 'int32' || dtype === 'float64'))
      return emitLoadSplat(context, dtype, emitAddress(this, x.buffer, x.index))
    return splat(context, dtype, expr.lanes, this.value(x))
  }

  #select(expr: SelectExpr): ExpressionRef {
    const { context } = this
    const { module } = context
    const guardX = this.#wantsGuard(expr.x)
    const guardY = this.#wantsGuard(expr.y)
    const type = wasmType(expr.dtype, expr.lanes)
    if (!guardX && !guardY) {
      if (expr.lanes === 4 || (expr.lanes === 2 && (expr.dtype === 'float64' || expr.dtype === 'bool'))) {
        // A mask alone chooses between a value and 0, and makes a NaN, being all ones where it is true.
        const { v128 } = module
        if (isZero(expr.y)) return v128.and(this.value(expr.x), this.value(expr.condition))
        if (isZero(expr.x)) return v128.andnot(this.value(expr.y), this.value(expr.condition))
        if (isNaNConstant(expr.x)) return v128.or(this.value(expr.y), this.value(expr.condition))
      }
      const x = this.value(expr.x)
      const y = this.value(expr.y)
      const condition = this.value(expr.condition)
      if (expr.lanes === 1) return module.select(condition, x, y)
      return vectorSelect(context, expr.dtype, expr.lanes, condition, x, y)
    }
    const before = this.#sharedOutside(expr)
    if (expr.lanes === 1) {
      const condition = this.value(expr.condition)
      const chosen = module.if(condition, this.#branch(expr.x), this.#branch(expr.y))
      return module.block(null, [...before, chosen], type)
    }
    const local = context.local(binaryen.v128)
    const mask = (): ExpressionRef => module.local.get(local, binaryen.v128)
    before.push(module.local.set(local, this.value(expr.condition)))
    const none = (): ExpressionRef => context.vectorConstant('int32', 0)
    const all = expr.lanes === 2 ? module.i64x2 : module.i32x4
    const x = guardX
      ? module.if(module.v128.any_true(mask()), this.#branch(expr.x), none())
      : this.value(expr.x)
    const y = guardY ? module.if(all.all_true(mask()), none(), this.#branch(expr.y)) : this.value(expr.y)
    return module.block(null, [...before, vectorSelect(context, expr.dtype, expr.lanes, mask(), x, y)], type)
  }

  /** True for what should not be computed in vain: it may read outside a buffer, or calls the host. */
  #wantsGuard(expr: Expr): boolean {
    return this.ranges.readsUnsafely(expr, evaluatedOperands) || this.#callsHost(expr)
  }

  #callsHost(expr: Expr): boolean {
    let calls = this.#hostCalls.get(expr)
    if (calls === undefined) {
      calls = isHostCall(expr) || evaluatedOperands(expr).some((operand) => this.#callsHost(operand))
      this.#hostCalls.set(expr, calls)
    }
    return calls
  }

  /** Computes what the operands of a guarded select share with other code and is safe to compute: not in a branch. */
  #sharedOutside(expr: SelectExpr): ExpressionRef[] {
    const before: ExpressionRef[] = []
    const visited = new Set<Expr>()
    const visit = (at: Expr): void => {
      if (visited.has(at) || this.#find(at) !== undefined) return
      visited.add(at)
      const depth = this.depths.of(at)
      if (depth < this.block.scope.depth) return
      for (const operand of evaluatedOperands(at)) visit(operand)
      const shared = ((depth === Infinity ? this.block.statementCounts : this.block.counts).get(at) ?? 0) > 1
      const leaf = at.kind === 'const' || at.kind === 'size' || at.kind === 'axis' || at.kind === 'local'
      if (leaf || !shared || this.ranges.readsUnsafely(at, evaluatedOperands)) return
      before.push(this.context.module.drop(this.value(at)))
    }
    visit(expr.x)
    visit(expr.y)
    return before
  }

  /** An operand of select, evaluated conditionally: what it keeps in locals is not known outside. */
  #branch(expr: Expr): ExpressionRef {
    const saved = this.block
    const { counts, statementCounts } = saved
    this.block = { ...makeBlock(saved.scope, saved), counts, statementCounts }
    this.guards++
    const value = this.value(expr)
    this.guards--
    this.block = saved
    return value
  }
}

/** True for the constant whose bits are all 0, which −0 is not. */
function isZero(expr: Expr): boolean {
  return expr.kind === 'const' && Object.is(expr.value, 0)
}

function isNaNConstant(expr: Expr): boolean {
  return expr.kind === 'const' && Number.isNaN(expr.value)
}

function isNumber(expr: Expr): boolean {
  return expr.kind === 'const' && !Number.isNaN(expr.value)
}
