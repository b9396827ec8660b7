/**
 * A transpose of a contraction's operand goes into the contraction's own axis lists, which is free there.
 *
 * The axes left over (free axes) stand in the result in the operand's order, so only transposes that keep the order of
 * the free axes can go: all of a matrix product, and those that move batch or contracted axes.
 */
import type { Value } from '../ir/graph.ts'
import { axesAttr, operandAt, operandFrom, type Rule, type RuleTable } from './rules.ts'

function absorbTranspose(i: 0 | 1): Rule {
  const [batchKey, contractKey] = i === 0 ? ['batchA', 'contractA'] : ['batchB', 'contractB']
  return (match) => {
    const transpose = operandFrom(match, i, 'transpose')
    if (transpose === undefined) return undefined
    const permutation = axesAttr(transpose, 'permutation')
    const [batch, contract] = [axesAttr(match.node, batchKey), axesAttr(match.node, contractKey)]
    const free = permutation.filter((_, axis) => !batch.includes(axis) && !contract.includes(axis))
    if (free.some((axis, k) => k > 0 && axis < (free[k - 1] ?? 0))) return undefined
    const before = (axes: readonly number[]): number[] => axes.map((axis) => permutation[axis] ?? -1)
    const operands: Value[] = [...match.node.operands]
    operands[i] = operandAt(transpose, 0)
    return match.build('dot', operands, {
      ...match.node.attrs,
      [batchKey]: before(batch),
      [contractKey]: before(contract),
    })
  }
}

export const dotRules: RuleTable = { dot: [absorbTranspose(0), absorbTranspose(1)] }
