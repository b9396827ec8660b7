/**
 * Random bits by Philox-4x32-10, a counter-based generator: each block of four 32-bit outputs is a function of a key
 * and a counter alone, so any element can be computed anywhere, in any order.
 *
 * Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; multipliers
 * and key increments are theirs.
 */
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import type { Axis, Expr, ExprPool } from '../../codegen/expr.ts'
import type { Statement } from '../../codegen/kernel.ts'
import { elementCount, floorDivideSizes, modSizes, multiplySizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, operandRows, readerAt, sizeAt } from './arguments.ts'
import { loopNest } from './lowering.ts'
import { requireEqual } from './sizes.ts'

const multipliers = [0xd2511f53, 0xcd9e8d57] as const
const keyIncrements = [0x9e3779b9, 0xbb67ae85] as const
const rounds = 10

type RandomBitsAttrs = { readonly shape: Shape }

function demandWords(name: string, type: TensorType, words: number): void {
  const row = operandRows([type], [name])
  if (type.dtype !== 'int32')
    throw new DTypeError({ op: 'randomBits', problem: `${name} must be int32`, rows: row, fix: 'cast it.' })
  const complaint = {
    op: 'randomBits',
    problem: `${name} must have ${words} words`,
    rows: row,
    fix: `use the shape [${words}].`,
  }
  if (type.shape.length !== 1) throw new ShapeError(complaint)
  requireEqual(sizeAt(type.shape, 0), words, () => complaint)
}

/** The kernel's locals: what is used more than once is computed once, in the statements of its place. */
class Place {
  readonly statements: Statement[] = []
  readonly #e: ExprPool
  readonly #axes: readonly Axis[]
  constructor(e: ExprPool, axes: readonly Axis[]) {
    this.#e = e
    this.#axes = axes
  }
  keep(value: Expr): Expr {
    const local = this.#e.local('int32')
    this.statements.push({ kind: 'let', local, value })
    return this.#e.localValue(local, this.#axes)
  }
}

/** Counter + block, as a 128-bit integer of four words, the lowest first. */
function advanced(e: ExprPool, place: Place, counter: readonly Expr[], block: Expr): Expr[] {
  const top = e.const('int32', 0x80000000)
  const unsignedLess = (x: Expr, y: Expr): Expr =>
    e.compare('lt', e.binary('xor', x, top), e.binary('xor', y, top))
  let carried = block
  return counter.map((own) => {
    const total = place.keep(e.binary('add', own, carried))
    carried = e.select(unsignedLess(total, own), e.const('int32', 1), e.const('int32', 0))
    return total
  })
}

/** The four words of a block; `keys` are the two words of each round. */
function wordsOfBlock(
  e: ExprPool,
  place: Place,
  keys: readonly (readonly Expr[])[],
  counter: readonly Expr[],
  block: Expr,
): Expr[] {
  let words = advanced(e, place, counter, block)
  for (const key of keys) {
    const product = (op: 'mul' | 'mulhu', i: number): Expr =>
      place.keep(e.binary(op, at(words, 2 * i), e.const('int32', at(multipliers, i))))
    const mixed = (x: Expr, word: number, k: number): Expr =>
      place.keep(e.binary('xor', e.binary('xor', x, at(words, word)), at(key, k)))
    words = [
      mixed(product('mulhu', 1), 1, 0),
      product('mul', 1),
      mixed(product('mulhu', 0), 3, 1),
      product('mul', 0),
    ]
  }
  return words
}

const randomBitsOp: OpDefinition<RandomBitsAttrs> = defineOp<RandomBitsAttrs>({
  name: 'random_bits',
  cost: 100,
  sizeAttributes: ['shape'],
  type: (operands, { shape }) => {
    demandWords('key', at(operands, 0), 2)
    demandWords('counter', at(operands, 1), 4)
    return [{ dtype: 'int32', shape }]
  },
  gradient: 'none',
  lower: {
    kind: 'loops',
    // A block gives four elements, so the loop is over blocks; what is left of the last one has a loop of its own.
    build: ({ e, attrs, operands, output, axis }) => {
      const count = elementCount(attrs.shape)
      const blocks = floorDivideSizes(count, 4)
      const start = new Place(e, [])
      const word = (operand: number, i: number): Expr =>
        start.keep(readerAt(operands, operand).read([e.const('int32', i)]))
      const key = [word(0, 0), word(0, 1)]
      const counter = [0, 1, 2, 3].map((i) => word(1, i))
      const keys = Array.from({ length: rounds }, (_, round) =>
        key.map((own, i) =>
          start.keep(e.binary('add', own, e.const('int32', Math.imul(at(keyIncrements, i), round)))),
        ),
      )
      const block = axis('block', blocks)
      const each = new Place(e, [block])
      const words = wordsOfBlock(e, each, keys, counter, e.index(block))
      words.forEach((value, lane) => {
        const index = e.linear([{ atom: e.index(block), coefficient: 4 }], lane)
        each.statements.push({ kind: 'store', buffer: output, index, value })
      })
      const left = axis('left', modSizes(count, 4))
      if (left.extent === 0) return [...start.statements, ...loopNest(e, [block], each.statements)]
      const last = new Place(e, [])
      const [w0, w1, w2, w3] = wordsOfBlock(e, last, keys, counter, e.size(blocks)) as [
        Expr,
        Expr,
        Expr,
        Expr,
      ]
      const isLane = (lane: number): Expr => e.compare('eq', e.index(left), e.const('int32', lane))
      const store: Statement = {
        kind: 'store',
        buffer: output,
        index: e.linear([{ atom: e.index(left), coefficient: 1 }], multiplySizes(blocks, 4)),
        value: e.select(isLane(0), w0, e.select(isLane(1), w1, e.select(isLane(2), w2, w3))),
      }
      return [
        ...start.statements,
        ...loopNest(e, [block], each.statements),
        ...last.statements,
        ...loopNest(e, [left], [store]),
      ]
    },
  },
})

/**
 * int32 tensor of `shape` with independent uniformly random bits, determined by `key` (int32[2]) and `counter`
 * (int32[4], the lowest word first): element i is output i mod 4 of the block at counter + ⌊i/4⌋. No gradient.
 *
 * @throws ShapeError or DTypeError when key or counter are of another type.
 * @example randomBits(tf.tensor([1, 0], 'int32'), tf.tensor([0, 0, 0, 0], 'int32'), [2, 3]).shape // [2, 3]
 */
export function randomBits(key: TensorLike, counter: TensorLike, shape: Shape): Tensor {
  return bindOne(
    randomBitsOp,
    [
      convertToTensor(key, { op: 'randomBits', dtype: 'int32' }),
      convertToTensor(counter, { op: 'randomBits', dtype: 'int32' }),
    ],
    { shape },
  )
}
