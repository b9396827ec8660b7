// What the example of fit prints.
import { expect, test } from 'vitest'
import { fitSpirals } from '../../examples/fit/main.ts'

test('the spirals are told apart, with one trace', () => {
  const lines: string[] = []
  fitSpirals((line) => lines.push(line))
  const losses = lines
    .filter((line) => line.startsWith('epoch'))
    .map((line) => Number(/loss (.*)$/.exec(line)?.[1]))
  expect(lines[0]).toMatch(/^epoch {2}1: held-back loss \d\.\d{3}$/)
  expect(losses.length).toBeGreaterThan(2)
  const [, best, accuracy] = /^best: {5}(\d\.\d{3}), and (\d+) % right$/.exec(lines.at(-2) ?? '') ?? []
  expect(Number(best)).toBeLessThan(0.2)
  expect(Number(best)).toBeLessThanOrEqual(Math.min(...losses))
  expect(Number(accuracy)).toBeGreaterThanOrEqual(93)
  expect(lines.at(-1)).toMatch(/^traced: {3}1 time for \d+ steps$/)
})
