import { describe, expect, test } from 'vitest'
import { corpus } from './corpus.ts'
import { runTwins } from './twins.ts'

describe('hand-written functions agree in all four ways', () => {
  test.for(corpus)('%s', ([, fn, inputs]) => {
    for (const { plain, rewritten, eager, traced } of runTwins(fn, inputs)) {
      expect(rewritten).toEqual(plain)
      expect(eager).toEqual(plain)
      expect(traced).toEqual(plain)
    }
  })
})
