/**
 * GradientTape: reverse-mode differentiation by recording.
 *
 * While a tape records, every op applied to something it watches (or to something computed from that) is kept with its
 * operands and results. `gradient` sweeps the records backwards, asking each op's gradient rule. The rules are written
 * with public ops, so the sweep works eagerly and while tracing alike, and an outer tape that records the sweep gives
 * second derivatives. Variables are watched when they are read; a variable's gradient is the sum over its reads.
 *
 * A tensor from outside that is used while a function is traced appears there as another, lifted tensor. The tape joins
 * the two by a record of its own, so a tape opened outside a function can be asked inside.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { GradientError } from '../../codegen/errors.ts'
import { printType } from '../ir/type.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import {
  type Application,
  currentObservers,
  currentTrace,
  type Observer,
  type Trace,
  withObservers,
} from '../trace/bind.ts'
import { Variable } from '../variable.ts'
import { batchJacobianOf, batchSeeds, checkBatches, jacobianOf, jacobianSeeds } from './jacobian.ts'
import { forEachSource, forEachTarget, type GradientsOf, mapSource, type Source } from './structure.ts'
import {
  demandInScope,
  demandKnownOption,
  type GradientOptions,
  type JacobianOptions,
  seedOf,
  unconnectedValue,
} from './requests.ts'
import { accumulate, sweep, type TapeRecord, zerosLikeTensor } from './sweep.ts'

export interface TapeOptions {
  /** Keep the records after `gradient`, so that it can be called again. Default false. */
  readonly persistent?: boolean
  /** Watch trainable variables as they are read. Default true. */
  readonly watchAccessedVariables?: boolean
}

/** Joins a tensor from outside to the one that stands for it in a trace. */
const lifting: OpDefinition = {
  name: 'lift',
  type: (operands) => operands,
  gradient: ({ gradients }) => gradients,
  lower: { kind: 'program' },
}

let warnedOfSlowGradient = false

/**
 * Records ops for automatic differentiation.
 *
 * @example
 * const x = tf.variable(3)
 * const tape = new tf.GradientTape()
 * const y = tape.record(() => x.mul(x))
 * tape.gradient(y, x) // 6
 */
export class GradientTape {
  readonly #persistent: boolean
  readonly #watchAccessed: boolean
  #records: TapeRecord[] = []
  /** Tensors that gradients flow back to: watched ones, and results computed from them. */
  #tracked = new Set<Tensor>()
  /** Each watched variable with the tensors its reads gave, in order of first access. */
  #reads = new Map<Variable, Set<Tensor>>()
  #explicit = new Set<Variable>()
  #recording = false
  /** A tape that is not persistent has given its gradient. */
  #used = false
  /** The trace that recording began in. */
  #trace: Trace | undefined
  readonly #observer: Observer

  constructor(options: TapeOptions = {}) {
    this.#persistent = options.persistent ?? false
    this.#watchAccessed = options.watchAccessedVariables ?? true
    this.#observer = {
      tracks: (tensor) => this.#tracks(tensor),
      applied: (application, results) => this.#applied(application, results),
      read: (variable, value) => this.#readOf(variable, value),
    }
  }

  /**
   * Runs `body` while recording and returns its result. A tape may record several times before its gradient is asked
   * for; one that has given its gradient and is not persistent starts over.
   *
   * @throws GradientError when the tape is recording already, or `body` is async.
   */
  record<R>(body: () => R): R {
    if (this.#recording)
      throw new GradientError({
        op: 'tape.record',
        problem: 'the tape is still recording: an active tape cannot be re-entered',
        fix: 'use a second tape for nested recording.',
      })
    if (this.#used) this.reset()
    this.#recording = true
    this.#trace = currentTrace()
    try {
      const result = withObservers([...currentObservers(), this.#observer], body)
      if (result instanceof Promise)
        throw new GradientError({
          op: 'tape.record',
          problem: 'the callback is async: what runs after an await cannot be recorded',
          fix: 'await first, and record synchronous code.',
        })
      return result
    } finally {
      this.#recording = false
    }
  }

  /** Runs `body` without recording it on this tape. Throws GradientError when the tape is not recording. */
  stopRecording<R>(body: () => R): R {
    if (!this.#recording)
      throw new GradientError({
        op: 'tape.stopRecording',
        problem: 'trying to stop recording a tape which is not recording',
        fix: 'call it inside tape.record(…).',
      })
    return withObservers(
      currentObservers().filter((observer) => observer !== this.#observer),
      body,
    )
  }

  /**
   * Watches tensors, or variables that are not trainable. Ops applied before are not seen.
   *
   * @throws ValueError for what is neither a tensor nor a variable: a JavaScript number has no gradient.
   */
  watch(source: Source): void {
    if (this.#used && !this.#recording) this.reset()
    forEachSource(source, 'tape.watch', (leaf) => {
      if (!isFloating(leaf.dtype))
        console.warn(
          `tape.watch: the dtype of the watched tensor must be floating (e.g. float32), got ${leaf.dtype}`,
        )
      if (leaf instanceof Variable) {
        this.#explicit.add(leaf)
        if (!this.#reads.has(leaf)) this.#reads.set(leaf, new Set())
      } else this.#tracked.add(leaf)
    })
  }

  /** Forgets everything recorded and watched. */
  reset(): void {
    this.#records = []
    this.#tracked = new Set()
    this.#reads = new Map()
    this.#explicit = new Set()
    this.#used = false
  }

  /** The variables watched, in order of first access, those read in traced functions included. */
  watchedVariables(): readonly Variable[] {
    return [...this.#reads.keys()]
  }

  /**
   * The derivative of the sum of `target` with respect to each source, in the structure of `sources`; null where the
   * target does not depend on it through ops that have a gradient (or zeros, by option).
   *
   * @throws GradientError on the second call for a tape that is not persistent.
   */
  gradient<S extends Source>(target: Source, sources: S, options: GradientOptions = {}): GradientsOf<S> {
    const op = 'tape.gradient'
    this.#demandReady(op, options)
    forEachSource(sources, op, (leaf) => demandInScope(op, leaf))
    const targets: Tensor[] = []
    const seeds: Tensor[] = []
    forEachTarget(target, options.outputGradients, op, (leaf, weight) => {
      const tensor = this.#target(op, leaf)
      targets.push(tensor)
      seeds.push(seedOf(tensor, weight))
    })
    const result = this.#sweeping(() => {
      const gradients = sweep(this.#records, targets, seeds, this.#sought(sources, op))
      return mapSource(
        sources,
        op,
        (leaf) => this.#gradientOf(leaf, gradients) ?? unconnectedValue(leaf, options),
      )
    })
    return result as GradientsOf<S>
  }

  /**
   * The derivatives of every element of `target` with respect to every element of each source: tensors of the target's
   * shape followed by the source's, in the structure of `sources`; null where the target does not depend on the source
   * (or zeros, by option). One backward sweep per element of the target.
   *
   * @throws GradientError as for `gradient`; TraceError when a size of the target is not known while tracing.
   * @example
   * const x = tf.variable([1, 2, 3])
   * const tape = new tf.GradientTape()
   * const y = tape.record(() => x.mul(x))
   * tape.jacobian(y, x) // [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
   */
  jacobian<S extends Source>(
    target: Tensor | Variable,
    sources: S,
    options: JacobianOptions = {},
  ): GradientsOf<S> {
    const op = 'tape.jacobian'
    this.#demandReady(op, options)
    const tensor = this.#target(op, target)
    const rows = this.#rows(op, tensor, sources, jacobianSeeds)
    const result = mapSource(sources, op, (leaf) => {
      const shape = [...tensor.type.shape, ...leaf.type.shape]
      const found = rows.get(leaf)
      if (found !== undefined) return jacobianOf(tensor, leaf.type.shape, found)
      return options.unconnected === 'zero' ? zerosLikeTensor({ dtype: leaf.dtype, shape }) : null
    })
    return result as GradientsOf<S>
  }

  /**
   * The Jacobian of each example: for a target of shape [b, …y] and a source of shape [b, …x], whose first axes count
   * examples that do not depend on each other, a tensor of shape [b, …y, …x]. Zeros when the target does not depend on
   * the source. One backward sweep per element of an example's target.
   *
   * @throws ShapeError when a rank is less than 2 or the numbers of examples differ; else as for `jacobian`.
   * @example
   * const x = tf.variable([[1, 2], [3, 4]])
   * const tape = new tf.GradientTape()
   * const y = tape.record(() => x.mul(x))
   * tape.batchJacobian(y, x).array() // [[[2, 0], [0, 4]], [[6, 0], [0, 8]]]
   */
  batchJacobian(target: Tensor | Variable, source: Tensor | Variable): Tensor {
    const op = 'tape.batchJacobian'
    this.#demandReady(op, {})
    const tensor = this.#target(op, target)
    checkBatches(tensor, source)
    const rows = this.#rows(op, tensor, source, batchSeeds).get(source)
    if (rows !== undefined) return batchJacobianOf(tensor, source.type.shape, rows)
    return zerosLikeTensor({
      dtype: source.dtype,
      shape: [...tensor.type.shape, ...source.type.shape.slice(1)],
    })
  }

  /** For each connected source, its gradient for each of the target's weights. */
  #rows(
    op: string,
    target: Tensor,
    sources: Source,
    seedsOf: (target: Tensor) => readonly Tensor[],
  ): Map<Tensor | Variable, Tensor[]> {
    const rows = new Map<Tensor | Variable, (Tensor | null)[]>()
    forEachSource(sources, op, (leaf) => {
      demandInScope(op, leaf)
      rows.set(leaf, [])
    })
    return this.#sweeping(() => {
      const sought = this.#sought(sources, op)
      const seeds = seedsOf(target)
      // A target without elements still is connected or not: zero weights tell.
      for (const seed of seeds.length > 0
        ? seeds
        : [zerosLikeTensor({ dtype: target.dtype, shape: target.type.shape })]) {
        const gradients = sweep(this.#records, [target], [seed], sought)
        for (const [leaf, found] of rows) found.push(this.#gradientOf(leaf, gradients))
      }
      const connected = new Map<Tensor | Variable, Tensor[]>()
      for (const [leaf, found] of rows) {
        const present = found.filter((row) => row !== null)
        // Whether a row is there depends on what was recorded, not on the weights.
        if (present.length > 0) connected.set(leaf, seeds.length > 0 ? present : [])
      }
      return connected
    })
  }

  /** Throws when a gradient cannot be asked for now. */
  #demandReady(op: string, options: JacobianOptions): void {
    demandKnownOption(op, options)
    if (this.#used)
      throw new GradientError({
        op,
        problem: 'a non-persistent tape can only be used to compute one set of gradients (or jacobians)',
        fix: 'make it with new tf.GradientTape({ persistent: true }).',
      })
    if (!this.#persistent || !this.#recording || warnedOfSlowGradient) return
    warnedOfSlowGradient = true
    console.warn(
      `${op}: a persistent tape records the computation of its own gradient when asked inside record(…); ask outside, unless that is for higher derivatives.`,
    )
  }

  /** Runs a backward sweep; a tape that is not persistent stops recording and lets go of all it holds. */
  #sweeping<R>(body: () => R): R {
    if (this.#persistent) return body()
    const result = this.#recording ? this.stopRecording(body) : body()
    this.#used = true
    this.#records = []
    this.#tracked = new Set()
    for (const values of this.#reads.values()) values.clear()
    return result
  }

  #tracks(tensor: Tensor): boolean {
    if (this.#used) return false
    if (this.#tracked.has(tensor)) return true
    const { payload } = tensor
    if (payload.kind !== 'symbolic') return false
    const origin = payload.trace.originOf?.(tensor)
    if (origin === undefined || !this.#tracks(origin)) return false
    this.#records.push({
      op: lifting,
      operands: [origin],
      attrs: {},
      regions: [],
      results: [tensor],
      needed: [true],
    })
    this.#tracked.add(tensor)
    return true
  }

  #applied({ op, operands, attrs, regions, host }: Application, results: readonly Tensor[]): void {
    if (op.gradient === 'none' || this.#used) return
    const needed = operands.map((operand) => isFloating(operand.dtype) && this.#tracks(operand))
    if (!needed.includes(true)) return
    this.#records.push({ op, operands, attrs, regions, results, needed, host })
    for (const result of results) if (isFloating(result.dtype)) this.#tracked.add(result)
  }

  #readOf(variable: Variable, value: Tensor): void {
    if (this.#used || !isFloating(variable.dtype)) return
    if (!this.#explicit.has(variable) && !(this.#watchAccessed && variable.trainable)) return
    const reads = this.#reads.get(variable) ?? new Set()
    reads.add(value)
    this.#reads.set(variable, reads)
    this.#tracked.add(value)
  }

  /** The tensor a target stands for; a variable is read for it. */
  #target(op: string, leaf: Tensor | Variable): Tensor {
    demandInScope(op, leaf)
    if (!(leaf instanceof Variable)) {
      this.#demandSeen(op, leaf)
      return leaf
    }
    const value = leaf.value()
    this.#readOf(leaf, value)
    return value
  }

  /** Throws for a target made while a function is traced under this recording tape: it is not seen, and never connected. */
  #demandSeen(op: string, { type, payload }: Tensor): void {
    if (!this.#recording || payload.kind !== 'symbolic' || payload.trace === this.#trace) return
    throw new GradientError({
      op,
      problem: `${printType(type)} was made in ${payload.trace.name}, and the tape records outside, where the call of ${payload.trace.name} is one step`,
      fix: `record inside ${payload.trace.name}, or ask for the gradient outside.`,
    })
  }

  /** The tensors whose gradients are asked for. */
  #sought(sources: Source, op: string): ReadonlySet<Tensor> {
    const sought = new Set<Tensor>()
    forEachSource(sources, op, (leaf) => {
      if (leaf instanceof Variable) for (const value of this.#reads.get(leaf) ?? []) sought.add(value)
      else sought.add(leaf)
    })
    return sought
  }

  #gradientOf(leaf: Tensor | Variable, gradients: ReadonlyMap<Tensor, Tensor>): Tensor | null {
    if (!(leaf instanceof Variable)) return gradients.get(leaf) ?? null
    let sum: Tensor | null = null
    for (const value of this.#reads.get(leaf) ?? []) {
      const part = gradients.get(value)
      if (part !== undefined) sum = sum === null ? part : accumulate(sum, part)
    }
    return sum
  }
}
