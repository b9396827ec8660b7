// Fingerprints: what makes two graphs alike up to sizes or constants, and what does not.
import { describe, expect, test } from 'vitest'
import '../../../tracer/ops/index.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { digestOf, likeness } from '../../../tracer/trace/retrace/graph-digest.ts'

const base = `function @f(%x: f32[3,4], %y: f32[3,4]) -> f32[3]
{
  %0: f32[3,4] = sub %x, %y  // model.ts:1
  %1: f32[] = constant 0.5
  %2: f32[3,4] = mul %0, %1
  %3: f32[3] = reduce_sum %2 {axes = [1]}
  return %3
}`

function compared(change: (text: string) => string): string {
  return likeness(digestOf(parseGraph(base)), digestOf(parseGraph(change(base))))
}

describe('likeness', () => {
  test.each([
    [
      'names and lines',
      (text: string) => text.replaceAll('%x', '%input').replace('model.ts:1', 'main.ts:9'),
      'identical',
    ],
    ['a size', (text: string) => text.replaceAll('[3', '[5'), 'sizes'],
    ['a size that has a name', (text: string) => text.replaceAll('[3', '[n0'), 'sizes'],
    ['a constant', (text: string) => text.replace('0.5', '0.25'), 'constants'],
    ['the sign of zero', (text: string) => text.replace('0.5', '-0'), 'constants'],
    ['both', (text: string) => text.replaceAll('[3', '[5').replace('0.5', '0.25'), 'sizes and constants'],
    ['an op', (text: string) => text.replace('mul', 'div'), 'different'],
    ['the wiring', (text: string) => text.replace('sub %x, %y', 'sub %y, %x'), 'different'],
    ['a dtype', (text: string) => text.replaceAll('f32', 'f64'), 'different'],
    ['an axis', (text: string) => text.replace('axes = [1]', 'axes = [0]'), 'different'],
    [
      'a result',
      (text: string) =>
        text.replace('return %3', 'return %3, %0').replace('-> f32[3]', '-> f32[3], f32[3,4]'),
      'different',
    ],
  ])('another text with %s', (_, change, expected) => {
    expect(compared(change)).toBe(expected)
  })

  test('attributes that are sizes are sizes', () => {
    const graph = (size: number, start: number): string =>
      `function @f(%x: f32[9]) -> f32[${size}]\n{\n  %0: f32[${size}] = slice %x {starts = [${start}], sizes = [${size}], steps = [1]}\n  return %0\n}`
    expect(likeness(digestOf(parseGraph(graph(3, 0))), digestOf(parseGraph(graph(4, 1))))).toBe('sizes')
  })

  test('a change inside a region counts', () => {
    const graph = (op: string): string => `function @f(%x: f32[3]) -> f32[3]
{
  %0: f32[3] = fusion %x {kind = loop}
    region @body(%a: f32[3]) -> f32[3]
    {
      %0: f32[3] = ${op} %a
      return %0
    }
  return %0
}`
    expect(likeness(digestOf(parseGraph(graph('neg'))), digestOf(parseGraph(graph('neg'))))).toBe('identical')
    expect(likeness(digestOf(parseGraph(graph('neg'))), digestOf(parseGraph(graph('exp'))))).toBe('different')
  })
})
