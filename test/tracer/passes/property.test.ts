// Random programs mean the same before and after the passes: bit for bit, with −0, NaN and the infinities among the
// data, and with the variables and the prints that a failed check leaves behind.
import '../../../tracer/ops/index.ts'
import '../../../tracer/ops/state.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DType } from '../../../codegen/dtype.ts'
import { type Attrs, type Graph, makeValue, type Node, type Value } from '../../../tracer/ir/graph.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import { makeNode } from '../../../tracer/ir/rewrite.ts'
import { printType } from '../../../tracer/ir/type.ts'
import { runPasses } from '../../../tracer/passes/pipeline.ts'
import { type Data, evaluateGraph } from './reference.ts'

const floats = [0, -0, 1, -1, 2, 0.5, 3, Number.NaN, Infinity, -Infinity, 1e-45, 3e38]
const integers = [0, 1, -1, 2, 7, -(2 ** 31), 2 ** 31 - 1]

/** As a first pick, chooses the last value. */
const newest = 4

/** One step of a program: an op, and random numbers that choose its operands and attributes. */
interface Step {
  readonly op: string
  readonly picks: readonly number[]
}

/** One of the words; those that stand several times come up more often. */
function words(list: string): fc.Arbitrary<string> {
  const choices = list.split(' ')
  return fc.nat(choices.length - 1).map((i) => choices[i] ?? '')
}

const step: fc.Arbitrary<Step> = fc.record({
  op: words(
    'neg abs not floor add sub mul div max min and or xor compare select cast cast cast cast ' +
      'constant constant reshape broadcast broadcast transpose transpose reverse slice neg mul add ' +
      'read read assign assign check print',
  ),
  picks: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }),
})

/** Movement of the value just made, so that moves meet moves. */
const move: fc.Arbitrary<Step> = fc.record({
  op: words('reshape broadcast transpose transpose reverse slice slice'),
  picks: fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }).map((picks) => [newest, ...picks]),
})

/** Arithmetic with many constants, so that neutral elements, signs and powers of two meet. */
const calculation: fc.Arbitrary<Step> = fc.record({
  op: words(
    'neg abs floor add sub mul div max min compare select not constant constant constant add sub mul div neg',
  ),
  picks: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }),
})

const variable = { dtype: 'float32', shape: [2, 3] } as const

function pick<T>(choices: readonly T[], number: number): T | undefined {
  return choices[number % Math.max(choices.length, 1)]
}

/** Shapes by number of elements. */
const shapes: ReadonlyMap<number, readonly (readonly number[])[]> = new Map([
  [3, [[3], [1, 3], [3, 1]]],
  [6, [[6], [2, 3], [3, 2], [1, 6], [2, 1, 3]]],
  [12, [[12], [12], [3, 4], [2, 2, 3], [4, 3, 1]]],
])

/** Attributes for an op on a value, from random numbers. */
function attrsFor(op: string, x: Value, picks: readonly number[]): Attrs {
  const [a = 0, b = 0, c = 0] = picks.slice(3)
  const shape = x.type.shape as readonly number[]
  const axes = shape.map((_, axis) => axis)
  switch (op) {
    case 'compare':
      return { op: pick(['eq', 'ne', 'lt', 'le', 'gt', 'ge'], a) ?? 'eq' }
    case 'cast':
      return { dtype: pick<DType>(['float32', 'float64', 'int32', 'bool'], a) ?? 'float32' }
    case 'reshape':
      return { shape: pick(shapes.get(shape.reduce((x, y) => x * y, 1)) ?? [[1]], a) ?? [1] }
    case 'broadcast':
      return (
        pick<Attrs>(
          [
            { shape: [2, 3], axes: [1] },
            { shape: [2, 3], axes: [] },
            { shape: [2, 2, 3], axes: [0, 2] },
            { shape: [2, 2, 3], axes: [1, 2] },
            { shape, axes },
          ],
          a,
        ) ?? {}
      )
    case 'transpose':
      return { permutation: a % 2 === 0 ? axes.toReversed() : [...axes.slice(1), ...axes.slice(0, 1)] }
    case 'reverse':
      return { axes: axes.filter((axis) => ((a >> axis) & 1) === 1) }
    case 'slice': {
      // One axis is cut; the others are taken whole.
      const cut = c % Math.max(shape.length, 1)
      const start = b % Math.max((shape[cut] ?? 1) - 1, 1)
      const stride = 1 + (a % 3)
      return {
        starts: axes.map((axis) => (axis === cut ? start : 0)),
        strides: axes.map((axis) => (axis === cut ? stride : 1)),
        sizes: shape.map((size, axis) => (axis === cut ? Math.ceil((size - start) / stride) : size)),
      }
    }
    case 'print':
      return { format: '{}' }
    case 'check':
      return { message: 'check' }
    case 'read':
      return { variable: pick(['v', 'w'], a) ?? 'v', ...variable }
    case 'assign':
      return { variable: pick(['v', 'w'], a) ?? 'v' }
    default:
      return {}
  }
}

/** The program of the steps that are well typed. */
function programOf(steps: readonly Step[]): Graph {
  const params = [
    makeValue(variable, 'x'),
    makeValue(variable, 'y'),
    makeValue({ dtype: 'int32', shape: [6] }, 'i'),
    makeValue({ dtype: 'bool', shape: [] }, 'ok'),
    makeValue({ dtype: 'float32', shape: [3] }, 'r'),
    makeValue({ dtype: 'float32', shape: [2, 2, 3] }, 't'),
  ]
  const values: Value[] = [...params]
  const nodes: Node[] = []
  /** Prefers recent values, so that ops meet what was just made. */
  const choose = (choices: readonly Value[], number: number): Value | undefined =>
    number % 2 === 0 ? pick(choices.slice(-3), number >> 1) : pick(choices, number >> 1)
  for (const { op, picks } of steps) {
    const [first = 0, second = 0, third = 0, a = 0, b = 0] = picks
    const attempt = (): Node => {
      if (op === 'constant') {
        const like = choose(values, first)?.type ?? variable
        const numbers = like.dtype === 'bool' ? [0, 1] : like.dtype === 'int32' ? integers : floats
        const value = Math.fround(pick(a % 2 === 0 ? numbers.slice(0, 4) : numbers, a >> 1) ?? 0)
        const count = (like.shape as readonly number[]).reduce((x, y) => x * y, 1)
        const exact = like.dtype === 'int32' ? value | 0 : value
        const elements = Array.from({ length: count }, (_, i) => (i === 0 && b % 8 === 0 ? 1 : exact))
        return makeNode('constant', [], { ...like, values: elements })
      }
      const wanted =
        op === 'assign' ? values.filter((value) => printType(value.type) === printType(variable)) : values
      const x =
        choose(
          op === 'check' ? values.filter((value) => printType(value.type) === 'bool[]') : wanted,
          first,
        ) ?? params[0]!
      const alike = values.filter((value) => printType(value.type) === printType(x.type))
      const [y, z] = [choose(alike, second) ?? x, choose(alike, third) ?? x]
      const conditions = values.filter(
        (value) => printType(value.type) === printType({ dtype: 'bool', shape: x.type.shape }),
      )
      const arity = ['add', 'sub', 'mul', 'div', 'max', 'min', 'and', 'or', 'xor', 'compare'].includes(op)
        ? 2
        : op === 'read'
          ? 0
          : 1
      const operands = op === 'select' ? [pick(conditions, a) ?? x, y, z] : [x, y].slice(0, arity)
      return makeNode(op, operands, attrsFor(op, x, picks))
    }
    try {
      const node = attempt()
      nodes.push(node)
      values.push(...node.results)
    } catch {
      // Not well typed: this step is left out.
    }
  }
  const captures = ['v', 'w'].map((name) => ({ name, kind: 'variable' as const, type: variable }))
  return { name: 'f', params, captures, nodes, results: values.slice(-12), guards: [] }
}

const floatData = (count: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.oneof(fc.constantFrom(...floats), fc.float()), { minLength: count, maxLength: count })
    .map((values) => values.map(Math.fround))

const inputs: fc.Arbitrary<Data[]> = fc
  .tuple(
    floatData(6),
    floatData(6),
    fc.array(fc.oneof(fc.constantFrom(...integers), fc.integer()), { minLength: 6, maxLength: 6 }),
    fc.nat(1),
    floatData(3),
    floatData(12),
  )
  .map(([x, y, i, ok, r, t]) => [
    { shape: [2, 3], values: x },
    { shape: [2, 3], values: y },
    { shape: [6], values: i },
    { shape: [], values: [ok] },
    { shape: [3], values: r },
    { shape: [2, 2, 3], values: t },
  ])

const contents: fc.Arbitrary<ReadonlyMap<string, Data>> = fc.tuple(floatData(6), floatData(6)).map(
  ([v, w]) =>
    new Map([
      ['v', { shape: [2, 3], values: v }],
      ['w', { shape: [2, 3], values: w }],
    ]),
)

test.each([
  ['movements', move, 12],
  ['arithmetic', calculation, 30],
])('a chain of %s means the same', (_, steps, maxLength) => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 2, maxLength }), inputs, (program, data) => {
      const before = programOf(program)
      const after = runPasses(before, { fuse: (graph) => graph, verify: true })
      expect(evaluateGraph(after, data)).toEqual(evaluateGraph(before, data))
    }),
    { numRuns: 400 },
  )
})

test('a program means the same before and after the passes', () => {
  let nodesBefore = 0
  let nodesAfter = 0
  let failedChecks = 0
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      inputs,
      contents,
      (steps, data, variables) => {
        const before = programOf(steps)
        expect(printGraph(parseGraph(printGraph(before)))).toBe(printGraph(before))
        const after = runPasses(before, { fuse: (graph) => graph, verify: true })
        const expected = evaluateGraph(before, data, variables)
        expect(evaluateGraph(after, data, variables)).toEqual(expected)
        nodesBefore += before.nodes.length
        nodesAfter += after.nodes.length
        if (expected.results === undefined) failedChecks++
      },
    ),
    { numRuns: 600 },
  )
  // The programs are worth the test: much is removed, and some of them stop early.
  expect(nodesAfter).toBeLessThan(nodesBefore * 0.9)
  expect(failedChecks).toBeGreaterThan(5)
})
