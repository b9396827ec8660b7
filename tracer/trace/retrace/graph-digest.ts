/**
 * Fingerprints of graphs, by which a retrace is shown to have been avoidable.
 *
 * A graph is walked once and hashed in three parts: its operations (ops, wiring, dtypes, ranks, attributes), its sizes
 * and its constants. Two traces with equal operations differ in sizes or constants at most, so one trace with an unknown
 * size, or with the constant as an argument, would have served both. Names of parameters and source lines do not count.
 */
import type { SizePolynomial } from '../../../codegen/size.ts'
import type { Attrs, AttrValue, Graph, Value } from '../../ir/graph.ts'
import { allOps } from '../../op.ts'

export interface GraphDigest {
  readonly operations: string
  readonly sizes: string
  readonly constants: string
  readonly trail: Trail
}

/** The first nodes of a graph, inner ones where they stand, to tell where two graphs part. */
export interface Trail {
  /** A hash of everything up to and with the node, sizes aside. */
  readonly marks: Int32Array
  /** The value of a scalar constant, else NaN. */
  readonly values: Float64Array
  readonly sources: readonly (string | undefined)[]
}

/** Nodes in a trail: what arguments do is mostly seen early, and a hundred of them are kept. */
const longestTrail = 256

/**
 * The line of the first node in which two graphs differ; given a number, of the first that differs and has it as its
 * constant. Undefined when there is none.
 */
export function partingLine(before: Trail, after: Trail, value?: number): string | undefined {
  const wanted = value === undefined ? undefined : Math.fround(value)
  for (let i = 0; i < after.marks.length; i++) {
    if (before.marks[i] === after.marks[i]) continue
    if (wanted !== undefined) {
      const [x, y] = [before.values[i], after.values[i]]
      if (y === undefined || !Object.is(Math.fround(y), wanted) || Object.is(x, y)) continue
    }
    return after.sources.slice(i).find((source) => source !== undefined)
  }
  return undefined
}

/** How two graphs compare: the least that has to be abstracted to make them equal. */
export type Likeness = 'identical' | 'sizes' | 'constants' | 'sizes and constants' | 'different'

export function likeness(x: GraphDigest, y: GraphDigest): Likeness {
  if (x.operations !== y.operations) return 'different'
  if (x.sizes === y.sizes) return x.constants === y.constants ? 'identical' : 'constants'
  return x.constants === y.constants ? 'sizes' : 'sizes and constants'
}

/** Two 32-bit lanes with unlike multipliers: together long enough to take equal hashes for equal graphs. */
class Hash {
  #x = 0x2545f491
  #y = 0x1b873593

  add(word: number): void {
    const x = Math.imul(this.#x ^ word, 0x9e3779b1)
    this.#x = (x << 13) | (x >>> 19)
    this.#y = Math.imul((this.#y ^ word) + 0x7f4a7c15, 0x85ebca6b) ^ (this.#y >>> 15)
  }
  get mark(): number {
    return this.#x ^ this.#y
  }
  toString(): string {
    return `${(this.#x >>> 0).toString(36)}.${(this.#y >>> 0).toString(36)}`
  }
}

const words = new Map<string, number>()

/** A number per text; ops, dtypes and attribute names are few. */
function wordOf(text: string): number {
  let word = words.get(text)
  if (word === undefined) words.set(text, (word = words.size + 1))
  return word
}

/** A hash of any text (FNV-1a), for texts that need not be few. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

let sizeAttributes: ReadonlyMap<string, ReadonlySet<string>> | undefined

/** Attributes that are sizes, by op. */
function sizesOf(op: string): ReadonlySet<string> | undefined {
  sizeAttributes ??= new Map(
    allOps().flatMap(({ name, sizeAttributes: names }) => (names ? [[name, new Set(names)] as const] : [])),
  )
  return sizeAttributes.get(op)
}

const scratch = new Float64Array(1)
const halves = new Int32Array(scratch.buffer)

class Walk {
  readonly operations = new Hash()
  readonly sizes = new Hash()
  readonly constants = new Hash()
  readonly marks: number[] = []
  readonly values: number[] = []
  readonly sources: (string | undefined)[] = []

  graph(graph: Graph): void {
    const numbers = new Map<Value, number>()
    const { operations } = this
    for (const param of graph.params) this.#define(param, numbers)
    for (const capture of graph.captures) {
      operations.add(capture.kind === 'variable' ? 11 : 12)
      operations.add(textHash(capture.name))
      this.#type(capture)
    }
    for (const node of graph.nodes) {
      operations.add(wordOf(node.op))
      for (const operand of node.operands) operations.add(numbers.get(operand) ?? 0)
      this.#attrs(node.op, node.attrs)
      if (this.marks.length < longestTrail) {
        const values = node.op === 'constant' ? node.attrs['values'] : undefined
        this.marks.push(this.operations.mark ^ Math.imul(this.constants.mark, 31))
        this.values.push(Array.isArray(values) && values.length === 1 ? Number(values[0]) : Number.NaN)
        this.sources.push(node.source)
      }
      for (const region of node.regions) this.graph(region)
      for (const result of node.results) this.#define(result, numbers)
    }
    operations.add(13)
    for (const result of graph.results) operations.add(numbers.get(result) ?? 0)
  }

  #define(value: Value, numbers: Map<Value, number>): void {
    numbers.set(value, numbers.size + 1)
    this.#type(value)
  }

  #type({ type }: Pick<Value, 'type'>): void {
    const { dtype, shape } = type
    // Tells dtypes apart by their first and last letters.
    this.operations.add(
      (dtype.charCodeAt(0) << 16) | (dtype.charCodeAt(dtype.length - 1) << 8) | shape.length,
    )
    for (let axis = 0; axis < shape.length; axis++) {
      const size = shape[axis] ?? 0
      this.sizes.add(typeof size === 'number' ? size : textHash(size.key))
    }
  }

  #number(value: number, into: Hash): void {
    if ((value | 0) === value && value !== 0) return into.add(value)
    scratch[0] = value
    into.add(halves[0] ?? 0)
    into.add((halves[1] ?? 0) + 1)
  }

  #attrs(op: string, attrs: Attrs): void {
    // What the result types say already, and the values of constants.
    const stated = op === 'constant' || op === 'read' || op === 'captured'
    const sizeNames = sizesOf(op)
    for (const key in attrs) {
      const value = attrs[key] ?? null
      this.operations.add(wordOf(key))
      if (key === 'values' && op === 'constant') this.#value(value, this.constants, this.constants)
      else if ((stated && key === 'shape') || sizeNames?.has(key) === true)
        this.#value(value, this.sizes, this.operations)
      else this.#value(value, undefined, this.operations)
    }
  }

  /** Numbers go to `numbers`; without it whole ones are operations (an axis) and others are constants. */
  #value(value: AttrValue, numbers: Hash | undefined, rest: Hash): void {
    if (typeof value === 'number')
      this.#number(value, numbers ?? (Number.isInteger(value) ? this.operations : this.constants))
    else if (typeof value === 'string') rest.add(textHash(value))
    else if (typeof value === 'boolean' || value === null) rest.add(value === null ? 1 : value ? 2 : 3)
    else if (Array.isArray(value)) {
      rest.add(value.length)
      for (const item of value as readonly AttrValue[]) this.#value(item, numbers, rest)
    } else if (isPolynomial(value)) this.sizes.add(textHash(value.key))
    else
      for (const [key, item] of Object.entries(value)) {
        rest.add(textHash(key))
        this.#value(item, numbers, rest)
      }
  }
}

function isPolynomial(value: object): value is SizePolynomial {
  return 'terms' in value && 'key' in value
}

export function digestOf(graph: Graph): GraphDigest {
  const walk = new Walk()
  walk.graph(graph)
  return {
    operations: walk.operations.toString(),
    sizes: walk.sizes.toString(),
    constants: walk.constants.toString(),
    trail: {
      marks: Int32Array.from(walk.marks),
      values: Float64Array.from(walk.values),
      sources: walk.sources,
    },
  }
}
