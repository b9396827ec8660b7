// What the small examples print, line by line.
import { expect, test } from 'vitest'

import { logisticRegression } from '../../examples/logistic-regression.ts'
import { quickStart } from '../../examples/quick-start.ts'
import { secondDerivative } from '../../examples/second-derivative.ts'

function linesOf(example: (print: (line: string) => void) => void): string[] {
  const lines: string[] = []
  example((line) => lines.push(line))
  return lines
}

test('the quick start traces once and changes its variable', () => {
  expect(linesOf(quickStart)).toEqual([
    'first call:   13',
    'second call:  5',
    'w is now:     [1,2]',
    'traced:       1 time',
  ])
})

test('logistic regression separates the clouds', () => {
  const lines = linesOf(logisticRegression)
  const losses = lines.slice(0, 5).map((line) => Number(/loss (.*)$/.exec(line)?.[1]))
  // With w and b zero, each label has probability one half.
  expect(losses[0]).toBeCloseTo(Math.LN2, 4)
  expect(losses).toEqual(losses.toSorted((x, y) => y - x))
  expect(losses.at(-1)).toBeLessThan(0.06)
  const correct = Number(/^correct: (\d+) of 200$/.exec(lines[5] ?? '')?.[1])
  expect(correct).toBeGreaterThanOrEqual(195)
  expect(lines[6]).toBe('traced:  1 time for 200 steps')
})

test('second derivatives drive Newton steps', () => {
  // The same iteration in float64.
  const newton: number[] = [0]
  for (let i = 0; i < 5; i++) {
    const x = newton.at(-1) ?? NaN
    newton.push(x - (Math.exp(x) - 2) / Math.exp(x))
  }
  expect(linesOf(secondDerivative)).toEqual([
    `f(1)   = ${(Math.E - 2).toFixed(5)}   e − 2`,
    `f′(1)  = ${(Math.E - 2).toFixed(5)}   e − 2`,
    `f″(1)  = ${Math.E.toFixed(5)}   e`,
    ...newton.slice(1).map((x, i) => `step ${i + 1}: x = ${x.toFixed(5)}`),
    `ln 2  =  ${Math.LN2.toFixed(5)}`,
  ])
})
