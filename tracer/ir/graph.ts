/**
 * The graph: a list of nodes in program order, readonly. A pass takes a graph and returns a graph.
 *
 * Values are defined once (a parameter or a node's result) and named by identity; their text `%3` is given by the
 * printer. Regions (the bodies of control flow and of fusion groups) are graphs of their own and closed: what they use
 * comes in as operands of the node, bound to the region's params. Captures are what the callback closed over:
 * Variables, reached by `read`, `assign` and `commit` nodes through the capture's name, and tensors, reached by
 * `captured`. `op` names an OpDefinition; the registry in tracer/op.ts finds it.
 */
import type { DType } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import type { TensorType } from './type.ts'

/** A value of the graph. Identity is the object. */
export interface Value {
  readonly type: TensorType
  /** A name for text, given to parameters; nodes' results are numbered. */
  readonly name?: string
}

/** What attributes may hold: they print, parse back and compare by value. */
export type AttrValue =
  | Size
  | string
  | boolean
  | null
  | readonly AttrValue[]
  | { readonly [key: string]: AttrValue }
export type Attrs = { readonly [key: string]: AttrValue }

export interface Node {
  readonly op: string
  readonly operands: readonly Value[]
  readonly attrs: Attrs
  readonly regions: readonly Graph[]
  readonly results: readonly Value[]
  /** `model.ts:12:5`: the user's line that made it. */
  readonly source?: string
  /** What the host needs to carry the node out: a callback, a sink. Not part of the text, and lost when text is parsed. */
  readonly host?: unknown
}

/** Something the callback closed over. */
export interface Capture {
  /** Unique in the graph; text `@w`. */
  readonly name: string
  readonly kind: 'variable' | 'tensor'
  /** Its type at entry. */
  readonly type: TensorType
  /** A Variable whose sizes an assignment may change. */
  readonly open?: boolean
}

/** Two sizes that this graph assumes to be equal, and who asked. Checked when a call binds the names. */
export interface Guard {
  readonly x: Size
  readonly y: Size
  readonly reason: string
}

export interface Graph {
  readonly name: string
  readonly params: readonly Value[]
  readonly captures: readonly Capture[]
  readonly nodes: readonly Node[]
  readonly results: readonly Value[]
  readonly guards: readonly Guard[]
}

/** A fresh value. */
export function makeValue(type: TensorType, name?: string): Value {
  return name === undefined ? { type } : { type, name }
}

/** A fresh value of a dtype and shape. */
export function valueOf(dtype: DType, shape: readonly Size[]): Value {
  return { type: { dtype, shape } }
}

/** An attribute that the op defines as text. Throws InternalError when it is something else. */
export function textAttribute(node: { readonly op: string; readonly attrs: Attrs }, key: string): string {
  const value = node.attrs[key]
  if (typeof value !== 'string') throw new InternalError(`the attribute ${key} of ${node.op} is not text`)
  return value
}

/** Whether a region calls the host, itself or in regions of its own. */
export function callsHostInside({ nodes }: Graph): boolean {
  return nodes.some(({ op, regions }) => op === 'host_call' || regions.some(callsHostInside))
}
