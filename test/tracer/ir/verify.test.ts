// The verifier refuses every way a graph can be wrong, and points at the node.
import '../../../tracer/ops/index.ts'
import '../../../tracer/ops/state.ts'
import { describe, expect, test } from 'vitest'
import { InternalError } from '../../../codegen/errors.ts'
import type { Graph } from '../../../tracer/ir/graph.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { verifyGraph } from '../../../tracer/ir/verify.ts'

function refusal(graph: Graph): InternalError {
  try {
    verifyGraph(graph)
  } catch (error) {
    if (error instanceof InternalError) return error
    throw error
  }
  throw new Error('the graph was accepted')
}

const valid = parseGraph(`function @f(%x: f32[n0,4]) -> f32[n0,4]
  captures @w: f32[n0,4] variable, @c: f32[4] tensor
{
  %0: f32[n0,4] = read @w
  %1: f32[4]    = captured @c
  %2: f32[n0,4] = broadcast %1 {shape = [n0,4], axes = [1]}
  %3: f32[n0,4] = add %x, %2
  commit @w, %3
  return %3
}`)

describe('verifyGraph', () => {
  test('accepts a valid graph', () => {
    expect(() => verifyGraph(valid)).not.toThrow()
  })

  test.each<[string, string, RegExp]>([
    ['a wrong result type', '%0: f32[3] = neg %x', /neg gives \(f32\[2\]\), not \(f32\[3\]\)/],
    ['a wrong number of results', '%0: f32[2], %1: f32[2] = neg %x', /not \(f32\[2\], f32\[2\]\)/],
    ['operands that the rule refuses', '%0: f32[2] = add %x, %b', /the type rule of add refuses/],
    ['an unknown op', '%0: f32[2] = frobnicate %x', /no op is called frobnicate/],
    ['a read of what is not captured', '%0: f32[2] = read @v', /read of @v, which is not captured/],
    ['a read of a tensor', '%0: f32[2] = read @c', /read of @c, which is a tensor/],
    ['a capture of a variable', '%0: f32[2] = captured @w', /captured of @w, which is a variable/],
    ['a read as another type', '%0: f32[3] = read @w', /read of @w, a f32\[2\], as f32\[3\]/],
    ['an assignment of another type', 'assign @w, %b', /assign of @w, a f32\[2\], as bool\[2\]/],
    ['a check of a vector', 'check %b {message = m}', /check of bool\[2\], not of bool\[\]/],
  ])('refuses %s', (_, line, message) => {
    const graph = parseGraph(`function @f(%x: f32[2], %b: bool[2]) -> f32[2]
  captures @w: f32[2] variable, @c: f32[2] tensor
{
  %9: f32[2] = exp %x
  ${line}
  return %x
}`)
    const error = refusal(graph)
    expect(error.message).toMatch(message)
    const marked = error.message.split('\n').filter((row) => row.startsWith('>'))
    expect(marked).toHaveLength(1)
    expect(marked[0]).toContain(line.split(' ').at(-1))
  })

  test('refuses a use before the definition', () => {
    const nodes = valid.nodes.toReversed()
    expect(refusal({ ...valid, nodes }).message).toMatch(/operand 0 of commit is not defined above it/)
  })

  test('refuses a value defined twice', () => {
    const nodes = valid.nodes.flatMap((node) => [node, node])
    expect(refusal({ ...valid, nodes }).message).toMatch(/a value is defined twice/)
  })

  test('refuses a result that is not defined', () => {
    expect(refusal({ ...valid, nodes: [] }).message).toMatch(/result 0, f32\[n0,4\], is not defined in it/)
  })

  test('refuses two captures of one name', () => {
    const captures = valid.captures.flatMap((capture) => [capture, capture])
    expect(refusal({ ...valid, captures }).message).toMatch(/two captures are called @w/)
  })

  test('refuses a region that uses a value from outside', () => {
    const graph = parseGraph(`function @f(%x: f32[2]) -> f32[2]
{
  %0: f32[2] = call %x {callee = g}
    region @g(%a: f32[2]) -> f32[2]
    {
      %0: f32[2] = neg %a
      return %0
    }
  return %0
}`)
    const outside = graph.params[0]
    const nodes = graph.nodes.map((node) => ({
      ...node,
      regions: node.regions.map((region) => ({
        ...region,
        nodes: region.nodes.map((inner) => ({ ...inner, operands: outside === undefined ? [] : [outside] })),
      })),
    }))
    expect(() => verifyGraph(graph)).not.toThrow()
    expect(refusal({ ...graph, nodes }).message).toMatch(
      /invalid graph g: operand 0 of neg is not defined above it/,
    )
  })
})
