/**
 * One kernel for a list of steps: kernels one after the other, copies as loops, control steps as `if` and `while`,
 * checks as `fail`. Values of one element then become locals (promote.ts), so that a loop over scalars touches no
 * memory.
 */
import { InternalError } from '../errors.ts'
import { type Buffer, ExprPool, type Expr } from '../expr.ts'
import type { Statement } from '../kernel.ts'
import type { CheckStep, CommitStep, KernelStep, ProgramSpec, Step } from '../program.ts'
import { makeKernel } from '../schedule/contents.ts'
import { simplifyStatements } from '../passes/simplify.ts'
import { inlineLocals } from '../schedule/inline.ts'
import { allSteps, joinedOrigin } from '../steps.ts'
import { type Element, promoteElements } from './promote.ts'
import { transplant } from './transplant.ts'

/** What else a program does with a buffer that the joined steps use. */
export interface Surroundings {
  /** True when steps outside, or the call, write the buffer. */
  readonly written: (buffer: number) => boolean
  /** True when steps outside, or the call's results, read it. */
  readonly read: (buffer: number) => boolean
}

/** The kernel step that does what `steps` do. All of them are kernels, copies, checks and control steps of these. */
export function joinedStep(
  spec: ProgramSpec,
  steps: readonly Step[],
  around: Surroundings,
): Step & KernelStep {
  return new Joining(spec).run(steps, around)
}

class Joining {
  readonly #spec: ProgramSpec
  readonly #pool = new ExprPool()
  readonly #buffers = new Map<number, Buffer>()
  readonly #ids = new Map<Buffer, number>()

  constructor(spec: ProgramSpec) {
    this.#spec = spec
  }

  run(steps: readonly Step[], around: Surroundings): Step & KernelStep {
    const all = allSteps(steps)
    const checks = all.flatMap((step) => (step.kind === 'check' ? [step] : []))
    const first = all.find((step) => step.kind === 'kernel')
    const statements = this.#list(steps)
    const elements = new Map<Buffer, Element>()
    for (const [id, buffer] of this.#buffers)
      if (buffer.elements === 1) elements.set(buffer, this.#element(id, around))
    const quoted = (id: number): readonly Buffer[] => this.#quoted(checks, id)
    const promoted = promoteElements(this.#pool, statements, elements, quoted)
    const body = inlineLocals(this.#pool, simplifyStatements(this.#pool, promoted))
    const kernel = makeKernel(first?.kind === 'kernel' ? first.kernel.name : 'copy', body)
    return {
      kind: 'kernel',
      kernel,
      pool: this.#pool,
      buffers: kernel.buffers.map((buffer) => this.#ids.get(buffer) ?? -1),
      ...(checks.length === 0 ? {} : { checks }),
      origin: joinedOrigin(all),
    }
  }

  #element(id: number, { written, read }: Surroundings): Element {
    const { storage } = this.#specBuffer(id)
    if (storage.kind === 'constant') return { before: storage.data[0] ?? true, after: false }
    return { before: storage.kind !== 'temporary' || written(id), after: read(id) }
  }

  #specBuffer(id: number): ProgramSpec['buffers'][number] {
    const buffer = this.#spec.buffers[id]
    if (buffer === undefined) throw new InternalError(`program ${this.#spec.name} has no buffer ${id}`)
    return buffer
  }

  #buffer(id: number): Buffer {
    let buffer = this.#buffers.get(id)
    if (buffer === undefined) {
      const { dtype, elements } = this.#specBuffer(id)
      const position = this.#buffers.size
      const name = position < 26 ? String.fromCodePoint(97 + position) : `b${position}`
      buffer = this.#pool.buffer(name, dtype, elements)
      this.#buffers.set(id, buffer)
      this.#ids.set(buffer, id)
    }
    return buffer
  }

  #quoted(checks: readonly CheckStep[], id: number): readonly Buffer[] {
    const reads = checks.find((check) => check.id === id)?.reads ?? []
    return reads.map((buffer) => this.#buffer(buffer))
  }

  #element0(id: number): Expr {
    return this.#pool.load(this.#buffer(id), this.#pool.const('int32', 0))
  }

  #list(steps: readonly Step[]): readonly Statement[] {
    return steps.flatMap((step) => this.#step(step))
  }

  #step(step: Step): readonly Statement[] {
    switch (step.kind) {
      case 'kernel': {
        const { buffers } = step.kernel
        return transplant(this.#pool, step.kernel.body, (buffer) =>
          this.#buffer(step.buffers[buffers.indexOf(buffer)] ?? -1),
        )
      }
      case 'commit':
        return [this.#copy(step)]
      case 'check': {
        const value = this.#element0(step.buffer)
        const bad = this.#pool.compare('ne', value, this.#pool.const('int32', 0))
        return [{ kind: 'if', condition: bad, body: [{ kind: 'fail', id: step.id, value }] }]
      }
      case 'if': {
        const body = this.#list(step.whenTrue)
        const otherwise = this.#list(step.whenFalse)
        const condition = this.#element0(step.condition)
        return [{ kind: 'if', condition, body, ...(otherwise.length === 0 ? {} : { otherwise }) }]
      }
      case 'loop': {
        const test = this.#list(step.test)
        const condition = this.#element0(step.condition)
        return [{ kind: 'while', test, condition, body: this.#list(step.body) }]
      }
      default:
        throw new InternalError(`a ${step.kind} step cannot be part of a kernel`)
    }
  }

  #copy(step: CommitStep): Statement {
    const [from, to] = [this.#buffer(step.from), this.#buffer(step.variable)]
    const axis = this.#pool.axis('i', to.elements)
    const index = this.#pool.index(axis)
    const store: Statement = { kind: 'store', buffer: to, index, value: this.#pool.load(from, index) }
    if (axis.extent === 1) return store
    const [zero, end] = [this.#pool.const('int32', 0), this.#pool.size(to.elements)]
    return { kind: 'loop', axis, from: zero, to: end, step: 1, body: [store] }
  }
}
