// oxlint-disable no-eval, prefer-const -- scopes have to be given, and the forms of declarations are what is tested
// Functions with variables outside, no scope given and no plugin: the inspector finds the scope, inside vitest too.
import { afterEach, describe, expect, test } from 'vitest'
import { convert, installScopeFinder } from '../../tracer/autograph/convert.ts'
import { closeInspector, inspectorFinder } from '../../tracer/autograph/inspector.ts'
import { TextInScript, parametersStart } from '../../tracer/autograph/places.ts'
import * as tf from '../../src/node.ts'

const scalar = (value: number): tf.Tensor => tf.scalar(value)
/** The line of the caller, plus some. */
const lineBelow = (lines: number): number =>
  Number(/inspector\.test\.ts:(\d+)/.exec(new Error('here').stack?.split('\n')[2] ?? '')?.[1]) + lines

const w = tf.variable(2)
let counter = 0

afterEach(closeInspector)

describe('a function keeps its scope', () => {
  test('variables, read and written where they are', () => {
    counter = 0
    const f = tf.function((x: tf.Tensor): tf.Tensor => {
      counter++
      if (x.greater(0)) w.assignAdd(x)
      else w.assign(2)
      return w.mul(1)
    })
    expect([f(scalar(3)).item(), f(scalar(-1)).item(), f(scalar(5)).item()]).toEqual([5, 2, 7])
    // Run once: the call that looks for the scope runs no statement.
    expect(counter).toBe(1)
    w.assign(2)
  })
  test('a local variable that is assigned later', () => {
    let limit = 1
    const f = (x: tf.Tensor): tf.Tensor => {
      if (x.greater(limit)) return x
      return x.mul(10)
    }
    const made = convert(f)
    expect(made).not.toBe(f)
    limit = 100
    expect(made(scalar(5)).item()).toBe(50)
  })
  test('`this` of arrows, private names, getters and imports', () => {
    class Model {
      readonly scale = 3
      #bias = tf.variable(1)
      #shift(x: tf.Tensor): tf.Tensor {
        if (x.greater(100)) return x
        return x.add(this.#bias)
      }
      readonly arrow = (x: tf.Tensor): tf.Tensor => {
        if (x.greater(0)) return x.mul(this.scale)
        return this.#shift(x)
      }
      method(x: tf.Tensor): tf.Tensor {
        while (x.less(10)) x = this.#shift(x)
        return x
      }
      get step(): (x: tf.Tensor) => tf.Tensor {
        return this.arrow
      }
    }
    const model = new Model()
    const arrow = tf.function(model.arrow)
    const method = tf.function(model, 'method')
    const step = tf.function((x: tf.Tensor): tf.Tensor => {
      if (x.greater(-100)) return model.step(x)
      return tf.relu(x)
    })
    expect([arrow(scalar(2)).item(), arrow(scalar(-2)).item()]).toEqual([6, -1])
    expect([method(scalar(2.5)).item(), method(scalar(20)).item()]).toEqual([10.5, 20])
    expect([step(scalar(2)).item(), step(scalar(-200)).item()]).toEqual([6, 0])
  })
  test('functions called, also by functions with nothing to rewrite', () => {
    const relu = (x: tf.Tensor): tf.Tensor => (x.greater(0) ? x : w.mul(0))
    const models = { inner: { relu } }
    const through = (x: tf.Tensor): tf.Tensor => models.inner.relu(x).add(1)
    const f = tf.function((x: tf.Tensor) => through(x))
    expect([f(scalar(3)).item(), f(scalar(-3)).item()]).toEqual([4, 1])
  })
  test('a named function that calls itself', () => {
    const f = tf.function(function power(x: tf.Tensor, n: number): tf.Tensor {
      if (n === 0) return w.mul(0).add(1)
      if (x.greater(1000)) return x
      return power(x, n - 1).mul(x)
    })
    expect(f(scalar(3), 4).item()).toBe(81)
  })
})

describe('nothing of a function runs while its scope is found', () => {
  let ran = 0
  const count = (): number => ++ran
  const forms: readonly (readonly [string, (...args: never[]) => unknown])[] = [
    ['a first statement', (x: tf.Tensor) => { count(); if (x.greater(w)) return 1; return 2 }],
    ['a default', (x: tf.Tensor, k: number = count()) => { if (x.greater(w)) return k; return 2 }],
    ['a default in a pattern', ({ x, k = count() }: { x: tf.Tensor; k?: number }) => { if (x.greater(w)) return k; return 2 }],
    ['an array pattern', ([x, k = count()]: [tf.Tensor, number?]) => { if (x.greater(w)) return k; return 2 }],
    ['rest', (x: tf.Tensor, ...rest: number[]) => { count(); if (x.greater(w)) return rest.length; return 2 }],
    ['an expression', (x: tf.Tensor) => (count() > 0 && x.greater(w) ? 1 : 2)],
    ['try and finally', (x: tf.Tensor) => { try { count(); if (x.greater(w)) return 1; return 2 } finally { count() } }],
    ['a loop head', (x: tf.Tensor) => { for (const v of [count()]) if (x.greater(w)) return v; return 2 }],
    ['declarations', (x: tf.Tensor) => { function inner(): number { return count() } let y: number; y = inner(); if (x.greater(w)) return y; return 2 }],
  ] // prettier-ignore
  test.for(forms)('%s', ([, form]) => {
    ran = 0
    const made = convert(form)
    expect(made).not.toBe(form)
    expect(ran).toBe(0)
  })
})

describe('positions', () => {
  test('errors of the rewriting, errors of ops, and stacks name the line', () => {
    const line = lineBelow(3)
    const wrong = tf.function((x: tf.Tensor): tf.Tensor => {
      let y = w.value()
      if (x.greater(0)) {
        y = x.cast('int32')
      }
      return y
    })
    expect(() => wrong(scalar(1))).toThrow(`inspector.test.ts:${line}:`)
    const below = lineBelow(3)
    const op = tf.function((x: tf.Tensor): tf.Tensor => {
      if (x.greater(w)) return x
      return x.add(w).matMul(tf.ones([2, 3]))
    })
    expect(() => op(scalar(1))).toThrow(`inspector.test.ts:${below}:`)
  })
  test('graphs name the line', () => {
    const line = lineBelow(2)
    const f = tf.function((x: tf.Tensor): tf.Tensor => {
      while (x.less(w)) x = x.add(w)
      return x
    })
    expect(tf.debug.show(f.concrete(scalar(1)), 'trace')).toContain(`inspector.test.ts:${line}:`)
  })
  test('of the parameters, where the engine says that functions begin', () => {
    const starts = ['x => x', '(x) => x', 'function f(x) {}', 'function /* ( */ f (x) {}', 'f(x) {}', 'get f() {}', '#f(x) {}', "'a b'(x) {}", 'get(x) {}'].map(
      (text) => text.slice(parametersStart(text, text.includes('=>'))),
    ) // prettier-ignore
    expect(starts).toEqual(['x => x', '(x) => x', '(x) {}', '(x) {}', '(x) {}', '() {}', '(x) {}', '(x) {}', '(x) {}']) // prettier-ignore
    const text = new TextInScript('f(x) {\n  y\n}', 1, 10, 5)
    expect([text.inScript(3), text.inScript(9)]).toEqual([{ line: 10, column: 7 }, { line: 11, column: 2 }]) // prettier-ignore
    expect([text.inText(10, 7), text.inText(11, 2)]).toEqual([3, 9])
  })
})

describe('what the inspector does not reach', () => {
  class Base {
    value(x: tf.Tensor): tf.Tensor {
      return x
    }
  }
  class Derived extends Base {
    override value(x: tf.Tensor): tf.Tensor {
      if (x.greater(w)) return super.value(x)
      return x
    }
  }
  test('super', () => {
    const f = tf.function(new Derived(), 'value')
    expect(() => f(scalar(1))).toThrow(/decides by a tensor, and cannot be rewritten because it uses super/)
  })
  test('a parameter with a computed key', () => {
    const key = 'x'
    const f = tf.function(({ [key]: x }: { x: tf.Tensor }) => {
      if (x.greater(w)) return x
      return x.neg()
    })
    expect(() => f({ x: scalar(1) })).toThrow(/the inspector does not reach it: a parameter is taken apart/)
  })
  test('a bound function is traced as it is, and a bool that nothing uses is told', () => {
    const bound = ((x: tf.Tensor): tf.Tensor => {
      if (x.greater(w)) return x
      return x.neg()
    }).bind(undefined)
    expect(() => tf.function(bound)(scalar(1))).toThrow(/computed and then not used/)
  })
  test('anything, without it', () => {
    const before = installScopeFinder(undefined)
    try {
      const f = tf.function((x: tf.Tensor) => {
        if (x.greater(w)) return x
        return x.neg()
      })
      expect(() => f(scalar(1))).toThrow(
        /cannot be rewritten without its scope; left as it is[^]*scope: s => eval\(s\)/,
      )
    } finally {
      expect(before).toBe(inspectorFinder)
      installScopeFinder(before)
    }
  })
})

test('an explicit scope goes first', () => {
  let asked = 0
  const f = tf.function(
    (x: tf.Tensor): tf.Tensor => {
      if (x.greater(w)) return x
      return x.neg()
    },
    {
      scope: (s) => {
        asked++
        return eval(s) as unknown
      },
    },
  )
  expect(f(scalar(1)).item()).toBe(-1)
  expect(asked).toBeGreaterThan(0)
})
