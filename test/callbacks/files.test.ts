// Callbacks that write files: a training that is resumed from a checkpoint goes on as if it had not stopped.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'callbacks-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const x = tf.tensor([[0.1], [0.5], [0.9], [1.3]])
const y = tf.tensor([1, 2, 3, 4])
const options = { verbose: 0, shuffle: false, batchSize: 3 } as const

function model(): tf.layers.Sequential {
  const made = tf.layers.sequential([tf.layers.dense({ units: 1, kernelInitializer: 'ones' })])
  made.compile({ optimizer: tf.optimizers.adam(0.1), loss: 'mse' })
  return made
}

describe('ModelCheckpoint', () => {
  it('saves what a training needs to go on', async () => {
    const whole = model().fit(x, y, { ...options, epochs: 4 })
    const path = join(folder, 'run-{epoch}-{loss}.safetensors')
    const { history } = model().fit(x, y, {
      ...options,
      epochs: 2,
      callbacks: new tf.callbacks.ModelCheckpoint(path),
    })
    const files = readdirSync(folder)
    expect(files).toEqual(
      [1, 2].map((epoch) => `run-${epoch}-${history['loss']?.[epoch - 1]?.toFixed(4)}.safetensors`),
    )
    const resumed = model()
    resumed.build(1)
    resumed.optimizer.build(resumed.trainableVariables)
    await tf.io.loadCheckpoint(join(folder, files[1] ?? ''), { model: resumed, optimizer: resumed.optimizer })
    const rest = resumed.fit(x, y, { ...options, epochs: 4, initialEpoch: 2 })
    expect(rest.epoch).toEqual([2, 3])
    expect(rest.history['loss']).toEqual(whole.history['loss']?.slice(2))
  })

  it('saves only what is best, or after so many batches', () => {
    const saved: (readonly [number, number])[] = []
    const keep = (_: Uint8Array, epoch: number, logs: tf.callbacks.Logs): void =>
      void saved.push([epoch, logs['value'] ?? NaN])
    const values = [3, 4, 2, 2, 1]
    const callbacks = [
      { onEpochEnd: (epoch: number, logs: tf.callbacks.Logs) => void (logs['value'] = values[epoch] ?? NaN) },
      new tf.callbacks.ModelCheckpoint(keep, { monitor: 'value', mode: 'min', saveBestOnly: true }),
    ]
    model().fit(x, y, { ...options, epochs: 5, callbacks })
    expect(saved).toEqual([
      [0, 3],
      [2, 2],
      [4, 1],
    ])
    const batches: number[] = []
    const every = new tf.callbacks.ModelCheckpoint((_, epoch) => void batches.push(epoch), {
      saveFrequency: 3,
    })
    model().fit(x, y, { ...options, epochs: 4, callbacks: every })
    // Two batches in an epoch: after the 3rd and the 6th.
    expect(batches).toEqual([1, 2])
  })

  it('complains about what it cannot do', () => {
    const into = (path: string) => () =>
      model().fit(x, y, { ...options, callbacks: new tf.callbacks.ModelCheckpoint(path) })
    expect(into(join(folder, '{val_loss}'))).toThrow(/\{val_loss\}[^]*epoch or one of loss/)
    expect(into(join(folder, 'nowhere', 'a'))).toThrow('ENOENT')
    expect(() => new tf.callbacks.ModelCheckpoint('a', { saveFrequency: 0 })).toThrow('saveFrequency is 0')
  })
})

describe('CSVLogger', () => {
  it('writes a line per epoch, and goes on with a file', () => {
    const path = join(folder, 'log.csv')
    const { history } = model().fit(x, y, {
      ...options,
      epochs: 2,
      callbacks: new tf.callbacks.CSVLogger(path),
    })
    const more = model().fit(x, y, {
      ...options,
      epochs: 3,
      initialEpoch: 2,
      callbacks: new tf.callbacks.CSVLogger(path, { append: true }),
    })
    const rows = tf.data
      .csv(readFileSync(path))
      .toArray()
      .map((row) => JSON.parse(JSON.stringify(row)) as unknown)
    const loss = [...(history['loss'] ?? []), ...(more.history['loss'] ?? [])]
    expect(rows).toEqual(loss.map((value, epoch) => ({ epoch, loss: value })))
  })
})
