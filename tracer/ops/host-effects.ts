/**
 * What the host does when a running program reaches a `print` or a `check`.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { CheckError, InternalError } from '../../codegen/errors.ts'
import { type Node, textAttribute } from '../ir/graph.ts'
import { tensorOf } from '../tensor.ts'

/** Carries out the effect of `node` on copies of its operands' elements. */
export function hostEffect(node: Node, reads: readonly TypedArray[]): readonly (TypedArray | undefined)[] | undefined {
  switch (node.op) {
    case 'check': {
      if (reads[0]?.[0] !== 0) return undefined
      throw new CheckError({ op: 'tf.assert', problem: textAttribute(node, 'message'), ...(node.source === undefined ? {} : { site: node.source }) })
    }
    case 'print': {
      const texts = node.operands.map((operand, i) => tensorOf(operand.type.dtype, operand.type.shape, reads[i] ?? new Float32Array(0)).toString())
      let next = 0
      const text = textAttribute(node, 'format').replaceAll('{}', () => texts[next++] ?? '{}')
      console.log([text, ...texts.slice(next)].filter((part) => part !== '').join(' '))
      return undefined
    }
    default:
      throw new InternalError(`${node.op} has no effect on the host`)
  }
}
