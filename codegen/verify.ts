/**
 * Checks that a kernel means something: every name defined before use and in scope, every dtype and lane count as the
 * operation demands, every loop restructured soundly. Run after scheduling and between loop passes in tests, it names
 * the pass that broke a kernel instead of leaving a wrong number or an engine's validation error far from the cause.
 *
 * Scopes: a local assigned inside a loop or condition is known until its end. A loop's axis is known inside the loop;
 * after it, its value may only be taken to start another loop over the same axis (the remainder of a vector loop), in
 * that loop's `from` or in a `let` by itself.
 */
import { InternalError } from './errors.ts'
import type { Axis, Buffer, Expr, Local } from './expr.ts'
import type { Kernel, Loop, Statement, While } from './kernel.ts'
import { visitStatements } from './schedule/contents.ts'
import { divideExactly, namesOfSize, printSize, type Size, subtractSizes } from './size.ts'
import { printKernel } from './text/print.ts'
import { checkNode } from './verify/node.ts'

/** Throws InternalError, with the kernel's text, when the kernel breaks a rule of the loop language. */
export function verifyKernel(kernel: Kernel): void {
  new Verifier(kernel).run()
}

class Verifier {
  readonly #kernel: Kernel
  readonly #sizes: ReadonlySet<string>
  readonly #buffers: ReadonlySet<Buffer>
  /** Axes of the open loops. */
  readonly #open = new Set<Axis>()
  /** What is known now: locals assigned, and axes whose loop has ended. */
  #locals = new Set<Local>()
  #ended = new Set<Axis>()
  /** Immutable locals that hold a size. */
  readonly #bounds = new Map<Local, Size>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#sizes = new Set(kernel.sizes)
    this.#buffers = new Set(kernel.buffers)
  }

  run(): void {
    if (this.#sizes.size !== this.#kernel.sizes.length) this.#fail('a size is a parameter twice')
    if (this.#buffers.size !== this.#kernel.buffers.length) this.#fail('a buffer is a parameter twice')
    this.#list(this.#kernel.body)
  }

  #fail(problem: string): never {
    throw new InternalError(`kernel @${this.#kernel.name}: ${problem}`, printKernel(this.#kernel))
  }

  #list(statements: readonly Statement[]): void {
    const locals = this.#locals
    const ended = this.#ended
    this.#locals = new Set(locals)
    this.#ended = new Set(ended)
    statements.forEach((statement, position) => this.#statement(statement, statements.slice(position + 1)))
    this.#locals = locals
    this.#ended = ended
  }

  #statement(statement: Statement, later: readonly Statement[]): void {
    switch (statement.kind) {
      case 'let':
      case 'set':
        this.#assignment(statement)
        break
      case 'store':
        this.#expr(statement.index)
        this.#expr(statement.value)
        this.#parameter(statement.buffer)
        if (statement.index.dtype !== 'int32' || statement.index.lanes !== 1)
          this.#fail(`the index of a store to %${statement.buffer.name} is not an int32 scalar`)
        if (statement.value.dtype !== statement.buffer.dtype)
          this.#fail(
            `a ${statement.value.dtype} is stored to %${statement.buffer.name}, which holds ${statement.buffer.dtype}`,
          )
        break
      case 'if':
        this.#expr(statement.condition)
        if (statement.condition.dtype !== 'bool' || statement.condition.lanes !== 1)
          this.#fail('the condition of an if is not a bool scalar')
        this.#list(statement.body)
        if (statement.otherwise !== undefined) this.#list(statement.otherwise)
        break
      case 'while':
        this.#while(statement)
        break
      case 'fail':
        this.#expr(statement.value)
        if (statement.value.dtype !== 'int32' || statement.value.lanes !== 1)
          this.#fail('the value of a failure is not an int32 scalar')
        break
      case 'loop':
        this.#loop(statement, later)
        break
    }
  }

  /** What the test assigns is known in the condition and the body. */
  #while({ test, condition, body }: While): void {
    const locals = this.#locals
    const ended = this.#ended
    this.#locals = new Set(locals)
    this.#ended = new Set(ended)
    test.forEach((statement, position) => this.#statement(statement, test.slice(position + 1)))
    this.#expr(condition)
    if (condition.dtype !== 'bool' || condition.lanes !== 1)
      this.#fail('the condition of a while is not a bool scalar')
    this.#list(body)
    this.#locals = locals
    this.#ended = ended
  }

  #assignment(statement: Extract<Statement, { kind: 'let' | 'set' }>): void {
    const { local, value, kind } = statement
    const endedAxis = kind === 'let' && value.kind === 'axis' && this.#ended.has(value.axis)
    if (!endedAxis) this.#expr(value)
    const name = `local ${local.id}`
    if (kind === 'let' && local.mutable) this.#fail(`let of ${name}, which is mutable`)
    if (kind === 'set' && !local.mutable) this.#fail(`assignment of ${name}, which is immutable`)
    if (kind === 'let' && this.#locals.has(local)) this.#fail(`let of ${name} a second time`)
    if (value.dtype !== local.dtype || value.lanes !== local.lanes)
      this.#fail(`${name} is ${local.dtype}x${local.lanes}, its value is ${value.dtype}x${value.lanes}`)
    this.#locals.add(local)
    const size = kind === 'let' ? this.#sizeOf(value) : undefined
    if (size !== undefined) this.#bounds.set(local, size)
  }

  #loop(loop: Loop, later: readonly Statement[]): void {
    const { axis, from, to, step } = loop
    for (const bound of [from, to]) {
      const resumes = bound === from && bound.kind === 'axis' && bound.axis === axis && this.#ended.has(axis)
      if (!resumes) this.#expr(bound)
      if (bound.dtype !== 'int32' || bound.lanes !== 1)
        this.#fail(`a bound of the loop over ${axis.name} is not an int32 scalar`)
    }
    if (!Number.isInteger(step) || step < 1) this.#fail(`the loop over ${axis.name} steps by ${step}`)
    if (this.#open.has(axis))
      this.#fail(`the loop over ${axis.name} is inside another loop over the same axis`)
    if (step > 1 && !this.#isWhole(loop) && !hasRemainder(loop, later))
      this.#fail(`the loop over ${axis.name} steps by ${step} and no loop takes the rest`)
    this.#open.add(axis)
    this.#list(loop.body)
    this.#open.delete(axis)
    this.#ended.add(axis)
  }

  /** True when the steps of a loop cover its range exactly. */
  #isWhole(loop: Loop): boolean {
    const from = this.#sizeOf(loop.from)
    const to = this.#sizeOf(loop.to)
    if (from === undefined || to === undefined) return false
    const range = subtractSizes(to, from)
    return range === 0 || divideExactly(range, loop.step) !== undefined
  }

  /** The size a bound stands for, when it is one or a local bound to one. */
  #sizeOf(bound: Expr): Size | undefined {
    if (bound.kind === 'const') return bound.value
    if (bound.kind === 'size') return bound.size
    return bound.kind === 'local' ? this.#bounds.get(bound.local) : undefined
  }

  /** Checks a tree of nodes where it is evaluated. */
  #expr(root: Expr): void {
    const seen = new Set<Expr>()
    const visit = (expr: Expr): void => {
      if (seen.has(expr)) return
      seen.add(expr)
      const problem = checkNode(expr, visit)
      if (problem !== undefined) this.#fail(problem)
      if (expr.kind === 'axis' && !this.#open.has(expr.axis))
        this.#fail(`the axis ${expr.axis.name} is used outside its loop`)
      if (expr.kind === 'local' && !this.#locals.has(expr.local))
        this.#fail(`local ${expr.local.id} is used before it is defined`)
      if (expr.kind === 'load') this.#parameter(expr.buffer)
      if (expr.kind === 'size') this.#size(expr.size)
      if (expr.kind === 'linear')
        for (const size of [expr.constant, ...expr.terms.map((term) => term.coefficient)]) this.#size(size)
    }
    visit(root)
  }

  #size(size: Size): void {
    for (const name of namesOfSize(size))
      if (!this.#sizes.has(name)) this.#fail(`the size ${name} (in ${printSize(size)}) is no parameter`)
  }

  #parameter(buffer: Buffer): void {
    if (!this.#buffers.has(buffer)) this.#fail(`the buffer %${buffer.name} is no parameter`)
  }
}

/** True when a later statement of the same list goes on over the same axis, to the same end, by a smaller step. */
function hasRemainder(loop: Loop, later: readonly Statement[]): boolean {
  let found = false
  visitStatements(later, (statement) => {
    if (statement.kind !== 'loop' || statement.axis !== loop.axis) return
    if (
      statement.to === loop.to &&
      statement.step < loop.step &&
      (statement.from.kind !== 'const' || statement.from.value !== 0)
    )
      found = true
  })
  return found
}
