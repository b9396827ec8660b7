// An interpreter of graphs, element by element on JavaScript numbers, written from the meaning of the ops and not from
// their lowerings. It knows the ops that the property tests of the passes use, on static shapes.
import type { DType } from '../../../codegen/dtype.ts'
import { type Graph, type Node, type Value, textAttribute } from '../../../tracer/ir/graph.ts'

export interface Data {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** What a run leaves behind, also when a check stopped it. */
export interface Outcome {
  readonly results: readonly Data[] | undefined
  readonly variables: ReadonlyMap<string, Data>
  readonly printed: readonly Data[]
}

class CheckFailed extends Error {}

/** A number as the dtype stores it: rounded, or wrapped. */
function stored(dtype: DType, number: number): number {
  switch (dtype) {
    case 'float32':
      return Math.fround(number)
    case 'float64':
      return number
    case 'int32':
      return number | 0
    case 'uint8':
      return number & 255
    case 'bool':
      return number === 0 ? 0 : 1
  }
}

function comparison(op: string, x: number, y: number): boolean {
  const answers: Readonly<Record<string, boolean>> = {
    eq: x === y,
    ne: x !== y,
    lt: x < y,
    le: x <= y,
    gt: x > y,
    ge: x >= y,
  }
  return answers[op] ?? false
}

/** One element, from the operands' elements at the same index. */
function elementwise(node: Node, dtype: DType, [x = 0, y = 0, z = 0]: readonly number[]): number | undefined {
  const integer = dtype === 'int32'
  switch (node.op) {
    case 'neg':
      return integer ? 0 - x : -x
    case 'abs':
      return Math.abs(x)
    case 'not':
      return dtype === 'bool' ? 1 - x : ~x
    case 'floor':
      return Math.floor(x)
    case 'add':
      return x + y
    case 'sub':
      return x - y
    case 'mul':
      return integer ? Math.imul(x, y) : x * y
    case 'div':
      return x / y
    case 'max':
      return Math.max(x, y)
    case 'min':
      return Math.min(x, y)
    case 'and':
      return x & y
    case 'or':
      return x | y
    case 'xor':
      return x ^ y
    case 'compare':
      return comparison(textAttribute(node, 'op'), x, y) ? 1 : 0
    case 'select':
      return x === 0 ? z : y
    case 'cast':
      return dtype === 'int32'
        ? Number.isNaN(x)
          ? 0
          : Math.min(Math.max(Math.trunc(x), -(2 ** 31)), 2 ** 31 - 1)
        : x
    default:
      return undefined
  }
}

function list(node: Node, name: string): readonly number[] {
  return (node.attrs[name] ?? []) as readonly number[]
}

/** All indices of a shape in row-major order. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (before, size) => before.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  )
}

function elementAt(data: Data, index: readonly number[]): number {
  const offset = data.shape.reduce((sum, size, axis) => sum * size + (index[axis] ?? 0), 0)
  return data.values[offset] ?? Number.NaN
}

/** Where a movement op takes the element at `index` from. */
function sourceIndex(node: Node, shape: readonly number[], index: readonly number[]): number[] | undefined {
  switch (node.op) {
    case 'broadcast':
      return list(node, 'axes').map((axis, i) => (shape[i] === 1 ? 0 : (index[axis] ?? 0)))
    case 'transpose': {
      const source: number[] = []
      list(node, 'permutation').forEach((axis, i) => (source[axis] = index[i] ?? 0))
      return source
    }
    case 'reverse':
      return index.map((i, axis) => (list(node, 'axes').includes(axis) ? (shape[axis] ?? 0) - 1 - i : i))
    case 'slice':
      return index.map(
        (i, axis) => (list(node, 'starts')[axis] ?? 0) + i * (list(node, 'strides')[axis] ?? 1),
      )
    default:
      return undefined
  }
}

function compute(node: Node, operands: readonly Data[]): Data {
  const type = node.results[0]?.type
  if (type === undefined) throw new Error(`${node.op} has no result`)
  const shape = type.shape as readonly number[]
  const [x = { shape: [], values: [] }] = operands
  if (node.op === 'constant') return { shape, values: list(node, 'values') }
  if (node.op === 'reshape') return { shape, values: x.values }
  const values = indices(shape).map((index, i) => {
    const source = sourceIndex(node, x.shape, index)
    if (source !== undefined) return elementAt(x, source)
    const value = elementwise(
      node,
      type.dtype,
      operands.map((operand) => operand.values[i] ?? Number.NaN),
    )
    if (value === undefined) throw new Error(`the reference does not know ${node.op}`)
    return stored(type.dtype, value)
  })
  return { shape, values }
}

/** Runs a graph; `commit` writes as `assign` does, and a `call` runs its region on the same variables. */
export function evaluateGraph(
  graph: Graph,
  inputs: readonly Data[],
  initial: ReadonlyMap<string, Data> = new Map(),
): Outcome {
  const variables = new Map(initial)
  const printed: Data[] = []
  const run = (region: Graph, operands: readonly Data[]): Data[] => {
    const known = new Map<Value, Data>()
    const of = (value: Value): Data => {
      const data = known.get(value)
      if (data === undefined) throw new Error('a value that is not defined')
      return data
    }
    region.params.forEach((param, i) => known.set(param, operands[i] ?? { shape: [], values: [] }))
    for (const node of region.nodes) {
      const data = node.operands.map(of)
      const [x = { shape: [], values: [] }] = data
      const name = (): string => textAttribute(node, 'variable')
      let results: Data[] = []
      if (node.op === 'assign' || node.op === 'commit') variables.set(name(), x)
      else if (node.op === 'read') results = [variables.get(name()) ?? x]
      else if (node.op === 'print') printed.push(x)
      else if (node.op === 'check') {
        if (x.values[0] === 0) throw new CheckFailed()
      } else if (node.op === 'call') results = node.regions.flatMap((inner) => run(inner, data))
      else results = [compute(node, data)]
      node.results.forEach((result, i) => known.set(result, results[i] ?? x))
    }
    return region.results.map(of)
  }
  try {
    return { results: run(graph, inputs), variables, printed }
  } catch (error) {
    if (error instanceof CheckFailed) return { results: undefined, variables, printed }
    throw error
  }
}
