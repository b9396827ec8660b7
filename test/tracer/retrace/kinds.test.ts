// Every kind of retrace, injected once: the path, the kind and the remedy (behaviours 88 and 89, and the table of kinds).
import { describe, expect, test } from 'vitest'
import type { Entry } from '../../../tracer/trace/argument.ts'
import { traceType } from '../../../tracer/trace/protocol.ts'
import { TensorSpec } from '../../../tracer/trace/spec.ts'
import { graphOf, Scenario, shown, spec, told } from './scenario.ts'

describe('each kind', () => {
  test('shape', () => {
    const step = new Scenario(['x'])
    step.trace([spec(31, 4)], { graph: graphOf(31, 2) })
    step.trace([spec(32, 4)], { graph: graphOf(32, 2) })
    expect(told(step.cause)).toEqual({
      paths: ['x: shape'],
      fix: ['tf.function(step, { inputSignature: [tf.spec([null, 4])] })', 'or { reduceRetracing: true }'],
    })
    expect(step.cause.paths[0]).toMatchObject({
      pattern: 'f32[31,4] → f32[32,4]',
      note: 'dim 0 varies, rank and dtype fixed',
      dimensions: ['31…32', '4'],
    })
    expect(step.cause.sameGraph).toEqual([{ likeness: 'sizes', count: 1 }])
    expect(step.cause.fixes.map(({ traces }) => traces)).toEqual([1, 2])
  })

  test('rank', () => {
    const step = new Scenario(['x'])
    step.trace([spec(4)])
    step.trace([spec(3, 4)])
    expect(told(step.cause)).toEqual({
      paths: ['x: rank'],
      fix: ['give x one rank before the call: x.expandDims(0), or x.reshape([…])'],
    })
  })

  test('dtype', () => {
    const step = new Scenario(['x'])
    step.trace([spec(4)])
    step.trace([new TensorSpec([4], 'int32')])
    expect(told(step.cause)).toEqual({
      paths: ['x: dtype'],
      fix: ["give x one dtype: x.cast('float32'), or make it with that dtype"],
    })
    expect(step.cause.fixes[0]?.traces).toBe(1)
  })

  test('a constant that is only a constant of the graph', () => {
    const step = new Scenario(['x', 'options'])
    step.trace([spec(3), { lr: 0.1 }], { graph: graphOf(3, 0.1) })
    step.trace([spec(3), { lr: 0.05 }], { graph: graphOf(3, 0.05) })
    expect(told(step.cause)).toEqual({
      paths: ['options.lr: constant'],
      fix: ['pass tf.scalar(options.lr) or make it a tf.variable and assign to it'],
    })
    expect(step.cause.paths[0]).toMatchObject({ pattern: '0.1 → 0.05', note: 'number, keyed by value' })
    expect(step.cause.sameGraph).toEqual([{ likeness: 'constants', count: 1 }])
  })

  test('a constant that sets a size, and one that chooses the operations, have other remedies', () => {
    const size = new Scenario(['n'])
    size.trace([3], { graph: graphOf(3, 2) })
    size.trace([4], { graph: graphOf(4, 2) })
    expect(told(size.cause).fix).toEqual([
      'n sets a size: keep it to a few values, or take the size from the shape of a tensor argument',
    ])
    const choice = new Scenario(['mode'])
    choice.trace(['fast'], { graph: graphOf(3, 2) })
    choice.trace(['exact'], { graph: graphOf(3, 2, 'add') })
    expect(told(choice.cause).fix).toEqual(['mode chooses the operations: make one tf.function per value'])
    expect(choice.cause.sameGraph).toEqual([{ likeness: 'different', count: 1 }])
  })

  test('type: a number, then a tensor', () => {
    const step = new Scenario(['x'])
    step.trace([3])
    step.trace([spec()])
    expect(told(step.cause)).toEqual({
      paths: ['x: type'],
      fix: ['pass the same sort of value as x each time: tf.scalar(x) where it is a number'],
    })
    expect(step.cause.paths[0]?.note).toBe('number, then tensor')
  })

  test('object identity', () => {
    class Config {
      readonly rate: number
      constructor(rate: number) {
        this.rate = rate
      }
    }
    const [x, y] = [new Config(1), new Config(2)]
    const step = new Scenario(['config'])
    step.trace([x])
    step.trace([y])
    expect(told(step.cause)).toEqual({
      paths: ['config: object identity'],
      fix: [
        'pass the same Config each time, a plain object of what is read, or give Config a [tf.traceType]() method',
      ],
    })
    expect([x.rate, y.rate]).toEqual([1, 2])
  })

  test('a new instance with equal fields', () => {
    class Config {
      readonly rate = 0.1
      readonly depth = 3
    }
    const instances = [new Config(), new Config()]
    const step = new Scenario(['config'])
    for (const instance of instances) step.trace([instance])
    expect(told(step.cause)).toEqual({
      paths: ['config: equal instance'],
      fix: [
        'pass a plain object ({ ...config }), or define in Config: [tf.traceType]() { return [this.rate, this.depth] }',
      ],
    })
    expect(step.cause.paths[0]?.note).toBe('a new Config each call with equal fields')
  })

  test('function identity', () => {
    const functions = [(x: number): number => x + 1, (x: number): number => x * 2]
    const step = new Scenario(['g'])
    for (const g of functions) step.trace([g])
    expect(told(step.cause)).toEqual({
      paths: ['g: function identity'],
      fix: ['pass the same function as g each time, or make one tf.function per function'],
    })
  })

  test('an inline callback', () => {
    const functions = [1, 2].map(() => (y: number) => y + 1)
    const step = new Scenario(['g'])
    for (const g of functions) step.trace([g])
    expect(told(step.cause)).toEqual({
      paths: ['g: inline callback'],
      fix: ['hoist it: const g = (y) => y + 1 once, outside of the calls, and pass g'],
    })
    expect(step.cause.paths[0]?.note).toBe('a new function each call with the same source')
  })

  test('structure: length of an array, keys of an object, an argument that is not always given', () => {
    const array = new Scenario(['xs'])
    array.trace([[spec(2), spec(2)]])
    array.trace([[spec(2), spec(2), spec(2)]])
    expect(told(array.cause)).toEqual({
      paths: ['xs: structure'],
      fix: ['pad xs to one length, and pass it as one tensor: tf.stack(xs)'],
    })
    expect(array.cause.paths[0]?.pattern).toBe('array of 2 → array of 3')
    const keys = new Scenario(['batch'])
    keys.trace([{ x: spec(2) }])
    keys.trace([{ x: spec(2), mask: spec(2) }])
    expect(told(keys.cause)).toEqual({
      paths: ['batch: structure'],
      fix: ['always pass the same keys in batch: mask as well, as null when there is none'],
    })
    const given = new Scenario(['x', 'y'])
    given.trace([spec(2)])
    given.trace([spec(2), 7])
    expect(told(given.cause)).toEqual({
      paths: ['y: structure'],
      fix: ['always pass y, as null when there is none'],
    })
    expect(given.cause.paths[0]?.pattern).toBe('absent → 7')
  })

  test('which arguments are the same Variable, and a Variable of another shape', () => {
    const variable = (path: string, alias: number, size: number): Entry => ({
      path,
      type: { kind: 'variable', dtype: 'float32', shape: [size], trainable: true, alias },
      text: `variable#${alias} f32[${size}]`,
    })
    const alias = new Scenario([])
    alias.entries([variable('a', 0, 2), variable('b', 1, 2)])
    alias.entries([variable('a', 0, 2), variable('b', 0, 2)])
    expect(told(alias.cause)).toEqual({
      paths: ['b: variable alias'],
      fix: [
        'pass different Variables as b and the arguments before it, or make one tf.function for each case',
      ],
    })
    const shape = new Scenario([])
    shape.entries([variable('a', 0, 2)])
    shape.entries([variable('a', 0, 3)])
    expect(told(shape.cause)).toEqual({
      paths: ['a: variable type'],
      fix: ['pass Variables of one dtype and shape as a, or make one tf.function per Variable'],
    })
  })

  test('mode', () => {
    const step = new Scenario(['x'])
    step.trace([spec(2)], { mode: { device: 'wasm', mode: 'traced' } })
    step.trace([spec(2)], { mode: { device: 'wasm', mode: 'checked' } })
    expect(told(step.cause)).toEqual({ paths: ['mode: mode'], fix: ['set mode once, before the first call'] })
    expect(step.cause.paths[0]?.pattern).toBe('traced → checked')
    expect(step.cause.last.changes).toEqual([
      { path: 'mode', kind: 'mode', before: 'traced', after: 'checked' },
    ])
  })

  test('a size assumption', () => {
    const step = new Scenario(['x', 'y'], { hasInputSignature: true })
    step.trace([spec(2), spec(2)])
    step.trace([spec(2), spec(1)], { kind: 'specialised', reason: 'n0 == n1, asked by add at model.ts:3' })
    expect(told(step.cause)).toEqual({
      paths: ['sizes: size assumption'],
      fix: ['write the size as a number in the inputSignature, or call with sizes that agree'],
    })
    expect(step.cause.paths[0]?.pattern).toBe('n0 == n1, asked by add at model.ts:3')
  })

  test('a cleared cache, and an evicted trace', () => {
    const cleared = new Scenario(['x'])
    cleared.trace([spec(2)])
    cleared.ledger.cleared()
    cleared.trace([spec(2)], { kind: 'first' })
    expect(told(cleared.cause)).toEqual({
      paths: ['traces held: cache cleared'],
      fix: ['keep the traces: do not clear them between calls of the same types'],
    })
    const evicted = new Scenario(['k'])
    for (const k of [1, 2, 3, 1]) evicted.trace([k])
    expect(evicted.ledger.ownCauses().map(told)).toContainEqual({
      paths: ['traces held: cache evicted'],
      fix: ['tf.function(step, { maxTraces: 4 })'],
    })
  })

  test('a key object that was collected', () => {
    class Config {
      readonly rate: number
      constructor(rate: number) {
        this.rate = rate
      }
    }
    // What is left of an object that is gone: a reference that gives nothing.
    const gone = Object.create(WeakRef.prototype, { deref: { value: () => undefined } }) as WeakRef<object>
    const config = new Config(2)
    const step = new Scenario(['config'])
    step.entries([
      { path: 'config', type: { kind: 'object', label: 'Config', id: 1, object: gone }, text: 'Config#1' },
    ])
    step.trace([config], { kind: 'first' })
    expect(told(step.cause)).toEqual({
      paths: ['config: key collected'],
      fix: ['keep one Config alive as long as step is called, or give Config a [tf.traceType]() method'],
    })
    expect(config.rate).toBe(2)
  })

  test('a function made again in a loop', () => {
    const made = Array.from({ length: 12 }, () => {
      const step = new Scenario(['x'], { definedAt: 'loop.ts:30:5', sourceText: '(x) => x.neg()' })
      step.trace([spec(2)])
      return step
    })
    expect(made.at(-1)?.ledger.explain().map(told)).toEqual([
      {
        paths: ['step: re-created'],
        fix: [
          'hoist it: const step = tf.function(…) once, outside of the loop or function around loop.ts:30:5',
        ],
      },
    ])
    expect(shown).toHaveLength(3)
    expect(shown[0]).toContain('3 tf.function objects created at loop.ts:30:5')
    expect(shown[2]).toContain('9 tf.function objects created at loop.ts:30:5')
    expect(shown[0]).toContain('these 3 traces would have been 1')
  })

  test('layers built first and called then are not re-creations, nor are another source, methods, and closures that do other things', () => {
    const layers = [1, 2, 3, 4, 5].map(
      () => new Scenario(['x'], { definedAt: 'layers.ts:1:1', sourceText: 'x => x' }),
    )
    for (const layer of layers) layer.trace([spec(2)])
    for (let i = 0; i < 5; i++)
      new Scenario(['x'], { definedAt: 'other.ts:1:1', sourceText: `x => ${i}` }).trace([spec(2)])
    for (let i = 0; i < 5; i++)
      new Scenario(['x'], { definedAt: 'class.ts:1:1', sourceText: 'x => x', kind: 'method' }).trace([
        spec(2),
      ])
    for (let i = 0; i < 5; i++)
      new Scenario(['x'], { definedAt: 'factory.ts:1:1', sourceText: 'x => f(x)' }).trace([spec(2)], {
        graph: graphOf(3, 2, i % 2 ? 'add' : 'mul'),
      })
    expect(shown).toEqual([])
    expect(layers.flatMap((layer) => layer.ledger.explain())).toEqual([])
  })

  test('an own trace key that changes is structure', () => {
    const step = new Scenario(['config'])
    class Keyed {
      readonly key: string
      constructor(key: string) {
        this.key = key
      }
      [traceType](): string {
        return this.key
      }
    }
    step.trace([new Keyed('a')])
    step.trace([new Keyed('b')])
    expect(told(step.cause).paths).toEqual(['config: structure'])
    expect(step.cause.paths[0]?.pattern).toBe('Keyed<"a"> → Keyed<"b">')
  })
})
