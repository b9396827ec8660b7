// Random programs mean the same eagerly, traced, and traced with unknown sizes; and what the passes make of them is
// valid, prints and parses back.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { machineryOf } from '../../src/function.ts'
import * as tf from '../../src/index.ts'
import { parseGraph } from '../../tracer/ir/parse.ts'
import { printGraph } from '../../tracer/ir/print.ts'
import type { Graph } from '../../tracer/ir/graph.ts'
import { evaluateNode } from '../../tracer/lower/evaluate.ts'
import { fuse } from '../../tracer/passes/fuse.ts'
import { runPasses } from '../../tracer/passes/pipeline.ts'
import { exactSteps, inputs, planProgram, runProgram, type Step, steps } from './programs.ts'

/** The same programs in every run; PROPERTY_SEED and PROPERTY_RUNS choose others, and more. */
const seed = Number(process.env['PROPERTY_SEED'] ?? 1)
const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 40)

function expectClose(got: tf.Tensor, expected: tf.Tensor, error: number): void {
  expect(got.shape).toEqual(expected.shape)
  const [a, b] = [got.data(), expected.data()]
  for (const [i, value] of b.entries())
    if (!Object.is(a[i], value) && !(Math.abs((a[i] ?? Number.NaN) - value) <= 2 * error))
      throw new Error(`[${i}] is ${a[i]}, expected ${value} ± ${2 * error}`)
}

function expectSameBits(got: tf.Tensor, expected: tf.Tensor): void {
  expect([got.dtype, got.shape, got.data()]).toEqual([expected.dtype, expected.shape, expected.data()])
}

function traced(program: readonly Step[]): (...args: tf.Tensor[]) => tf.Tensor[] {
  return tf.function((...args: tf.Tensor[]) => runProgram(args, program).map(({ value }) => value), {
    onRetrace: 'off',
  })
}

/** A function of three matrices with unknown sizes. */
function tracedWithUnknownSizes(program: readonly Step[]): tf.Traced<(...args: tf.Tensor[]) => tf.Tensor[]> {
  const matrix = tf.spec([null, null])
  return tf.function((...args: tf.Tensor[]) => runProgram(args, program).map(({ value }) => value), {
    inputSignature: [matrix, matrix, matrix],
    onRetrace: 'off',
  })
}

/** What `body` gives, or undefined when it refuses the shapes. */
function outcomeOf<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch (error) {
    if (error instanceof tf.ShapeError) return undefined
    throw error
  }
}

/** Unknown sizes are known to differ from nothing; steps that compute with sizes in JavaScript are left out. */
const forAnySize = (step: Step): boolean => !['reshape', 'slice', 'broadcast'].includes(step.op)

function expectValidPasses(graph: Graph): void {
  const trace = (_: string, seen: Graph): void => {
    const text = printGraph(seen)
    expect(printGraph(parseGraph(text))).toBe(text)
  }
  runPasses(graph, { fuse, evaluate: evaluateNode, verify: true, trace })
}

describe('programs that were wrong once', () => {
  const y = tf.tensor(
    Float32Array.from({ length: 12 }, (_, i) => 4 * Math.sin(i * i)),
    [4, 3],
  )

  /** Compares a function's traced forms with its eager one. */
  function expectAlike(body: (x: tf.Tensor) => tf.Tensor[], x: tf.Tensor): void {
    const expected = body(x)
    const options = { inputSignature: [tf.spec(x.shape.map(() => null))] }
    for (const f of [tf.function(body), tf.function(body.bind(undefined), options)])
      f(x).forEach((got, i) => expectClose(got, expected[i] as tf.Tensor, 1e-6))
  }

  test('rows that share a maximum, read column by column', () => {
    expectAlike((x) => [tf.softmax(tf.softmax(x).sum(0, true).neg())], y)
    expectAlike((x) => [tf.softmax(x.exp().div(x.exp().sum(1, true)).mean(0))], y)
  })

  test('indices that count down through a reshape', () => {
    const doubled = (x: tf.Tensor): tf.Tensor => tf.broadcastTo(x, [2, 4, 3]).reshape([8, 3])
    expect(
      tf
        .function((x: tf.Tensor) => tf.reverse(doubled(x), [0]))(y)
        .array(),
    ).toEqual([...(y.array() as number[][]), ...(y.array() as number[][])].reverse())
  })

  test('zeros of either sign under a maximum, whatever the length', () => {
    for (const n of [1, 3, 4, 5, 8, 13, 16, 19]) {
      const zeros = tf.fill([n], -0)
      const traced = tf.function((x: tf.Tensor) => [
        tf.relu(x.mul(1)),
        tf.maximum(0, x.neg()),
        tf.minimum(x, 0),
      ])(zeros)
      const eager = [tf.relu(zeros.mul(1)), tf.maximum(0, zeros.neg()), tf.minimum(zeros, 0)]
      traced.forEach((got, i) => expectSameBits(got, eager[i] as tf.Tensor))
      for (const got of traced)
        expect(new Set(Array.from(got.data(), (value) => Object.is(value, -0))).size).toBe(1)
    }
  })
})

describe('random programs', () => {
  test('traced ≡ eager within 8·ε·Σ|terms|', () => {
    fc.assert(
      fc.property(inputs, steps, (args, program) => {
        const kept = planProgram(args, program)
        const results = runProgram(args, kept)
        const got = traced(kept)(...args)
        results.forEach(({ value, error }, i) => expectClose(got[i] as tf.Tensor, value, error))
      }),
      { numRuns, seed },
    )
  })

  test('traced ≡ eager bit for bit without sums', () => {
    fc.assert(
      fc.property(inputs, exactSteps, (args, program) => {
        const kept = planProgram(args, program)
        const results = runProgram(args, kept)
        const got = traced(kept)(...args)
        results.forEach(({ value }, i) => expectSameBits(got[i] as tf.Tensor, value))
      }),
      { numRuns, seed },
    )
  })

  test('unknown sizes ≡ known sizes, for two sets of sizes', () => {
    let compared = 0
    let refused = 0
    fc.assert(
      fc.property(inputs, inputs, steps, (args, others, program) => {
        const kept = planProgram(args, program.filter(forAnySize))
        const f = tracedWithUnknownSizes(kept)
        for (const each of [args, others, args]) {
          const results = outcomeOf(() => runProgram(each, kept))
          const got = outcomeOf(() => f(...each))
          if (results === undefined) refused++
          else compared++
          // Where eager code refuses the sizes, the trace does so too.
          expect(got === undefined).toBe(results === undefined)
          results?.forEach(({ value, error }, i) => expectClose(got?.[i] as tf.Tensor, value, error))
        }
        expect(f.traceCount).toBeLessThan(12)
      }),
      { numRuns, seed },
    )
    expect([compared > numRuns, refused > 0]).toEqual([true, true])
  })

  test('two calls give the same bits, and so does a call inside another function', () => {
    fc.assert(
      fc.property(inputs, steps, (args, program) => {
        const kept = planProgram(args, program)
        const f = traced(kept)
        const [first, second] = [f(...args), f(...args)]
        const outer = tf.function((...inner: tf.Tensor[]) => f(...inner))
        const third = outer(...args)
        first.forEach((value, i) => {
          expectSameBits(second[i] as tf.Tensor, value)
          expectSameBits(third[i] as tf.Tensor, value)
        })
      }),
      { numRuns: Math.ceil(numRuns / 4), seed },
    )
  })

  test('a variable that takes the results holds what was returned', () => {
    fc.assert(
      fc.property(inputs, steps, (args, program) => {
        const kept = planProgram(args, program)
        const results = runProgram(args, kept)
        const variables = results.map(({ value }) => tf.variable(tf.zeros(value.shape)))
        const step = tf.function((...inner: tf.Tensor[]) => {
          const values = runProgram(inner, kept).map(({ value }) => value)
          values.forEach((value, i) => variables[i]?.assign(value))
          values.forEach((value, i) => variables[i]?.assignAdd(value))
          return values
        })
        step(...args).forEach((value, i) =>
          expectSameBits(variables[i]?.value() as tf.Tensor, value.add(value)),
        )
      }),
      { numRuns: Math.ceil(numRuns / 2), seed },
    )
  })

  test('every pass gives a valid graph that prints and parses back, for known and unknown sizes', () => {
    fc.assert(
      fc.property(inputs, steps, (args, program) => {
        const kept = planProgram(args, program)
        const known = traced(kept)
        known(...args)
        const unknown = tracedWithUnknownSizes(kept.filter(forAnySize))
        const callee = machineryOf(known)?.current
        if (callee === undefined) throw new Error('there is no trace')
        expectValidPasses(callee.traced.graph)
        try {
          unknown(...args)
        } catch (error) {
          // Without the steps left out, the others may make no sense.
          if (!(error instanceof tf.TracemillError) || error instanceof tf.InternalError) throw error
          return
        }
        const symbolic = machineryOf(unknown)?.current
        if (symbolic !== undefined) expectValidPasses(symbolic.traced.graph)
      }),
      { numRuns, seed },
    )
  })
})
