// Nodes with effects as text, and the order that fusion must keep.
import { expect, test } from 'vitest'
import '../../src/index.ts'
import { parseGraph } from '../../tracer/ir/parse.ts'
import { printGraph } from '../../tracer/ir/print.ts'
import { verifyGraph } from '../../tracer/ir/verify.ts'
import { dce } from '../../tracer/passes/dce.ts'
import { effectOrder } from '../../tracer/passes/effect-order.ts'
import { fuse } from '../../tracer/passes/fuse.ts'

const text = `function @f(%x: f32[4], %i: i32[2]) -> f32[4]
  captures @v: f32[4] variable
{
  %0: f32[4] = read @v
  %1: f32[4] = add %x, %0
  commit @v, %1
  %2: f32[2] = gather %1, %i {axis = 0, batchDims = 0, outside = check}
  print %2 {summarize = 3, texts = ["a ", ""]}
  %3: f32[4] = host_call %1 {callee = g, types = [{dtype = float32, shape = [4]}]}
  %4: f32[4] = read @v
  %5: f32[4] = add %4, %3
  %6: f32[4] = check_numerics %5 {message = m, of = ""}
  return %6
}`

test('effects print and parse back, without their host payload', () => {
  const graph = parseGraph(text)
  verifyGraph(graph)
  expect(printGraph(parseGraph(printGraph(graph)))).toBe(printGraph(graph))
})

test('dead code keeps them', () => {
  const ops = dce(parseGraph(text)).nodes.map((node) => node.op)
  expect(ops).toEqual(parseGraph(text).nodes.map((node) => node.op))
})

test('what can fail waits for the effect before it, effects for what can fail, reads for the host', () => {
  const graph = parseGraph(text)
  const waits = [...effectOrder(graph)].map(([node, others]) => [node.op, others.map((other) => other.op)])
  expect(waits).toEqual([
    ['gather', ['commit']],
    ['print', ['commit', 'gather']],
    ['host_call', ['print', 'read']],
    ['read', ['host_call']],
    ['check_numerics', ['host_call']],
  ])
})

test('fusion does not join across them', () => {
  const fused = fuse(parseGraph(text))
  const shown = fused.nodes.map((node) =>
    node.op === 'fusion' ? `fusion of ${node.regions[0]?.nodes.map((inner) => inner.op).join(' ')}` : node.op,
  )
  expect(shown).toEqual([
    'read',
    'fusion of add',
    'commit',
    'fusion of gather',
    'print',
    'host_call',
    'read',
    'fusion of add',
    'check_numerics',
  ])
})
