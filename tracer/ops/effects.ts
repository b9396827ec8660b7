/**
 * Ops for what a program does besides computing: checks and printing. They stay in the program, in order.
 *
 * A check is a failure code that the compiled program looks at: only when it is not 0 is the host called, to word the
 * error. `check` looks at a condition, `check_numerics` at every element of a floating tensor, which it passes on.
 * Printing is the host's business altogether: the program calls it with copies of what is to be printed.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { AttrValue } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { bindOne } from '../trace/bind.ts'
import { onlyGradient, readerAt } from './arguments.ts'
import { axisName } from './lowering.ts'
import { printTensorInline } from './print-tensor.ts'

/** Attributes of `check`: the function that was called, what it says when it fails, and names for the data it quotes. */
export type CheckAttrs = {
  readonly api: string
  readonly message: string
  readonly labels: readonly string[]
}
/**
 * Attributes of `check_numerics`: what the user wants to be told; or, when no user asked, the op whose result is looked
 * at, and an empty message.
 */
export type CheckNumericsAttrs = { readonly message: string; readonly of: string }
/**
 * Attributes of `print`: the texts before, between and after the operands, and how many entries to show at either end
 * of an axis (−1: all). What takes the text is the node's host payload; the console when there is none.
 */
export type PrintAttrs = { readonly texts: readonly string[]; readonly summarize: number }

function textOf(value: AttrValue | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

/** Fails the program with a CheckError when the first operand, a bool scalar, is false. The others are quoted. */
export const checkOp: OpDefinition<CheckAttrs> = defineOp<CheckAttrs>({
  name: 'check',
  type([condition]) {
    if (condition?.dtype !== 'bool' || condition.shape.length > 0)
      throw new InternalError(
        `check of ${condition === undefined ? 'nothing' : printType(condition)}, not of bool[]`,
      )
    return []
  },
  gradient: 'none',
  lower: { kind: 'program' },
  effect: 'write',
  check: {
    code: ({ e, operands }) =>
      e.select(readerAt(operands, 0).read([]), e.const('int32', 0), e.const('int32', 1)),
    message: (attrs, [, ...data], _code, read) => ({
      op: textOf(attrs.api, 'tf.assert'),
      problem: textOf(attrs.message, 'the condition is false'),
      rows: data.map((type, i) => [
        textOf(attrs.labels[i], `data[${i}]`),
        printType(type),
        printTensorInline(type, read(i + 1)),
      ]),
    }),
  },
})

/** What the failure code of `check_numerics` says: 1 NaN, 2 infinities, 3 both. */
const numericFaults: readonly string[] = ['', 'NaN', 'Inf', 'Inf and NaN']

/** The failure code of elements that can be looked at here and now. */
export function numericFault(elements: ArrayLike<number>): number {
  let fault = 0
  for (let i = 0; i < elements.length && fault < 3; i++) {
    const element = elements[i] ?? 0
    if (!Number.isFinite(element)) fault |= Number.isNaN(element) ? 1 : 2
  }
  return fault
}

/** Gives its operand; fails with a CheckError when an element is NaN or infinite. Its gradient is checked as well. */
export const checkNumericsOp: OpDefinition<CheckNumericsAttrs> = defineOp<CheckNumericsAttrs>({
  name: 'check_numerics',
  type: ([x]) => {
    if (x === undefined) throw new InternalError('check_numerics of nothing')
    return [x]
  },
  gradient: ({ attrs, gradients }) => {
    const gradient = onlyGradient(gradients)
    if (attrs.of !== '') return [gradient]
    return [bindOne(checkNumericsOp, [gradient], { message: `${attrs.message} (in its gradient)`, of: '' })]
  },
  lower: { kind: 'program' },
  effect: 'write',
  check: {
    code: ({ e, operands }) => {
      const x = readerAt(operands, 0)
      const { dtype, shape } = x.type
      if (shape.includes(0)) return e.const('int32', 0)
      const axes = shape.map((size, d) => e.axis(axisName(d), size))
      const element = x.read(axes.map((axis) => e.index(axis)))
      const over = axes.filter((axis) => axis.extent !== 1)
      const [zero, one] = [e.const('int32', 0), e.const('int32', 1)]
      const found = (bad: typeof element): typeof element =>
        e.binary('max', e.reduce('max', over, e.select(bad, one, zero)), zero)
      const nan = found(e.compare('ne', element, element))
      const infinite = found(e.compare('eq', e.unary('abs', element), e.const(dtype, Infinity)))
      return e.binary('add', nan, e.binary('add', infinite, infinite))
    },
    message: ({ message, of }, [type], code) => {
      const fault = numericFaults[code] ?? ''
      if (of === '') return { op: 'checkNumerics', problem: `${message} : Tensor had ${fault} values` }
      return {
        op: of,
        problem: `its result had ${fault} values`,
        rows: type === undefined ? [] : [['result', printType(type)]],
        fix: 'look at its operands here; tf.config.disableCheckNumerics() turns this check off.',
      }
    },
  },
})

/** Prints its operands when the program gets here. */
export const printOp: OpDefinition<PrintAttrs> = defineOp<PrintAttrs>({
  name: 'print',
  type(): readonly TensorType[] {
    return []
  },
  gradient: 'none',
  lower: { kind: 'program' },
  effect: 'write',
})
