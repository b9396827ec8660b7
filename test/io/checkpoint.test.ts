/** Checkpoints: all state by name, all or nothing, and a run that goes on where it was killed. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'tracemill-io-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function stateOf(seed: number): {
  model: tf.layers.Sequential
  optimizer: tf.optimizers.Adam
  step: tf.Variable
} {
  tf.random.setSeed(seed)
  const model = tf.layers.sequential([
    tf.layers.dense({ units: 3, inputSize: 2, activation: 'tanh' }),
    tf.layers.dense({ units: 1, inputSize: 3 }),
  ])
  const optimizer = tf.optimizers.adam(0.05)
  optimizer.build(model.trainableVariables)
  return { model, optimizer, step: tf.variable(0, { dtype: 'int32', trainable: false }) }
}

const contents = (state: tf.io.Stateful): unknown =>
  [...tf.io.variablesOf(state)].map(([name, variable]) => [name, variable.array()])

describe('naming', () => {
  it('is by place, optimizers by slot', () => {
    const names = [...tf.io.variablesOf(stateOf(1)).keys()]
    expect(names).toContain('step')
    expect(names.filter((name) => name.startsWith('model/'))).toHaveLength(4)
    expect(names).toContain('optimizer/iterations')
    // iterations, learning rate, two slots for each of four variables
    expect(names.filter((name) => name.startsWith('optimizer/')).length).toBeGreaterThanOrEqual(10)
  })

  it('takes each Variable once and says what has no state', () => {
    const v = tf.variable(1)
    expect([...tf.io.variablesOf({ a: v, b: [v] }).keys()]).toEqual(['a'])
    const notState = { a: 3 } as unknown as tf.io.Stateful
    expect(() => tf.io.variablesOf(notState)).toThrow(/'a' is 3, which has no state/)
  })
})

describe('restoring', () => {
  it('gives every Variable its content', () => {
    const saved = stateOf(1)
    saved.optimizer.minimize(
      () =>
        saved.model
          .apply(tf.ones([4, 2]))
          .square()
          .mean(),
      saved.model.trainableVariables,
    )
    const bytes = tf.io.encodeCheckpoint(saved)
    const other = stateOf(2)
    expect(contents(other)).not.toEqual(contents(saved))
    tf.io.restoreCheckpoint(other, bytes)
    expect(contents(other)).toEqual(contents(saved))
  })

  it('changes nothing when names, shapes or dtypes differ', () => {
    const [a, b] = [tf.variable([1, 2]), tf.variable(3)]
    const refused: readonly (readonly [tf.io.Stateful, RegExp])[] = [
      [{ a: tf.variable([9, 9]) }, /not in the file\s+b/],
      [{ a, b, c: tf.variable(0) }, /only in the file\s+c/],
      [{ a: tf.variable([9, 9]), b: tf.variable([1]) }, /another shape/],
      [{ a: tf.variable([9, 9]), b: tf.variable(1, { dtype: 'int32' }) }, /another dtype/],
    ]
    for (const [state, message] of refused) {
      expect(() => tf.io.restoreCheckpoint({ a, b }, tf.io.encodeCheckpoint(state))).toThrow(message)
      expect([a.array(), b.array()]).toEqual([[1, 2], 3])
    }
    const bytes = tf.io.encodeCheckpoint({ a: tf.variable([9, 9]), b: tf.variable(9) })
    expect(() => tf.io.restoreCheckpoint({ a, b }, bytes.subarray(0, bytes.length - 1))).toThrow(
      tf.ValueError,
    )
    expect([a.array(), b.array()]).toEqual([[1, 2], 3])
  })

  it('says that an optimizer has no slots yet', () => {
    const saved = stateOf(1)
    const fresh = { ...stateOf(2), optimizer: tf.optimizers.adam(0.05) }
    expect(() => tf.io.restoreCheckpoint(fresh, tf.io.encodeCheckpoint(saved))).toThrow(
      /only in the file.*\n.*build/s,
    )
  })
})

describe('files', () => {
  it('are replaced as a whole, and nothing is left beside them', async () => {
    const path = join(folder, 'a.safetensors')
    const v = tf.variable(1)
    await tf.io.saveCheckpoint(path, { v })
    v.assign(2)
    await tf.io.saveCheckpoint(path, { v })
    v.assign(3)
    await tf.io.loadCheckpoint(path, { v })
    expect(v.item()).toBe(2)
    await expect(tf.io.saveCheckpoint(join(folder, 'no', 'such.file'), { v })).rejects.toThrow('ENOENT')
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([])
  })

  it('let a run that was killed go on with the same losses', { timeout: 60_000 }, () => {
    const program = join(folder, 'train.mts')
    const source = new URL('../../src/index.ts', import.meta.url).href
    writeFileSync(
      program,
      `import * as tf from '${source}'
const [path, from, until] = process.argv.slice(2)
tf.random.setSeed(7)
const model = tf.layers.sequential([
  tf.layers.dense({ units: 8, inputSize: 2, activation: 'tanh' }),
  tf.layers.dropout(0.2),
  tf.layers.dense({ units: 1, inputSize: 8 }),
])
const optimizer = tf.optimizers.adam(0.05)
const random = tf.random.generator(5)
optimizer.build(model.trainableVariables)
const state = { model, optimizer, random, shared: tf.random.getGlobalGenerator() }
const step = tf.function(() => {
  const x = random.normal([16, 2])
  return optimizer.minimize(() => model.apply(x, { training: true }).sub(x.sum(1, true)).square().mean(), model.trainableVariables)
})
if (Number(from) > 0) await tf.io.loadCheckpoint(path, state)
for (let i = Number(from); i < Number(until); i++) console.log(step().item())
await tf.io.saveCheckpoint(path, state)
process.kill(process.pid, 'SIGKILL')
`,
    )
    const run = (path: string, from: number, until: number): string[] => {
      try {
        return execFileSync(
          process.execPath,
          ['--import', 'tsx', program, path, String(from), String(until)],
          {
            encoding: 'utf8',
            cwd: new URL('../..', import.meta.url).pathname,
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        ).split('\n')
      } catch (error) {
        const { signal, stdout, stderr } = error as { signal: string; stdout: string; stderr: string }
        if (signal !== 'SIGKILL') throw new Error(stderr, { cause: error })
        return stdout.trimEnd().split('\n')
      }
    }
    const whole = run(join(folder, 'whole'), 0, 6)
    const first = run(join(folder, 'half'), 0, 3)
    const second = run(join(folder, 'half'), 3, 6)
    expect(whole).toHaveLength(6)
    expect(new Set(whole).size).toBe(6)
    expect([...first, ...second]).toEqual(whole)
    expect(readFileSync(join(folder, 'half'))).toEqual(readFileSync(join(folder, 'whole')))
  })
})
