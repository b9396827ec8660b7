/** Graph mode: what a run computes, in which order, and what it leaves in the session. */
import { describe, expect, it, vi } from 'vitest'
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

describe('running', () => {
  it('computes what is fetched and nothing else', () => {
    const lines: string[] = []
    const { session, built } = build(() => {
      const c = tf.scalar(2).mul(3)
      tf.print('not needed', { sink: (line: string) => lines.push(line) })
      return c
    })
    expect(session.run(built)).toBe(6)
    expect(lines).toEqual([])
  })

  it('mirrors the structure of the fetches', () => {
    const { session, built } = build(() => {
      const v = tf.variable(1)
      const a = tf.tensor([[1, 2]])
      return { a, s: a.sum(), b: a.greater(1), update: v1.group(v.assignAdd(1)) }
    })
    const { a, s, b, update } = built
    expect(session.run({ k: [a, update], t: s, b })).toEqual({
      k: [[[1, 2]], null],
      t: 3,
      b: [[false, true]],
    })
    expect(session.run([s, s])).toEqual([3, 3])
    expect(session.run([])).toEqual([])
  })

  it('fetches and feeds by name', () => {
    const { session } = build(() => {
      const x = v1.placeholder('float32', [2], { name: 'x' })
      v1.identity(x.mul(2), 'twice')
      tf.variable(7, { name: 'v' })
    })
    expect(session.run('twice:0', { 'x:0': [1, 2] })).toEqual([2, 4])
    expect(session.run(['twice', 'v'], { x: [1, 2] })).toEqual([[2, 4], 7])
    expect(() => session.run('nope')).toThrow(/the name 'nope' refers to nothing[\s\S]*x, twice, init, v/)
  })

  it('grows between runs until it is finalized', () => {
    const { graph, session, built } = build(() => v1.placeholder('float32', [], { name: 'x' }))
    const y = graph.asDefault(() => built.add(1))
    expect(session.run(y, { x: 1 })).toBe(2)
    graph.finalize()
    const { version } = graph
    expect(() => graph.asDefault(() => built.add(2))).toThrow('finalized and cannot be modified')
    expect(() => graph.asDefault(() => tf.scalar(5))).toThrow('finalized and cannot be modified')
    expect(graph.version).toBe(version)
    expect(session.run(y, { x: 2 })).toBe(3)
  })

  it('compiles once per set of fetches, for all sessions', () => {
    const { graph, session, built } = build(() => tf.variable(1).assignAdd(1))
    for (let i = 0; i < 4; i++) session.run(built)
    const compiled = graph.programs.size
    const other = new v1.Session(graph)
    other.run(graph.initializer())
    other.run(built)
    expect(graph.programs.size).toBe(compiled)
    expect(other.compilations).toBe(0)
  })

  it('warns when every run compiles because the graph grows', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      const { graph, session } = build(() => tf.scalar(1))
      for (let i = 0; i < 8; i++) session.run(graph.asDefault(() => tf.scalar(i).add(1)))
      expect(warn).toHaveBeenCalledTimes(1)
      expect(String(warn.mock.calls[0]?.[0])).toMatch(
        /grew by \d+ nodes.*session\.test\.ts[\s\S]*build ops once/,
      )
    } finally {
      warn.mockRestore()
    }
  })

  it('runs control flow and traced functions as part of the graph', () => {
    const { session, built } = build(() => {
      const p = v1.placeholder('bool', [], { name: 'p' })
      const v = tf.variable(0)
      const half = tf.function((x: tf.Tensor) => {
        v.assignAdd(1)
        return x.mul(0.5)
      })
      return {
        y: tf.cond(
          p,
          () => tf.scalar(10),
          () => tf.scalar(20),
        ),
        z: half(tf.scalar(8)),
        v,
      }
    })
    expect(session.run(built.y, { p: true })).toBe(10)
    expect(session.run(built.y, { p: false })).toBe(20)
    expect(session.run(built.z)).toBe(4)
  })
})

describe('order', () => {
  it('reads fetched Variables when everything else has run', () => {
    const { graph, session, built } = build(() => {
      const v = tf.variable(0)
      return [v.assignAdd(1), v] as const
    })
    const [u, v] = built
    expect(session.run([u, v])).toEqual([1, 1])
    expect(session.run([v, u])).toEqual([2, 2])
    session.run(graph.initializer())
    expect(session.run([v, u])).toEqual([1, 1])
    expect(session.run([u, u])).toEqual([2, 2])
    expect(session.run(u)).toBe(3)
    expect(session.run(v)).toBe(3)
  })

  it('runs nodes in the order of their construction', () => {
    const { graph, session, built } = build(() => {
      const a = tf.variable(2)
      const b = tf.variable(3)
      const add = a.assignAdd(b)
      const mul = a.mul(b)
      return { a, b, add, mul }
    })
    const { a, b, add, mul } = built
    expect(session.run([add, mul, a, b])).toEqual([5, 15, 5, 3])
    session.run(graph.initializer())
    expect(session.run([b, mul, a, add])).toEqual([3, 15, 5, 5])
    session.run(graph.initializer())
    expect(session.run(mul)).toBe(6)
  })

  it('keeps what control dependencies demand, for what is built inside them', () => {
    const { session, built } = build(() => {
      const v = tf.variable(0)
      const u = v.assignAdd(1)
      const x = tf.scalar(5)
      const inside = v1.controlDependencies([u], () => ({ y: x, z: x.mul(2), w: v.value(), n: v1.noOp() }))
      return { v, u, ...inside }
    })
    expect(session.run(built.y)).toBe(5)
    expect(session.run(built.v)).toBe(0)
    expect(session.run(built.z)).toBe(10)
    expect(session.run(built.v)).toBe(1)
    expect(session.run(built.w)).toBe(2)
    session.run(built.n)
    expect(session.run(built.v)).toBe(3)
  })

  it('chains assignments of one Variable', () => {
    const { session, built } = build(() => {
      const v = tf.variable(1)
      return { twice: v.assignAdd(1).assignAdd(10), v }
    })
    expect(session.run(built.twice)).toBe(12)
    expect(session.run(built.v)).toBe(12)
  })

  it('groups operations', () => {
    const { session, built } = build(() => {
      const [u, w] = [tf.variable(1), tf.variable(2)]
      return { g: v1.group(u.assignAdd(1), w.assignSub(1)), u, w }
    })
    expect(session.run(built.g)).toBe(null)
    expect(session.run([built.u, built.w])).toEqual([2, 1])
  })
})

describe('feeding', () => {
  it('takes the place of placeholders and of intermediate values', () => {
    const { session, built } = build(() => {
      const a = tf.scalar(2)
      const b = a.mul(3)
      return { a, b, c: b.add(1) }
    })
    expect(session.run(built.c)).toBe(7)
    expect(session.run(built.c, new Map([[built.b, 100]]))).toBe(101)
    expect(session.run([built.b, built.c], new Map([[built.b, 100]]))).toEqual([100, 101])
    expect(session.run(built.c, new Map([[built.a, 5]]))).toBe(16)
  })

  it('lets runs choose sizes declared as null', () => {
    const { session, built } = build(() => {
      const x = v1.placeholder('float32', [null, 2], { name: 'x' })
      return x.sum(1).add(tf.zerosLike(x).sum(1))
    })
    expect(session.run(built, { x: [[1, 2]] })).toEqual([3])
    expect(
      session.run(built, {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      }),
    ).toEqual([3, 7, 11])
    expect(session.compilations).toBe(1)
  })

  it('uses the default of a placeholder that is not fed', () => {
    const { session, built } = build(() => v1.placeholderWithDefault([1, 2], [null], { name: 'x' }).mul(2))
    expect(session.run(built)).toEqual([2, 4])
    expect(session.run(built, { x: [5] })).toEqual([10])
  })

  it('refuses what does not fit, and leaves Variables alone', () => {
    const { session, built } = build(() => {
      const x = v1.placeholder('float32', [2], { name: 'x' })
      const n = v1.placeholder('int32', [], { name: 'n' })
      const v = tf.variable([0, 0])
      return { u: v.assignAdd(x), v, n: n.add(1), x }
    })
    expect(() => session.run(built.u)).toThrow(/must feed a value for the placeholder 'x'/)
    expect(() => session.run(built.u, { x: [1, 2, 3] })).toThrow(/f32\[3\][\s\S]*f32\[2\]/)
    expect(() => session.run(built.n, { n: 1.5 })).toThrow(/1\.5/)
    expect(() => session.run(built.u, new Map([[built.x, tf.tensor([1, 2])]]))).toThrow(
      'the value of a feed cannot be a tensor',
    )
    expect(session.run(built.v)).toEqual([0, 0])
  })
})

describe('Variables', () => {
  it('have no content before they are initialized', () => {
    const graph = new v1.Graph()
    const [v, more] = graph.asDefault(() => {
      const v = tf.variable(1, { name: 'w' })
      return [v, v.mul(2)] as const
    })
    const session = new v1.Session(graph)
    expect(() => session.run(v)).toThrow(
      /'w' is not initialized in this session[\s\S]*globalVariablesInitializer/,
    )
    expect(() => session.run(more)).toThrow(/'w' is not initialized/)
    const [is, list] = graph.asDefault(() => [v1.isVariableInitialized(v), v1.reportUninitializedVariables()])
    expect(session.run([is, list])).toEqual([false, ['w']])
    session.run(graph.initializer())
    expect(session.run([is, list])).toEqual([true, []])
  })

  it('are initialized from one another in the order of creation', () => {
    const { session, built } = build(() => {
      const a = tf.variable(2)
      return tf.variable(a.mul(2)).mul(10)
    })
    expect(session.run(built)).toBe(40)
  })

  it('belong to the session', () => {
    const { graph, session, built } = build(() => {
      const v = tf.variable(0)
      return { v, u: v.assignAdd(1) }
    })
    const other = new v1.Session(graph)
    other.run(graph.initializer())
    session.run(built.u)
    expect(session.run(built.v)).toBe(1)
    expect(other.run(built.v)).toBe(0)
    session.close()
    expect(() => session.run(built.v)).toThrow('closed')
    expect(other.run(built.u)).toBe(1)
  })

  it('are drawn anew when their initializer runs again, the same for the same seed', () => {
    const graph = new v1.Graph()
    const v = graph.asDefault(() => {
      v1.setRandomSeed(3)
      return tf.variable(() => tf.random.normal([2]))
    })
    const draw = (session: tf.v1.Session): unknown => {
      session.run(graph.initializer())
      return session.run(v)
    }
    const session = new v1.Session(graph)
    const [first, second] = [draw(session), draw(session)]
    expect(second).not.toEqual(first)
    const other = new v1.Session(graph)
    expect([draw(other), draw(other)]).toEqual([first, second])
  })

  it('cannot be read or assigned outside the graph, nor eager ones inside', () => {
    const { graph, built } = build(() => tf.variable(1, { name: 'v' }))
    expect(() => built.data()).toThrow(/belongs to graph.*\n[\s\S]*session\.run/)
    expect(() => built.assign(2)).toThrow(/belongs to graph/)
    expect(() => tf.function(() => built.add(1))()).toThrow(/belongs to graph/)
    const eager = tf.variable(1, { name: 'e' })
    expect(() => graph.asDefault(() => eager.add(1))).toThrow(/the variable e was not created in graph/)
    expect(() => graph.asDefault(() => built.add(1).item())).toThrow(/session\.run/)
  })

  it('are shared by name within scopes', () => {
    build(() => {
      const a = v1.getVariable('a', { shape: [2] })
      expect(a.name).toBe('a')
      expect(() => v1.getVariable('a', { shape: [2] })).toThrow(/a already exists/)
      const inner = (): tf.Variable =>
        v1.variableScope('s', () => v1.getVariable('a', { shape: [] }), { reuse: 'auto' })
      expect(inner()).toBe(inner())
      expect(inner().name).toBe('s/a')
      expect(() => v1.variableScope('s', () => v1.getVariable('b'), { reuse: true })).toThrow(
        /does not exist/,
      )
    })
  })
})

describe('random ops', () => {
  it('give one value per run to all who use it, and another in the next', () => {
    const { session, built } = build(() => tf.random.uniform([3]))
    const [a, b] = session.run([built, built])
    expect(a).toEqual(b)
    expect(session.run(built)).not.toEqual(a)
  })

  it('repeat in the sessions of a graph with a seed', () => {
    const graph = new v1.Graph()
    const r = graph.asDefault(() => {
      v1.setRandomSeed(1)
      return tf.random.uniform([3])
    })
    const runs = (): unknown => {
      const session = new v1.Session(graph)
      return [session.run(r), session.run(r)]
    }
    expect(runs()).toEqual(runs())
  })
})

describe('gradients', () => {
  it('are ops of the graph, of any order, null where nothing is connected', () => {
    const { session, built } = build(() => {
      const x = v1.placeholder('float32', [], { name: 'x' })
      const w = tf.variable(2)
      const y = x.square().mul(w)
      const [dx, dw, none] = v1.gradients(y, [x, w, tf.scalar(1).add(0)])
      const [ddx] = v1.gradients(dx as tf.Tensor, [x])
      expect(none).toBe(null)
      return [dx, dw, ddx] as tf.Tensor[]
    })
    expect(session.run(built, { x: 3 })).toEqual([12, 9, 4])
  })

  it('train: the loss is read where it was built, before the update', () => {
    const { session, built } = build(() => {
      const w = tf.variable(5)
      const loss = w.square()
      return { w, loss, train: new v1.train.GradientDescentOptimizer(0.1).minimize(loss) }
    })
    const losses = [0, 1, 2].map(() => session.run([built.train, built.loss])[1])
    expect(losses[0]).toBe(25)
    expect(losses[1]).toBeCloseTo(16, 5)
    expect(losses[2]).toBeCloseTo(10.24, 5)
    expect(session.run(built.w)).toBeCloseTo(2.56, 5)
  })

  it('train with state of the graph: Adam, Momentum and Adagrad go down, a global step counts', () => {
    for (const make of [
      () => new v1.train.AdamOptimizer(0.1),
      () => new v1.train.MomentumOptimizer(0.05, 0.9),
      () => new v1.train.AdagradOptimizer(0.5),
    ]) {
      const { session, built } = build(() => {
        const w = tf.variable([5, -3])
        const globalStep = tf.variable(0, { dtype: 'int32', trainable: false })
        const loss = w.square().sum()
        return { loss, globalStep, train: make().minimize(loss, { globalStep }) }
      })
      const before = session.run(built.loss) as number
      for (let i = 0; i < 40; i++) session.run(built.train)
      expect(session.run(built.loss)).toBeLessThan(before / 4)
      expect(session.run(built.globalStep)).toBe(40)
    }
  })
})

describe('what cannot be run', () => {
  it('says what is wrong', () => {
    const { graph, session, built } = build(() => tf.scalar(1).add(1))
    expect(() => session.run(tf.scalar(7))).toThrow(/eager/)
    expect(() => session.run(build(() => tf.scalar(1).add(1)).built)).toThrow(/is not an element of/)
    expect(() => new v1.Session(new v1.Graph()).run([])).toThrow(/is empty/)
    expect(() => session.run(null as unknown as string)).toThrow(/nothing to run/)
    expect(() => built.eval()).toThrow(/no default session/)
    expect(session.asDefault(() => built.eval())).toBe(2)
    expect(v1.evaluate(built, {}, session)).toBe(2)
    expect(() => v1.placeholder('float32', [])).toThrow(/no graph is being built/)
    expect(() => tf.function(() => graph.asDefault(() => tf.scalar(1)))()).toThrow(/entered while/)
    expect(session.run(built)).toBe(2)
  })
})

it('a fed intermediate needs nothing before it, also where sizes are open', () => {
  const graph = new tf.v1.Graph()
  const [x, y, z] = graph.asDefault(() => {
    const fed = tf.v1.placeholder('float32', [null, 2], { name: 'x' })
    const doubled = fed.mul(2)
    return [fed, doubled, doubled.add(tf.ones([2])).sum(1)] as const
  })
  const session = new tf.v1.Session(graph)
  expect(
    session.run(
      z,
      new Map([
        [
          y,
          [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        ],
      ]),
    ),
  ).toEqual([5, 9, 13])
  expect(session.run(z, new Map([[x, [[1, 2]]]]))).toEqual([8])
  expect(() => session.run(z)).toThrow(/you must feed a value for the placeholder 'x'/)
})
