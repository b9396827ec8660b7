/**
 * What the host does when a running program reaches a `print` or a `host_call`, and what eager code does for all ops
 * with an effect.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { CheckError, InternalError } from '../../codegen/errors.ts'
import { hostCallOp, runHostCall } from '../gradient/host-call.ts'
import type { Attrs } from '../ir/graph.ts'
import type { TensorType } from '../ir/type.ts'
import { Tensor, tensorOf } from '../tensor.ts'
import type { Application } from '../trace/bind.ts'
import { whileProgramWaits } from '../trace/modes.ts'
import { checkNumericsOp, checkOp, numericFault, type PrintAttrs, printOp } from '../ops/effects.ts'
import { printTensor } from '../ops/print-tensor.ts'

/** A node that calls the host. */
interface HostNode {
  readonly op: string
  readonly attrs: Attrs
  readonly host?: unknown
}

/**
 * Carries out the effect of a node of a program on copies of its operands' elements. The types are those of this call,
 * without size names. Gives the elements of the node's results.
 */
export function hostEffect(
  node: HostNode,
  operands: readonly TensorType[],
  results: readonly TensorType[],
  reads: readonly TypedArray[],
): readonly TypedArray[] {
  const tensors = (): Tensor[] =>
    operands.map(({ dtype, shape }, i) => {
      const data = reads[i]
      if (data === undefined) throw new InternalError(`${node.op} lacks operand ${i}`)
      return tensorOf(dtype, shape, data)
    })
  return whileProgramWaits(() => {
    switch (node.op) {
      case printOp.name:
        print(node, tensors())
        return []
      case hostCallOp.name:
        return runHostCall(node.attrs, node.host, tensors(), results).map((result) =>
          result.elements('hostCall'),
        )
      default:
        throw new InternalError(`${node.op} has no effect on the host`)
    }
  })
}

/** Carries out an op with an effect in eager code. */
export function eagerEffect(application: Application, types: readonly TensorType[]): readonly Tensor[] {
  const { op, operands, attrs, host } = application
  const [first] = operands
  switch (op.name) {
    case printOp.name:
      print({ op: op.name, attrs, host }, operands)
      return []
    case hostCallOp.name:
      // A result may be one of the inputs; tapes tell tensors apart by identity.
      return whileProgramWaits(() => runHostCall(attrs, host, operands, types)).map(
        (result) => new Tensor(result.type, { kind: 'data', data: result.elements('hostCall') }),
      )
    case checkOp.name:
      if (first?.elements(op.name)[0] === 0) fail(application, 1)
      return []
    case checkNumericsOp.name: {
      if (first === undefined) throw new InternalError('check_numerics of nothing')
      const fault = numericFault(first.elements(op.name))
      if (fault !== 0) fail(application, fault)
      return [new Tensor(first.type, { kind: 'data', data: first.elements(op.name) })]
    }
    default:
      throw new InternalError(`${op.name} has no effect in eager code`)
  }
}

function fail({ op, operands, attrs, source }: Application, code: number): never {
  const complaint = op.check?.message(
    attrs,
    operands.map(({ type }) => type),
    code,
    (i) => operands[i]?.elements(op.name) ?? [],
  )
  throw new CheckError({
    op: op.name,
    problem: 'failed',
    ...complaint,
    ...(source === undefined ? {} : { site: source }),
  })
}

function print(node: HostNode, operands: readonly Tensor[]): void {
  const { texts, summarize } = node.attrs as PrintAttrs
  let text = texts[0] ?? ''
  operands.forEach((operand, i) => {
    text += printTensor(operand, operand.elements('tf.print'), summarize) + (texts[i + 1] ?? '')
  })
  const sink = node.host as ((text: string) => void) | undefined
  if (sink === undefined) console.log(text)
  else sink(text)
}
