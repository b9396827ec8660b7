/**
 * Operators of JavaScript on what may be tensors, and numbers that became tensors.
 *
 * A counter of a staged loop is a number in the source and a tensor in the graph. Numbers take the dtype of the tensor
 * they meet, and so must such a tensor: it is *weak*, an int32 as long as it is integral and a float32 otherwise, until
 * an op with another tensor decides.
 */
import type { DType } from '../../codegen/dtype.ts'
import { TraceError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType } from '../ir/type.ts'
import {
  abs,
  add,
  atan,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  cast,
  ceil,
  cos,
  div,
  equal,
  exp,
  expm1,
  floor,
  greater,
  greaterEqual,
  leftShift,
  less,
  lessEqual,
  log,
  log1p,
  logicalNot,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  rightShift,
  sign,
  sin,
  sqrt,
  sub,
  tan,
  tanh,
  trunc,
  truncatedMod,
} from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { Variable } from '../variable.ts'

const weak = new WeakSet<Tensor>()

export function isWeak(value: unknown): value is Tensor {
  return value instanceof Tensor && weak.has(value)
}

export function markWeak(tensor: Tensor): Tensor {
  weak.add(tensor)
  return tensor
}

export function isSymbolic(value: unknown): value is Tensor {
  return value instanceof Tensor && value.payload.kind === 'symbolic'
}

/** A condition's value: a Variable's content stands for it. */
export function contentOf(value: unknown): unknown {
  return value instanceof Variable ? value.asTensor() : value
}

/** The dtype a number has as long as nothing else decides. */
export function weakDType(value: number): DType {
  return Number.isInteger(value) && (value | 0) === value && !Object.is(value, -0) ? 'int32' : 'float32'
}

/** A weak tensor, number or boolean as a tensor of a dtype; other tensors stay. */
export function adopt(value: TensorLike, dtype: DType): Tensor {
  if (isWeak(value)) return value.dtype === dtype ? value : cast(value, dtype)
  return convertToTensor(value, { dtype })
}

const binary: Readonly<Record<string, (x: TensorLike, y: TensorLike) => Tensor>> = {
  '==': equal,
  '===': equal,
  '!=': notEqual,
  '!==': notEqual,
  '<': less,
  '<=': lessEqual,
  '>': greater,
  '>=': greaterEqual,
  '+': add,
  '-': sub,
  '*': mul,
  '/': div,
  '%': truncatedMod,
  '**': pow,
  '|': bitwiseOr,
  '^': bitwiseXor,
  '&': bitwiseAnd,
  '<<': leftShift,
  '>>': rightShift,
}

/** `x op y`, as JavaScript does it unless one is a tensor. */
export function operate(op: string, x: unknown, y: unknown): unknown {
  if (!(x instanceof TensorMethods) && !(y instanceof TensorMethods)) return plain(op, x, y)
  if (!isOperand(x) || !isOperand(y)) return plain(op, x, y)
  if (op === '>>>' && (isSymbolic(contentOf(x)) || isSymbolic(contentOf(y)))) return unsignedShift(x, y)
  const apply = binary[op]
  if (apply === undefined) return plain(op, x, y)
  if (op === '+' && !isSymbolic(contentOf(x)) && !isSymbolic(contentOf(y))) return plain(op, x, y)
  const [left, right, isResultWeak] = together(op, x, y)
  const result = apply(left, right)
  return isResultWeak && result.dtype !== 'bool' ? markWeak(result) : result
}

/** `x >>> y` for a y that leaves 31 bits or less, so that what comes of it is an int32. */
function unsignedShift(x: Tensor | Variable | number | boolean, y: unknown): unknown {
  const bits = typeof y === 'number' ? y & 31 : 0
  if (bits > 0) return operate('&', operate('>>', x, bits), 2 ** (32 - bits) - 1)
  throw new TraceError({
    op: '>>>',
    problem: 'a tensor is shifted by 0 or by another tensor, and what comes of it may not be an int32',
    fix: 'use >>, or | 0 to make an integer of a number.',
  })
}

function isOperand(value: unknown): value is Tensor | Variable | number | boolean {
  return value instanceof TensorMethods || typeof value === 'number' || typeof value === 'boolean'
}

/** Both operands in the dtype that they agree on, and whether what comes of them is weak. */
function together(
  op: string,
  x: Tensor | Variable | number | boolean,
  y: Tensor | Variable | number | boolean,
): readonly [TensorLike, TensorLike, boolean] {
  const loose = (value: unknown): boolean => !(value instanceof TensorMethods) || isWeak(value)
  if (!loose(x) && !loose(y)) return [x, y, false]
  if (loose(x) && loose(y)) {
    if (typeof x === 'boolean' || typeof y === 'boolean') return [x, y, false]
    const isIntegral = op !== '/' && op !== '**' && [x, y].every((value) => dtypeOf(value) === 'int32')
    const dtype = isIntegral || /^(?:[|^&]|<<|>>)$/.test(op) ? 'int32' : 'float32'
    return [adopt(x, dtype), adopt(y, dtype), true]
  }
  const strong = loose(x) ? y : x
  if (!(strong instanceof TensorMethods)) return [x, y, false]
  // An integer compares with a fraction as a number does.
  const isOrder = /^[<>]|^[!=]=/.test(op)
  const other = strong === x ? y : x
  if (isOrder && strong.dtype === 'int32' && isWeak(other) && other.dtype === 'float32')
    return [cast(x as Tensor, 'float32'), cast(y as Tensor, 'float32'), false]
  return [isWeak(x) ? adopt(x, strong.dtype) : x, isWeak(y) ? adopt(y, strong.dtype) : y, false]
}

function dtypeOf(value: Tensor | Variable | number | boolean): DType {
  return typeof value === 'number' ? weakDType(value) : typeof value === 'boolean' ? 'bool' : value.dtype
}

/** The operator itself; tensors that get here throw by themselves, saying what to use. */
function plain(op: string, left: unknown, right: unknown): unknown {
  const [x, y] = [left as number, right as number]
  switch (op) {
    case '==':
      // oxlint-disable-next-line eqeqeq -- it is what the user wrote
      return x == y
    case '!=':
      // oxlint-disable-next-line eqeqeq -- it is what the user wrote
      return x != y
    case '===':
      return x === y
    case '!==':
      return x !== y
    case '<':
      return x < y
    case '<=':
      return x <= y
    case '>':
      return x > y
    case '>=':
      return x >= y
    case '+':
      return x + y
    case '-':
      return x - y
    case '*':
      return x * y
    case '/':
      return x / y
    case '%':
      return x % y
    case '**':
      return x ** y
    case '|':
      return x | y
    case '^':
      return x ^ y
    case '&':
      return x & y
    case '<<':
      return x << y
    case '>>>':
      return x >>> y
    default:
      return x >> y
  }
}

/** `-x`, `+x`, `~x`, and what `++` and `--` make of x. */
export function operateUnary(op: string, x: unknown): unknown {
  const value = contentOf(x)
  if (isSymbolic(value)) {
    const result = symbolicUnary(op, value)
    return isWeak(value) && result !== value ? markWeak(result) : result
  }
  let number = x as number
  switch (op) {
    case '-':
      return -number
    case '+':
      return +number
    case '~':
      return ~number
    case '++':
      return ++number
    default:
      return --number
  }
}

function symbolicUnary(op: string, x: Tensor): Tensor {
  switch (op) {
    case '-':
      return neg(x)
    case '~':
      return bitwiseNot(x)
    case '++':
      return operate('+', x, 1) as Tensor
    case '--':
      return operate('-', x, 1) as Tensor
    default:
      return x
  }
}

const real =
  (f: (x: TensorLike) => Tensor) =>
  (x: Tensor): Tensor =>
    f(x.dtype === 'int32' ? cast(x, 'float32') : x)
const math: Readonly<Record<string, (x: Tensor, y: TensorLike) => Tensor>> = {
  abs,
  atan: real(atan),
  ceil,
  cos: real(cos),
  exp: real(exp),
  expm1: real(expm1),
  floor,
  log: real(log),
  log1p: real(log1p),
  max: maximum,
  min: minimum,
  pow,
  // Halves go up, unlike those that `tf.round` takes to the even neighbour.
  round: (x) => floor(x.dtype === 'int32' ? x : add(x, 0.5)),
  sign,
  sin: real(sin),
  sqrt: real(sqrt),
  tan: real(tan),
  tanh: real(tanh),
  trunc,
}
/** What makes a whole number of any: of a number that became a tensor an int32, which may be an index. */
const whole = new Set(['ceil', 'floor', 'round', 'sign', 'trunc'])

/** A function of `Math` on symbolic tensors, or undefined when it has none or there are none. */
export function mathCall(name: string, args: readonly unknown[]): unknown {
  if (!args.some(isSymbolic) || !args.every(isOperand)) return undefined
  const apply = math[name]
  if ((name === 'max' || name === 'min') && args.length > 2)
    return args
      .slice(1)
      .reduce<unknown>((x, y) => mathCall(name, [x, y]) ?? Math[name](Number(x), Number(y)), args[0])
  const [x, y] = args
  if (apply === undefined || x === undefined || args.length > 2) return undefined
  if (apply.length === 1 || y === undefined) {
    const value = convertToTensor(x)
    const result = apply(value, value)
    if (!isWeak(value)) return result
    return markWeak(whole.has(name) ? cast(result, 'int32') : result)
  }
  const [left, right, isResultWeak] = together(name, x, y)
  const result = apply(convertToTensor(left, right instanceof Tensor ? { dtype: right.dtype } : {}), right)
  return isResultWeak ? markWeak(result) : result
}

/** `!x` */
export function negate(x: unknown): unknown {
  const value = contentOf(x)
  if (!(value instanceof Tensor)) return !x
  demandBool('!', value)
  return logicalNot(value)
}

/** Throws TraceError for a tensor that is not bool. */
export function demandBool(what: string, value: Tensor, site?: string): void {
  if (value.dtype === 'bool') return
  throw new TraceError({
    op: what,
    problem: `the operand is ${printType(value.type)}, not bool: a tensor is neither true nor false by itself`,
    fix: "compare it, e.g. x.notEqual(0), or use x.cast('bool').",
    ...(site === undefined ? {} : { site }),
  })
}

/** Ops whose arguments after the first are operands like the first, so that a weak one takes its dtype. */
const likeFirst = new Set([
  'add', 'sub', 'mul', 'div', 'floorDiv', 'mod', 'pow', 'maximum', 'minimum', 'squaredDifference', 'atan2', 'equal',
  'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual', 'clip', 'where', 'assign', 'assignAdd', 'assignSub',
]) // prettier-ignore

/** The arguments of an op with weak tensors in the dtype of the others. */
export function alignWeak(name: string, self: unknown, args: readonly unknown[]): readonly unknown[] {
  if (!args.some(isWeak) && !isWeak(self)) return args
  if (!likeFirst.has(name)) return args
  const strong = [self, ...args].find(
    (value): value is Tensor | Variable =>
      (value instanceof Tensor || value instanceof Variable) &&
      !weak.has(value as Tensor) &&
      (value.dtype !== 'bool' || name !== 'where'),
  )
  if (strong === undefined) return args
  return args.map((value) => (isWeak(value) ? adopt(value, strong.dtype) : value))
}
