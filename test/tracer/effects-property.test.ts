// Random programs with effects: traced, they print, fail and leave Variables just as they do eagerly.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

interface Step {
  readonly kind: 'add' | 'assign' | 'read' | 'print' | 'assert' | 'gather' | 'host' | 'exp'
  readonly a: number
  readonly b: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('add', 'assign', 'read', 'print', 'assert', 'gather', 'host', 'exp'),
  a: fc.nat(9),
  b: fc.nat(9),
})

/** What a program did: its result or the error's first line, what it printed, and what the Variables hold then. */
interface Outcome {
  readonly result: unknown
  readonly log: readonly string[]
  readonly content: unknown
}

function outcomes(steps: readonly Step[], wrap: (f: () => tf.Tensor) => () => tf.Tensor): readonly Outcome[] {
  const variables = [tf.variable([1, 2, 3], { name: 'v' }), tf.variable([0, 0, 1], { name: 'w' })]
  let log: string[] = []
  const sink = (text: string): void => void log.push(text)
  const f = wrap(() => {
    const values: tf.Tensor[] = [tf.zeros([3])]
    const pick = (at: number): tf.Tensor => values[Math.max(0, values.length - 1 - (at % 4))] as tf.Tensor
    for (const { kind, a, b } of steps) {
      const variable = variables[b % 2] as tf.Variable
      if (kind === 'add') values.push(pick(a).add(pick(b)))
      else if (kind === 'exp') values.push(pick(a).abs().neg().exp())
      else if (kind === 'assign') variable.assign(pick(a))
      else if (kind === 'read') values.push(variable.value())
      else if (kind === 'print') tf.print(a, pick(a), { sink })
      else if (kind === 'assert')
        tf.assert(
          pick(a)
            .sum()
            .less(4 * b),
          'too much',
          pick(b),
        )
      else if (kind === 'gather')
        values.push(tf.gather(pick(a), tf.cast(tf.minimum(pick(b).abs(), 4), 'int32').reshape([3])))
      else
        values.push(
          tf.hostCall(
            (x) => {
              log.push(`host ${(x.array() as number[]).join()} ${(variable.array() as number[]).join()}`)
              variable.assign(x.add(variable).mul(0.5))
              return x.add(1)
            },
            [pick(a)],
            tf.spec([3]),
          ),
        )
    }
    // The sum keeps every value in use, so that nothing that can fail is left out.
    return values.reduce((x, y) => x.add(y))
  })
  return [0, 1].map(() => {
    log = []
    let result: unknown
    try {
      result = f().array()
    } catch (error) {
      if (!(error instanceof tf.CheckError)) throw error
      // An index computed inside a kernel is not quoted.
      result = error.message.split('\n')[0]?.replace(/ = -?\d+ is/, ' is')
    }
    return { result, log, content: variables.map((variable) => variable.array()) }
  })
}

test('rows 125 to 127: a traced program has the effects of the eager one, also when it fails, also the second time', () => {
  let failures = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => {
      const eager = outcomes(steps, (f) => f)
      const traced = outcomes(steps, (f) => tf.function(f))
      if (eager.some(({ result }) => typeof result === 'string')) failures++
      expect(traced).toEqual(eager)
    }),
    { numRuns: 80, seed: 7 },
  )
  expect(failures).toBeGreaterThan(5)
})
