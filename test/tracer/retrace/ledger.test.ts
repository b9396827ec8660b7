// When there is a message and when not, what is blamed, who is told, and what a message costs in lines.
import { describe, expect, test } from 'vitest'
import { SignatureError } from '../../../codegen/errors.ts'
import { captureWarnings, expectNoRetrace, onRetrace, type Retrace, retraces } from '../../../src/retraces.ts'
import { writeToConsole } from '../../../tracer/trace/retrace/output.ts'
import { graphOf, Scenario, shown, spec, told } from './scenario.ts'

describe('what is blamed', () => {
  test('two changes at once are both listed, with both remedies', () => {
    const step = new Scenario(['x', 'lr'])
    step.trace([spec(3), 0.1], { graph: graphOf(3, 0.1) })
    step.trace([spec(4), 0.2], { graph: graphOf(4, 0.2) })
    expect(told(step.cause)).toEqual({
      paths: ['x: shape', 'lr: constant'],
      fix: [
        'tf.function(step, { reduceRetracing: true })',
        'pass tf.scalar(lr) or make it a tf.variable and assign to it',
      ],
    })
    expect(step.cause.fixes.map(({ traces }) => traces)).toEqual([undefined, 1])
  })

  test('a setting that changed before is not blamed for an argument that changes now', () => {
    const step = new Scenario(['x', 'k'])
    step.trace([spec(3)], { mode: { precision: 'default' } })
    step.trace([spec(3)], { mode: { precision: 'high' } })
    step.trace([spec(3), 1], { mode: { precision: 'high' } })
    const [first, second] = step.ledger.ownCauses()
    expect(first?.paths.map(({ path }) => path)).toEqual(['precision'])
    expect(second?.paths.map(({ path }) => path)).toEqual(['k'])
    expect(second?.alsoChanged).toEqual([])
  })

  test('a setting that changed together with an argument is told, and not made the cause', () => {
    const step = new Scenario(['x', 'k'])
    step.trace([spec(3)], { mode: { precision: 'default' } })
    step.trace([spec(3), 1], { mode: { precision: 'high' } })
    expect(step.cause.kind).toBe('structure')
    expect(step.cause.paths.map(({ path }) => path)).toEqual(['k'])
    expect(step.cause.alsoChanged).toMatchObject([{ path: 'precision', pattern: 'default → high' }])
    expect(step.ledger.report()).toContain('default → high     changed as well')
  })

  test('the nearest trace is the one with the fewest differing paths, then the latest', () => {
    const step = new Scenario(['a', 'b', 'c'])
    step.trace([1, 1, 1])
    step.trace([2, 2, 2])
    step.trace([1, 1, 3])
    step.trace([1, 1, 4])
    const last = step.ledger.ownCauses().find(({ paths }) => paths.length === 1)
    expect(last?.paths[0]).toMatchObject({ path: 'c', pattern: '1 → 3 → 4' })
    expect(last?.last.changes).toEqual([{ path: 'c', kind: 'constant', before: '3', after: '4' }])
  })

  test('methods: the first trace for another object is no retrace', () => {
    const [x, y] = [{ id: 1 }, { id: 2 }]
    const step = new Scenario(['n'], { kind: 'method', name: 'Trainer.step' })
    step.trace([1], {}, { self: x })
    step.trace([1], {}, { self: y })
    expect(step.ledger.explain()).toEqual([])
    step.trace([2], {}, { self: x })
    expect(step.cause.paths.map(({ path }) => path)).toEqual(['n'])
  })

  test('first traces, the second pass of variable creation and gradient variants are no retraces', () => {
    const step = new Scenario(['x'])
    step.trace([spec(2)], { milliseconds: { trace: 900, compile: 900 } })
    step.trace([spec(2)], { kind: 'creation', milliseconds: { trace: 900, compile: 900 } })
    const variant = new Scenario(['x'], { kind: 'gradient variant' })
    for (const size of [1, 2, 3, 4]) variant.trace([spec(size)])
    expect([...step.ledger.explain(), ...variant.ledger.explain(), ...shown]).toEqual([])
    step.trace([spec(3)])
    expect(step.cause.tracesMade).toBe(2)
  })
})

describe('when there is a message', () => {
  test('at the third retrace of a cause, then at twice as many each time', () => {
    const step = new Scenario(['k'])
    const at: number[] = []
    for (let k = 0; k <= 1000; k++) {
      const before = shown.length
      step.trace([k], { graph: graphOf(3, k) })
      if (shown.length > before) at.push(k)
    }
    expect(at).toEqual([3, 6, 12, 24, 48, 96, 192, 384, 768])
  })

  test('a thousand retraces: every message is as short as the first', () => {
    const step = new Scenario(['x', 'k'])
    for (let i = 0; i <= 1000; i++) step.trace([spec(i + 1), i % 2], { graph: graphOf(i + 1, 2) })
    const lengths = shown.map((message) => message.split('\n').length)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(24)
    expect(lengths.length).toBeGreaterThan(5)
    expect(lengths.length).toBeLessThan(40)
    expect(shown.at(-1)).toContain('f32[1]')
  })

  test('a thousand causes: the message stays short', () => {
    const names = Array.from({ length: 12 }, (_, i) => `a${i}`)
    const step = new Scenario(names)
    for (let i = 0; i < 1000; i++) step.trace(names.map((_, bit) => ((i * 2654435761) >>> (bit + 4)) & 7))
    expect(step.ledger.explain().length).toBeLessThanOrEqual(25)
    expect(step.ledger.explain().map(({ kind }) => kind)).toContain('various')
    for (const message of shown) expect(message.split('\n').length).toBeLessThan(100)
  })

  test('earlier when it has cost both 50 ms and a fifth of the time', () => {
    const dear = { milliseconds: { trace: 20, compile: 40 } }
    const small = new Scenario(['k'])
    small.trace([0])
    small.hit(1, 1000)
    small.trace([1], dear)
    expect(shown).toHaveLength(0)
    const large = new Scenario(['k'])
    large.trace([0])
    large.hit(10, 10)
    large.trace([1], dear)
    expect(shown).toHaveLength(1)
    expect(shown[0]).toContain('1 retrace in the last 1 call, 60 ms lost (37 % of its wall time)')
    large.trace([2], dear)
    large.trace([3], dear)
    large.trace([4], dear)
    expect(shown).toHaveLength(3)
    const cheap = new Scenario(['k'])
    cheap.trace([0])
    cheap.trace([1], { milliseconds: { trace: 9, compile: 40 } })
    expect(shown).toHaveLength(3)
  })

  test('times of hits are averages of those that were taken', () => {
    const step = new Scenario(['k'])
    step.trace([0], { milliseconds: { trace: 10, compile: 10 } })
    for (let i = 0; i < 100; i++) step.ledger.called(i % 10 === 0 ? 0.6 : undefined)
    expect(step.ledger.wallTime).toBeCloseTo(80, 10)
    step.trace([1], { milliseconds: { trace: 10, compile: 10 } })
    expect(step.cause.share).toBeCloseTo(0.2, 10)
  })

  test("'off' is silent, and is still counted and told to listeners", () => {
    const heard: Retrace[] = []
    const end = onRetrace((retrace) => heard.push(retrace))
    const step = new Scenario(['k'], { onRetrace: 'off' })
    for (let k = 0; k < 10; k++) step.trace([k])
    end()
    step.trace([11])
    expect(shown).toEqual([])
    expect(heard.map(({ count }) => count)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(step.cause.count).toBe(10)
  })

  test("'error' throws the same content, and again on the next such call", () => {
    const step = new Scenario(['x', 'k'], { onRetrace: 'error' })
    step.trace([spec(2)])
    const message = [
      'tf.function step: it would be traced again; defined at train.ts:14:23',
      '  x  f32[2] → f32[3]  dim 0 varies, rank and dtype fixed',
      '  at train.ts:41:7',
      '  Fix: tf.function(step, { inputSignature: [tf.spec([null])] }), or { reduceRetracing: true }.',
    ].join('\n')
    for (let i = 0; i < 2; i++) expect(() => step.trace([spec(3)])).toThrow(SignatureError)
    expect(() => step.trace([spec(3)])).toThrow(message)
    expect(() => step.ledger.refuse({ signature: { entries: [] }, callSite: undefined })).toThrow(
      /x\s+f32\[2\] → absent/,
    )
    expect(() => step.trace([spec(3)], { outer: 'main.ts:1:1' })).not.toThrow()
  })

  test('no data in messages: long strings are cut', () => {
    const step = new Scenario(['text'])
    const secret = 'x'.repeat(30) + 'secret'.repeat(50)
    for (let i = 0; i < 4; i++) step.trace([`${i}${secret}`])
    expect(shown[0]).toContain('"0xxx')
    expect(shown[0]).not.toContain('secret')
    expect(Math.max(...(shown[0]?.split('\n') ?? []).map((line) => line.length))).toBeLessThan(220)
  })
})

describe('call sites', () => {
  test('places are counted, and read only for a message', () => {
    let read = 0
    const place = (line: number) => (): string => {
      read++
      return `train.ts:${line}:7`
    }
    const step = new Scenario(['k'])
    for (let k = 0; k < 3; k++) step.trace([k], { callSite: place(41) })
    expect(read).toBe(0)
    step.trace([3], { callSite: place(50) })
    expect(read).toBe(4)
    expect(step.cause.callSites).toEqual([
      { site: 'train.ts:41:7', count: 2 },
      { site: 'train.ts:50:7', count: 1 },
    ])
  })

  test('a function traced inside another: the outer one answers (behaviour 133)', () => {
    const inner = new Scenario(['k'], { name: 'inner', definedAt: 'inner.ts:1:1' })
    const outer = new Scenario(['k'], { name: 'outer', definedAt: 'outer.ts:1:1' })
    for (let k = 0; k < 5; k++) {
      inner.trace([k], { outer: 'main.ts:9:3' })
      outer.trace([k])
    }
    expect(shown).toHaveLength(1)
    expect(shown[0]).toMatch(/^▼ tf\.function outer — 3 retraces/)
    expect(shown[0]).toContain('also traced  inner (3×)')
    expect(inner.cause).toMatchObject({
      nested: true,
      count: 4,
      callSites: [{ site: 'main.ts:9:3', count: 4 }],
    })
    expect(outer.cause.alsoTraced).toEqual([{ function: 'inner', count: 4 }])
  })
})

describe('machine forms', () => {
  test('rows for console.table, the dearest first', () => {
    const cheap = new Scenario(['k'], { name: 'cheapOne' })
    cheap.trace([1])
    cheap.trace([2])
    const dear = new Scenario(['x'], { name: 'dearOne' })
    dear.trace([spec(2)])
    dear.trace([spec(3)], { milliseconds: { trace: 500, compile: 700.04 } })
    const rows = retraces().filter((row) => row.function.endsWith('One'))
    expect(rows).toEqual([
      {
        function: 'dearOne',
        cause: 'x f32[2] → f32[3]',
        count: 1,
        ms: 1200,
        fix: 'tf.function(dearOne, { inputSignature: [tf.spec([null])] })',
      },
      {
        function: 'cheapOne',
        cause: 'k 1 → 2',
        count: 1,
        ms: 4,
        fix: 'pass tf.scalar(k) or make it a tf.variable and assign to it',
      },
    ])
    expect([cheap, dear].length).toBe(2)
  })

  test('expectNoRetrace gives the result, and lists every retrace', async () => {
    const step = new Scenario(['k', 'x'])
    expect(expectNoRetrace(() => (step.trace([1, spec(2)]), step.hit(3, 1), 'done'))).toBe('done')
    expect(() =>
      expectNoRetrace(() => {
        step.trace([2, spec(2)])
        step.trace([3, spec(4)])
      }),
    ).toThrow(
      [
        'tf.expectNoRetrace: functions were traced again',
        '  step  k  1 → 2            called from train.ts:41:7',
        '  step  k  2 → 3            called from train.ts:41:7',
        '        x  f32[2] → f32[4]',
      ].join('\n'),
    )
    await expect(
      expectNoRetrace(async () => (await Promise.resolve(), step.trace([4, spec(4)]))),
    ).rejects.toThrow(/k\s+3 → 4/)
    expect(() =>
      expectNoRetrace(() => {
        throw new RangeError('mine')
      }),
    ).toThrow(RangeError)
    step.trace([5, spec(4)])
  })

  test('captureWarnings collects messages in place of the console', async () => {
    const step = new Scenario(['k'])
    const { result, warnings } = captureWarnings(() => [0, 1, 2, 3].map((k) => (step.trace([k]), k)))
    expect(result).toEqual([0, 1, 2, 3])
    expect(warnings).toHaveLength(1)
    expect(shown).toEqual([])
    const later = await captureWarnings(async () => {
      await Promise.resolve()
      for (const k of [4, 5, 6]) step.trace([k])
      return 7
    })
    expect([later.result, later.warnings.length, shown.length]).toEqual([7, 1, 0])
    for (let k = 7; k < 13; k++) step.trace([k])
    expect(shown).toHaveLength(1)
  })

  test('stages stand in the timeline, those of first traces too', () => {
    const step = new Scenario(['k'], { name: 'timed' })
    step.trace([0], { milliseconds: { trace: 5, compile: 7, assemble: 9 } })
    const entries = performance.getEntriesByName('tf.trace timed') as PerformanceMeasure[]
    expect(
      entries.map(({ startTime, duration, detail }) => [startTime, duration, detail as unknown]),
    ).toEqual([
      [1000, 5, { stage: 'trace' }],
      [1005, 7, { stage: 'codegen' }],
      [1012, 9, { stage: 'WebAssembly.compile' }],
    ])
    for (let k = 1; k < 1000; k++) step.trace([k])
    expect(performance.getEntriesByName('tf.trace timed').length).toBeLessThanOrEqual(600)
  })

  test('a browser console gets a collapsed group with styles, others one warning', () => {
    const calls: unknown[][] = []
    const record =
      (name: string) =>
      (...args: unknown[]): void =>
        void calls.push([name, ...args])
    const target = {
      warn: record('warn'),
      log: record('log'),
      groupCollapsed: record('group'),
      groupEnd: record('end'),
    }
    const message = {
      title: 'tf.function f — 50 % lost',
      place: 'a.ts:1:2',
      lines: ['   cause 1 of 1 · 3 retraces', '     fix          100 % of it'],
    }
    writeToConsole(message, true, target)
    expect(calls.map(([name]) => name)).toEqual(['group', 'log', 'log', 'end'])
    expect(calls[0]?.[1]).toBe('%ctf.function f — 50 %% lost%c     a.ts:1:2')
    expect(calls[2]?.[1]).toBe('%c     fix          %c100 %% of it')
    calls.length = 0
    writeToConsole(message, false, target)
    expect(calls).toEqual([
      [
        'warn',
        '▼ tf.function f — 50 % lost     a.ts:1:2\n   cause 1 of 1 · 3 retraces\n     fix          100 % of it',
      ],
    ])
  })
})
