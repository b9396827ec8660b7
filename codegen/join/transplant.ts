/**
 * Kernels made by different pools become parts of one kernel: their expressions are made again by its pool. Buffers are
 * replaced by those of the new kernel; axes and locals get new identities.
 */
import { InternalError } from '../errors.ts'
import { type Axis, type Buffer, type Expr, type ExprPool, type Local, operandsOf } from '../expr.ts'
import type { Statement } from '../kernel.ts'
import { withBodies, withExpressions } from '../schedule/contents.ts'

/** The statements of a kernel as statements of another: `bufferOf` says what stands for a buffer there. */
export function transplant(
  pool: ExprPool,
  statements: readonly Statement[],
  bufferOf: (buffer: Buffer) => Buffer,
): readonly Statement[] {
  return new Transplantation(pool, bufferOf).statements(statements)
}

class Transplantation {
  readonly #pool: ExprPool
  readonly #bufferOf: (buffer: Buffer) => Buffer
  readonly #axes = new Map<Axis, Axis>()
  readonly #locals = new Map<Local, Local>()
  readonly #made = new Map<Expr, Expr>()

  constructor(pool: ExprPool, bufferOf: (buffer: Buffer) => Buffer) {
    this.#pool = pool
    this.#bufferOf = bufferOf
  }

  statements(statements: readonly Statement[]): readonly Statement[] {
    return statements.map((statement) => this.#statement(statement))
  }

  #statement(statement: Statement): Statement {
    const moved = withBodies(
      withExpressions(statement, (expr) => this.#expr(expr)),
      (body) => this.statements(body),
    )
    if (moved.kind === 'loop') return { ...moved, axis: this.#axis(moved.axis) }
    if (moved.kind === 'let' || moved.kind === 'set') return { ...moved, local: this.#local(moved.local) }
    return moved.kind === 'store' ? { ...moved, buffer: this.#bufferOf(moved.buffer) } : moved
  }

  #axis(axis: Axis): Axis {
    let made = this.#axes.get(axis)
    if (made === undefined) this.#axes.set(axis, (made = this.#pool.axis(axis.name, axis.extent)))
    return made
  }

  #local(local: Local): Local {
    let made = this.#locals.get(local)
    if (made === undefined)
      this.#locals.set(local, (made = this.#pool.local(local.dtype, local.lanes, local.mutable)))
    return made
  }

  #expr(expr: Expr): Expr {
    const known = this.#made.get(expr)
    if (known !== undefined) return known
    const made = this.#make(expr)
    this.#made.set(expr, made)
    return made
  }

  #make(expr: Expr): Expr {
    const pool = this.#pool
    switch (expr.kind) {
      case 'const':
        return pool.const(expr.dtype, expr.value, expr.lanes)
      case 'size':
        return pool.size(expr.size)
      case 'axis':
        return pool.index(this.#axis(expr.axis))
      case 'local':
        return pool.localValue(
          this.#local(expr.local),
          expr.axes.map((axis) => this.#axis(axis)),
        )
      case 'load':
        return pool.load(this.#bufferOf(expr.buffer), this.#expr(expr.index), expr.lanes)
      case 'reduce':
      case 'argReduce':
        throw new InternalError(`${expr.kind} has to be scheduled before kernels are joined`)
      default:
        return pool.withOperands(
          expr,
          operandsOf(expr).map((operand) => this.#expr(operand)),
        )
    }
  }
}
