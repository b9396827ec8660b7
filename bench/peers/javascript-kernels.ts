// The same kernels as loops over typed arrays.
import { type KernelName, kernelData, kernelNames } from '../workloads/kernels.ts'
import type { Runner } from './runner.ts'

/** The runner of a workload that is a kernel. */
export function kernelRunner(workload: string): Runner | undefined {
  const name = kernelNames.find((each) => workload === `${each}-1m`)
  return name === undefined ? undefined : run(name)
}

function run(name: KernelName): Runner {
  const { rows, columns, x, indices } = kernelData()
  const result = new Float32Array(name === 'sum' || name === 'max' ? 1 : rows * columns)
  const half = x.slice(0, x.length / 2)
  const formulas: Readonly<Record<KernelName, () => void>> = {
    sum: () => {
      let sum = 0
      for (let i = 0; i < x.length; i++) sum += x[i]!
      result[0] = sum
    },
    max: () => {
      let most = -Infinity
      for (let i = 0; i < x.length; i++) if (!(x[i]! <= most)) most = x[i]!
      result[0] = most
    },
    transpose: () => {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) result[j * rows + i] = x[i * columns + j]!
    },
    gather: () => {
      for (let i = 0; i < rows; i++) {
        const from = indices[i]! * columns
        result.set(x.subarray(from, from + columns), i * columns)
      }
    },
    concat: () => {
      result.set(half, 0)
      result.set(half, half.length)
    },
  }
  return { step: formulas[name], loss: () => result.reduce((sum, value) => sum + value, 0) }
}
