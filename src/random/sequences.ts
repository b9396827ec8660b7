/**
 * The sequences behind the functions of `tf.random` that are given no generator.
 *
 * In eager code they take turns in one sequence, that of the global generator. While a function is traced each draw gets
 * a sequence of its own, whose place is a Variable of that trace: its key is made of the global seed and of the number of
 * the draw in the trace, so two functions with the same body draw the same numbers, a call draws anew, and `setSeed` lets
 * functions that were traced long ago repeat too. Before the first `setSeed` no two draws have the same key. With a seed of
 * its own a draw's key is made of the two seeds instead; in eager code such draws go on where the last one of the same
 * kind, dtype and seed ended.
 *
 * What a key is made of is sent through Philox: the seed as key, the number as counter.
 */
import type { DType } from '../../codegen/dtype.ts'
import { elementCount, type Size } from '../../codegen/size.ts'
import { convertToTensor } from '../../tracer/convert.ts'
import { randomBits } from '../../tracer/ops/index.ts'
import { currentTrace, eagerTrace, withObservers, withTrace } from '../../tracer/trace/bind.ts'
import { GraphTrace } from '../../tracer/trace/graph-trace.ts'
import { outsideTrace } from '../../tracer/trace/modes.ts'
import { Variable } from '../../tracer/variable.ts'
import type { BitSource } from './distributions.ts'
import {
  advancedWords,
  arbitrarySeed,
  drawBits,
  Generator,
  generator,
  globalGenerator,
  stateOfKey,
  wordsOfSeed,
} from './generator.ts'

/** What the key of a sequence is made of, besides the global seed. */
interface Origin {
  readonly kind: 'draw' | 'seed'
  readonly number: number
}

/** The global seed, once there is one. */
let globalSeed: number | undefined
/** Stands in for the global seed: for draws without a seed one that nobody chose, for others TensorFlow's default. */
const unseeded = arbitrarySeed()
const standardSeed = 87654321
/** Draws traced so far; numbers those that no global seed numbers. */
let drawn = 0

const origins = new WeakMap<Variable, Origin>()
let states: WeakRef<Variable>[] = []
let nextSweep = 64

/** How many draws each trace has so far. */
const drawsOf = new WeakMap<GraphTrace, number>()

/** Most eager sequences of draws with seeds that are remembered; the oldest are forgotten, and begin again. */
const mostSequences = 1 << 16
const sequences = new Map<string, Int32Array>()

function stateOf({ kind, number }: Origin, seed: number): Int32Array {
  const [low, high] = wordsOfSeed('seed', number)
  const words = outsideTrace(() =>
    randomBits(
      convertToTensor(Int32Array.from(wordsOfSeed('seed', seed))),
      convertToTensor(Int32Array.of(low, high, 0, kind === 'draw' ? 1 : 2)),
      [2],
    ).elements('seed'),
  )
  return Int32Array.of(0, 0, 0, 0, words[0] ?? 0, words[1] ?? 0)
}

function seedFor(origin: Origin): number {
  return globalSeed ?? (origin.kind === 'draw' ? unseeded : standardSeed)
}

/** A state for a draw in a trace, which `setSeed` finds again. */
function stateFor(origin: Origin, start: Int32Array): Variable {
  const state = withTrace(eagerTrace(), () =>
    withObservers([], () => new Variable(convertToTensor(start), { name: 'random_state', trainable: false })),
  )
  origins.set(state, origin)
  if (states.length >= nextSweep) {
    states = states.filter((reference) => reference.deref() !== undefined)
    nextSweep = Math.max(64, 2 * states.length)
  }
  states.push(new WeakRef(state))
  return state
}

function sequenceOf(trace: GraphTrace, seed: number | undefined): Variable {
  if (seed !== undefined) {
    const origin: Origin = { kind: 'seed', number: seed }
    return stateFor(origin, stateOf(origin, seedFor(origin)))
  }
  const number = drawsOf.get(trace) ?? 0
  drawsOf.set(trace, number + 1)
  const origin: Origin = { kind: 'draw', number }
  // Without a global seed functions with the same body must not draw the same.
  const start = globalSeed === undefined ? { ...origin, number: drawn++ } : origin
  return stateFor(origin, stateOf(start, seedFor(origin)))
}

/** Where a function of `tf.random` takes its bits from. */
function bitsFor(kind: string, dtype: DType, seed: number | undefined): BitSource {
  if (seed !== undefined) wordsOfSeed(kind, seed)
  const trace = currentTrace()
  const isDeferred = trace.deferred === true
  if (trace instanceof GraphTrace) {
    if (seed === undefined && isDeferred) return (...of) => globalGenerator().bits(...of)
    let state: Variable | undefined
    return (shape, numbers) => drawBits((state ??= sequenceOf(trace.outermost, seed)), shape, numbers)
  }
  if (seed === undefined) return (...of) => globalGenerator().bits(...of)
  return (shape, numbers) => eagerBits(`${kind} ${dtype} ${seed}`, seed, shape, numbers)
}

function eagerBits(
  key: string,
  seed: number,
  shape: readonly Size[],
  numbers: readonly Size[],
): ReturnType<BitSource> {
  const origin: Origin = { kind: 'seed', number: seed }
  const state = sequences.get(key) ?? stateOf(origin, seedFor(origin))
  const bits = randomBits(convertToTensor(state.slice(4)), convertToTensor(state.slice(0, 4)), shape)
  sequences.delete(key)
  sequences.set(key, advancedWords(state, elementCount(numbers) as number))
  const [oldest] = sequences.keys()
  if (sequences.size > mostSequences && oldest !== undefined) sequences.delete(oldest)
  return bits
}

/** A generator whose draws are those of `bitsFor`, for the functions that draw once. */
class Sequence extends Generator {
  readonly #source: BitSource
  constructor(source: BitSource) {
    super(globalGenerator().state)
    this.#source = source
  }
  override bits(shape: readonly Size[], numbers: readonly Size[] = shape): ReturnType<BitSource> {
    return this.#source(shape, numbers)
  }
}

/** What a function of `tf.random` draws from. */
export function sequenceFor(kind: string, dtype: DType, seed: number | undefined): Generator {
  return new Sequence(bitsFor(kind, dtype, seed))
}

/**
 * Starts all sequences behind the functions of `tf.random` anew, those of traced functions and the global generator
 * included; the same seed gives the same numbers from then on.
 *
 * @throws ValueError for a seed that is no integer
 * @example
 * tf.random.setSeed(7)
 * const a = tf.random.uniform([3])
 * tf.random.setSeed(7)
 * const b = tf.random.uniform([3])
 * a.equal(b) // [true, true, true]
 */
export function setSeed(seed: number): void {
  const start = stateOfKey('setSeed', seed)
  globalSeed = seed
  sequences.clear()
  globalGenerator().state.assign(start)
  outsideTrace(() => {
    for (const reference of states) {
      const state = reference.deref()
      const origin = state === undefined ? undefined : origins.get(state)
      if (state !== undefined && origin !== undefined) state.assign(stateOf(origin, seed))
    }
  })
}

/** The states of sequences: of the global generator, and of draws in traces. */
export const randomStates: { has(variable: Variable): boolean } = {
  has: (variable) => origins.has(variable) || variable === globalGenerator().state,
}

/** What a session starts with in the place of such a state, given its graph's seed. */
export function stateForSession(state: Variable, seed: number | undefined): Variable {
  const own = generator(seed).state
  const origin = origins.get(state)
  if (origin !== undefined)
    own.assign(stateOf(origin, seed ?? (origin.kind === 'draw' ? arbitrarySeed() : standardSeed)))
  return own
}
