// Every optimizer over 50 steps, and every schedule, against Keras 3.15 on TensorFlow 2.21; eagerly and traced.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]

interface ScheduleCase {
  readonly name: string
  readonly make: string
  readonly options: object
  readonly values: readonly number[]
}

interface Case {
  readonly name: string
  readonly make: string
  readonly rate: number | null | { readonly schedule: string; readonly options: object }
  readonly options: object
  readonly values: readonly (readonly Nested[])[]
  readonly final?: readonly Nested[]
}

interface Data {
  readonly at: readonly number[]
  readonly scheduleSteps: readonly number[]
  readonly cases: readonly Case[]
  readonly schedules: readonly ScheduleCase[]
}

const file = new URL('../golden-data/keras-optimizers.json', import.meta.url)
const data = JSON.parse(readFileSync(file, 'utf8')) as Data

function scheduleNamed(name: string, options: object): tf.optimizers.Schedule {
  return (Reflect.get(tf.optimizers.schedules, name) as (options: object) => tf.optimizers.Schedule)(options)
}

function optimizerOf({ make, rate, options }: Case): tf.optimizers.Optimizer {
  const learningRate =
    rate === null ? undefined : typeof rate === 'number' ? rate : scheduleNamed(rate.schedule, rate.options)
  type Make = (rate: tf.optimizers.LearningRate | undefined, options: object) => tf.optimizers.Optimizer
  return (Reflect.get(tf.optimizers, make) as Make)(learningRate, options)
}

/** The gradients of step t: of a vector of 3 and a matrix of 2 × 2. */
function gradientsAt(t: number): readonly [tf.Tensor, tf.Tensor] {
  const wave = (n: number, phase: number): Float32Array =>
    Float32Array.from({ length: n }, (_, i) => Math.sin(0.9 * t + 1.3 * i + phase) * (1 + i / 4))
  return [tf.tensor(wave(3, 0)), tf.tensor(wave(4, 1), [2, 2])]
}

function expectClose(got: ArrayLike<number>, wanted: unknown, what: string): void {
  const expected = [wanted].flat(Infinity).map(Number)
  expect(got.length, what).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs((got[i] ?? NaN) - value), `${what}[${i}]: ${got[i]}, not ${value}`).toBeLessThan(
      1e-5 * Math.max(1, Math.abs(value)),
    )
}

describe('50 steps give what Keras gives', () => {
  for (const each of data.cases)
    for (const traced of [false, true])
      it(`${each.name}, ${traced ? 'traced' : 'eagerly'}`, () => {
        const optimizer = optimizerOf(each)
        const a = tf.variable([1, -0.5, 2], { name: 'a' })
        const b = tf.variable(
          [
            [0.5, -1],
            [1.5, -2],
          ],
          { name: 'b' },
        )
        const step = (first: tf.Tensor, second: tf.Tensor): void =>
          optimizer.applyGradients([
            [first, a],
            [second, b],
          ])
        const run = traced ? tf.function(step) : step
        // Eager code goes through the same formulas; a few steps of it will do.
        const steps = traced ? 50 : 3
        for (let t = 1; t <= steps; t++) {
          run(...gradientsAt(t))
          const values = each.values[data.at.indexOf(t)]
          if (values === undefined) continue
          expectClose(a.data(), values[0], `a after ${t}`)
          expectClose(b.data(), values[1], `b after ${t}`)
        }
        expect(optimizer.iterations.item()).toBe(steps)
        if (each.final === undefined || !traced) return
        optimizer.finalizeVariableValues([a, b])
        expectClose(a.data(), each.final[0], 'a in the end')
        expectClose(b.data(), each.final[1], 'b in the end')
      })
})

describe('schedules give what Keras gives', () => {
  for (const each of data.schedules)
    it(`${each.name}`, () => {
      const schedule = scheduleNamed(each.make, each.options)
      const traced = tf.function((step: tf.Tensor) => tf.add(schedule(step), 0))
      data.scheduleSteps.forEach((step, i) => {
        const wanted = each.values[i] ?? NaN
        expect(tf.add(schedule(tf.scalar(step)), 0).item(), `step ${step}`).toBeCloseTo(wanted, 6)
        expect(traced(tf.scalar(step)).item(), `step ${step}, traced`).toBeCloseTo(wanted, 6)
      })
      expect(traced.traceCount).toBe(1)
    })
})
