/**
 * Generators: a place in a random sequence, kept in a Variable.
 *
 * The state is six int32 words: a counter of 128 bits, the lowest word first, and a key of 64. A draw of n words of
 * random bits takes the ⌈n/4⌉ blocks of Philox-4x32-10 from the counter on and moves the counter past them. As the state
 * is a Variable, a traced function captures it by reference and draws anew on every call; the numbers are those that
 * eager code would have drawn.
 */
import type { DType } from '../../codegen/dtype.ts'
import { TraceError, ValueError } from '../../codegen/errors.ts'
import { elementCount, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { sliceAxis } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { currentTrace, eagerTrace, isTracing, withTrace } from '../../tracer/trace/bind.ts'
import { flatten, unflatten } from '../../tracer/trace/protocol.ts'
import { Variable } from '../../tracer/variable.ts'
import {
  add,
  bitwiseXor,
  broadcastTo,
  cast,
  equal,
  filled,
  gather,
  iota,
  less,
  mul,
  randomBits,
  sizeOf,
  truncatedDiv,
  where,
} from '../../tracer/ops/index.ts'
import { variable } from '../variable.ts'
import { bernoulliNumbers, normalNumbers, truncatedNormalNumbers, uniformNumbers } from './distributions.ts'

const counterWords = 4
const keyWords = 2

/** A seed as two words, the low one first. */
function wordsOfSeed(op: string, seed: number): readonly [number, number] {
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
function stateOfKey(op: string, seed: number): Int32Array {
  const [low, high] = wordsOfSeed(op, seed)
  return Int32Array.of(0, 0, 0, 0, low, high)
}

/** A seed nobody chose. */
function arbitrarySeed(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
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

  /** Goes to the start of the seed's sequence; traced functions that use the generator follow. Throws ValueError for no integer. */
  reset(seed: number): void {
    this.state.assign(stateOfSeed('reset', seed))
  }

  /** Random bits, one int32 per element. */
  bits(shape: readonly Size[]): Tensor {
    const trace = currentTrace()
    return trace.together === undefined ? this.#draw(shape) : trace.together(() => this.#draw(shape))
  }

  #draw(shape: readonly Size[]): Tensor {
    const state = this.state.value()
    const counter = sliceAxis(state, 0, 0, counterWords)
    const key = sliceAxis(state, 0, counterWords, keyWords)
    const drawn = randomBits(key, counter, shape)
    if (isTracing()) this.state.assign(advanced(state, shape))
    else this.state.assign(advancedWords(this.state.data(), elementCount(shape) as number))
    return drawn
  }

  /**
   * Uniform numbers in [min, max), 0 and 1 unless given: multiples of 2⁻²³ (float32) or 2⁻⁵² (float64) of max − min, or
   * integers (int32, which need a `max`). A bound may be a tensor that broadcasts.
   *
   * @throws ValueError for a bad shape or min ≥ max, DTypeError for uint8 and bool.
   */
  uniform(shape: readonly Size[], min: TensorLike = 0, max?: TensorLike, dtype: DType = 'float32'): Tensor {
    return uniformNumbers((of) => this.bits(of), 'uniform', shape, min, max, dtype)
  }

  /** Normal numbers; float32 or float64. Throws ValueError for a bad shape, DTypeError for other dtypes. */
  normal(
    shape: readonly Size[],
    mean: TensorLike = 0,
    std: TensorLike = 1,
    dtype: DType = 'float32',
  ): Tensor {
    return normalNumbers((of) => this.bits(of), 'normal', shape, mean, std, dtype)
  }

  /** Normal numbers on condition that they are within 2·std of the mean; `std` is that before the cut. */
  truncatedNormal(
    shape: readonly Size[],
    mean: TensorLike = 0,
    std: TensorLike = 1,
    dtype: DType = 'float32',
  ): Tensor {
    return truncatedNormalNumbers((of) => this.bits(of), 'truncatedNormal', shape, mean, std, dtype)
  }

  /** True (or 1) with the given probability, which may be a tensor that broadcasts. Throws ValueError outside [0, 1]. */
  bernoulli(shape: readonly Size[], probability: TensorLike = 0.5, dtype: DType = 'bool'): Tensor {
    return bernoulliNumbers((of) => this.bits(of), 'bernoulli', shape, probability, dtype)
  }

  /**
   * The numbers 0 … count−1 in random order, int32[count], by Fisher and Yates's exchanges. Eager only.
   *
   * @throws TraceError while tracing: pass the permutation to the traced function as an argument.
   */
  permutation(count: number): Tensor {
    if (isTracing())
      throw new TraceError({
        op: 'permutation',
        problem: 'it is drawn in eager code only, and a function is being traced',
        fix: 'draw it before the call and pass it as an argument.',
      })
    if (!Number.isInteger(count) || count < 0)
      throw new ValueError({
        op: 'permutation',
        problem: `the count is ${count}`,
        fix: 'use an integer ≥ 0.',
      })
    const bits = this.bits([count]).elements('permutation')
    const order = Int32Array.from({ length: count }, (_, i) => i)
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(((bits[i] ?? 0) >>> 0) * ((i + 1) / 2 ** 32))
      const held = order[i] ?? 0
      order[i] = order[j] ?? 0
      order[j] = held
    }
    return convertToTensor(order)
  }

  /** The rows of `x` (axis 0) in random order. Throws ValueError for a scalar, TraceError while tracing; see `permutation`. */
  shuffle(x: TensorLike): Tensor {
    const tensor = convertToTensor(x, { op: 'shuffle' })
    const [count] = tensor.shape
    if (count === undefined)
      throw new ValueError({ op: 'shuffle', problem: 'a scalar has no rows', fix: 'pass rank 1 or more.' })
    return gather(tensor, this.permutation(count))
  }

  /** New generators whose keys are drawn from this one, so that their sequences have nothing in common with it. */
  split(count = 1): Generator[] {
    if (!Number.isInteger(count) || count < 1)
      throw new ValueError({ op: 'split', problem: `the count is ${count}`, fix: 'use an integer ≥ 1.' })
    const keys = withTrace(eagerTrace(), () => this.bits([count, keyWords]).elements('split'))
    return Array.from(
      { length: count },
      (_, i) =>
        new Generator(stateVariable(Int32Array.of(0, 0, 0, 0, keys[2 * i] ?? 0, keys[2 * i + 1] ?? 0))),
    )
  }
}

function stateVariable(words: Int32Array): Variable {
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

/**
 * Starts the sequence that the functions of `tf.random` share anew; the same seed gives the same numbers from then on.
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
  globalGenerator().state.assign(stateOfKey('setSeed', seed))
}

/** A generator for the library's own use, with a sequence of its own for each seed and nothing in common with others. */
export function keyedGenerator(seed: number): Generator {
  return new Generator(withTrace(eagerTrace(), () => stateVariable(stateOfKey('seed', seed))))
}

/** The state after `count` words of bits, by additions with carry. */
function advancedWords(state: ArrayLike<number>, count: number): Int32Array {
  const next = Int32Array.from(state)
  let carry = Math.ceil(count / 4)
  for (let i = 0; i < counterWords && carry > 0; i++) {
    const total = ((next[i] ?? 0) >>> 0) + carry
    next[i] = total | 0
    carry = Math.floor(total / 2 ** 32)
  }
  return next
}

/** The same while tracing: a carry leaves a word when the sum, read as unsigned, is below what was added. */
function advanced(state: Tensor, shape: readonly Size[]): Tensor {
  const scalarAt = (at: number): Tensor => sliceAxis(state, 0, at, 1).reshape([])
  const place = iota([counterWords + keyWords], 0, 'int32')
  let carry = blocksOf(shape)
  let increments = where(equal(place, 0), carry, 0)
  for (let i = 1; i < counterWords; i++) {
    const total = add(scalarAt(i - 1), carry)
    const overflow = less(bitwiseXor(total, -0x80000000), bitwiseXor(carry, -0x80000000))
    carry = cast(overflow, 'int32')
    increments = where(equal(place, i), carry, increments)
  }
  return add(state, increments)
}

/** ⌈words/4⌉ as an int32 scalar; the shape may have sizes that are known only when the function is called. */
function blocksOf(shape: readonly Size[]): Tensor {
  const count = elementCount(shape)
  if (typeof count === 'number') return filled('int32', [], Math.ceil(count / 4))
  const image = broadcastTo(filled('int32', [], 0), shape)
  const sizes = shape.map((_, axis) => sizeOf(image, axis))
  return truncatedDiv(
    add(
      sizes.reduce((product, size) => mul(product, size)),
      3,
    ),
    4,
  )
}
