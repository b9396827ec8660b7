// Every golden case, forward, gradient and second-order gradient, eagerly and inside a traced function. What is left
// out is listed with its reason in golden-data/left-out.json; a left-out case that passes, or an entry that names
// nothing, fails here, so the list cannot go stale.
import { describe, expect, it } from 'vitest'
import * as tf from '../src/index.ts'
import {
  checkForward,
  checkGradient,
  checkSecondGradient,
  type Execute,
  goldenGroups,
  type GoldenCase,
  loadGroup,
  loadLeftOut,
  runnableOps,
} from './support/goldens.ts'

const modes: Readonly<Record<string, Execute>> = {
  eager: (callback, inputs) => callback(inputs),
  traced: (callback, inputs) => tf.func((...tensors: tf.Tensor[]) => [...callback(tensors)])(...inputs),
}

const leftOut = loadLeftOut()
const cases = goldenGroups.flatMap((group) => loadGroup(group).map((golden) => ({ group, golden })))

function checkAll(golden: GoldenCase, execute: Execute): string | undefined {
  return (
    checkForward(golden, execute) ?? checkGradient(golden, execute) ?? checkSecondGradient(golden, execute)
  )
}

function isLeftOut(golden: GoldenCase, mode: string): boolean {
  return (
    leftOut.cases[golden.id] !== undefined ||
    leftOut.ops[golden.op] !== undefined ||
    (mode === 'traced' && leftOut.traced[golden.op] !== undefined)
  )
}

for (const [mode, execute] of Object.entries(modes))
  for (const group of goldenGroups)
    describe(`${group}, ${mode}`, () => {
      const run = cases
        .filter((entry) => entry.group === group && !isLeftOut(entry.golden, mode))
        .map(({ golden }) => golden)
      for (const golden of run)
        it(`${golden.id}`, () => {
          expect(checkForward(golden, execute)).toBeUndefined()
        })
      for (const golden of run.filter(({ grad }) => grad !== undefined))
        it(`${golden.id} gradient`, () => {
          expect(checkGradient(golden, execute)).toBeUndefined()
        })
      for (const golden of run.filter(({ grad2 }) => grad2 !== undefined))
        it(`${golden.id} second-order gradient`, () => {
          expect(checkSecondGradient(golden, execute)).toBeUndefined()
        })
    })

describe('the list of what is left out', () => {
  it('names cases and ops that exist', () => {
    const ids = new Set(cases.map(({ golden }) => golden.id))
    const ops = new Set(cases.map(({ golden }) => golden.op))
    expect(Object.keys(leftOut.cases).filter((id) => !ids.has(id))).toEqual([])
    expect(
      [...Object.keys(leftOut.ops), ...Object.keys(leftOut.traced)].filter((op) => !ops.has(op)),
    ).toEqual([])
  })

  it('has a reason for each entry', () => {
    const reasons = Object.values(leftOut).flatMap((entries: Readonly<Record<string, string>>) =>
      Object.values(entries),
    )
    expect(reasons.filter((reason) => reason.trim().length < 10)).toEqual([])
  })

  for (const [mode, execute] of Object.entries(modes))
    it(`is needed: what is left out fails, ${mode}`, () => {
      const passing = cases.filter(({ golden }) => {
        if (!isLeftOut(golden, mode)) return false
        try {
          return checkAll(golden, execute) === undefined
        } catch {
          return false
        }
      })
      expect(passing.map(({ golden }) => golden.id)).toEqual([])
    })

  it('leaves no op of the goldens without a runner', () => {
    const known = new Set([...runnableOps(), ...Object.keys(leftOut.ops)])
    expect([...new Set(cases.map(({ golden }) => golden.op))].filter((op) => !known.has(op))).toEqual([])
  })
})
