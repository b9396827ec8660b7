/**
 * GradientTape: reverse-mode differentiation by recording.
 *
 * While a tape records, every op applied to something it watches (or to something computed from that) is kept with its
 * operands and results. `gradient` sweeps the records backwards, asking each op's gradient rule. The rules are written
 * with public ops, so the sweep works eagerly and while tracing alike, and an outer tape that records the sweep gives
 * second derivatives. Variables are watched when they are read; a variable's gradient is the sum over its reads.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { GradientError, ShapeError, ValueError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { type Application, currentObservers, currentTrace, isTracing, type Observer, withObservers } from '../trace/bind.ts'
import { Variable } from '../variable.ts'
import { accumulate, onesLikeTensor, sweep, type TapeRecord, zerosLikeTensor } from './sweep.ts'

export interface TapeOptions {
  /** Keep the records after `gradient`, so that it can be called again. Default false. */
  readonly persistent?: boolean
  /** Watch trainable variables as they are read. Default true. */
  readonly watchAccessedVariables?: boolean
}

export interface GradientOptions {
  /** What to give for a source the target does not depend on: null (default) or zeros of the source's shape. */
  readonly unconnected?: 'none' | 'zero'
  /** Weights of the target's elements, of the target's shape; ones when absent. */
  readonly outputGradients?: TensorLike | readonly TensorLike[]
}

/** A tensor or variable, or arrays and plain objects of them. */
export type Source = Tensor | Variable | readonly Source[] | { readonly [key: string]: Source }

/** The structure of `S` with a gradient in the place of each tensor and variable. */
export type GradientsOf<S> = S extends Tensor | Variable
  ? Tensor | null
  : S extends object
    ? { -readonly [K in keyof S]: GradientsOf<S[K]> }
    : never

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
  #used = false
  readonly #observer: Observer

  constructor(options: TapeOptions = {}) {
    this.#persistent = options.persistent ?? false
    this.#watchAccessed = options.watchAccessedVariables ?? true
    this.#observer = {
      tracks: (tensor) => this.#tracked.has(tensor),
      applied: (application, results) => this.#applied(application, results),
      read: (variable, value) => {
        if (this.#explicit.has(variable) || (this.#watchAccessed && variable.trainable)) this.#watchRead(variable, value)
      },
    }
  }

  /** Runs `body` while recording and returns its result. Throws GradientError when the tape is recording already. */
  record<R>(body: () => R): R {
    if (this.#recording) throw new GradientError({ op: 'tape.record', problem: 'the tape is still recording', fix: 'use a second tape for nested recording.' })
    this.#recording = true
    try {
      const result = withObservers([...currentObservers(), this.#observer], body)
      if (result instanceof Promise)
        throw new GradientError({ op: 'tape.record', problem: 'the callback is async: what runs after an await cannot be recorded', fix: 'await first, and record synchronous code.' })
      return result
    } finally {
      this.#recording = false
    }
  }

  /** Runs `body` without recording it on this tape. Throws GradientError when the tape is not recording. */
  stopRecording<R>(body: () => R): R {
    if (!this.#recording) throw new GradientError({ op: 'tape.stopRecording', problem: 'the tape is not recording', fix: 'call it inside tape.record(…).' })
    return withObservers(currentObservers().filter((observer) => observer !== this.#observer), body)
  }

  /** Watches tensors, or variables that are not trainable. Ops applied before are not seen. */
  watch(source: Source): void {
    forEachSource(source, 'tape.watch', (leaf) => {
      if (!isFloating(leaf.dtype)) console.warn(`tape.watch: gradients need a floating dtype; a watched tensor is ${printType(leaf.type)}`)
      if (leaf instanceof Variable) {
        this.#explicit.add(leaf)
        if (!this.#reads.has(leaf)) this.#reads.set(leaf, new Set())
      } else {
        this.#tracked.add(leaf)
        if (isTracing()) this.#tracked.add(currentTrace().lift(leaf))
      }
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

  /** The variables watched, in order of first access. */
  watchedVariables(): readonly Variable[] {
    return [...this.#reads.keys()]
  }

  /**
   * The derivative of the sum of `target` with respect to each source, in the structure of `sources`; null where the
   * target does not depend on it (or zeros, by option).
   *
   * @throws GradientError on the second call for a tape that is not persistent.
   */
  gradient<S extends Source>(target: Source, sources: S, options: GradientOptions = {}): GradientsOf<S> {
    const unconnected = options.unconnected ?? 'none'
    if (unconnected !== 'none' && unconnected !== 'zero')
      throw new ValueError({ op: 'tape.gradient', problem: `unknown value for unconnected: ${String(unconnected)}`, fix: `use 'none' or 'zero'.` })
    if (this.#used && !this.#persistent)
      throw new GradientError({ op: 'tape.gradient', problem: 'a non-persistent tape computes one set of gradients (or jacobians)', fix: 'new tf.GradientTape({ persistent: true }).' })
    this.#used = true
    const targets: Tensor[] = []
    forEachSource(target, 'tape.gradient', (leaf) => targets.push(this.#resolve(leaf)))
    const weights = options.outputGradients === undefined ? undefined : targets.length === 1 && !isListOf(options.outputGradients, targets) ? [options.outputGradients as TensorLike] : (options.outputGradients as readonly TensorLike[])
    const seeds = targets.map((tensor, i) => this.#seed(tensor, weights?.[i]))
    const run = (): Map<Tensor, Tensor> => sweep(this.#records, targets, seeds)
    const gradients = this.#recording && !this.#persistent ? this.stopRecording(run) : run()
    const result: unknown = mapSource(sources, (leaf) => {
      const gradient = this.#gradientOf(leaf, gradients)
      return gradient ?? (unconnected === 'zero' ? zerosLikeTensor(leaf) : null)
    })
    if (!this.#persistent) this.#records = []
    return result as GradientsOf<S>
  }

  #applied({ op, operands, attrs, regions }: Application, results: readonly Tensor[]): void {
    if (op.gradient === 'none') return
    const needed = operands.map((operand) => this.#tracked.has(operand) && isFloating(operand.dtype))
    if (!needed.some(Boolean)) return
    this.#records.push({ op, operands, attrs, regions, results, needed })
    for (const result of results) if (isFloating(result.dtype)) this.#tracked.add(result)
  }

  #watchRead(variable: Variable, value: Tensor): void {
    if (!isFloating(variable.dtype)) return
    const reads = this.#reads.get(variable) ?? new Set()
    reads.add(value)
    this.#reads.set(variable, reads)
    this.#tracked.add(value)
  }

  /** The tensor a source stands for in the current trace. */
  #resolve(leaf: Tensor | Variable): Tensor {
    if (leaf instanceof Variable) return leaf.value()
    return isTracing() ? currentTrace().lift(leaf) : leaf
  }

  #gradientOf(leaf: Tensor | Variable, gradients: ReadonlyMap<Tensor, Tensor>): Tensor | null {
    if (leaf instanceof Variable) {
      let sum: Tensor | null = null
      for (const value of this.#reads.get(leaf) ?? []) {
        const part = gradients.get(value)
        if (part !== undefined) sum = sum === null ? part : accumulate(sum, part)
      }
      return sum
    }
    return (this.#tracked.has(leaf) ? gradients.get(leaf) : undefined) ?? gradients.get(this.#resolve(leaf)) ?? null
  }

  #seed(target: Tensor, weight: TensorLike | undefined): Tensor {
    if (weight === undefined) return onesLikeTensor(target)
    const seed = convertToTensor(weight, { dtype: target.dtype, op: 'tape.gradient' })
    if (!sameShape(seed.type.shape, target.type.shape))
      throw new ShapeError({
        op: 'tape.gradient',
        problem: `an output gradient's shape is not its target's`,
        rows: [
          ['target', printType(target.type)],
          ['output gradient', printType(seed.type)],
        ],
        fix: 'give one weight per element of the target.',
      })
    return seed
  }
}

function isListOf(value: TensorLike | readonly TensorLike[], targets: readonly Tensor[]): boolean {
  return Array.isArray(value) && value.length === targets.length && value.some((entry) => entry instanceof TensorMethods)
}

/** Calls `visit` for each tensor and variable of a structure, keys in sorted order. Throws ValueError for anything else. */
export function forEachSource(source: Source, op: string, visit: (leaf: Tensor | Variable) => void): void {
  if (source instanceof TensorMethods) return visit(source as Tensor | Variable)
  if (Array.isArray(source)) return source.forEach((entry: Source) => forEachSource(entry, op, visit))
  if (source !== null && typeof source === 'object') {
    const entries = source as { readonly [key: string]: Source }
    for (const key of Object.keys(entries).sort()) {
      const entry = entries[key]
      if (entry !== undefined) forEachSource(entry, op, visit)
    }
    return
  }
  throw new ValueError({ op, problem: `${String(source)} is neither a tensor nor a variable`, fix: 'pass tf.tensor(…) or a tf.variable.' })
}

function mapSource(source: Source, map: (leaf: Tensor | Variable) => Tensor | null): unknown {
  if (source instanceof TensorMethods) return map(source as Tensor | Variable)
  if (Array.isArray(source)) return source.map((entry: Source) => mapSource(entry, map))
  return Object.fromEntries(Object.entries(source).map(([key, entry]) => [key, mapSource(entry as Source, map)]))
}
