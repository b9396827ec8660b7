/** Graph mode, one test per row of the behaviours that programs of TensorFlow rely on, and its error messages. */
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { v1 } = tf

/** Builds in a graph of its own, with a session whose Variables are initialized. */
function build<R>(body: () => R): { graph: tf.v1.Graph; session: tf.v1.Session; built: R } {
  const graph = new v1.Graph()
  const built = graph.asDefault(body)
  const session = new v1.Session(graph)
  session.run(graph.initializer())
  return { graph, session, built }
}

/** A Variable at 0, the update that adds 1 to it, and another one of the same kind. */
function counter(): { v: tf.Variable; u: tf.Variable; w: tf.Variable; other: tf.Variable } {
  const [v, w] = [tf.variable(0, { name: 'v' }), tf.variable(0, { name: 'w' })]
  return { v, w, u: v.assignAdd(1), other: w.assignAdd(10) }
}

describe('runs', () => {
  it('row 275: execute what is needed and no other update', () => {
    const { session, built } = build(() => ({ ...counter(), c: tf.scalar(2).mul(3) }))
    expect(session.run(built.c)).toBe(6)
    session.run(built.u)
    expect(session.run([built.v, built.w])).toEqual([1, 0])
  })

  it('row 276: mirror structures, with null for operations, names, duplicates and nothing', () => {
    const { session, built } = build(() => {
      const a = v1.identity(tf.tensor([1, 2]).mul(2), 'a')
      return { a, op: v1.noOp() }
    })
    const { a, op } = built
    expect(session.run({ k: [a, op] })).toEqual({ k: [[2, 4], null] })
    expect(session.run(['a:0', 'a', a, { deep: [[a]] }])).toEqual([
      [2, 4],
      [2, 4],
      [2, 4],
      { deep: [[[2, 4]]] },
    ])
    expect(session.run([])).toEqual([])
    expect(session.run({})).toEqual({})
  })

  it('rows 277 and 278: do not depend on the order of the fetches', () => {
    for (const order of ['uv', 'vu']) {
      const { session, built } = build(counter)
      expect(session.run(order === 'uv' ? [built.u, built.v] : [built.v, built.u])).toEqual([1, 1])
    }
    const { session, built } = build(() => {
      const { v, u } = counter()
      return { v, u, y: v.value().mul(2) }
    })
    const { u, y } = built
    const [first, second] = [session.run([y, u]), session.run([u, y])]
    expect([first, second]).toEqual([
      [2, 1],
      [2, 4],
    ])
  })

  it('row 278: tensors have what was there where they were read', () => {
    const { session, built } = build(() => {
      const v = tf.variable(0)
      const before = v.value().mul(1)
      const u = v.assignAdd(1)
      return [u, before, v.value().mul(1), v] as const
    })
    expect(session.run([...built])).toEqual([1, 0, 1, 1])
  })

  it('row 279: update, dependent product and both Variables are always the same', () => {
    for (let i = 0; i < 5; i++) {
      const { session, built } = build(() => {
        const [a, b] = [tf.variable(2), tf.variable(3)]
        return [a.assignAdd(b), a.mul(b), a, b] as const
      })
      expect(session.run([...built])).toEqual([5, 15, 5, 3])
    }
  })

  it('rows 280 to 282: updates give new values, run once per run, and are seen by the next run', () => {
    const { session, built } = build(counter)
    expect(session.run(built.u)).toBe(1)
    expect(session.run(built.u)).toBe(2)
    expect(session.run([built.u, built.u, built.v])).toEqual([3, 3, 3])
    expect(session.run(built.v)).toBe(3)
  })

  it('row 283: control dependencies are those of ops built inside', () => {
    const { session, built } = build(() => {
      const { u, v } = counter()
      const x = tf.scalar(4)
      let y: tf.Tensor = x
      const z = v1.controlDependencies([u], () => {
        y = x
        return x.add(1)
      })
      return { v, y, z }
    })
    expect([session.run(built.y), session.run(built.v)]).toEqual([4, 0])
    expect([session.run(built.z), session.run(built.v)]).toEqual([5, 1])
  })

  it('row 284: groups run all and give null', () => {
    const { session, built } = build(() => {
      const { u, other, v, w } = counter()
      return { g: v1.group(u, other), v, w }
    })
    expect(session.run(built.g)).toBe(null)
    expect(session.run([built.v, built.w])).toEqual([1, 10])
  })
})

describe('feeds', () => {
  it('row 285: override placeholders, constants, intermediates and reads of Variables', () => {
    const { session, built } = build(() => {
      const a = v1.identity(tf.scalar(2), 'a')
      const v = tf.variable(5)
      const read = v.value()
      const b = a.add(read)
      return { a, b, read, v, c: b.mul(10) }
    })
    const { a, b, c, read, v } = built
    expect(session.run(c)).toBe(70)
    expect(session.run(c, new Map([[b, 100]]))).toBe(1000)
    expect(session.run(c, { 'a:0': 1 })).toBe(60)
    expect(
      session.run(
        [c, v],
        new Map([
          [read, 1],
          [a, 1],
        ]),
      ),
    ).toEqual([20, 5])
  })

  it('rows 286 and 287: are host data of the right shape and dtype', () => {
    const { session, built } = build(() => ({
      p: v1.placeholder('float32', [2], { name: 'p' }),
      n: v1.placeholder('int32', [], { name: 'n' }),
    }))
    const { p, n } = built
    expect(() => session.run(p, new Map([[p, tf.tensor([1, 2])]]))).toThrow(
      'the value of a feed cannot be a tensor',
    )
    expect(() => session.run(p, { 'nope:0': 1 })).toThrow(/the name 'nope:0' refers to nothing/)
    expect(() => session.run(p, { p: [1, 2, 3] })).toThrow(/f32\[3\][\s\S]*f32\[2\]/)
    expect(() => session.run(n, { n: 1.5 })).toThrow(/1\.5/)
    expect(() => session.run(n, { n: 2 ** 40 })).toThrow(/1099511627776/)
    expect(session.run(n, { n: 7 })).toBe(7)
  })

  it('row 288: are asked for, unless there is a default', () => {
    const { session, built } = build(() => ({
      y: v1.placeholder('float32', [], { name: 'p' }).mul(2),
      z: v1.placeholderWithDefault(4, [], { name: 'q' }).mul(2),
    }))
    expect(() => session.run(built.y)).toThrow(/feed a value for the placeholder 'p'/)
    expect(session.run(built.z)).toBe(8)
    expect(session.run(built.z, { q: 1 })).toBe(2)
  })
})

describe('Variables of a graph', () => {
  it('rows 289 and 290: must be initialized, by one another in order', () => {
    const graph = new v1.Graph()
    const [a, b] = graph.asDefault(() => {
      const a = tf.variable(3, { name: 'a' })
      return [a, tf.variable(a.mul(2), { name: 'b' })] as const
    })
    const session = new v1.Session(graph)
    expect(() => session.run(a)).toThrow(/the variable 'a' is not initialized in this session/)
    session.run(graph.asDefault(() => v1.globalVariablesInitializer()))
    expect(session.run([b, a])).toEqual([6, 3])
  })

  it('row 291: are reset by their initializer, which draws anew', () => {
    const { graph, session, built } = build(() => ({
      ...counter(),
      r: tf.variable(() => tf.random.uniform([4])),
    }))
    const before = session.run(built.r)
    session.run(built.u)
    session.run(graph.initializer())
    expect(session.run(built.v)).toBe(0)
    expect(session.run(built.r)).not.toEqual(before)
  })

  it('row 292: have one content per session', () => {
    const { graph, session, built } = build(counter)
    const other = new v1.Session(graph)
    other.run(graph.initializer())
    session.run(built.u)
    expect([session.run(built.v), other.run(built.v)]).toEqual([1, 0])
  })

  it('row 299: with getVariable exist once per name, shared on request', () => {
    build(() => {
      const a = v1.getVariable('a', { shape: [1] })
      expect(() => v1.getVariable('a', { shape: [1] })).toThrow(/a already exists/)
      v1.variableScope('', () => expect(v1.getVariable('a', { shape: [1] })).toBe(a), { reuse: true })
      v1.variableScope('layer', () => expect(v1.getVariable('w', { shape: [] }).name).toBe('layer/w'))
    })
  })

  it('row 302: cannot be read or tested while the graph is built', () => {
    build(() => {
      const v = tf.variable(1)
      expect(() => v.item()).toThrow(/session\.run/)
      expect(() => v.array()).toThrow(/session\.run/)
      expect(() => tf.scalar(1).add(1).data()).toThrow(/session\.run/)
    })
  })
})

describe('sessions and graphs', () => {
  it('rows 293 and 294: say when they are closed, empty, of others, or when there is none', () => {
    const { session, built } = build(() => tf.scalar(2).add(1))
    expect(() => session.run(tf.scalar(1))).toThrow(/is an eager tensor/)
    expect(() => session.run(build(() => tf.scalar(1).add(1)).built)).toThrow(/is not an element of/)
    expect(() => new v1.Session(new v1.Graph('nothing')).run([])).toThrow(/the graph nothing is empty/)
    expect(() => built.eval()).toThrow(/no default session/)
    expect(session.asDefault(() => built.eval())).toBe(3)
    session.close()
    expect(() => session.run(built)).toThrow(/closed/)
    expect(() => session.asDefault(() => 0)).toThrow(/closed/)
  })

  it('row 295: grow until they are finalized, and count what they compile', () => {
    const { graph, session, built } = build(() => tf.scalar(2).add(1))
    session.run(built)
    const { compilations } = session
    session.run(built)
    expect(session.compilations).toBe(compilations)
    const more = graph.asDefault(() => built.mul(built))
    expect(session.run(more)).toBe(9)
    expect(session.compilations).toBe(compilations + 1)
    graph.finalize()
    expect(() => graph.asDefault(() => tf.add(built, built))).toThrow(/finalized and cannot be modified/)
    expect(session.run(more)).toBe(9)
  })

  it('rows 296 and 320: draw once per run for all who use it', () => {
    const { session, built } = build(() => {
      const r = tf.random.uniform([])
      return [r.add(0), r.mul(1), r]
    })
    const [first, second] = [session.run(built), session.run(built)]
    expect(new Set(first).size).toBe(1)
    expect(new Set(second).size).toBe(1)
    expect(second).not.toEqual(first)
  })

  it('rows 296 and 312: seeds of ops repeat in every session, also without one of the graph', () => {
    const graph = new v1.Graph()
    const [a, b, other] = graph.asDefault(() => [
      tf.random.uniform([2], 0, 1, 'float32', 5),
      tf.random.uniform([2], 0, 1, 'float32', 5),
      tf.random.uniform([2], 0, 1, 'float32', 6),
    ]) as [tf.Tensor, tf.Tensor, tf.Tensor]
    const runs = (): unknown[] => {
      const session = new v1.Session(graph)
      return [session.run([a, b, other]), session.run([a, b, other])]
    }
    const [first, second] = runs() as number[][][]
    expect(first?.[0]).toEqual(first?.[1])
    expect(first?.[2]).not.toEqual(first?.[0])
    expect(second?.[0]).not.toEqual(first?.[0])
    expect(runs()).toEqual([first, second])
  })

  it('row 296: traced functions that draw are part of the graph', () => {
    const f = tf.function(() => tf.random.uniform([2]))
    f()
    const graph = new v1.Graph()
    const r = graph.asDefault(() => {
      v1.setRandomSeed(3)
      return f()
    })
    const runs = (): unknown[] => {
      const session = new v1.Session(graph)
      return [session.run(r), session.run(r)]
    }
    const [first, second] = runs()
    expect(second).not.toEqual(first)
    expect(runs()).toEqual([first, second])
  })

  it('row 297: branches and loops run by what is fed; what was built outside of them runs', () => {
    const { session, built } = build(() => {
      const p = v1.placeholder('bool', [], { name: 'p' })
      const n = v1.placeholder('int32', [], { name: 'n' })
      const [a, b] = [tf.scalar(1).mul(10), tf.scalar(2).mul(10)]
      const y = tf.cond(
        p,
        () => a,
        () => b,
      )
      const [, sum] = tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, sum: tf.Tensor) => [i.add(1), sum.add(i)],
        [tf.scalar(0, 'int32'), tf.scalar(0, 'int32')],
      )
      return { y, sum }
    })
    expect(session.run(built.y, { p: true })).toBe(10)
    expect(session.run(built.y, { p: false })).toBe(20)
    expect(session.run(built.sum, { n: 5 })).toBe(10)
  })

  it('row 298: traced functions work, with their effects in order', () => {
    const { session, built } = build(() => {
      const v = tf.variable(1)
      const f = tf.function((x: tf.Tensor) => {
        v.assignAdd(1)
        return x.mul(v)
      })
      return { first: f(tf.scalar(2)), second: f(tf.scalar(2)), v }
    })
    expect(session.run([built.first, built.second, built.v])).toEqual([4, 6, 3])
  })

  it('row 300: gradients of any order are ops, null where nothing is connected', () => {
    const { session, built } = build(() => {
      const x = v1.placeholder('float32', [], { name: 'x' })
      const [first, none] = v1.gradients(x.square(), [x, tf.scalar(1).add(0)])
      const [second] = v1.gradients(first as tf.Tensor, [x])
      expect(none).toBe(null)
      return [first, second] as tf.Tensor[]
    })
    expect(session.run(built, { x: 3 })).toEqual([6, 2])
  })

  it('row 301: training steps read the loss where it was built', () => {
    const { session, built } = build(() => {
      const w = tf.variable(5)
      const loss = w.square()
      return { w, loss, train: new v1.train.GradientDescentOptimizer(0.1).minimize(loss) }
    })
    const losses = [0, 1, 2].map(() => session.run([built.train, built.loss]))
    expect(losses).toEqual([
      [null, 25],
      [null, expect.closeTo(16, 5)],
      [null, expect.closeTo(10.24, 5)],
    ])
    expect(session.run(built.w)).toBeCloseTo(2.56, 5)
  })

  it('row 303: there is no switch for the process', () => {
    expect(Object.keys(v1)).not.toContain('disableEagerExecution')
    const graph = new v1.Graph()
    graph.asDefault(() => expect(() => tf.scalar(1).add(1).item()).toThrow(/session\.run/))
    expect(tf.scalar(1).add(1).item()).toBe(2)
  })
})
