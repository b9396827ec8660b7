/** What each kind of node demands of its operands: dtypes, lanes, and the operations a dtype has. */
import type { DType } from '../dtype.ts'
import { type BinaryOp, type Expr, operandsOf } from '../expr.ts'

const floating: readonly DType[] = ['float32', 'float64']
const integers: readonly DType[] = ['int32', 'uint8']
const numbers: readonly DType[] = [...floating, ...integers]

const binaryDTypes: Readonly<Record<BinaryOp, readonly DType[]>> = {
  add: numbers,
  sub: numbers,
  mul: numbers,
  div: floating,
  idiv: integers,
  rem: numbers,
  pow: numbers,
  atan2: floating,
  max: numbers,
  min: numbers,
  pmax: numbers,
  pmin: numbers,
  and: [...integers, 'bool'],
  or: [...integers, 'bool'],
  xor: [...integers, 'bool'],
  shl: integers,
  shr: integers,
  shru: integers,
  mulhu: ['int32'],
}

/** Visits the operands (not those of a reduction, which has no place in a kernel), then says what is wrong with the node itself, or undefined. */
export function checkNode(expr: Expr, visit: (operand: Expr) => void): string | undefined {
  if (expr.kind !== 'reduce' && expr.kind !== 'argReduce')
    for (const operand of operandsOf(expr)) visit(operand)
  return problemOf(expr)
}

function problemOf(expr: Expr): string | undefined {
  if (expr.dtype === 'float64' && expr.lanes > 2) return `a float64 with ${expr.lanes} lanes`
  const same = (...operands: readonly Expr[]): string | undefined =>
    operands.every((x) => x.lanes === expr.lanes && x.dtype === expr.dtype)
      ? undefined
      : `${expr.kind} of ${operands.map(typeText).join(' and ')} is said to be ${typeText(expr)}`
  switch (expr.kind) {
    case 'const':
    case 'axis':
    case 'local':
    case 'size':
      return undefined
    case 'linear':
      return expr.terms.every(({ atom }) => atom.dtype === 'int32' && atom.lanes === 1)
        ? undefined
        : 'a term of an index is not an int32 scalar'
    case 'load':
      if (expr.index.dtype !== 'int32')
        return `the index of a load of %${expr.buffer.name} is ${expr.index.dtype}`
      if (expr.index.lanes > 1 && expr.index.lanes !== expr.lanes)
        return `a gather of ${expr.lanes} lanes has an index of ${expr.index.lanes}`
      return expr.dtype === expr.buffer.dtype
        ? undefined
        : `a load of %${expr.buffer.name} is said to be ${expr.dtype}`
    case 'unary':
      if (expr.op === 'not' ? floating.includes(expr.dtype) : expr.dtype === 'bool')
        return `${expr.op} of ${expr.dtype}`
      return same(expr.x)
    case 'binary':
      return binaryDTypes[expr.op].includes(expr.dtype) ? same(expr.x, expr.y) : `${expr.op} of ${expr.dtype}`
    case 'compare': {
      const fits =
        expr.x.dtype === expr.y.dtype && expr.x.lanes === expr.y.lanes && expr.x.lanes === expr.lanes
      return fits ? undefined : `${expr.op} of ${typeText(expr.x)} and ${typeText(expr.y)}`
    }
    case 'select':
      if (expr.condition.dtype !== 'bool' || expr.condition.lanes !== expr.lanes)
        return `a select of ${typeText(expr)} has a condition of ${typeText(expr.condition)}`
      return same(expr.x, expr.y)
    case 'convert':
      return expr.x.lanes === expr.lanes
        ? undefined
        : `a conversion of ${typeText(expr.x)} gives ${typeText(expr)}`
    case 'bitcast': {
      const fits = [expr.dtype, expr.x.dtype].every((dtype) => dtype === 'float32' || dtype === 'int32')
      return fits && expr.x.lanes === expr.lanes
        ? undefined
        : `a bitcast of ${typeText(expr.x)} gives ${typeText(expr)}`
    }
    case 'madd':
      return expr.dtype === 'float32' ? same(expr.x, expr.y, expr.z) : `madd of ${expr.dtype}`
    case 'splat':
      return expr.lanes > 1 && expr.x.lanes === 1 && expr.x.dtype === expr.dtype
        ? undefined
        : `a splat of ${typeText(expr.x)} gives ${typeText(expr)}`
    case 'ramp': {
      const fits = expr.lanes > 1 && [expr.x, expr.step].every((x) => x.dtype === 'int32' && x.lanes === 1)
      return fits ? undefined : 'a ramp is not of int32 scalars'
    }
    case 'horizontal':
      return expr.x.lanes > 1 && expr.lanes === 1 && expr.x.dtype === expr.dtype
        ? undefined
        : `a horizontal ${expr.op} of ${typeText(expr.x)} gives ${typeText(expr)}`
    case 'interleave':
      return expr.lanes > 1 ? same(expr.x, expr.y) : 'an interleaving of scalars'
    case 'reduce':
    case 'argReduce':
      return 'a reduction is left in the expressions'
  }
}

function typeText(expr: Expr): string {
  return expr.lanes === 1 ? expr.dtype : `${expr.dtype}x${expr.lanes}`
}
