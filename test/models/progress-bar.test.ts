// What the progress bar writes: redrawn on terminals, a line per epoch elsewhere, seldom enough.
import { describe, expect, it, vi } from 'vitest'
import { ProgressBar } from '../../src/models/progress-bar.ts'
import * as tf from '../../src/index.ts'

function written(
  redraws: boolean,
  verbose: 1 | 2,
  columns = 120,
): { readonly texts: string[]; readonly bar: ProgressBar; at: number } {
  const texts: string[] = []
  const state = { texts, at: 0, bar: undefined as unknown as ProgressBar }
  state.bar = new ProgressBar(
    verbose,
    { write: (text) => texts.push(text), redraws, columns },
    () => state.at,
  )
  return state
}

describe('the progress bar', () => {
  it('draws over itself on a terminal, at most every 50 milliseconds', () => {
    const state = written(true, 1)
    let asked = 0
    const logs = (): { loss: number } => {
      asked++
      return { loss: 0.5 }
    }
    state.bar.begin('Epoch 1/3')
    for (let step = 1; step <= 10; step++) {
      state.at += 20
      state.bar.update(step, 10, logs)
    }
    state.bar.finish(10, 10, { loss: 0.25, accuracy: 1 })
    state.bar.interrupt()
    expect(state.texts).toEqual([
      'Epoch 1/3\n',
      '\r 1/10 ━━────────────────── 0s 20ms/step - loss: 0.5000\u001b[K',
      '\r 4/10 ━━━━━━━━──────────── 0s 20ms/step - loss: 0.5000\u001b[K',
      '\r 7/10 ━━━━━━━━━━━━━━────── 0s 20ms/step - loss: 0.5000\u001b[K',
      '\r10/10 ━━━━━━━━━━━━━━━━━━━━ 0s 20ms/step - loss: 0.5000\u001b[K',
      '\r10/10 ━━━━━━━━━━━━━━━━━━━━ 0s 20ms/step - loss: 0.2500 - accuracy: 1.0000\u001b[K\n',
    ])
    expect(asked).toBe(4)
  })

  it('says how long it takes, never wraps a line, and knows no number of steps', () => {
    const state = written(true, 1, 40)
    state.bar.begin()
    state.at = 90_000
    state.bar.update(1, 3, () => ({ loss: 1 }))
    expect(state.texts).toEqual([
      `\r${'1/3 ━━━━━━────────────── 3:00 90s/step - loss: 1.0000'.slice(0, 39)}\u001b[K`,
    ])
    const open = written(true, 1)
    open.bar.begin()
    open.at = 5
    open.bar.update(10, null, () => ({ loss: 0.00012 }))
    expect(open.texts[0]).toBe('\r10/? ━━━━━━━━━━━━━━━━━━━━ 0s 500us/step - loss: 1.2000e-4\u001b[K')
  })

  it('writes lines elsewhere', () => {
    for (const [verbose, line] of [
      [1, '4/4 ━━━━━━━━━━━━━━━━━━━━ 2s 500ms/step - loss: 3.0000\n'],
      [2, '4/4 - 2s 500ms/step - loss: 3.0000\n'],
    ] as const) {
      const state = written(false, verbose)
      state.bar.begin('Epoch 2/2')
      state.at = 2000
      state.bar.update(4, 4, () => ({ loss: 2 }))
      state.bar.finish(4, 4, { loss: 3 })
      expect(state.texts).toEqual(['Epoch 2/2\n', line])
    }
  })

  it('is what fit shows', () => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
    const model = tf.layers.sequential([tf.layers.dense(1)])
    model.compile({ optimizer: tf.optimizers.sgd(0), loss: 'mse' })
    const shown = (verbose: 0 | 1 | 2): string => {
      write.mockClear()
      model.fit(tf.zeros([5, 2]), tf.ones([5]), { batchSize: 2, epochs: 2, verbose })
      return write.mock.calls.map(([text]) => String(text)).join('')
    }
    const [none, bars, lines] = [shown(0), shown(1), shown(2)]
    write.mockRestore()
    expect(none).toBe('')
    expect(bars).toMatch(/^Epoch 1\/2\n[^]*3\/3 ━{20} \d+s \d+\w+\/step - loss: 1\.0000[^]*Epoch 2\/2\n/)
    expect(lines).toMatch(/^Epoch 1\/2\n3\/3 - \d+s \d+\w+\/step - loss: 1\.0000\nEpoch 2\/2\n3\/3/)
  })
})
