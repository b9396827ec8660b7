/**
 * How elementwise ops are made: operands of one dtype and one shape, a formula per element, and a gradient per operand.
 * Their wrappers broadcast first, so an element of the result reads the elements at its own index.
 */
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../convert.ts'
import type { Attrs } from '../ir/graph.ts'
import { defineOp, type GradientRule, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, type DTypeFamily, elementwiseShape, onlyGradient, readerAt } from './arguments.ts'
import { broadcastTogether } from './broadcast.ts'

interface UnaryRule {
  /** As in graph text. */
  readonly name: string
  /** As users call it, for messages. */
  readonly label: string
  readonly dtypes: DTypeFamily
  readonly cost: number
  readonly lower: (e: ExprPool, x: Expr) => Expr
  /** From the gradient g of the result: `x` is the operand, `y` the result. */
  readonly gradient: ((g: Tensor, x: Tensor, y: Tensor) => Tensor) | 'none'
}

/** Defines an elementwise op of one operand. */
export function defineUnary(rule: UnaryRule): OpDefinition {
  const { gradient } = rule
  return defineOp({
    name: rule.name,
    cost: rule.cost,
    type: (operands) => [
      { dtype: at(operands, 0).dtype, shape: elementwiseShape(rule.label, operands, rule.dtypes) },
    ],
    gradient:
      gradient === 'none'
        ? 'none'
        : ({ operands, results, gradients }) => [
            gradient(onlyGradient(gradients), at(operands, 0), at(results, 0)),
          ],
    lower: {
      kind: 'index',
      read: ({ e, operands }, index) => rule.lower(e, readerAt(operands, 0).read(index)),
    },
  })
}

interface BinaryGradients {
  readonly x: (g: Tensor, x: Tensor, y: Tensor, z: Tensor) => Tensor
  readonly y: (g: Tensor, x: Tensor, y: Tensor, z: Tensor) => Tensor
}

interface BinaryRule {
  readonly name: string
  readonly label: string
  readonly dtypes: DTypeFamily
  readonly cost: number
  readonly lower: (e: ExprPool, x: Expr, y: Expr) => Expr
  /** From the gradient g of the result z, for either operand. */
  readonly gradient: BinaryGradients | 'none'
  readonly check?: OpDefinition['check']
}

/** Defines an elementwise op of two operands. */
export function defineBinary(rule: BinaryRule): OpDefinition {
  const { gradient } = rule
  const gradients: GradientRule | 'none' =
    gradient === 'none'
      ? 'none'
      : ({ operands, results, gradients: incoming, needed }) => {
          const g = onlyGradient(incoming)
          const [x, y, z] = [at(operands, 0), at(operands, 1), at(results, 0)]
          return [
            needed[0] === true ? gradient.x(g, x, y, z) : null,
            needed[1] === true ? gradient.y(g, x, y, z) : null,
          ]
        }
  return defineOp({
    name: rule.name,
    cost: rule.cost,
    type: (operands) => [
      { dtype: at(operands, 0).dtype, shape: elementwiseShape(rule.label, operands, rule.dtypes) },
    ],
    gradient: gradients,
    lower: {
      kind: 'index',
      read: ({ e, operands }, index) =>
        rule.lower(e, readerAt(operands, 0).read(index), readerAt(operands, 1).read(index)),
    },
    ...(rule.check === undefined ? {} : { check: rule.check }),
  })
}

/** Applies an elementwise op of one operand. */
export function applyUnary(op: OpDefinition, label: string, x: TensorLike): Tensor {
  return bindOne(op, [convertToTensor(x, { op: label })], {})
}

/** Applies an elementwise op of two operands: converts to one dtype, broadcasts. */
export function applyBinary(
  op: OpDefinition,
  label: string,
  x: TensorLike,
  y: TensorLike,
  attrs: Attrs = {},
): Tensor {
  const tensors = convertTogether(label, [
    ['x', x],
    ['y', y],
  ])
  return bindOne(op, broadcastTogether(label, tensors), attrs)
}
