// Programs in several threads give what they give in one: bit for bit, since nothing is added in another order.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InternalError, TraceError, ValueError } from '../../../codegen/errors.ts'
import { memory, memoryStatistics } from '../../../codegen/run/memory.ts'
import { failedWord } from '../../../codegen/threads/control.ts'
import { currentPool } from '../../../codegen/threads/current-pool.ts'
import { poolSettings } from '../../../codegen/threads/pool.ts'
import * as tf from '../../../src/index.ts'

beforeEach(() => {
  // However many processors there are: a part may then be anybody's.
  poolSettings.workers = 2
})
/** Parts that workers have done. */
let served = 0
afterEach(() => {
  served += currentPool()?.statistics.served ?? 0
  tf.config.setThreads(1)
})
afterAll(() => {
  poolSettings.workers = undefined
  if (served === 0) throw new Error('no worker has done a part: nothing was tested here')
})

function values(shape: readonly number[], seed: number): tf.Tensor {
  return tf.random.statelessUniform([...shape], [seed, 77], -1, 1)
}

async function workersStarted(): Promise<void> {
  const deadline = performance.now() + 30_000
  const isStarting = (): boolean => {
    const { started, workers } = currentPool()?.statistics ?? { started: 0, workers: 0 }
    return started < workers
  }
  while (isStarting() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Shape, dtype and a sum over the bits of every element and its place: short, so that many can be compared. */
function bits(tensors: readonly tf.Tensor[]): unknown[] {
  return tensors.map((tensor) => {
    const data = tensor.data()
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    let sum = 0
    for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193) + i
    return [tensor.shape, tensor.dtype, sum, Array.from(data.subarray(0, 4))]
  })
}

/** Expects a function to give the same with one thread and with several, eagerly and traced, called often. */
async function expectSame(f: () => tf.Tensor[], counts: readonly number[] = [2, 3, 5]): Promise<void> {
  const traced = tf.function(f)
  const expected = bits(traced())
  for (const count of counts) {
    served += currentPool()?.statistics.served ?? 0
    expect(tf.config.setThreads(count)).toBe(count)
    expect(bits(traced())).toEqual(expected)
    await workersStarted()
    for (let i = 0; i < 4; i++) expect(bits(traced())).toEqual(expected)
  }
  tf.config.setThreads(1)
  expect(bits(traced())).toEqual(expected)
  expect(traced.traceCount).toBe(1)
}

describe('the same bits as in one thread', () => {
  const shapes = [
    [64, 64, 64],
    [130, 70, 200],
    [7, 300, 333],
    [301, 129, 9],
    [1000, 64, 10],
    [1, 700, 900],
    [900, 700, 1],
    [33, 1, 5000],
    [200, 600, 65],
  ] as const
  test.each(shapes)('products %i x %i x %i, all transposes', async (rows, inner, columns) => {
    const [a, aT] = [values([rows, inner], 1), values([inner, rows], 2)]
    const [b, bT] = [values([inner, columns], 3), values([columns, inner], 4)]
    const bias = values([columns], 5)
    await expectSame(
      () => [
        tf.relu(tf.matMul(a, b).add(bias)),
        tf.matMul(aT, b, true),
        tf.matMul(a, bT, false, true),
        tf.matMul(aT, bT, true, true),
      ],
      [2, 3],
    )
  })

  test('batches of products', async () => {
    const [a, b, shared] = [values([9, 60, 70], 1), values([9, 70, 50], 2), values([70, 50], 3)]
    await expectSame(() => [tf.matMul(a, b), tf.matMul(a, shared)])
  })

  test('convolutions and their gradients', async () => {
    const cases = [
      { x: [6, 14, 14, 8], w: [3, 3, 8, 16], strides: 1 },
      { x: [1, 20, 20, 16], w: [3, 3, 16, 32], strides: 1 },
      { x: [5, 17, 15, 3], w: [5, 5, 3, 24], strides: 2 },
    ] as const
    for (const { x: xShape, w: wShape, strides } of cases) {
      const [x, w] = [values(xShape, 1), values(wShape, 2)]
      await expectSame(
        () => [
          tf.conv2d(x, w, strides, 'same'),
          ...tf.grads((u: tf.Tensor, v: tf.Tensor) => tf.sum(tf.conv2d(u, v, strides, 'same').square()))([
            x,
            w,
          ]),
        ],
        [2, 3],
      )
    }
  })

  test('depthwise convolutions, and pooling', async () => {
    const [x, w] = [values([3, 18, 18, 24], 1), values([3, 3, 24, 1], 2)]
    await expectSame(
      () => [
        ...tf.grads((u: tf.Tensor, v: tf.Tensor) => tf.sum(tf.depthwiseConv2d(u, v, 1, 'same').square()))([
          x,
          w,
        ]),
        tf.maxPool(x, 2, 2, 'same'),
        tf.avgPool(x, 3, 1, 'same'),
      ],
      [2, 3],
    )
  })

  test('chains of elementwise ops, of sizes that no number of parts divides', async () => {
    const inputs = [997, 4099, 65_537].map((size, i) => values([size], i))
    await expectSame(() => inputs.map((x) => tf.tanh(x.mul(1.3).add(0.2)).mul(tf.sigmoid(x)).sub(x.mul(x))))
  })

  test('every dtype', async () => {
    const x = values([20_000], 1).mul(1000)
    await expectSame(
      () =>
        (['float64', 'int32', 'uint8', 'bool'] as const).map((dtype) => {
          const y = tf.cast(x, dtype)
          return dtype === 'bool' ? tf.logicalNot(y) : tf.add(y, y)
        }),
      [3],
    )
  })

  test('rows: softmax, layer normalisation, sums; columns; transposes; gathers', async () => {
    const x = values([300, 77], 1)
    const rows = tf.tensor(
      Array.from({ length: 500 }, (_, i) => (i * 31) % 300),
      [500],
      'int32',
    )
    await expectSame(() => {
      const centered = x.sub(tf.mean(x, 1, true))
      return [
        tf.softmax(x),
        centered.div(tf.sqrt(tf.mean(centered.square(), 1, true).add(1e-5))),
        tf.sum(x, 1),
        tf.sum(x, 0),
        tf.sum(x),
        tf.max(x, 0),
        tf.argMax(x, 1),
        tf.transpose(x),
        tf.transpose(tf.exp(x)),
        tf.gather(x, rows),
        tf.concat([x, x.neg()], 1),
        tf.reverse(x, [0]),
        tf.cumsum(x, 0),
        tf.pad(x, [
          [1, 2],
          [3, 4],
        ]),
      ]
    })
  })

  test('sizes that are known at the call only', async () => {
    const f = tf.function(
      (x: tf.Tensor, y: tf.Tensor) => [
        tf.softmax(tf.matMul(x, y).add(1)),
        tf.exp(x),
        tf.conv1d(tf.expandDims(x, 2), tf.ones([3, 1, 16]), 1, 'same'),
      ],
      { inputSignature: [tf.spec([null, 150]), tf.spec([150, null])] },
    )
    const calls = [1, 2, 90, 200].map((n) => [values([n, 150], n), values([150, n + 3], n + 1)] as const)
    const expected = calls.map(([x, y]) => bits(f(x, y)))
    for (const count of [2, 4]) {
      tf.config.setThreads(count)
      await workersStarted()
      for (let i = 0; i < 3; i++) expect(calls.map(([x, y]) => bits(f(x, y)))).toEqual(expected)
    }
    expect(f.traceCount).toBe(1)
  })

  test('training: Variables in place, control flow around shared steps, states that follow each other', async () => {
    const train = (): unknown[] => {
      const [x, y] = [values([128, 120], 1), values([128, 10], 2)]
      const weights = [[120, 96], [96], [96, 10], [10]].map((shape, i) =>
        tf.variable(values(shape, 10 + i).mul(0.1)),
      )
      const [w1, b1, w2, b2] = weights as [tf.Variable, tf.Variable, tf.Variable, tf.Variable]
      const optimizer = tf.optimizers.adam(0.01)
      const step = tf.function(() => {
        const tape = new tf.GradientTape()
        const loss = tape.record(() => {
          const hidden = tf.relu(tf.matMul(x, w1).add(b1))
          return tf.mean(tf.squaredDifference(tf.matMul(hidden, w2).add(b2), y))
        })
        const gradients = tape.gradient(loss, weights)
        optimizer.applyGradients(weights.map((weight, i) => [gradients[i] ?? null, weight] as const))
        return loss
      })
      const losses: number[] = []
      for (let i = 0; i < 12; i++) {
        losses.push(step().item())
        if (switches.length > 0) tf.config.setThreads(switches[i % switches.length]!)
      }
      return [losses, step.traceCount, ...bits(weights.map((weight) => weight.value()))]
    }
    let switches: readonly number[] = []
    const expected = train()
    tf.config.setThreads(2)
    await workersStarted()
    for (let i = 0; i < 3; i++) expect(train()).toEqual(expected)
    // The number of threads changes between steps.
    switches = [1, 3, 2]
    expect(train()).toEqual(expected)
  })
})

describe('switching', () => {
  test('keeps Variables, constants and what is resident, and traces nothing again', () => {
    const w = tf.variable(values([64, 64], 1))
    const empty = tf.variable(tf.zeros([0, 3]))
    const constant = values([64, 64], 2)
    const f = tf.function((x: tf.Tensor) => {
      w.assign(w.mul(2).add(constant))
      return tf.matMul(x, w)
    })
    const x = values([64, 64], 3)
    const snapshot = w.value()
    const before = Array.from(w.value().data())
    const first = bits([f(x)])
    const after = Array.from(w.value().data())
    w.assign(tf.tensor(before, [64, 64]))
    for (const count of [2, 1, 3, 2, 2, 1]) {
      tf.config.setThreads(count)
      expect(tf.config.threads).toBe(count)
      expect(Array.from(w.value().data())).toEqual(before)
      expect(empty.value().shape).toEqual([0, 3])
      expect(bits([f(x)])).toEqual(first)
      expect(Array.from(w.value().data())).toEqual(after)
      w.assign(tf.tensor(before, [64, 64]))
    }
    expect(Array.from(snapshot.data())).toEqual(before)
    expect(f.traceCount).toBe(1)
  })

  test('leaves nothing of the old memory in use', () => {
    const f = tf.function((x: tf.Tensor) => tf.exp(x))
    const x = tf.ones([30_000])
    f(x)
    const { bytesInUse } = memoryStatistics()
    for (let i = 0; i < 4; i++) {
      tf.config.setThreads(2)
      f(x)
      tf.config.setThreads(1)
      f(x)
    }
    expect(memoryStatistics().bytesInUse).toBeLessThanOrEqual(bytesInUse)
  })

  test('is refused inside calls, and while a function is traced', () => {
    const during = (): void => void tf.config.setThreads(2)
    const called = tf.function((x: tf.Tensor) => {
      tf.hostCall(() => during(), [x])
      return x.add(1)
    })
    expect(() => called(tf.ones([3]))).toThrow(TraceError)
    expect(() => called(tf.ones([3]))).toThrow('outside of all calls')
    const traced = tf.function((x: tf.Tensor) => {
      during()
      return x
    })
    expect(() => traced(tf.ones([3]))).toThrow('while a function is traced')
    expect(tf.config.threads).toBe(1)
    expect(memory.buffer).toBeInstanceOf(ArrayBuffer)
    for (const wrong of [0, -1, 1.5, Number.NaN, 65, 'all', undefined])
      expect(() => tf.config.setThreads(wrong as number)).toThrow(ValueError)
  })

  test("'auto' is the number of processors", () => {
    poolSettings.workers = undefined
    const count = tf.config.setThreads('auto')
    expect(count).toBeGreaterThanOrEqual(1)
    expect(currentPool()?.statistics.workers ?? 0).toBe(count - 1)
    // More threads than processors cut the work finer, but start no more workers.
    tf.config.setThreads(count + 5)
    expect(currentPool()?.statistics.workers ?? 0).toBe(count - 1)
  })
})

describe('a host callback', () => {
  test('may call functions that share steps, amid one that does', async () => {
    const inner = tf.function((x: tf.Tensor) => tf.exp(x).mul(0.5))
    const outer = tf.function((x: tf.Tensor) => {
      const y = tf.tanh(x)
      const z = tf.hostCall((given) => inner(given), [y], tf.spec([20_000]))
      return tf.exp(z).add(y)
    })
    const x = values([20_000], 1)
    const expected = bits([outer(x)])
    tf.config.setThreads(3)
    await workersStarted()
    for (let i = 0; i < 20; i++) expect(bits([outer(x)])).toEqual(expected)
  })
})

describe('faults', () => {
  test('a worker that ends in the middle of its life changes no result', async () => {
    const x = values([400, 400], 1)
    const f = tf.function(() => tf.softmax(tf.matMul(x, x)))
    const expected = bits([f()])
    tf.config.setThreads(3)
    for (let round = 0; round < 3; round++) {
      await workersStarted()
      for (let i = 0; i < 5; i++) expect(bits([f()])).toEqual(expected)
      await currentPool()!.kill(1 + (round % 2))
      expect(bits([f()])).toEqual(expected)
    }
    expect(currentPool()!.statistics.workers).toBe(2)
  })

  test('a trap in a worker is an error of the call, and the next call is right', () => {
    const x = values([300, 300], 1)
    const f = tf.function(() => tf.matMul(x, x))
    const expected = bits([f()])
    tf.config.setThreads(2)
    f()
    Atomics.store(new Int32Array(memory.buffer), failedWord / 4, 1)
    expect(() => f()).toThrow(InternalError)
    expect(bits([f()])).toEqual(expected)
  })

  test('memory that grows reaches the workers', async () => {
    tf.config.setThreads(3)
    const f = tf.function((x: tf.Tensor) => tf.concat([tf.exp(x), x], 0))
    f(tf.ones([30_000]))
    await workersStarted()
    for (const size of [1 << 18, 1 << 20, 1 << 22]) {
      const y = f(tf.fill([size], 0.5)).data()
      expect(y.length).toBe(2 * size)
      expect(y.subarray(0, size).every((value) => value === y[0])).toBe(true)
      expect(y.subarray(size).every((value) => value === 0.5)).toBe(true)
    }
  })
})

describe('a program', () => {
  const file = join(import.meta.dirname, 'worker-program.ts')
  test('ends by itself while the pool is alive', () => {
    const output = execFileSync(process.execPath, ['--import', 'tsx', file], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect(JSON.parse(output)).toMatchObject({ threads: 2, traces: 1, inWorker: false })
  })

  test('may itself be a worker', async () => {
    const start = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(pathToFileURL(file).href)})))`
    const worker = new Worker(start, { eval: true, execArgv: [], stdout: true })
    let output = ''
    worker.stdout.on('data', (text: Buffer) => (output += text.toString()))
    const code = await new Promise((resolve, reject) => {
      worker.on('exit', resolve)
      worker.on('error', reject)
    })
    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ threads: 2, traces: 1, inWorker: true })
  })
})
