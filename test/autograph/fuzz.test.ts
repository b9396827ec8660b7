/** Random programs in all four ways. A failing seed is run alone with `SEED=17 npx vitest run test/autograph/fuzz.test.ts`. */
import { describe, expect, test } from 'vitest'
import { randomProgram } from './programs.ts'
import { type Input, runTwins, type Twin } from './twins.ts'

const inputs: readonly (readonly Input[])[] = [
  [3, -2, 7, [1, 4, -5], { raw: 1 }],
  [-8, 12, 0.5, [9, -3, 2], { raw: 2 }],
]

const only = process.env['SEED']
const first = Number(only ?? 0)
const count = Number(process.env['PROGRAMS'] ?? (only === undefined ? 300 : 1))

describe('random programs', () => {
  test(`${count} programs from ${first} on`, () => {
    for (let seed = first; seed < first + count; seed++) {
      // A large program takes long to compile, so most are small, and few are traced.
      const text = randomProgram(seed, seed % 10 === 0 ? 5 : 3)
      const isTraced = only !== undefined || seed % 6 === 0
      // oxlint-disable-next-line no-eval -- the program is text
      const runs = runTwins((0, eval)(text) as Twin, inputs, isTraced)
      for (const { plain, rewritten, eager, traced } of runs)
        expect({ rewritten, eager, traced }, `seed ${seed}: ${text}`).toEqual({
          rewritten: plain,
          eager: plain,
          traced: isTraced ? plain : undefined,
        })
    }
  }, 600_000)
})
