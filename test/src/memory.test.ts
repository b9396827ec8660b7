// Memory by counts, not by times: a traced step in its steady state allocates no wasm memory, eager code neither, and
// eager programs are compiled once per kind of op, whatever sizes, positions and numbers they meet.
import { describe, expect, test } from 'vitest'
import { memoryStatistics } from '../../codegen/run/memory.ts'
import * as tf from '../../src/index.ts'
import { eagerProgramCount } from '../../tracer/trace/eager.ts'

/** How much `body` allocates and compiles, beyond a first run that warms everything up. */
function growth(body: () => void): {
  readonly allocations: number
  readonly bytes: number
  readonly programs: number
} {
  body()
  const before = memoryStatistics()
  const programs = eagerProgramCount()
  body()
  const after = memoryStatistics()
  return {
    allocations: after.allocations - before.allocations,
    bytes: after.bytesInUse - before.bytesInUse,
    programs: eagerProgramCount() - programs,
  }
}

const nothing = { allocations: 0, bytes: 0, programs: 0 }

/** Logistic regression: captured variables, a gradient, updates in place, results that are kept. */
function makeStep(): (x: tf.Tensor, y: tf.Tensor) => tf.Tensor {
  const w = tf.variable(tf.zeros([10, 1]))
  const b = tf.variable(tf.zeros([1]))
  return tf.function(
    (x: tf.Tensor, y: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => tf.losses.sigmoidCrossEntropy(y, x.matMul(w).add(b)))
      const [dw, db] = tape.gradient(loss, [w, b])
      if (dw != null) w.assignSub(dw.mul(0.1))
      if (db != null) b.assignSub(db.mul(0.1))
      return loss
    },
    { inputSignature: [tf.spec([null, 10]), tf.spec([null, 1])] },
  )
}

const batch = (n: number): readonly [tf.Tensor, tf.Tensor] => [
  tf.tensor(
    Float32Array.from({ length: n * 10 }, (_, i) => Math.sin(i * i)),
    [n, 10],
  ),
  tf.tensor(
    Float32Array.from({ length: n }, (_, i) => i % 2),
    [n, 1],
  ),
]

describe('traced functions', () => {
  test('a training step allocates nothing over 1,000 calls', () => {
    const step = makeStep()
    const [x, y] = batch(32)
    const losses: number[] = []
    expect(
      growth(() => {
        for (let i = 0; i < 1000; i++) losses.push(step(x, y).item())
      }),
    ).toEqual(nothing)
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0)
  })

  test('batches of changing sizes stay below the largest', () => {
    const step = makeStep()
    const batches = [32, 1, 7, 100, 64, 3].map(batch)
    expect(
      growth(() => {
        for (let i = 0; i < 300; i++) step(...(batches[i % batches.length] as (typeof batches)[0]))
      }),
    ).toEqual(nothing)
  })

  test('results that are kept live outside the wasm memory', () => {
    const f = tf.function((x: tf.Tensor) => [x.mul(2), x.sum()] as const)
    const x = tf.ones([5000])
    const kept: tf.Tensor[] = []
    expect(
      growth(() => {
        for (let i = 0; i < 100; i++) kept.push(...f(x))
      }),
    ).toEqual(nothing)
    expect(kept.every((tensor) => tensor.size === 1 || tensor.data()[4999] === 2)).toBe(true)
  })

  test('calls that fail allocate nothing', () => {
    const v = tf.variable(tf.ones([100]))
    const f = tf.function((i: tf.Tensor) => v.gather(i).mul(2))
    const bad = tf.tensor([5, 100], 'int32')
    expect(
      growth(() => {
        for (let i = 0; i < 100; i++) expect(() => f(bad)).toThrow(tf.CheckError)
      }),
    ).toEqual(nothing)
  })

  test('gradients of compiled functions allocate nothing', () => {
    const w = tf.variable(tf.ones([50, 4]))
    const f = tf.function((x: tf.Tensor) => x.matMul(w).tanh().sum())
    const x = tf.ones([8, 50])
    expect(
      growth(() => {
        for (let i = 0; i < 50; i++) {
          const tape = new tf.GradientTape()
          const loss = tape.record(() => f(x))
          const gradient = tape.gradient(loss, w)
          if (gradient != null) w.assignSub(gradient.mul(0.01))
        }
      }),
    ).toEqual(nothing)
  })
})

describe('eager code', () => {
  test('shapes, slice starts and numbers vary over 20,000 ops: nothing grows, nothing is compiled again', () => {
    const table = tf.range(1000).cast('float32')
    let checksum = 0
    const round = (): void => {
      for (let i = 0; i < 3400; i++) {
        const n = 2 + (i % 97)
        const x = table.slice(i % 900, n)
        const y = x.mul(i * 0.5).add(i)
        const matrix = y.reshape([1, n]).add(tf.broadcastTo(i, [3, n]))
        checksum += matrix.sum(0).max().item()
      }
    }
    expect(growth(round)).toEqual(nothing)
    expect(Number.isFinite(checksum)).toBe(true)
  })

  test('one program serves every size, start and number', () => {
    const table = tf.range(500).cast('float32')
    const compiledBy = (body: () => void): number => {
      const before = eagerProgramCount()
      body()
      return eagerProgramCount() - before
    }
    const use = (n: number, start: number, factor: number): void => {
      table.slice(start, n).mul(factor).data()
      tf.pad(tf.ones([n]), [[start, n]]).data()
      tf.ones([n, n + 1])
        .matMul(tf.ones([n + 1, n + 2]))
        .data()
    }
    expect(compiledBy(() => use(5, 2, 3))).toBeGreaterThan(0)
    expect(
      compiledBy(() => {
        for (let i = 0; i < 40; i++) use(7 + i, 60 + 3 * i, i * 1.25)
      }),
    ).toBe(0)
  })

  test('updates of variables allocate nothing', () => {
    const v = tf.variable(tf.zeros([300]))
    const one = tf.ones([300])
    expect(
      growth(() => {
        for (let i = 0; i < 500; i++) {
          v.assignAdd(one)
          v.assign(v.mul(0.5))
        }
      }),
    ).toEqual(nothing)
  })

  test('snapshots, kept or dropped, hold no wasm memory', () => {
    const v = tf.variable(tf.zeros([5000]))
    const kept: tf.Tensor[] = []
    expect(
      growth(() => {
        for (let i = 0; i < 100; i++) {
          const snapshot = v.value()
          if (i % 10 === 0) kept.push(snapshot)
          v.assign(tf.fill([5000], i))
          v.value().data()
        }
      }),
    ).toEqual(nothing)
    expect(kept.slice(10).map((snapshot) => snapshot.data()[0])).toEqual([
      99, 9, 19, 29, 39, 49, 59, 69, 79, 89,
    ])
  })

  test('tensors that are made and read hold no wasm memory', () => {
    expect(
      growth(() => {
        for (let i = 0; i < 1000; i++)
          tf.tensor([
            [i, 2],
            [3, 4],
          ])
            .transpose()
            .matMul(tf.eye(2))
            .data()
      }),
    ).toEqual(nothing)
  })

  test('gradients allocate nothing', () => {
    const w = tf.variable(tf.ones([20, 3]))
    const x = tf.ones([6, 20])
    expect(
      growth(() => {
        for (let i = 0; i < 50; i++) {
          const tape = new tf.GradientTape()
          const loss = tape.record(() => tf.softmax(x.matMul(w)).square().mean())
          const gradient = tape.gradient(loss, w)
          if (gradient != null) w.assignSub(gradient)
        }
      }),
    ).toEqual(nothing)
  })
})
