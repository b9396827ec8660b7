// Graph text: exact form, and parse ∘ print = identity on hand-written and on random graphs.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addSizes,
  floorDivideSizes,
  modSizes,
  multiplySizes,
  type Size,
  sizeName,
} from '../../../codegen/size.ts'
import { type AttrValue, type Graph, makeValue, type Node, type Value } from '../../../tracer/ir/graph.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import { dtypes } from '../../../codegen/dtype.ts'

const example = `function @trainStep(%x: f32[n0,784], %y: i32[n0]) -> f32[], f32[n0]
  captures @w: f32[784,10] variable, @c0: f32[3] tensor
  guards n0 == n1 "add at model.ts:3", 2*n0+1 == 5 "reshape \\"b\\" at model.ts:4"
{
  %0: f32[784,10] = read @w                         // model.ts:12:5
  %1: f32[n0,10]  = dot %x, %0 {contract = [1]}     // model.ts:12:9
  %2: f32[]       = constant 0.5                    // model.ts:13
  %3: f32[4]      = constant [-0,NaN,-Infinity,1e-7]
  %4: f32[3]      = captured @c0
  %5: bool[n0]    = compare %y, %y {op = lt, word = "n0", size = n0, more = {a = [], b = [1,[2*n0+1,$batch]], "n c" = "x // y"}}
  %6: f32[n0]     = fusion %1 {kind = "two words"}  // model.ts:14
    region @softmax(%a: f32[n0,10]) -> f32[n0]
    {
      %0: f32[n0] = reduce_max %a {axes = [1]}
      return %0
    }
  %7: f32[], %8: i32[] = topmost %6, %x {none = null, yes = true, no = false}
  assign @w, %0                                     // model.ts:20
  commit @"odd name, truly", %0
  return %7, %6
}`

describe('graph text', () => {
  test('a graph with everything prints as written', () => {
    expect(printGraph(parseGraph(example))).toBe(example)
  })

  test('attributes come back with their kinds', () => {
    const attrs = parseGraph(example).nodes[5]?.attrs
    expect(attrs?.['word']).toBe('n0')
    expect(attrs?.['size']).toEqual(sizeName('n0'))
    expect(attrs?.['op']).toBe('lt')
    const more = attrs?.['more'] as { readonly [key: string]: AttrValue }
    expect(more['b']).toEqual([1, [addSizes(multiplySizes(2, sizeName('n0')), 1), sizeName('batch')]])
    expect(more['n c']).toBe('x // y')
  })

  test('the types of reads and constants become attributes', () => {
    const nodes = parseGraph(example).nodes
    expect(nodes[0]?.attrs).toEqual({ variable: 'w', dtype: 'float32', shape: [784, 10] })
    expect(nodes[4]?.attrs).toEqual({ name: 'c0', dtype: 'float32', shape: [3] })
    expect(nodes[2]?.attrs).toEqual({ dtype: 'float32', shape: [], values: [0.5] })
    expect(nodes[3]?.attrs).toEqual({ dtype: 'float32', shape: [4], values: [-0, NaN, -Infinity, 1e-7] })
  })

  test('sources can be left out', () => {
    expect(printGraph(parseGraph(example), { sources: false })).not.toContain('// model')
  })

  test('parameter names that are no words, or alike, are made so', () => {
    const x = makeValue({ dtype: 'float32', shape: [] }, 'x y')
    const again = makeValue({ dtype: 'float32', shape: [] }, 'x y')
    const digits = makeValue({ dtype: 'float32', shape: [] }, '0')
    const graph: Graph = {
      name: '<f>',
      params: [x, again, digits],
      captures: [],
      nodes: [],
      results: [x, again],
      guards: [],
    }
    const text =
      'function @"<f>"(%x_y: f32[], %x_y_1: f32[], %_0: f32[]) -> f32[], f32[]\n{\n  return %x_y, %x_y_1\n}'
    expect(printGraph(graph)).toBe(text)
    expect(printGraph(parseGraph(text))).toBe(text)
  })

  test.each([
    [
      'a value that is not defined',
      'function @f() -> ()\n{\n  print %0\n  return\n}',
      'line 3: expected a value defined above instead of %0',
    ],
    [
      'a name defined twice',
      'function @f(%x: f32[]) -> ()\n{\n  %x: f32[] = neg %x\n  return\n}',
      'expected a name not yet in use instead of %x',
    ],
    [
      'results of another type',
      'function @f(%x: f32[]) -> f32[2]\n{\n  return %x\n}',
      'expected results of types f32[2], not f32[]',
    ],
    ['an open list', 'function @f(%x: f32[]) -> ()\n{\n  print %x {a = [1, 2}\n  return\n}', 'expected "]"'],
    ['text behind the end', 'function @f() -> ()\n{\n  return\n}\nx', 'expected the end of the text'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseGraph(text)).toThrow(message)
  })
})

const size: fc.Arbitrary<Size> = fc.letrec<{ size: Size }>((tie) => ({
  size: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.nat(9),
    fc.constantFrom('n0', 'n1', 'batch').map(sizeName),
    fc.tuple(tie('size'), tie('size')).map(([x, y]) => addSizes(x, y)),
    fc.tuple(tie('size'), tie('size')).map(([x, y]) => multiplySizes(x, y)),
    tie('size').map((x) => floorDivideSizes(x, 3)),
    tie('size').map((x) => modSizes(x, sizeName('n2'))),
  ),
})).size

const attr: fc.Arbitrary<AttrValue> = fc.letrec<{ attr: AttrValue }>((tie) => ({
  attr: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.oneof(fc.string(), fc.constantFrom('n0', 'NaN', 'true', 'float32', '$x', '12', '-0', 'lt', 'a//b')),
    size,
    fc.array(tie('attr'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('attr'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).attr

/** A random list of nodes over what came before; ops need not exist, since text knows no type rules. */
const graph: fc.Arbitrary<Graph> = fc
  .array(
    fc.record({
      op: fc.constantFrom('add', 'read', 'assign', 'constant', 'fusion', 'captured'),
      attrs: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('variable', 'values')), attr, {
        maxKeys: 3,
        noNullPrototype: true,
      }),
      operands: fc.array(fc.nat(), { maxLength: 3 }),
      types: fc.array(
        fc.record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(size, { maxLength: 2 }) }),
        { maxLength: 2 },
      ),
      source: fc.option(fc.constantFrom('model.ts:1:2', 'C:\\my model.ts:3')),
      region: fc.boolean(),
    }),
    { maxLength: 6 },
  )
  .map((rows) => {
    const values: Value[] = [
      makeValue({ dtype: 'float32', shape: [] }, 'x'),
      makeValue({ dtype: 'bool', shape: [2] }),
    ]
    const params = [...values]
    const nodes: Node[] = []
    for (const row of rows) {
      const results = row.types.map((type) => makeValue(type))
      const operands = row.operands
        .map((i) => values[i % values.length])
        .filter((value) => value !== undefined)
      const inner: Graph = { name: 'inner', params: [], captures: [], nodes: [], results: [], guards: [] }
      const node: Node = {
        op: row.op,
        operands,
        attrs: row.attrs,
        regions: row.region ? [inner] : [],
        results,
      }
      nodes.push(row.source === null ? node : { ...node, source: row.source })
      values.push(...results)
    }
    return { name: 'f', params, captures: [], nodes, results: values.slice(-2), guards: [] }
  })

test('parse ∘ print is the identity on text and on attributes', () => {
  fc.assert(
    fc.property(graph, (made) => {
      const text = printGraph(made)
      const parsed = parseGraph(text)
      expect(printGraph(parsed)).toBe(text)
      expect(parsed.nodes.map((node) => node.attrs)).toEqual(made.nodes.map((node) => node.attrs))
    }),
    { numRuns: 300 },
  )
})
