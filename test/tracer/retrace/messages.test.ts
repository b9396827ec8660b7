// The texts of whole messages, in test/golden/retrace/messages.txt: every case is a function with a typical mistake.
// `UPDATE=1` rewrites the file.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { TensorSpec } from '../../../tracer/trace/spec.ts'
import { graphOf, Scenario, shown, spec } from './scenario.ts'

const path = new URL('../../golden/retrace/messages.txt', import.meta.url)
const updating = process.env['UPDATE'] === '1'
const golden = new Map(
  readFileSync(path, { encoding: 'utf8', flag: 'a+' })
    .split(/^=== /m)
    .slice(1)
    .map((section): [string, string] => [
      section.slice(0, section.indexOf('\n')),
      section.slice(section.indexOf('\n') + 1).trimEnd(),
    ]),
)
const seen = new Map<string, string>()

class Trainer {
  readonly depth = 3
}
class Config {
  readonly rate = 0.1
}

/** A training step over rows and a rate. */
function stepGraph(rows: number, rate: number): ReturnType<typeof parseGraph> {
  return parseGraph(`function @step(%x: f32[${rows},4], %y: f32[${rows}]) -> f32[]
{
  %0: f32[${rows}] = reduce_sum %x {axes = [1]}
  %1: f32[${rows}] = sub %0, %y
  %2: f32[] = constant ${rate}
  %3: f32[] = reduce_sum %1 {axes = [0]}
  %4: f32[] = mul %3, %2
  return %4
}`)
}

const cases: Record<string, () => void> = {
  'a last batch that is smaller, and a rate that decays': () => {
    const step = new Scenario(['batch', 'opts'], { name: 'trainStep', reducesRetracing: false })
    const self = { self: new Trainer() }
    const call = (
      rows: number,
      lr: number,
      kind: 'first' | 'retrace',
      milliseconds: { trace: number; compile: number; assemble: number },
    ): void =>
      step.trace(
        [
          { x: spec(rows, 4), y: new TensorSpec([4]) },
          { lr, momentum: 0.9 },
        ],
        {
          kind,
          milliseconds,
          graph: stepGraph(rows, lr),
          mode: { device: 'wasm', mode: 'traced' },
          wasmBytes: 6000,
        },
        self,
      )
    call(31, 0.1, 'first', { trace: 9, compile: 7, assemble: 15 })
    for (let rows = 32; rows <= 34; rows++)
      call(rows, 0.1, 'retrace', { trace: 9, compile: 7, assemble: 15.3 })
    step.hit(2, 100)
    call(34, 0.05, 'retrace', { trace: 7, compile: 6, assemble: 11 })
    for (let rows = 35; rows <= 37; rows++)
      call(rows, 0.05, 'retrace', { trace: 9, compile: 7, assemble: 15.3 })
  },
  'tensors of many sizes as the only arguments': () => {
    const step = new Scenario(['batch', 'mask'])
    for (const size of [7, 12, 9, 30])
      step.trace([{ x: spec(size, 4), label: new TensorSpec([size], 'int32') }, [spec(size), spec(3)]], {
        graph: graphOf(size, 2),
      })
  },
  'a number that changes with every call, from two places': () => {
    const step = new Scenario(['x', 'k'])
    for (let k = 0; k < 7; k++)
      step.trace([spec(3), k], {
        graph: graphOf(3, k),
        callSite: k % 3 === 0 ? 'eval.ts:7:3' : 'train.ts:41:7',
      })
  },
  'a number that chooses the operations': () => {
    const step = new Scenario(['layer'], { name: 'forward' })
    for (let layer = 0; layer < 4; layer++)
      step.trace([layer], {
        graph: graphOf(3, 2, ['mul', 'add', 'sub', 'div'][layer]),
        readAt: { layer: 'model.ts:22:9' },
      })
  },
  'a callback written in the call': () => {
    const step = new Scenario(['x', 'activation'])
    const functions = [0, 1, 2, 3].map(() => (y: number) => y * 2)
    for (const activation of functions) step.trace([spec(3), activation])
  },
  'a new instance with equal fields': () => {
    const step = new Scenario(['x', 'config'])
    const instances = [0, 1, 2, 3].map(() => new Config())
    for (const instance of instances) step.trace([spec(3), instance])
  },
  'a list that grows': () => {
    const step = new Scenario(['history'])
    for (let length = 1; length <= 5; length++)
      step.trace([Array.from({ length }, () => spec(2))], { graph: graphOf(length, 2) })
  },
  'a dtype and a rank that vary, with a setting': () => {
    const step = new Scenario(['x'])
    step.trace([spec(4)], { mode: { precision: 'default' } })
    step.trace([new TensorSpec([4], 'int32')], { mode: { precision: 'default' } })
    step.trace([new TensorSpec([4], 'float64')], { mode: { precision: 'default' } })
    step.trace([new TensorSpec([4], 'bool')], { mode: { precision: 'high' } })
    step.trace([spec(2, 4)], { mode: { precision: 'high' } })
    step.trace([spec(1, 2, 4)], { mode: { precision: 'high' } })
    step.trace([spec(4)], { mode: { precision: 'high' } })
    step.trace([new TensorSpec([4], 'uint8')], { mode: { precision: 'high' } })
  },
  'a function made in a loop': () => {
    for (let i = 0; i < 3; i++)
      new Scenario(['x'], { name: 'loss', definedAt: 'train.ts:30:18', sourceText: 'x => x.sum()' }).trace([
        spec(3),
      ])
  },
  'traces that are cleared between calls': () => {
    const step = new Scenario(['x'])
    for (let i = 0; i < 4; i++) {
      step.trace([spec(3)], { held: 1 })
      step.ledger.cleared()
    }
  },
  'a function traced inside another': () => {
    const inner = new Scenario(['k'], { name: 'inner', definedAt: 'inner.ts:1:1' })
    const outer = new Scenario(['k'], { name: 'outer', definedAt: 'outer.ts:1:1' })
    for (let k = 0; k < 4; k++) {
      inner.trace([k], { outer: 'main.ts:9:3' })
      outer.trace([k], { graph: graphOf(3, k) })
    }
  },
  'one dear retrace': () => {
    const step = new Scenario(['x'], { kind: 'method', name: 'Model.predict' })
    step.trace([spec(16, 784)])
    step.hit(3, 20)
    step.trace([spec(5, 784)], {
      graph: graphOf(5, 2),
      milliseconds: { trace: 12_000, compile: 40, assemble: 300 },
      wasmBytes: 400_000,
    })
  },
}

describe('messages', () => {
  test.each(Object.keys(cases))('%s', (name) => {
    cases[name]?.()
    const text = shown.at(-1) ?? 'no message'
    expect(text).toMatch(/^▼ tf\.function/)
    seen.set(name, text)
    expect(text).toBe(updating ? text : golden.get(name))
  })
  afterAll(() => {
    if (updating) writeFileSync(path, [...seen].map(([name, text]) => `=== ${name}\n${text}\n`).join('\n'))
  })
})
