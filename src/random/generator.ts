/**
 * Generators: a place in a random sequence, kept in a Variable.
 *
 * The state is six int32 words: a counter of 128 bits, the lowest word first, and a key of 64. A draw takes blocks of
 * Philox-4x32-10 from the counter on and moves the counter by 256 for each number drawn, as TensorFlow's generators do,
 * so that a distribution may use up to 1024 words per number; its later draws are TensorFlow's as well. As the state is a
 * Variable, a traced function captures it by reference and draws anew on every call; the numbers are those that eager
 * code would have drawn.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { elementCount, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sliceAxis } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { currentTrace, eagerTrace, isTracing, withTrace } from '../../tracer/trace/bind.ts'
import { flatten, unflatten } from '../../tracer/trace/protocol.ts'
import { Variable } from '../../tracer/variable.ts'
import {
  add,
  argsort,
  bitwiseXor,
  broadcastTo,
  cast,
  concat,
  equal,
  filled,
  gather,
  iota,
  leftShift,
  less,
  mul,
  randomBits,
  rightShift,
  sizeOf,
  where,
} from '../../tracer/ops/index.ts'
import { variable } from '../variable.ts'
import { categoricalNumbers } from './categorical.ts'
import { bernoulliNumbers, normalNumbers, truncatedNormalNumbers, uniformNumbers } from './distributions.ts'
import { exponentialNumbers, gammaNumbers } from './gamma.ts'

const counterWords = 4
const keyWords = 2
/** The counter moves by 2 to this power for each number drawn. */
const logBlocksPerNumber = 8

/** A seed as two words, the low one first. */
export function wordsOfSeed(op: string, seed: number): readonly [number, number] {
  if (!Number.isSafeInteger(seed))
    throw new ValueError({ op, problem: `the seed is ${seed}`, fix: 'use an integer of at most 53 bits.' })
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0]
}

/** The state a generator's seed stands for: the seed is the counter's low half and the key is 0, as in TensorFlow. */
function stateOfSeed(op: string, seed: number): Int32Array {
  const [low, high] = wordsOfSeed(op, seed)
  return Int32Array.of(low, high, 0, 0, 0, 0)
}

/** The state with the seed as the key, so that the sequences of any two seeds have nothing in common. */
export function stateOfKey(op: string, seed: number): Int32Array {
  const [low, high] = wordsOfSeed(op, seed)
  return Int32Array.of(0, 0, 0, 0, low, high)
}

/** A seed nobody chose. */
export function arbitrarySeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2))
  return (high & 0x1fffff) * 2 ** 32 + low
}

/** A source of random numbers with a state of its own. Make one with `tf.random.generator(seed)`. */
export class Generator {
  /** int32[6], not trainable: the counter's four words, the lowest first, and the key's two. Assigning moves the generator. */
  readonly state: Variable

  constructor(state: Variable) {
    this.state = state
  }

  // As an argument of a traced function a generator is its state: calls with any generator share a trace.
  static {
    Object.defineProperty(this.prototype, flatten, {
      value(this: Generator) {
        return { meta: undefined, leaves: [this.state] }
      },
    })
    Object.defineProperty(this, unflatten, {
      value: (_meta: undefined, [state]: readonly [Variable]) => new Generator(state),
    })
  }

  /** `'philox'`, the only algorithm there is: Philox-4x32-10. */
  get algorithm(): 'philox' {
    return 'philox'
  }

  /** The key, int32[2], the low word first: generators with different keys have nothing in common. */
  get key(): Tensor {
    return sliceAxis(this.state.value(), 0, counterWords, keyWords)
  }

  /** The counter, int32[4], the lowest word first: the place in the key's sequence. */
  get counter(): Tensor {
    return sliceAxis(this.state.value(), 0, 0, counterWords)
  }

  /** A generator at the start of the seed's sequence; the same as `tf.random.generator(seed)`. */
  static fromSeed(seed: number): Generator {
    return generator(seed)
  }

  /** A generator with an arbitrary seed. */
  static fromNonDeterministicState(): Generator {
    return generator()
  }

  /**
   * A generator with the state of another, int32[6]: `Generator.fromState(g.state)` continues as `g` does, on its own.
   *
   * @throws ShapeError for anything but six int32 words
   * @example
   * const g = tf.random.generator(1)
   * const copy = tf.random.Generator.fromState(g.state)
   * copy.uniform([2]).equal(g.uniform([2])) // [true, true]
   */
  static fromState(state: TensorLike): Generator {
    const words = convertToTensor(state, { op: 'fromState', dtype: 'int32' })
    demandWords('fromState', words, counterWords + keyWords)
    return new Generator(stateVariable(words))
  }

  /** A generator at a place of a key's sequence: key int32[2] and counter int32[4], the low words first. Throws ShapeError for others. */
  static fromKeyCounter(key: TensorLike, counter: TensorLike): Generator {
    return new Generator(stateVariable(stateOfKeyCounter('fromKeyCounter', key, counter)))
  }

  /** Goes to the start of the seed's sequence; traced functions that use the generator follow. Throws ValueError for no integer. */
  reset(seed: number): void {
    this.state.assign(stateOfSeed('reset', seed))
  }

  /** Goes to a place of a key's sequence; see `fromKeyCounter`. */
  resetFromKeyCounter(key: TensorLike, counter: TensorLike): void {
    this.state.assign(stateOfKeyCounter('resetFromKeyCounter', key, counter))
  }

  /** Goes on as if `count` numbers had been drawn. Throws ValueError for anything but an integer ≥ 0 below 2²⁸. */
  skip(count: number): void {
    if (!Number.isInteger(count) || count < 0 || count >= 2 ** 28)
      throw new ValueError({
        op: 'skip',
        problem: `the count is ${count}`,
        fix: 'use an integer ≥ 0 and below 2²⁸.',
      })
    moveBy(this.state, [count])
  }

  /**
   * Random bits, one int32 per element.
   *
   * @param drawn the shape of the numbers that are made of the bits, by which the counter moves
   */
  bits(shape: readonly Size[], drawn: readonly Size[] = shape): Tensor {
    return drawBits(this.state, shape, drawn)
  }

  /**
   * Uniform numbers in [min, max), 0 and 1 unless given: multiples of 2⁻²³ (float32) or 2⁻⁵² (float64) of max − min, or
   * integers (int32, which need a `max`). A bound may be a tensor that broadcasts.
   *
   * @throws ValueError for a bad shape or min ≥ max, DTypeError for uint8 and bool.
   */
  uniform(shape: readonly Size[], min: TensorLike = 0, max?: TensorLike, dtype: DType = 'float32'): Tensor {
    return uniformNumbers((...of) => this.bits(...of), 'uniform', shape, min, max, dtype)
  }

  /** Normal numbers; float32 or float64. Throws ValueError for a bad shape, DTypeError for other dtypes. */
  normal(
    shape: readonly Size[],
    mean: TensorLike = 0,
    std: TensorLike = 1,
    dtype: DType = 'float32',
  ): Tensor {
    return normalNumbers((...of) => this.bits(...of), 'normal', shape, mean, std, dtype)
  }

  /** Normal numbers on condition that they are within 2·std of the mean; `std` is that before the cut. */
  truncatedNormal(
    shape: readonly Size[],
    mean: TensorLike = 0,
    std: TensorLike = 1,
    dtype: DType = 'float32',
  ): Tensor {
    return truncatedNormalNumbers((...of) => this.bits(...of), 'truncatedNormal', shape, mean, std, dtype)
  }

  /** True (or 1) with the given probability, which may be a tensor that broadcasts. Throws ValueError outside [0, 1]. */
  bernoulli(shape: readonly Size[], probability: TensorLike = 0.5, dtype: DType = 'bool'): Tensor {
    return bernoulliNumbers((...of) => this.bits(...of), 'bernoulli', shape, probability, dtype)
  }

  /** Exponential numbers, −ln(1 − u)/rate; float32 or float64. Throws ValueError for a bad shape or a rate ≤ 0. */
  exponential(shape: readonly Size[], rate: TensorLike = 1, dtype: DType = 'float32'): Tensor {
    return exponentialNumbers((...of) => this.bits(...of), 'exponential', shape, rate, dtype)
  }

  /**
   * Numbers of the gamma distribution with density x^(alpha−1)·e^(−beta·x)·beta^alpha/Γ(alpha); float32 or float64.
   * `alpha` and `beta` may be tensors that broadcast to the shape.
   *
   * @throws ValueError for a bad shape or parameters ≤ 0, DTypeError for other dtypes.
   */
  gamma(shape: readonly Size[], alpha: TensorLike, beta: TensorLike = 1, dtype: DType = 'float32'): Tensor {
    return gammaNumbers((...of) => this.bits(...of), 'gamma', shape, alpha, beta, dtype)
  }

  /**
   * `count` draws for each row of logits [batch, classes]: int32[batch, count], class i with probability softmax(logits)[i].
   *
   * @throws ShapeError for logits of another rank, ValueError for a bad count.
   */
  categorical(logits: TensorLike, count: number): Tensor {
    return categoricalNumbers((...of) => this.bits(...of), 'categorical', logits, count)
  }

  /** The numbers 0 … count−1 in random order, int32[count]: random bits are drawn and sorted. */
  permutation(count: Size): Tensor {
    if (typeof count === 'number' && (!Number.isInteger(count) || count < 0))
      throw new ValueError({
        op: 'permutation',
        problem: `the count is ${count}`,
        fix: 'use an integer ≥ 0.',
      })
    return argsort(this.bits([count]))
  }

  /** The rows of `x` (axis 0) in random order. Throws ValueError for a scalar. */
  shuffle(x: TensorLike): Tensor {
    const tensor = convertToTensor(x, { op: 'shuffle' })
    const [count] = tensor.type.shape
    if (count === undefined)
      throw new ValueError({ op: 'shuffle', problem: 'a scalar has no rows', fix: 'pass rank 1 or more.' })
    return gather(tensor, this.permutation(count))
  }

  /** New generators whose keys are drawn from this one, so that their sequences have nothing in common with it. */
  split(count = 1): Generator[] {
    if (!Number.isInteger(count) || count < 1)
      throw new ValueError({ op: 'split', problem: `the count is ${count}`, fix: 'use an integer ≥ 1.' })
    const keys = withTrace(eagerTrace(), () => this.bits([count, keyWords], [count]).elements('split'))
    return Array.from(
      { length: count },
      (_, i) =>
        new Generator(stateVariable(Int32Array.of(0, 0, 0, 0, keys[2 * i] ?? 0, keys[2 * i + 1] ?? 0))),
    )
  }
}

function demandWords(op: string, words: Tensor, count: number): void {
  if (words.dtype === 'int32' && words.rank === 1 && words.shape[0] === count) return
  throw new ShapeError({
    op,
    problem: `it takes ${count} words of 32 bits`,
    rows: [['given', printType(words.type)]],
    fix: `pass an int32 tensor of shape [${count}].`,
  })
}

function stateOfKeyCounter(op: string, key: TensorLike, counter: TensorLike): Tensor {
  const [keyOf, place] = [key, counter].map((words) => convertToTensor(words, { op, dtype: 'int32' })) as [
    Tensor,
    Tensor,
  ]
  demandWords(op, keyOf, keyWords)
  demandWords(op, place, counterWords)
  return concat([place, keyOf])
}

/** Bits from a state, which is moved by the numbers that are made of them. */
export function drawBits(state: Variable, shape: readonly Size[], drawn: readonly Size[]): Tensor {
  const draw = (): Tensor => {
    const words = state.value()
    const counter = sliceAxis(words, 0, 0, counterWords)
    const key = sliceAxis(words, 0, counterWords, keyWords)
    const bits = randomBits(key, counter, shape)
    moveBy(state, drawn)
    return bits
  }
  const trace = currentTrace()
  return trace.together === undefined ? draw() : trace.together(draw)
}

function moveBy(state: Variable, drawn: readonly Size[]): void {
  if (isTracing()) state.assign(advanced(state.value(), drawn))
  else state.assign(advancedWords(state.data(), elementCount(drawn) as number))
}

function stateVariable(words: Int32Array | Tensor): Variable {
  return variable(words, { name: 'random_state', trainable: false })
}

/**
 * A generator at the start of the seed's sequence; an arbitrary seed when absent. As in TensorFlow the seed is where the
 * counter starts, so the sequences of 1 and 2 overlap: for sequences that have nothing in common, `split` one generator.
 *
 * @throws ValueError for a seed that is no integer
 * @example
 * const g = tf.random.generator(1)
 * g.normal([2]) // differs on every call
 * g.reset(1) // and repeats from here
 */
export function generator(seed: number = arbitrarySeed()): Generator {
  return new Generator(stateVariable(stateOfSeed('generator', seed)))
}

let shared: Generator | undefined

/** The generator behind the functions of `tf.random`. It exists once and is never replaced, so traces may hold its state. */
export function globalGenerator(): Generator {
  shared ??= withTrace(eagerTrace(), () => {
    const words = convertToTensor(stateOfKey('tf.random', arbitrarySeed()))
    return new Generator(new Variable(words, { name: 'global_random_state', trainable: false }))
  })
  return shared
}

/** A generator for the library's own use, with a sequence of its own for each seed and nothing in common with others. */
export function keyedGenerator(seed: number): Generator {
  return new Generator(withTrace(eagerTrace(), () => stateVariable(stateOfKey('seed', seed))))
}

/** The state after `count` numbers, by additions with carry. */
export function advancedWords(state: ArrayLike<number>, count: number): Int32Array {
  const next = Int32Array.from(state)
  let carry = count * 2 ** logBlocksPerNumber
  for (let i = 0; i < counterWords && carry > 0; i++) {
    const total = ((next[i] ?? 0) >>> 0) + carry
    next[i] = total | 0
    carry = Math.floor(total / 2 ** 32)
  }
  return next
}

/** The same while tracing: a carry leaves a word when the sum, read as unsigned, is below what was added. */
function advanced(state: Tensor, drawn: readonly Size[]): Tensor {
  const scalarAt = (at: number): Tensor => sliceAxis(state, 0, at, 1).reshape([])
  const place = iota([counterWords + keyWords], 0, 'int32')
  const count = countOf(drawn)
  let carry = leftShift(count, logBlocksPerNumber)
  let increments = where(equal(place, 0), carry, 0)
  for (let i = 1; i < counterWords; i++) {
    const total = add(scalarAt(i - 1), carry)
    const overflow = cast(less(bitwiseXor(total, -0x80000000), bitwiseXor(carry, -0x80000000)), 'int32')
    carry = i === 1 ? add(overflow, rightShift(count, 32 - logBlocksPerNumber)) : overflow
    increments = where(equal(place, i), carry, increments)
  }
  return add(state, increments)
}

/** The number of elements as an int32 scalar; the shape may have sizes that are known only when the function is called. */
function countOf(shape: readonly Size[]): Tensor {
  const count = elementCount(shape)
  if (typeof count === 'number') return filled('int32', [], count)
  const image = broadcastTo(filled('int32', [], 0), shape)
  const sizes = shape.map((_, axis) => sizeOf(image, axis))
  return sizes.reduce((product, size) => mul(product, size))
}
