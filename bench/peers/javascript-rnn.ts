// The recurrent network by hand.
import type { Recurrent } from '../workloads/rnn.ts'
import type { Runner } from './runner.ts'

/** `training`: a step of SGD; otherwise the loss alone. */
export function network({ steps, size, rate, x, w, u, target }: Recurrent, training: boolean): Runner {
  const states = new Float32Array((steps + 1) * size)
  const sums = new Float32Array(size)
  const [dw, du] = [new Float32Array(w.length), new Float32Array(u.length)]
  const [dh, dz] = [new Float32Array(size), new Float32Array(size)]

  const forward = (): number => {
    for (let t = 0; t < steps; t++) {
      sums.fill(0)
      for (let k = 0; k < size; k++) {
        const [h, input] = [states[t * size + k]!, x[t * size + k]!]
        for (let j = 0; j < size; j++) sums[j]! += h * w[k * size + j]! + input * u[k * size + j]!
      }
      for (let j = 0; j < size; j++) states[(t + 1) * size + j] = Math.tanh(sums[j]!)
    }
    let total = 0
    for (let j = 0; j < size; j++) {
      const difference = states[steps * size + j]! - target[j]!
      total += difference * difference
      dh[j] = (2 * difference) / size
    }
    return total / size
  }

  const backward = (): void => {
    dw.fill(0)
    du.fill(0)
    for (let t = steps - 1; t >= 0; t--) {
      for (let j = 0; j < size; j++) {
        const h = states[(t + 1) * size + j]!
        dz[j] = dh[j]! * (1 - h * h)
      }
      for (let k = 0; k < size; k++) {
        const [h, input] = [states[t * size + k]!, x[t * size + k]!]
        let sum = 0
        for (let j = 0; j < size; j++) {
          dw[k * size + j]! += h * dz[j]!
          du[k * size + j]! += input * dz[j]!
          sum += dz[j]! * w[k * size + j]!
        }
        dh[k] = sum
      }
    }
    for (let i = 0; i < w.length; i++) w[i]! -= rate * dw[i]!
    for (let i = 0; i < u.length; i++) u[i]! -= rate * du[i]!
  }

  let loss = Number.NaN
  return {
    step: () => {
      loss = forward()
      if (training) backward()
    },
    loss: () => loss,
  }
}
