/**
 * Contractions as matrix products: which `dot`s the GEMM module runs, and what is fused into them.
 *
 * A `dot` is a batch of products [rows, inner]·[inner, columns] when each operand's batch, free and contracted axes are
 * runs of neighbouring axes, because then each run has one stride; operands laid out otherwise are transposed first.
 * Small products with a single row or column, and those with a tiny inner size, are cheaper as loops, which also fuse.
 *
 * A bias that is added to every row and a relu after it cost nothing inside the GEMM: the accumulators start from the
 * bias, and the last store takes the maximum with 0. `fused_dot` is a `dot` with a third operand, the bias, and an
 * activation.
 */
import { InternalError } from '../../codegen/errors.ts'
import { elementCount, multiplySizes, type Size } from '../../codegen/size.ts'
import type { Attrs, Graph, Node, Value } from '../ir/graph.ts'
import { makeValue } from '../ir/graph.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type OpDefinition, opNamed } from '../op.ts'
import { fusedConv, isConvolutionStep, takesEpilogue, withLayout } from './convolution.ts'

/** The axes of an operand by role, each list in the order the roles are matched up. */
interface Roles {
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly contract: readonly number[]
}

function listOf(attrs: Attrs, key: string): readonly number[] {
  return (attrs[key] ?? []) as readonly number[]
}

function rolesOf(shape: Shape, batch: readonly number[], contract: readonly number[]): Roles {
  return {
    batch,
    contract,
    free: shape.map((_, axis) => axis).filter((axis) => !batch.includes(axis) && !contract.includes(axis)),
  }
}

function operandRoles(node: Node): {
  readonly a: Roles
  readonly b: Roles
  readonly aShape: Shape
  readonly bShape: Shape
} {
  const [a, b] = node.operands
  if (a === undefined || b === undefined) throw new InternalError('dot takes two operands')
  const { attrs } = node
  return {
    a: rolesOf(a.type.shape, listOf(attrs, 'batchA'), listOf(attrs, 'contractA')),
    b: rolesOf(b.type.shape, listOf(attrs, 'batchB'), listOf(attrs, 'contractB')),
    aShape: a.type.shape,
    bShape: b.type.shape,
  }
}

function sizeOfAxes(shape: Shape, axes: readonly number[]): Size {
  return elementCount(axes.map((axis) => shape[axis] ?? 1))
}

/** True when the axes are neighbours in order, so that one stride runs through all of them. Axes of size 1 do not matter. */
function isRun(shape: Shape, axes: readonly number[]): boolean {
  const real = axes.filter((axis) => shape[axis] !== 1)
  return real.every((axis, i) => {
    const next = real[i + 1]
    if (next === undefined) return true
    if (next < axis) return false
    for (let between = axis + 1; between < next; between++) if (shape[between] !== 1) return false
    return true
  })
}

function strideOf(shape: Shape, axis: number | undefined): Size {
  return axis === undefined ? 0 : multiplySizes(...shape.slice(axis + 1))
}

/** The stride of a run of axes: that of its innermost axis that is not of size 1. */
function strideOfRun(shape: Shape, axes: readonly number[]): Size {
  return strideOf(shape, axes.filter((axis) => shape[axis] !== 1).at(-1) ?? axes.at(-1))
}

const tinyInner = 3
/** From these sizes on, a product with a vector gains more from the module's own code than from fusing its loop. */
const leastInner = 16
const leastElements = 1024

/** True when the node is left to the GEMM module. */
export function isGemm(node: Node): boolean {
  if (node.op === 'fused_dot') return true
  if (node.op !== 'dot') return false
  const [a] = node.operands
  if (a?.type.dtype !== 'float32') return false
  const { a: aRoles, b: bRoles, aShape, bShape } = operandRoles(node)
  const rows = sizeOfAxes(aShape, aRoles.free)
  const columns = sizeOfAxes(bShape, bRoles.free)
  const inner = sizeOfAxes(aShape, aRoles.contract)
  if (typeof inner === 'number' && inner <= tinyInner) return false
  return (rows !== 1 && columns !== 1) || isLargeVectorProduct(node)
}

/** True for a product with one row or one column for which the GEMM module has a path of its own, and that is worth a call. */
function isLargeVectorProduct(node: Node): boolean {
  const { a: aRoles, b: bRoles, aShape, bShape } = operandRoles(node)
  const tidy = (shape: Shape, { batch, free, contract }: Roles): boolean =>
    isRun(shape, batch) && isRun(shape, free) && isRun(shape, contract)
  if (!tidy(aShape, aRoles) || !tidy(bShape, bRoles)) return false
  const { rows, columns, inner, a, b } = matrixProductOf(node)
  const results = rows === 1 ? columns : rows
  if (typeof inner !== 'number' || inner < leastInner || results === 1) return false
  if (typeof results === 'number' && inner * results < leastElements) return false
  const [alongResults, alongInner, vectorStep] =
    rows === 1 ? [b.columnStride, b.rowStride, a.columnStride] : [a.rowStride, a.columnStride, b.rowStride]
  return alongResults === 1 || (alongInner === 1 && vectorStep === 1)
}

export interface Operand {
  readonly rowStride: Size
  readonly columnStride: Size
  readonly batchStride: Size
}

/** A `dot` or `fused_dot` as a batch of matrix products, strides in elements. */
export interface MatrixProduct {
  readonly batch: Size
  readonly rows: Size
  readonly columns: Size
  readonly inner: Size
  readonly a: Operand
  readonly b: Operand
  readonly bias: boolean
  readonly activation: 'none' | 'relu'
}

export function matrixProductOf(node: Node): MatrixProduct {
  const { a, b, aShape, bShape } = operandRoles(node)
  return {
    batch: sizeOfAxes(aShape, a.batch),
    rows: sizeOfAxes(aShape, a.free),
    columns: sizeOfAxes(bShape, b.free),
    inner: sizeOfAxes(aShape, a.contract),
    a: {
      rowStride: strideOfRun(aShape, a.free),
      columnStride: strideOfRun(aShape, a.contract),
      batchStride: strideOfRun(aShape, a.batch),
    },
    b: {
      rowStride: strideOfRun(bShape, b.contract),
      columnStride: strideOfRun(bShape, b.free),
      batchStride: strideOfRun(bShape, b.batch),
    },
    bias: node.operands.length === 3,
    activation: node.attrs['activation'] === 'relu' ? 'relu' : 'none',
  }
}

/** A `dot` whose accumulators start from a bias row and whose result passes an activation. */
const fusedDot: OpDefinition = defineOp({
  name: 'fused_dot',
  type: ([a, b], attrs) => {
    if (a === undefined || b === undefined) throw new InternalError('fused_dot takes two or three operands')
    return opNamed('dot').type([a, b], attrs, [])
  },
  gradient: 'none',
  lower: { kind: 'contraction' },
  cost: 100,
})

/** Lays out the operands of products and convolutions, and absorbs bias and relu into those that feed them. */
export function fuseEpilogues(graph: Graph): Graph {
  const nodes = graph.nodes.flatMap((node) =>
    isGemm(node) ? withRuns(node) : isConvolutionStep(node) ? withLayout(node) : [node],
  )
  const users = new Map<Value, Node[]>()
  const definitions = new Map<Value, Node>()
  for (const node of nodes) {
    for (const operand of node.operands) users.set(operand, [...(users.get(operand) ?? []), node])
    for (const result of node.results) definitions.set(result, node)
  }
  const isResult = new Set(graph.results)
  const onlyUser = (value: Value | undefined): Node | undefined => {
    const list = value === undefined || isResult.has(value) ? [] : (users.get(value) ?? [])
    return list.length === 1 ? list[0] : undefined
  }
  const replaced = new Map<Node, Node>()
  const dropped = new Set<Node>()
  for (const node of nodes) {
    if (!takesEpilogue(node) && (node.op !== 'dot' || !isGemm(node))) continue
    const sum = onlyUser(node.results[0])
    const bias = sum?.op === 'add' ? biasOf(sum, node, definitions) : undefined
    const biased = bias === undefined ? node : sum
    const next = onlyUser(biased?.results[0])
    const relu =
      next?.op === 'max' && biased !== undefined && isReluOf(next, biased, definitions) ? next : undefined
    const last = relu ?? biased
    if (last === undefined || last === node) continue
    dropped.add(node)
    if (relu !== undefined && biased !== undefined && biased !== node) dropped.add(biased)
    replaced.set(last, {
      op: node.op === 'dot' ? fusedDot.name : fusedConv.name,
      operands: bias === undefined ? node.operands : [...node.operands, bias],
      attrs: { ...node.attrs, activation: relu === undefined ? 'none' : 'relu' },
      regions: [],
      results: last.results,
      ...(node.source === undefined ? {} : { source: node.source }),
    })
  }
  return {
    ...graph,
    nodes: sortedByUse(nodes.filter((node) => !dropped.has(node)).map((node) => replaced.get(node) ?? node)),
  }
}

/** The vector that `sum` adds to every row of the product, if that is what it does. */
function biasOf(sum: Node, dot: Node, definitions: ReadonlyMap<Value, Node>): Value | undefined {
  const [result] = dot.results
  const other = sum.operands.find((operand) => operand !== result)
  const broadcast = other === undefined ? undefined : definitions.get(other)
  if (result === undefined || broadcast?.op !== 'broadcast') return undefined
  const [bias] = broadcast.operands
  const axes = listOf(broadcast.attrs, 'axes')
  const rank = result.type.shape.length
  // The bias must run along all of the product's columns, which are the last axis when b has one free axis.
  const isRow =
    bias !== undefined &&
    bias.type.shape.length === 1 &&
    axes.length === 1 &&
    axes[0] === rank - 1 &&
    (dot.op === 'conv' || operandRoles(dot).b.free.length === 1) &&
    result.type.shape[rank - 1] === bias.type.shape[0]
  return isRow ? bias : undefined
}

/** True for max(biased, 0) in either order. */
function isReluOf(max: Node, biased: Node, definitions: ReadonlyMap<Value, Node>): boolean {
  const [result] = biased.results
  const other = max.operands.find((operand) => operand !== result)
  return other !== undefined && isZero(other, definitions)
}

function isZero(value: Value, definitions: ReadonlyMap<Value, Node>): boolean {
  const node = definitions.get(value)
  if (node?.op === 'broadcast') return node.operands[0] !== undefined && isZero(node.operands[0], definitions)
  if (node?.op !== 'constant') return false
  const values = node.attrs['values']
  return values === 0 || (Array.isArray(values) && values.length > 0 && values.every((entry) => entry === 0))
}

/** The dot with operands whose roles are runs of axes, after the transposes that takes. */
function withRuns(node: Node): readonly Node[] {
  const { a, b } = operandRoles(node)
  const before: Node[] = []
  const tidy = (
    value: Value,
    roles: Roles,
    order: readonly (keyof Roles)[],
  ): { readonly value: Value; readonly roles: Roles } => {
    const { shape } = value.type
    if (isRun(shape, roles.batch) && isRun(shape, roles.free) && isRun(shape, roles.contract))
      return { value, roles }
    const permutation = order.flatMap((role) => roles[role])
    const moved = makeValue({ dtype: value.type.dtype, shape: permutation.map((axis) => shape[axis] ?? 1) })
    before.push({
      op: 'transpose',
      operands: [value],
      attrs: { permutation },
      regions: [],
      results: [moved],
      ...(node.source === undefined ? {} : { source: node.source }),
    })
    const place = (axes: readonly number[]): readonly number[] =>
      axes.map((axis) => permutation.indexOf(axis))
    return {
      value: moved,
      roles: { batch: place(roles.batch), free: place(roles.free), contract: place(roles.contract) },
    }
  }
  const [aValue, bValue] = node.operands
  if (aValue === undefined || bValue === undefined) throw new InternalError('dot takes two operands')
  const tidyA = tidy(aValue, a, ['batch', 'free', 'contract'])
  const tidyB = tidy(bValue, b, ['batch', 'contract', 'free'])
  if (before.length === 0) return [node]
  return [
    ...before,
    {
      ...node,
      operands: [tidyA.value, tidyB.value],
      attrs: {
        ...node.attrs,
        contractA: tidyA.roles.contract,
        contractB: tidyB.roles.contract,
        batchA: tidyA.roles.batch,
        batchB: tidyB.roles.batch,
      },
    },
  ]
}

/** Moves nodes behind the definitions of their operands, otherwise keeping the order. */
function sortedByUse(nodes: readonly Node[]): readonly Node[] {
  const definition = new Map<Value, Node>()
  for (const node of nodes) for (const result of node.results) definition.set(result, node)
  const sorted = new Set<Node>()
  const visit = (node: Node): void => {
    if (sorted.has(node)) return
    for (const operand of node.operands) {
      const from = definition.get(operand)
      if (from !== undefined && from !== node) visit(from)
    }
    sorted.add(node)
  }
  for (const node of nodes) visit(node)
  return [...sorted]
}
