// What the benchmark draws and writes: the page, the roofline, models for ONNX Runtime.
import { describe, expect, test } from 'vitest'
import type { Row } from '../../bench/harness.ts'
import { chart, page } from '../../bench/html.ts'
import { onnxModel } from '../../bench/peers/onnx-model.ts'
import { table } from '../../bench/report.ts'
import { pointOf, roofline } from '../../bench/roofline.ts'
import { Drawing, LogScale } from '../../bench/svg.ts'
import { type Workload, workloads } from '../../bench/workloads/list.ts'
import * as tf from '../../src/index.ts'

const workload: Workload = {
  name: 'product',
  title: 'A product <of two>',
  kind: 'steps',
  loss: true,
  contestants: [],
  flops: 2e6,
}

function row(peer: string, medianMs: number, more: Partial<Row> = {}): Row {
  const times = { firstMs: 9, secondMs: 3, medianMs, bestMs: medianMs * 0.9 }
  return { workload: 'product', peer, variant: 'traced', threads: 1, node: 'v0', ...times, ...more }
}

describe('scales and drawings', () => {
  test('a scale goes up by ratio and covers its values', () => {
    const scale = new LogScale([1, 100], 0, 300)
    expect(scale.place(10)).toBeCloseTo(150)
    expect(scale.place(100) - scale.place(10)).toBeCloseTo(scale.place(10) - scale.place(1))
    expect(scale.ticks).toEqual([1, 10, 100])
    expect(scale.place(1)).toBeGreaterThan(0)
    // A single value is in the middle of a decade.
    expect(new LogScale([5], 0, 100).place(5)).toBeCloseTo(50)
  })

  test('words cannot leave their element', () => {
    const drawing = new Drawing(10, 10)
    drawing.text(1, 2, '<script>&"')
    expect(drawing.toSvg('"<', false)).toContain('&lt;script&gt;&amp;&quot;')
    expect(drawing.toSvg('"<', false)).toContain('aria-label="&quot;&lt;"')
  })
})

describe('the page', () => {
  const rows = [
    row('tracemill', 0.05, { loss: 1.5 }),
    row('tfjs-wasm', 0.5),
    row('broken', Number.NaN, { error: 'it <failed>\nat' }),
  ]

  test('a chart has a dot per library that has a time, the slower further right', () => {
    const svg = chart({ workload, rows })
    const places = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x))
    expect(places).toHaveLength(2)
    expect(places[0]).toBeLessThan(places[1] ?? 0)
    expect(svg).toContain('tfjs-wasm (traced): 500 µs')
    expect(chart({ workload, rows: rows.slice(2) })).toBe('')
  })

  test('holds the tables, what failed, and nothing from elsewhere', () => {
    const html = page([{ workload, rows }], 'Node & machine')
    expect(html).toContain('<h2>A product &lt;of two&gt;</h2>')
    expect(html).toContain('<td>tracemill (traced)</td><td>50.0 µs</td><td>1.00×</td><td>40.0</td>')
    expect(html).toContain('broken (traced): it &lt;failed&gt;')
    expect(html).toContain('Node &amp; machine')
    expect(html).not.toMatch(/<script|<link|src=|url\(/)
  })

  test('the table of the console has the same figures', () => {
    const text = table(workload, rows)
    expect(text).toContain('GFLOP/s')
    expect(text).toMatch(/tfjs-wasm \(traced\) +500 µs +10\.0× +4\.00/)
    expect(text).toContain('broken (traced): it <failed>')
  })
})

describe('the roofline', () => {
  const roof = { gflops: 60, cacheGBs: 100, memoryGBs: 20 }

  test('points lie where their figures say, below the roof', () => {
    const svg = roofline(
      [
        { name: 'low', intensity: 0.5, gflops: 5 },
        { name: 'high', intensity: 50, gflops: 50 },
      ],
      roof,
    )
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ])
    expect(dots).toHaveLength(2)
    // A hundred times the intensity and ten times the rate: right and up, half as far.
    const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = []] = dots
    expect(x1).toBeGreaterThan(x0)
    expect(y1).toBeLessThan(y0)
    expect(svg).toContain('memory, 20 GB/s')
    expect(svg).toContain('60 GFLOP/s')
    const roofs = [...svg.matchAll(/<line [^>]*y2="([\d.]+)" class="roof"/g)].map(([, y]) => Number(y))
    expect(roofs).toHaveLength(3)
    expect(Math.min(...roofs)).toBeLessThan(y1)
  })

  test('a profile is a point, unless the data decides what it does', () => {
    const f = tf.function((a: tf.Tensor) => a.matMul(a))
    const a = tf.tensor(new Float32Array(64 * 64).fill(1), [64, 64])
    const point = pointOf(
      'product',
      tf.profile(() => f(a), { print: false }),
    )
    expect(point?.intensity).toBeCloseTo((2 * 64 ** 3) / (3 * 4 * 64 ** 2), 6)
    expect(point?.gflops).toBeGreaterThan(0)
    const loop = tf.function((n: tf.Tensor) => {
      const [i] = tf.whileLoop(
        (at: tf.Tensor) => at.less(n),
        (at: tf.Tensor) => [at.add(1)],
        [tf.scalar(0)],
      )
      return i
    })
    const n = tf.scalar(100_000)
    loop(n)
    expect(
      pointOf(
        'loop',
        tf.profile(() => loop(n), { print: false }),
      ),
    ).toBeUndefined()
    expect(
      pointOf(
        'nothing',
        tf.profile(() => 1, { print: false }),
      ),
    ).toBeUndefined()
  })
})

test('an ONNX model is the Protocol Buffers of its graph', () => {
  const bytes = onnxModel({
    nodes: [{ op: 'Mul', inputs: ['x', 'c'], output: 'y', attributes: { axis: 300 } }],
    inputs: { x: [2] },
    outputs: { y: [2] },
    constants: { c: 1 },
  })
  const text = (value: string): number[] => [...new TextEncoder().encode(value)]
  const value = (name: string): number[] => [
    0x0a,
    1,
    ...text(name),
    0x12,
    10,
    0x0a,
    8,
    8,
    1,
    0x12,
    4,
    0x0a,
    2,
    8,
    2,
  ]
  const attribute = [0x0a, 4, ...text('axis'), 0x18, 0xac, 0x02, 0xa0, 0x01, 2]
  const node = [
    0x0a,
    1,
    ...text('x'),
    0x0a,
    1,
    ...text('c'),
    0x12,
    1,
    ...text('y'),
    0x22,
    3,
    ...text('Mul'),
    0x2a,
    attribute.length,
    ...attribute,
  ]
  const constant = [0x10, 1, 0x42, 1, ...text('c'), 0x4a, 4, 0, 0, 0x80, 0x3f]
  const input = value('x')
  const about = [0x0a, node.length, ...node, 0x12, 5, ...text('graph'), 0x2a, constant.length, ...constant]
  const graph = [...about, 0x5a, input.length, ...input, 0x62, input.length, ...value('y')]
  expect([...bytes]).toEqual([8, 8, 0x3a, graph.length, ...graph, 0x42, 2, 0x10, 13])
})

test('workloads have names of their own, and tracemill first', () => {
  const names = workloads.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { contestants } of workloads) expect(contestants[0]?.peer).toBe('tracemill')
})
