/**
 * Rewrites of arithmetic that keep every bit, also of −0, NaN and the infinities (of a NaN only its sign may change).
 *
 * What looks like an identity and is not stays out: x + 0 turns −0 into 0 (x + −0 does not), x·0 is NaN for infinities,
 * not(x < y) is not x ≥ y for NaN. `pow(x, 2)` becomes x·x, which is the correctly rounded square, and `pow(x, −1)`
 * the correctly rounded reciprocal: both at least as exact as the power.
 */
import { isFloating, isInteger } from '../../codegen/dtype.ts'
import type { DType } from '../../codegen/dtype.ts'
import type { Value } from '../ir/graph.ts'
import {
  buildSplat,
  isIntegerZero,
  isSplat,
  type Match,
  operandAt,
  operandFrom,
  type Rule,
  type RuleTable,
  splat,
} from './rules.ts'

/** `op(op(x))` is x. */
function cancelsItself(op: string): Rule {
  return (match) => operandFrom(match, 0, op)?.operands[0]
}

/** `op(op(x))` is `op(x)`. */
function idempotent(op: string): Rule {
  return (match) => operandFrom(match, 0, op)?.results[0]
}

/** `op(x, x)` is x. */
const sameOperands: Rule = ({ node }) =>
  operandAt(node, 0) === operandAt(node, 1) ? operandAt(node, 0) : undefined

/** x, when the other operand, on either side, satisfies `neutral`. */
function neutralOperand(neutral: (match: Match, i: number) => boolean): Rule {
  return (match) =>
    neutral(match, 1) ? operandAt(match.node, 0) : neutral(match, 0) ? operandAt(match.node, 1) : undefined
}

/** x, when the right operand satisfies `neutral`. */
function neutralRight(neutral: (match: Match, i: number) => boolean): Rule {
  return (match) => (neutral(match, 1) ? operandAt(match.node, 0) : undefined)
}

/** −x, when the other operand is −1. */
const timesMinusOne: Rule = (match) => {
  if (match.type.dtype === 'uint8') return undefined
  const other = isSplat(match, 1, -1) ? 0 : isSplat(match, 0, -1) ? 1 : undefined
  return other === undefined ? undefined : match.build('neg', [operandAt(match.node, other)])
}

/** x + −y is x − y, and −x + y is y − x. */
const addOfNegative: Rule = (match) => {
  const [x, y] = [operandAt(match.node, 0), operandAt(match.node, 1)]
  const minusY = operandFrom(match, 1, 'neg')?.operands[0]
  if (minusY !== undefined) return match.build('sub', [x, minusY])
  const minusX = operandFrom(match, 0, 'neg')?.operands[0]
  return minusX === undefined ? undefined : match.build('sub', [y, minusX])
}

/** x − −y is x + y. */
const subtractionOfNegative: Rule = (match) => {
  const minusY = operandFrom(match, 1, 'neg')?.operands[0]
  return minusY === undefined ? undefined : match.build('add', [operandAt(match.node, 0), minusY])
}

/** 0 − x is −x for integers; for floats −0 − x is. */
const subtractionFromZero: Rule = (match) => {
  const zero = isFloating(match.type.dtype) ? isSplat(match, 0, -0) : isIntegerZero(match, 0)
  return zero ? match.build('neg', [operandAt(match.node, 1)]) : undefined
}

/** op(−x, −y) is op(x, y) for products and quotients. */
function signsCancel(op: string): Rule {
  return (match) => {
    const x = operandFrom(match, 0, 'neg')?.operands[0]
    const y = operandFrom(match, 1, 'neg')?.operands[0]
    return x === undefined || y === undefined ? undefined : match.build(op, [x, y])
  }
}

/** The reciprocal of a power of two that is normal in `dtype`, as is its own. */
function exactReciprocal(number: number, dtype: DType): number | undefined {
  const exponent = Math.log2(Math.abs(number))
  const largest = dtype === 'float32' ? 126 : 1022
  const exact =
    Number.isInteger(exponent) && Math.abs(exponent) <= largest && 2 ** exponent === Math.abs(number)
  return exact ? 1 / number : undefined
}

/** x / c is x · (1/c) when c is a power of two: both round the same number. */
const divisionByPowerOfTwo: Rule = (match) => {
  const [x, y] = [operandAt(match.node, 0), operandAt(match.node, 1)]
  const divisor = splat(match, y)
  if (!isFloating(match.type.dtype) || x.type.dtype !== match.type.dtype || divisor === undefined)
    return undefined
  const reciprocal = exactReciprocal(divisor, match.type.dtype)
  return reciprocal === undefined ? undefined : match.build('mul', [x, buildSplat(match, y.type, reciprocal)])
}

/** Powers to a small constant. */
const constantPower: Rule = (match) => {
  const [x, y] = [operandAt(match.node, 0), operandAt(match.node, 1)]
  const exponent = splat(match, y)
  if (exponent === 1) return x
  if (exponent === 2) return match.build('mul', [x, x])
  if (exponent === -1 && isFloating(x.type.dtype))
    return match.build('div', [buildSplat(match, x.type, 1), x])
  return undefined
}

/** |x| is x for uint8. */
const absoluteOfUnsigned: Rule = ({ node, type }) => (type.dtype === 'uint8' ? operandAt(node, 0) : undefined)

/** |−x| is |x|. */
const absoluteOfNegative: Rule = (match) => {
  const x = operandFrom(match, 0, 'neg')?.operands[0]
  return x === undefined ? undefined : match.build('abs', [x])
}

const opposite: Readonly<Record<string, string>> = {
  eq: 'ne',
  ne: 'eq',
  lt: 'ge',
  ge: 'lt',
  gt: 'le',
  le: 'gt',
}

/** not(x < y) is x ≥ y where no NaN can be; not(x = y) is x ≠ y everywhere. */
const negatedComparison: Rule = (match) => {
  const compare = operandFrom(match, 0, 'compare')
  const op = compare?.attrs['op']
  if (compare === undefined || typeof op !== 'string') return undefined
  const other = opposite[op]
  const ordered = op !== 'eq' && op !== 'ne'
  if (other === undefined || (ordered && isFloating(operandAt(compare, 0).type.dtype))) return undefined
  return match.build('compare', compare.operands, { ...compare.attrs, op: other })
}

/** The branch taken, when both are the same or the condition is constant. */
const decidedSelect: Rule = (match) => {
  const [yes, no] = [operandAt(match.node, 1), operandAt(match.node, 2)]
  if (yes === no) return yes
  const condition = splat(match, operandAt(match.node, 0))
  return condition === undefined ? undefined : condition === 0 ? no : yes
}

/** select(not c, x, y) is select(c, y, x). */
const selectOfNot: Rule = (match) => {
  const condition = operandFrom(match, 0, 'not')?.operands[0]
  return condition === undefined
    ? undefined
    : match.build('select', [condition, operandAt(match.node, 2), operandAt(match.node, 1)])
}

/** A branch that selects by the same condition is the branch of that branch. */
const nestedSelect: Rule = (match) => {
  const condition = operandAt(match.node, 0)
  const branch = (i: number): Value | undefined => {
    const inner = operandFrom(match, i, 'select')
    return inner !== undefined && operandAt(inner, 0) === condition ? operandAt(inner, i) : undefined
  }
  const [yes, no] = [branch(1), branch(2)]
  if (yes === undefined && no === undefined) return undefined
  return match.build('select', [condition, yes ?? operandAt(match.node, 1), no ?? operandAt(match.node, 2)])
}

const castToItself: Rule = ({ node, type }) =>
  operandAt(node, 0).type.dtype === type.dtype ? operandAt(node, 0) : undefined

/** The dtypes that hold every value of a dtype. */
const widerThan: Readonly<Record<DType, readonly DType[]>> = {
  bool: ['uint8', 'int32', 'float32', 'float64'],
  uint8: ['int32', 'float32', 'float64'],
  int32: ['float64'],
  float32: ['float64'],
  float64: [],
}

/** A cast that loses nothing, followed by another, is the other. */
const castOfWidening: Rule = (match) => {
  const inner = operandFrom(match, 0, 'cast')
  if (inner === undefined) return undefined
  const x = operandAt(inner, 0)
  const middle = operandAt(match.node, 0).type.dtype
  return widerThan[x.type.dtype].includes(middle)
    ? match.build('cast', [x], { dtype: match.type.dtype })
    : undefined
}

/** Bits read as another dtype and back. */
const bitcastBack: Rule = (match) => {
  const x = operandFrom(match, 0, 'bitcast')?.operands[0]
  return x?.type.dtype === match.type.dtype ? x : undefined
}

const isOne = (match: Match, i: number): boolean => isSplat(match, i, 1)
/** Neutral for addition: 0, or −0 for floats. */
const isNothing = (match: Match, i: number): boolean => isSplat(match, i, -0) || isIntegerZero(match, i)
const isAllOnes = (match: Match, i: number): boolean => {
  const { dtype } = match.type
  return isSplat(match, i, dtype === 'bool' ? 1 : dtype === 'uint8' ? 255 : -1)
}
/** Neutral on the right of a subtraction: +0. */
const isPlusZero = (match: Match, i: number): boolean => isSplat(match, i, 0) || isIntegerZero(match, i)
/** Shifts and bitwise ops of integers. */
const isNoShift = (match: Match, i: number): boolean => isInteger(match.type.dtype) && isIntegerZero(match, i)

export const arithmeticRules: RuleTable = {
  neg: [cancelsItself('neg')],
  not: [cancelsItself('not'), negatedComparison],
  abs: [absoluteOfUnsigned, idempotent('abs'), absoluteOfNegative],
  floor: [idempotent('floor')],
  ceil: [idempotent('ceil')],
  round: [idempotent('round')],
  trunc: [idempotent('trunc')],
  add: [neutralOperand(isNothing), addOfNegative],
  sub: [neutralRight(isPlusZero), subtractionFromZero, subtractionOfNegative],
  mul: [neutralOperand(isOne), timesMinusOne, signsCancel('mul')],
  div: [neutralRight(isOne), divisionByPowerOfTwo, signsCancel('div')],
  idiv: [neutralRight(isOne)],
  pow: [constantPower],
  max: [sameOperands],
  min: [sameOperands],
  and: [sameOperands, neutralOperand(isAllOnes)],
  or: [sameOperands, neutralOperand(isIntegerZero)],
  xor: [neutralOperand(isIntegerZero)],
  shl: [neutralRight(isNoShift)],
  shr: [neutralRight(isNoShift)],
  select: [decidedSelect, selectOfNot, nestedSelect],
  cast: [castToItself, castOfWidening],
  bitcast: [castToItself, bitcastBack],
}
