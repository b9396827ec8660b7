// A reverse sweep in a few lines, and central differences to compare it with. It uses nothing of the library's tape.
import { allocate } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { add, mul, reduceSum } from '../../tracer/ops/index.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import { type Application, currentObservers, type Observer, withObservers } from '../../tracer/trace/bind.ts'

/** Gradients of Σ f(inputs)·upstream (1 when absent); null where no gradient reaches an input. */
export function gradients(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  upstream?: Tensor,
): (Tensor | null)[] {
  const tape: { application: Application; results: readonly Tensor[] }[] = []
  const observer: Observer = {
    applied: (application, results) => tape.push({ application, results }),
    read: () => undefined,
    tracks: () => true,
  }
  const target = withObservers([...currentObservers(), observer], () => f(...inputs))
  const sums = new Map<Tensor, Tensor>()
  const reached = new Set<Tensor>(inputs)
  const forward = tape.filter(({ application, results }) => {
    if (!application.operands.some((operand) => reached.has(operand))) return false
    for (const result of results) if (result.dtype.startsWith('float')) reached.add(result)
    return true
  })
  const ones = allocate(target.dtype, target.size).fill(1)
  sums.set(target, upstream ?? tensorOf(target.dtype, target.shape, ones))
  for (const { application, results } of forward.toReversed()) {
    const incoming = results.map((result) => sums.get(result) ?? null)
    const { op, operands, attrs, regions } = application
    if (op.gradient === 'none' || incoming.every((gradient) => gradient === null)) continue
    const needed = operands.map((operand) => reached.has(operand))
    const outgoing = op.gradient({ attrs, regions, operands, results, gradients: incoming, needed })
    if (outgoing.length !== operands.length)
      throw new InternalError(`${op.name} gave ${outgoing.length} gradients`)
    outgoing.forEach((gradient, i) => {
      const operand = operands[i]
      if (gradient === null || operand === undefined || needed[i] !== true) return
      if (gradient.dtype !== operand.dtype || String(gradient.shape) !== String(operand.shape))
        throw new InternalError(
          `${op.name}: gradient ${i} is ${gradient.dtype}[${gradient.shape.join()}], not ${operand.dtype}[${operand.shape.join()}]`,
        )
      const before = sums.get(operand)
      sums.set(operand, before === undefined ? gradient : add(before, gradient))
    })
  }
  return inputs.map((input) => sums.get(input) ?? null)
}

/** Σ f(inputs)·weights as a number. */
function weighted(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], weights: Tensor): number {
  const product = mul(f(...inputs), weights)
  return reduceSum(
    product,
    product.shape.map((_, axis) => axis),
  ).item()
}

/** The same gradients by central differences; inputs should be float64. Integer and bool inputs give null. */
export function differences(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  weights: Tensor,
  step = 1e-6,
): (Float64Array | null)[] {
  return inputs.map((input, which) => {
    if (input.dtype !== 'float64') return null
    return Float64Array.from(input.data(), (value, i) => {
      const moved = (by: number): number => {
        const data = input.data()
        data[i] = value + by
        const changed = tensorOf(input.dtype, input.shape, data)
        return weighted(
          f,
          inputs.map((other, k) => (k === which ? changed : other)),
          weights,
        )
      }
      return (moved(step) - moved(-step)) / (2 * step)
    })
  })
}
