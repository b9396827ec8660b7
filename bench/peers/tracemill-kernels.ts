// Kernels over a million elements in the library itself, between Variables.
import * as tf from '../../src/index.ts'
import { type KernelName, kernelData, kernelNames } from '../workloads/kernels.ts'
import type { Runner } from './runner.ts'

/** The runner of a workload that is a kernel. */
export function kernelRunner(workload: string): Runner | undefined {
  const name = kernelNames.find((each) => workload === `${each}-1m`)
  return name === undefined ? undefined : run(name)
}

function run(name: KernelName): Runner {
  const { rows, columns, x, indices } = kernelData()
  const operand = tf.variable(tf.tensor(x, [rows, columns]))
  const picked = tf.variable(tf.tensor(indices, 'int32'))
  const half = tf.variable(tf.tensor(x.slice(0, (rows / 2) * columns), [rows / 2, columns]))
  const formulas: Readonly<Record<KernelName, () => tf.Tensor>> = {
    sum: () => operand.sum(),
    max: () => operand.max(),
    transpose: () => operand.transpose(),
    gather: () => operand.gather(picked),
    concat: () => tf.concat([half, half], 0),
  }
  const formula = formulas[name]
  const result = tf.variable(tf.zeros(formula().shape.map(Number)))
  const step = tf.function(() => void result.assign(formula()))
  const total = (): number => Number(result.value().sum().item())
  return { step: () => void step(), loss: total }
}
