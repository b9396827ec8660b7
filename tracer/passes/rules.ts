/**
 * What a local rewrite rule sees of the graph, and how it builds its answer.
 *
 * A rule looks at one node, whose operands are already canonical, and at the nodes that define them. It answers with
 * the value that the node's result is, building nodes as needed, or with undefined. What it builds is simplified in
 * turn; rules only ever go towards fewer or cheaper nodes, so that this ends.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import type { Attrs, Node, Value } from '../ir/graph.ts'
import { isList } from '../ir/attr-text.ts'
import type { TensorType } from '../ir/type.ts'

export interface Match {
  readonly node: Node
  /** The type of the node's only result. */
  readonly type: TensorType
  /** The node that defines a value; undefined for parameters. */
  producer(value: Value): Node | undefined
  /** A value computed by a new node, simplified. */
  build(op: string, operands: readonly Value[], attrs?: Attrs): Value
}

export type Rule = (match: Match) => Value | undefined
export type RuleTable = Readonly<Record<string, readonly Rule[]>>

/** Operand `i` of a node. */
export function operandAt(node: Node, i: number): Value {
  const operand = node.operands[i]
  if (operand === undefined) throw new InternalError(`${node.op} has no operand ${i}`)
  return operand
}

/** The node that defines operand `i`, if its op is `op`. */
export function operandFrom(match: Match, i: number, op: string): Node | undefined {
  const producer = match.producer(operandAt(match.node, i))
  return producer?.op === op ? producer : undefined
}

/** A list of numbers or sizes among the attributes. */
export function sizesAttr(node: Node, name: string): readonly Size[] {
  const value = node.attrs[name]
  if (!Array.isArray(value)) throw new InternalError(`${node.op} has no list ${name}`)
  return value as readonly Size[]
}

/** A list of axes among the attributes. */
export function axesAttr(node: Node, name: string): readonly number[] {
  return sizesAttr(node, name).map((axis) => {
    if (typeof axis !== 'number') throw new InternalError(`${node.op}: ${name} is not a list of axes`)
    return axis
  })
}

/** The one number that all elements of a value are, if that is known. Looks through movement. */
export function splat(match: Match, value: Value): number | undefined {
  const producer = match.producer(value)
  if (producer === undefined) return undefined
  const inner = producer.operands[0]
  if (inner !== undefined && (producer.op === 'broadcast' || producer.op === 'reshape'))
    return splat(match, inner)
  if (producer.op !== 'constant') return undefined
  const values = producer.attrs['values'] ?? null
  if (!isList(values)) return undefined
  const [first] = values
  return typeof first === 'number' && values.every((value) => Object.is(value, first)) ? first : undefined
}

/** True when all elements of operand `i` are `number`; tells −0 from 0. */
export function isSplat(match: Match, i: number, number: number): boolean {
  return Object.is(splat(match, operandAt(match.node, i)), number)
}

/** True when operand `i` is the number 0 in an integer dtype, or bool false. */
export function isIntegerZero(match: Match, i: number): boolean {
  return !isFloating(operandAt(match.node, i).type.dtype) && splat(match, operandAt(match.node, i)) === 0
}

/** A constant of one number in every element of a type. */
export function buildSplat(match: Match, type: TensorType, number: number): Value {
  const scalar = match.build('constant', [], { dtype: type.dtype, shape: [], values: [number] })
  return type.shape.length === 0
    ? scalar
    : match.build('broadcast', [scalar], { shape: type.shape, axes: [] })
}
