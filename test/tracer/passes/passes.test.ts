// Each pass on small graphs: the golden files hold input and output, which are also verified and parsed back.
import '../../../tracer/gradient/control.ts'
import '../../../tracer/ops/dynamic.ts'
import '../../../tracer/ops/index.ts'
import '../../../tracer/ops/state.ts'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../../tracer/ir/graph.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import { assume } from '../../../tracer/passes/assume.ts'
import { canonicalize } from '../../../tracer/passes/canonicalize.ts'
import { cse } from '../../../tracer/passes/cse.ts'
import { dce } from '../../../tracer/passes/dce.ts'
import { discharge } from '../../../tracer/passes/discharge.ts'
import { type Evaluate, fold } from '../../../tracer/passes/fold.ts'
import { inline } from '../../../tracer/passes/inline.ts'
import { mergeLoops } from '../../../tracer/passes/merge-loops.ts'
import { runPasses } from '../../../tracer/passes/pipeline.ts'
import { sumInPlace } from '../../../tracer/passes/sums.ts'
import { testGoldens } from './golden.ts'

/** `aliases v=w` as a map. */
function aliasesOf(words: string): ReadonlyMap<string, string> {
  return new Map(
    [...words.matchAll(/(\w+)=(\w+)/g)].map(([, name = '', representative = '']) => [name, representative]),
  )
}

const sums: Readonly<Record<string, (x: number, y: number) => number>> = {
  add: (x, y) => Math.fround(x + y),
  mul: (x, y) => Math.fround(x * y),
}

/** Sums and products of float32, elementwise. */
const evaluate: Evaluate = (node, [x, y]) => {
  const compute = sums[node.op]
  if (compute === undefined || x === undefined || y === undefined) return undefined
  return { type: x.type, values: x.values.map((value, i) => compute(value, y.values[i] ?? 0)) }
}

testGoldens('inline', inline)
testGoldens('merge-loops', mergeLoops)
testGoldens('sums', (graph) => dce(sumInPlace(graph)))
testGoldens('assume', assume)
testGoldens('discharge', (graph, words) => discharge(graph, aliasesOf(words)))
testGoldens('canonicalize', (graph) => dce(canonicalize(graph)))
testGoldens('fold', (graph) => dce(fold(graph, evaluate)))
testGoldens('cse', cse)
testGoldens('dce', dce)

const traced = `function @step(%x: f32[n0,4]) -> f32[n0,4]
  captures @w: f32[4] variable, @unused: f32[4] variable
{
  %0: f32[4] = read @w
  %1: f32[n0,4] = call %x, %0 {callee = scale}
    region @scale(%a: f32[n0,4], %b: f32[4]) -> f32[n0,4]
    {
      %0: f32[n0,4] = broadcast %b {shape = [n0,4], axes = [1]}
      %1: f32[n0,4] = mul %a, %0
      %2: f32[n0,4] = exp %1
      return %1
    }
  %2: f32[4] = constant 1
  %3: f32[4] = constant 1
  %4: f32[4] = add %2, %3
  %5: f32[4] = mul %0, %4
  assign @w, %5
  %6: f32[4] = read @w
  %7: f32[4] = mul %6, %2
  assign @w, %7
  return %1
}`

const compiled = `function @step(%x: f32[n0,4]) -> f32[n0,4]
  captures @w: f32[4] variable
{
  %0: f32[4]    = read @w
  %1: f32[n0,4] = broadcast %0 {shape = [n0,4], axes = [1]}
  %2: f32[n0,4] = mul %x, %1
  %3: f32[4]    = constant 2
  %4: f32[4]    = mul %0, %3
  commit @w, %4
  return %2
}`

describe('the pipeline', () => {
  const same = (graph: Graph): Graph => graph

  test('runs all passes in order and shows each stage', () => {
    const stages: string[] = []
    const result = runPasses(parseGraph(traced), {
      evaluate,
      fuse: same,
      verify: true,
      trace: (stage) => stages.push(stage),
    })
    expect(printGraph(result)).toBe(compiled)
    expect(stages).toEqual([
      'traced',
      'inline',
      'assume',
      'discharge',
      'narrow',
      'canonicalize',
      'fold',
      'cse',
      'canonicalize',
      'loops',
      'sums',
      'hoist',
      'dce',
      'fuse',
    ])
  })

  test('running it again changes nothing', () => {
    const once = runPasses(parseGraph(traced), { evaluate, fuse: same })
    expect(printGraph(runPasses(once, { evaluate, fuse: same }))).toBe(compiled)
  })

  test('verify finds a pass that breaks the graph', () => {
    const drop = (graph: Graph): Graph => ({ ...graph, nodes: graph.nodes.slice(1) })
    expect(() => runPasses(parseGraph(traced), { fuse: drop, verify: true })).toThrow(
      /is not defined above it/,
    )
  })
})
