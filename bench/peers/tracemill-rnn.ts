// The recurrent network with the library itself: one loop over the rows of x, in one traced call.
import * as tf from '../../src/index.ts'
import type { Recurrent } from '../workloads/rnn.ts'
import type { Runner } from './runner.ts'

/** `training`: a step of SGD; otherwise the loss alone. */
export function network({ steps, size, rate, ...data }: Recurrent, training: boolean): Runner {
  const x = tf.tensor(data.x).reshape([steps, 1, size])
  const target = tf.tensor(data.target).reshape([1, size])
  const w = tf.variable(tf.tensor(data.w).reshape([size, size]), { name: 'w' })
  const u = tf.variable(tf.tensor(data.u).reshape([size, size]), { name: 'u' })
  const lossOf = (rows: tf.Tensor): tf.Tensor => {
    const last = tf.foldl((h: tf.Tensor, row: tf.Tensor) => h.matMul(w).add(row.matMul(u)).tanh(), rows, {
      initializer: tf.zeros([1, size]),
    })
    return last.sub(target).square().mean()
  }
  const step = (rows: tf.Tensor): tf.Tensor => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => lossOf(rows))
    const [dw, du] = tape.gradient(loss, [w, u])
    if (dw != null) w.assignSub(dw.mul(rate))
    if (du != null) u.assignSub(du.mul(rate))
    return loss
  }
  const run = tf.function(training ? step : lossOf)
  let latest: tf.Tensor | undefined
  return {
    step: () => {
      latest = run(x)
    },
    loss: () => latest?.item() ?? Number.NaN,
  }
}
