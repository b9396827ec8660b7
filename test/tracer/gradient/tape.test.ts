// The tape's behaviour: what it watches, how often it can be asked, what it answers. Titles carry the row of the table
// of behaviours; expected values were computed with TensorFlow or are analytic.
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as tf from '../../../src/index.ts'
import { arrays, bodies, settings, tapeGradients } from '../../support/settings.ts'

afterEach(() => void vi.restoreAllMocks())

const item = (x: tf.Tensor | null): number | null => (x === null ? null : x.item())

describe.each(bodies)('watching, in $setting', ({ run }) => {
  test('215: trainable variables are watched when read; tensors and other variables are not', () => {
    const x = tf.variable(3)
    const fixed = tf.variable(2, { trainable: false })
    const c = tf.tensor(5)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => x.mul(x).add(c.mul(c)).add(fixed.mul(fixed)))
      return tape.gradient(y, [x, c, fixed])
    })
    expect(got.map(item)).toEqual([6, null, null])
  })

  test('216: variables, tensors and containers can be watched', () => {
    const fixed = tf.variable(2, { trainable: false })
    const c = tf.tensor(5)
    const d = tf.tensor(7)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch({ fixed, list: [c, d] })
        return fixed.mul(c).mul(d)
      })
      return tape.gradient(y, { list: [c, d], fixed })
    })
    expect(got.list.map(item)).toEqual([14, 10])
    expect(item(got.fixed)).toBe(35)
  })

  test('217: watching after an op does not recover it', () => {
    const x = tf.tensor(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const ys = tape.record(() => {
        const y = x.mul(x)
        tape.watch(x)
        return [y, x.mul(x)]
      })
      return tape.gradient(ys, x)
    })
    expect(item(got)).toBe(6)
  })

  test('218: watchAccessedVariables: false turns automatic watching off', () => {
    const [v, w] = [tf.variable(3), tf.variable(4)]
    const got = run(() => {
      const tape = new tf.GradientTape({ watchAccessedVariables: false })
      const y = tape.record(() => {
        tape.watch(w)
        return v.mul(w)
      })
      return tape.gradient(y, [v, w])
    })
    expect(got.map(item)).toEqual([null, 3])
  })

  test('222: gradient inside a non-persistent tape', () => {
    const x = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      return tape.record(() => {
        const y = tf.square(x)
        const g = tape.gradient(y, x)
        x.mul(100)
        return g
      })
    })
    expect(item(got)).toBe(6)
  })

  test('221: a persistent tape gives many gradients, inside its recording too', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const x = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const [y, z, inner] = tape.record(() => {
        const square = x.mul(x)
        return [square, square.mul(square), tape.gradient(square, x)]
      })
      return [tape.gradient(y, x), tape.gradient(z, x), inner, tape.gradient(inner as tf.Tensor, x)]
    })
    expect(got.map(item)).toEqual([6, 108, 6, 2])
  })

  test('223: a tape can be entered again and continues', () => {
    const x = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => x.mul(x))
      const z = tape.record(() => y.mul(y))
      return tape.gradient(z, x)
    })
    expect(item(got)).toBe(108)
  })

  test('224: stopRecording leaves out, reset forgets', () => {
    const [x, y] = [tf.variable(3), tf.variable(4)]
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const z = tape.record(() => x.mul(x).add(tape.stopRecording(() => y.mul(y))))
      const before = tape.gradient(z, [x, y])
      tape.reset()
      return [...before, tape.gradient(z, x)]
    })
    expect(got.map(item)).toEqual([6, null, null])
  })

  test('225: the structure of sources is mirrored, the target may be one of them', () => {
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const [x, y] = [tf.tensor(2), tf.tensor(5)]
      const z = tape.record(() => {
        tape.watch([x, y])
        return x.mul(y)
      })
      return {
        mirrored: tape.gradient(z, { b: [y, x], a: x }),
        own: tape.gradient([z, x], [z, x]),
        structured: tape.gradient({ q: z, p: [x] }, x),
      }
    })
    expect(Object.keys(got.mirrored)).toEqual(['b', 'a'])
    expect(item(got.mirrored.a)).toBe(5)
    expect(got.mirrored.b.map(item)).toEqual([2, 5])
    expect(got.own.map(item)).toEqual([1, 6])
    expect(item(got.structured)).toBe(6)
  })

  test('225: a variable as target of its own gradient', () => {
    const v = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      tape.record(() => v.mul(2))
      return tape.gradient(v, v)
    })
    expect(item(got)).toBe(1)
  })

  test('226: targets are summed, output gradients weight them', () => {
    const x = tf.variable(1)
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const y = tape.record(() => x.mul([3, 4]))
      return [
        tape.gradient(y, x),
        tape.gradient(y, x, { outputGradients: [1, 10] }),
        tape.gradient([y, y], x, { outputGradients: [null, tf.tensor([1, 10])] }),
        tape.gradient({ a: y }, x, { outputGradients: { a: [0, 1] } }),
      ]
    })
    expect(got.map(item)).toEqual([7, 43, 50, 4])
  })

  test('227: unconnected sources give null, or zeros by option', () => {
    const [x, w] = [tf.variable(1), tf.variable([1, 2])]
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const y = tape.record(() => x.mul(x))
      return [tape.gradient(y, w), tape.gradient(y, w, { unconnected: 'zero' })]
    })
    expect(arrays(got)).toEqual([null, [0, 0]])
  })

  test('229: assignments break the path, reads after them belong to the variable', () => {
    const a = tf.variable(2)
    const b = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        b.assignAdd(a)
        return b.mul(b)
      })
      return tape.gradient(y, [a, b])
    })
    expect(got.map(item)).toEqual([null, 10])
  })

  test('230: gradients use the values of the time of reading', () => {
    const x = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => x.mul(x))
      x.assign(10)
      return tape.gradient(y, x)
    })
    expect(item(got)).toBe(6)
    expect(x.item()).toBe(10)
  })

  test('237: the gradient of gather adds up repeated rows', () => {
    const e = tf.variable([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => tf.gather(e, tf.tensor([0, 0, 2], 'int32')).sum())
      return tape.gradient(y, e)
    })
    expect(got?.array()).toEqual([
      [2, 2],
      [0, 0],
      [1, 1],
    ])
  })

  test('245: stopGradient keeps the value and blocks the path', () => {
    const [x, y] = [tf.variable(3), tf.variable(4)]
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const z = tape.record(() => x.mul(x).add(tf.stopGradient(y.mul(y))))
      return [z, ...tape.gradient(z, [x, y]), tape.gradient(z, y, { unconnected: 'zero' })]
    })
    expect(got.map(item)).toEqual([25, 6, null, 0])
  })

  test('249: equal constants are distinct sources', () => {
    const got = run(() => {
      const [a, b] = [tf.tensor(3), tf.tensor(3)]
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch([a, b])
        return a.add(b)
      })
      return tape.gradient(y, [a, b])
    })
    expect(got.map(item)).toEqual([1, 1])
  })

  test('250: a variable read for nothing has no gradient', () => {
    const [x, w] = [tf.variable(3), tf.variable(4)]
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        w.mul(2)
        return x.mul(3)
      })
      return tape.gradient(y, [x, w])
    })
    expect(got.map(item)).toEqual([3, null])
  })
})

describe('traced functions called under a tape', () => {
  test('219: watchedVariables sees reads in functions, in order of access, also on the first call', () => {
    const [u, v, w] = ['u', 'v', 'w'].map((name) => tf.variable(1, { name })) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ]
    const f = tf.function((x: tf.Variable) => x.mul(w))
    for (let call = 0; call < 2; call++) {
      const tape = new tf.GradientTape()
      const y = tape.record(() => tf.add(v.mul(2), f(u)))
      expect(tape.watchedVariables().map((variable) => variable.name)).toEqual(['v', 'u', 'w'])
      tape.gradient(y, w)
      expect(tape.watchedVariables().map((variable) => variable.name)).toEqual(['v', 'u', 'w'])
      tape.reset()
      expect(tape.watchedVariables()).toEqual([])
    }
  })

  test('229: assignments in a function break the path, to the first and second order', () => {
    const [a, b] = [tf.variable(2), tf.variable(3)]
    const f = tf.function(() => {
      const before = b.value()
      b.assign(a.mul(a))
      return b.mul(b).mul(b).add(before.mul(a))
    })
    const outer = new tf.GradientTape({ persistent: true })
    const [first] = outer.record(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => f())
      expect(y.item()).toBe(64 + 6)
      return [tape.gradient(y, [a, b])]
    })
    expect(b.item()).toBe(4)
    // d/da = b before; d/db = 3·4² + a.
    expect(arrays(first)).toEqual([3, 48 + 2])
    expect(item(outer.gradient(first[1] as tf.Tensor, b))).toBe(24)
    expect(item(outer.gradient(first[1] as tf.Tensor, a))).toBe(1)
  })

  test('230: gradients use the values at the time of the call', () => {
    const x = tf.variable(3)
    const f = tf.function(() => {
      const y = x.mul(x)
      x.assign(10)
      return y
    })
    const tape = new tf.GradientTape()
    const y = tape.record(() => f())
    x.assign(20)
    expect(item(tape.gradient(y, x))).toBe(6)
  })

  test('232: the same tensor for two arguments', () => {
    const x = tf.tensor([3])
    const f = tf.function((a: tf.Tensor, b: tf.Tensor) => a.mul(b))
    expect(arrays(tapeGradients((a) => f(a, a), [x]))).toEqual([[6]])
  })

  test('107: one variable passed as an argument and captured', () => {
    const [v, w] = [tf.variable(3), tf.variable(5)]
    const f = tf.function((a: tf.Variable) => {
      const before = a.mul(v)
      a.assign(10)
      return before.add(v.mul(2))
    })
    const call = (arg: tf.Variable): unknown[] => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => f(arg))
      return [y.item(), ...tape.gradient(y, [v, w]).map(item)]
    }
    expect(call(w)).toEqual([15 + 6, 5 + 2, 3])
    // v·v, then the value assigned: read again from v.
    expect(call(v)).toEqual([9 + 20, 6 + 2, null])
    expect([v.item(), w.item()]).toEqual([10, 10])
    expect(f.traceCount).toBe(1)
  })

  test('232: first, second and third derivatives without a retrace', () => {
    const f = tf.function((x: tf.Tensor) => tf.pow(x, 3))
    expect(f(tf.tensor(2)).item()).toBe(8)
    const derivative =
      (g: (x: tf.Tensor) => tf.Tensor) =>
      (x: tf.Tensor): tf.Tensor =>
        tapeGradients(g, [x])[0] as tf.Tensor
    const orders = [derivative(f), derivative(derivative(f)), derivative(derivative(derivative(f)))]
    for (let call = 0; call < 2; call++)
      expect(orders.map((order) => order(tf.tensor(2)).item())).toEqual([12, 12, 6])
    expect(f.traceCount).toBe(1)
  })

  test('232: a function that calls functions', () => {
    const v = tf.variable([1, 2])
    const inner = tf.function((x: tf.Tensor) => x.mul(v))
    const outer = tf.function((x: tf.Tensor) => tf.sum(inner(inner(x))))
    const x = tf.tensor([3, 4])
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      tape.watch(x)
      return outer(x)
    })
    expect(arrays(tape.gradient(y, [x, v]))).toEqual([
      [1, 4],
      [6, 16],
    ])
    expect([inner.traceCount, outer.traceCount]).toEqual([1, 1])
  })

  test('232: tensors closed over have gradients, small ones and large ones', () => {
    const small = tf.tensor([2, 3])
    const large = tf.range(0, 40, 1, 'float32')
    const f = tf.function((x: tf.Tensor) => x.mul(small).sum().mul(large).sum())
    const x = tf.tensor([1, 1])
    const tape = new tf.GradientTape({ persistent: true })
    const y = tape.record(() => {
      tape.watch([small, large])
      return f(x)
    })
    const [ds, dl, dx] = tape.gradient(y, [small, large, x])
    expect(ds?.array()).toEqual([780, 780])
    expect(dl?.array()).toEqual(Array.from({ length: 40 }, () => 5))
    expect(dx).toBe(null)
  })

  test('232: a function within a function, its closure watched by a tape in between', () => {
    const c = tf.tensor([2, 3])
    const inner = tf.function((x: tf.Tensor) => x.mul(c).mul(c))
    const outer = tf.function((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch(c)
        return inner(x)
      })
      return tape.gradient(y, c)
    })
    expect(outer(tf.tensor([1, 10]))?.array()).toEqual([4, 60])
  })

  test('232: results that are not asked for cost no NaN', () => {
    const f = tf.function((x: tf.Tensor) => [tf.log(x), x.mul(3), tf.argMax(x)])
    for (let call = 0; call < 3; call++) {
      const x = tf.tensor([0, 1])
      const tape = new tf.GradientTape({ persistent: true })
      const [log, triple] = tape.record(() => {
        tape.watch(x)
        return f(x)
      })
      expect(tape.gradient(triple as tf.Tensor, x)?.array()).toEqual([3, 3])
      expect(tape.gradient(log as tf.Tensor, x)?.array()).toEqual([Infinity, 1])
      expect(tape.gradient([log as tf.Tensor, triple as tf.Tensor], x)?.array()).toEqual([Infinity, 4])
    }
  })

  test('232: unknown sizes, also where the gradient needs a size and no value', () => {
    const f = tf.function((x: tf.Tensor) => tf.sum(x), { inputSignature: [tf.spec([null, null])] })
    const g = tf.function((x: tf.Tensor) => tf.mean(x.mul(x), [1]), {
      inputSignature: [tf.spec([null, null])],
    })
    for (const [rows, columns] of [
      [2, 3],
      [4, 1],
    ] as const) {
      const x = tf.ones([rows, columns])
      expect(tapeGradients(f, [x])[0]?.array()).toEqual(tf.ones([rows, columns]).array())
      const [dx] = tapeGradients(g, [x])
      expect(dx?.shape).toEqual([rows, columns])
      for (const value of dx?.data() ?? []) expect(value).toBeCloseTo(2 / columns, 6)
    }
    expect([f.traceCount, g.traceCount]).toEqual([1, 1])
  })

  test('232: integer arguments and results go along', () => {
    const f = tf.function((x: tf.Tensor, i: tf.Tensor) => ({ y: tf.gather(x, i).mul(2), i: i.add(1) }))
    const x = tf.tensor([1, 2, 3])
    const tape = new tf.GradientTape()
    const { y, i } = tape.record(() => {
      tape.watch(x)
      return f(x, tf.tensor([2, 2], 'int32'))
    })
    expect(i.array()).toEqual([3, 3])
    expect(tape.gradient(y, x)?.array()).toEqual([0, 0, 4])
  })

  test('233: a tape opened outside, asked inside a function', () => {
    const x = tf.tensor(3)
    const tape = new tf.GradientTape({ persistent: true })
    const y = tape.record(() => {
      tape.watch(x)
      return x.mul(x)
    })
    const f = tf.function(() => tape.gradient(y, x))
    expect(item(f())).toBe(6)
    const g = tf.function(() =>
      tape.gradient(
        tape.record(() => y.mul(x)),
        x,
      ),
    )
    expect(item(g())).toBe(27)
  })

  test('233: a tape that is recording outside sees the call as a whole', () => {
    const v = tf.variable(3)
    const tape = new tf.GradientTape()
    const f = tf.function(() => {
      const y = v.mul(v)
      return tape.gradient(y, v)
    })
    expect(() => tape.record(() => f())).toThrow(/GradientError|made in .* the tape records outside/)
    expect(
      item(
        tape.gradient(
          tape.record(() => v.mul(v)),
          v,
        ),
      ),
    ).toBe(6)
  })

  test('233: tensors that escape a function are out of scope', () => {
    const v = tf.variable(3)
    let tape = new tf.GradientTape()
    let y = tf.tensor(0)
    tf.function(() => {
      tape = new tf.GradientTape()
      y = tape.record(() => v.mul(v))
      return 1
    })()
    expect(() => tape.gradient(y, v)).toThrow(/out of scope/)
    expect(() => tf.function(() => tape.gradient(y, v))()).toThrow(tf.TraceError)
  })

  test('250: no gradient through functions where nothing depends on the variable or argument', () => {
    const [x, w] = [tf.variable(3), tf.variable(4)]
    const f = tf.function((a: tf.Tensor, b: tf.Tensor) => {
      w.mul(2)
      return x.mul(3).add(a).add(tf.floor(b))
    })
    const [a, b] = [tf.tensor(1), tf.tensor(1)]
    const tape = new tf.GradientTape({ persistent: true })
    const y = tape.record(() => {
      tape.watch([a, b])
      return f(a, b)
    })
    expect(tape.gradient(y, [x, w, a, b]).map(item)).toEqual([3, null, 1, null])
    expect(tape.gradient(y, b, { unconnected: 'zero' })?.item()).toBe(0)
  })

  test('effects of a function happen once, however often it is differentiated', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const count = tf.variable(0, { trainable: false })
    const f = tf.function((x: tf.Tensor) => {
      count.assignAdd(1)
      return x.mul(x).mul(x)
    })
    const x = tf.tensor(2)
    const second = tapeGradients((z) => tapeGradients(f, [z])[0] as tf.Tensor, [x])
    expect(arrays(second)).toEqual([12])
    expect(count.item()).toBe(1)
    expect(log).not.toHaveBeenCalled()
  })
})

describe.each(settings)('values of gradients, in $setting', ({ derive }) => {
  test('228: integer and piecewise constant ops have none, sign has zeros', () => {
    const x = tf.tensor([1.5, -2.5])
    expect(arrays(derive((v) => tf.argMax(v).cast('float32'))(x))).toEqual([null])
    for (const op of [tf.round, tf.floor, tf.ceil]) expect(arrays(derive((v) => op(v))(x))).toEqual([null])
    expect(arrays(derive((v) => v.cast('int32').cast('float32'))(x))).toEqual([null])
    expect(arrays(derive((v) => tf.sign(v))(x))).toEqual([[0, 0]])
  })

  test('231: the first three derivatives of x³', () => {
    const cube = (x: tf.Tensor): tf.Tensor => x.mul(x).mul(x)
    const once = (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tapeGradients(f, [x])[0] as tf.Tensor
    expect(arrays(derive(cube)(tf.tensor(2)))).toEqual([12])
    expect(arrays(derive(once(cube))(tf.tensor(2)))).toEqual([12])
    expect(arrays(derive(once(once(cube)))(tf.tensor(2)))).toEqual([6])
  })

  test('238: broadcasting is undone by summation', () => {
    const [x, b] = [tf.tensor([[2], [3]]), tf.tensor([1, 2, 3])]
    const [dx, db] = derive((p, q) => tf.sum(p.mul(q)))(x, b)
    expect(dx?.array()).toEqual([[6], [6]])
    expect(db?.array()).toEqual([5, 5, 5])
  })

  test('239: conventions at ties and kinks', () => {
    const zero = tf.tensor([0])
    expect(arrays(derive((x) => tf.relu(x))(zero))).toEqual([[0]])
    expect(arrays(derive((x) => tf.abs(x))(zero))).toEqual([[0]])
    expect(arrays(derive((x) => tf.sqrt(x))(zero))).toEqual([[Infinity]])
    expect(arrays(derive((a, b) => tf.maximum(a, b))(tf.tensor([2]), tf.tensor([2])))).toEqual([[1], [0]])
    expect(arrays(derive((x) => tf.max(x))(tf.tensor([2, 2, 1])))).toEqual([[0.5, 0.5, 0]])
    expect(arrays(derive((x) => tf.where(x.greater(0), tf.sqrt(x), 0))(tf.tensor([-1, 4])))).toEqual([
      [NaN, 0.25],
    ])
    expect(arrays(derive((x, e) => tf.pow(x, e))(zero, tf.tensor([2])))).toEqual([[0], [0]])
    expect(arrays(derive((x, y) => tf.divNoNan(x, y))(tf.tensor([3]), zero))).toEqual([[0], [0]])
  })

  test('an argument returned as it is, twice, and two results of one', () => {
    expect(arrays(derive((x) => x)(tf.tensor([3])))).toEqual([[1]])
    expect(arrays(derive((a, b) => tf.sum(a.mul(b)))(tf.tensor([3]), tf.tensor([4])))).toEqual([[4], [3]])
  })
})

describe('misuse', () => {
  test('216: numbers and other objects cannot be watched; integers warn', () => {
    const tape = new tf.GradientTape()
    expect(() => tape.watch(3 as never)).toThrow(
      /tape\.watch: 3 of type 'number' is neither a tensor nor a variable/,
    )
    expect(() => tape.watch(new Date() as never)).toThrow(tf.ValueError)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    tape.watch(tf.tensor(1, 'int32'))
    expect(warn.mock.calls.flat().join()).toMatch(/must be floating \(e\.g\. float32\), got int32/)
  })

  test('220: a tape that is not persistent gives one set of gradients', () => {
    const x = tf.variable(3)
    const tape = new tf.GradientTape()
    const y = tape.record(() => x.mul(x))
    tape.gradient(y, x)
    const message = /can only be used to compute one set of gradients \(or jacobians\)/
    expect(() => tape.gradient(y, x)).toThrow(message)
    expect(() => tape.jacobian(y, x)).toThrow(message)
    // Recording again starts over.
    expect(
      tape
        .gradient(
          tape.record(() => x.mul(5)),
          x,
        )
        ?.item(),
    ).toBe(5)
  })

  test('223: an active tape cannot be entered, and async code cannot be recorded', async () => {
    const tape = new tf.GradientTape()
    expect(() => tape.record(() => tape.record(() => 1))).toThrow(/still recording/)
    expect(() => tape.record(() => Promise.resolve(1))).toThrow(/async/)
    await Promise.resolve()
    const x = tf.variable(3)
    expect(
      tape
        .gradient(
          tape.record(() => x.mul(2)),
          x,
        )
        ?.item(),
    ).toBe(2)
  })

  test('224: stopRecording outside of a recording', () => {
    expect(() => new tf.GradientTape().stopRecording(() => 1)).toThrow(
      /trying to stop recording a tape which is not recording/,
    )
  })

  test('227: a bad option, bad sources, bad weights; none uses up the tape', () => {
    const x = tf.variable([3, 4])
    const tape = new tf.GradientTape()
    const y = tape.record(() => x.mul(x))
    expect(() => tape.gradient(y, x, { unconnected: 'bad' as 'none' })).toThrow(
      /unknown value for unconnected: 'bad'/,
    )
    expect(() => tape.gradient(y, 3 as never)).toThrow(/tape\.gradient: 3 of type 'number'/)
    expect(() => tape.gradient(y, x, { outputGradients: [1, 2, 3] })).toThrow(tf.ShapeError)
    expect(() => tape.gradient([y, y], x, { outputGradients: [1] })).toThrow(tf.ValueError)
    expect(tape.gradient(y, x)?.array()).toEqual([6, 8])
  })

  test('a message in full', () => {
    const tape = new tf.GradientTape()
    let message = ''
    try {
      tape.stopRecording(() => 1)
    } catch (error) {
      message = String(error)
    }
    expect(message.replace(/at .*$/m, 'at HERE')).toBe(
      [
        'GradientError: tape.stopRecording: trying to stop recording a tape which is not recording',
        '  at HERE',
        '  Fix: call it inside tape.record(…).',
      ].join('\n'),
    )
  })

  test('a callback that throws leaves the tape usable', () => {
    const x = tf.variable(3)
    const tape = new tf.GradientTape()
    expect(() =>
      tape.record(() => {
        throw new Error('mine')
      }),
    ).toThrow('mine')
    const stopped = (): unknown =>
      tape.record(() =>
        tape.stopRecording(() => {
          throw new Error('inner')
        }),
      )
    expect(stopped).toThrow('inner')
    const y = tape.record(() => x.mul(x))
    // Nothing is recorded any more once record() is left.
    x.mul(y)
    expect(tape.gradient(y, x)?.item()).toBe(6)
  })

  test('a function whose trace fails under a tape leaves the tape usable', () => {
    const x = tf.variable(3)
    const bad = tf.function(() => {
      x.mul(2)
      throw new Error('mine')
    })
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      expect(() => bad()).toThrow('mine')
      return x.mul(x)
    })
    expect(tape.gradient(y, x)?.item()).toBe(6)
  })
})
