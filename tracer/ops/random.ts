/**
 * Random bits by Philox-4x32-10, a counter-based generator: each block of four 32-bit outputs is a function of a key
 * and a counter alone, so any element can be computed anywhere, in any order.
 *
 * Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; multipliers
 * and key increments are theirs.
 */
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import { defineOp, type OperandReader, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, operandRows, readerAt, sizeAt } from './arguments.ts'
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

/** Counter + block, as a 128-bit integer of four words, the lowest first. */
function advanced(e: ExprPool, counter: OperandReader, block: Expr): Expr[] {
  const top = e.const('int32', 0x80000000)
  const unsignedLess = (x: Expr, y: Expr): Expr =>
    e.compare('lt', e.binary('xor', x, top), e.binary('xor', y, top))
  let carried = block
  return [0, 1, 2, 3].map((word) => {
    const own = counter.read([e.const('int32', word)])
    const total = e.binary('add', own, carried)
    carried = e.select(unsignedLess(total, own), e.const('int32', 1), e.const('int32', 0))
    return total
  })
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
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const position = e.offset(index, attrs.shape)
      let words = advanced(e, readerAt(operands, 1), e.indexDivide(position, 4))
      const keys = [0, 1].map((word) => readerAt(operands, 0).read([e.const('int32', word)]))
      for (let round = 0; round < rounds; round++) {
        const key = keys.map((word, i) =>
          e.binary('add', word, e.const('int32', Math.imul(at(keyIncrements, i), round))),
        )
        const high = multipliers.map((factor, i) =>
          e.binary('mulhu', at(words, 2 * i), e.const('int32', factor)),
        )
        const low = multipliers.map((factor, i) =>
          e.binary('mul', at(words, 2 * i), e.const('int32', factor)),
        )
        const mixed = (x: Expr, word: number, k: number): Expr =>
          e.binary('xor', e.binary('xor', x, at(words, word)), at(key, k))
        words = [mixed(at(high, 1), 1, 0), at(low, 1), mixed(at(high, 0), 3, 1), at(low, 0)]
      }
      const lane = e.indexMod(position, 4)
      const isLane = (wanted: number): Expr => e.compare('eq', lane, e.const('int32', wanted))
      return e.select(
        isLane(0),
        at(words, 0),
        e.select(isLane(1), at(words, 1), e.select(isLane(2), at(words, 2), at(words, 3))),
      )
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
