/**
 * Random programs in all four ways. A failing seed is run alone with `SEED=17 npx vitest run test/autograph/fuzz.test.ts`.
 *
 * The long run, `PROGRAMS=20000`, goes through them a thousand at a time; `SEED` says where it begins then.
 */
import { describe, expect, test } from 'vitest'
import { randomProgram } from './programs.ts'
import { type Input, runTwins, type Twin } from './twins.ts'

const inputs: readonly (readonly Input[])[] = [
  [3, -2, 7, [1, 4, -5], { raw: 1 }],
  [-8, 12, 0.5, [9, -3, 2], { raw: 2 }],
]

const { SEED: seed, PROGRAMS: programs } = process.env
const isAlone = seed !== undefined && programs === undefined
const first = Number(seed ?? 0)
const count = Number(programs ?? (isAlone ? 1 : 500))
const perChunk = 1000
const chunks: readonly (readonly [from: number, to: number])[] = Array.from(
  { length: Math.ceil(count / perChunk) },
  (_, i) => [first + i * perChunk, first + Math.min((i + 1) * perChunk, count)],
)

describe(`${count} random programs`, () => {
  test.for(chunks)('from %i to %i', { timeout: 3_600_000 }, ([from, to]) => {
    let [runs, traced] = [0, 0]
    for (let at = from; at < to; at++) {
      // A large program takes long to compile, so most are small, and few are traced.
      const text = randomProgram(at, at % 10 === 0 ? 5 : 3)
      const isTraced = isAlone || at % 6 === 0
      // oxlint-disable-next-line no-eval -- the program is text
      const results = runTwins((0, eval)(text) as Twin, inputs, isTraced)
      for (const { plain, rewritten, eager, traced: staged } of results)
        expect({ rewritten, eager, traced: staged }, `seed ${at}: ${text}`).toEqual({
          rewritten: plain,
          eager: plain,
          traced: isTraced ? plain : undefined,
        })
      runs += results.length * 2
      traced += isTraced ? results.length : 0
    }
    if (count > perChunk)
      console.log(`seeds ${from}–${to - 1}: ${runs} runs rewritten, ${traced} of them also traced, all agree`)
  })
})
