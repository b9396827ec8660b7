/**
 * Looking for the first NaN or infinity: while enabled, the result of every floating op is checked.
 *
 * Eagerly at once; in a trace by a `check_numerics` node after the op. Whether this is on is part of what selects a trace.
 * Ops that only move elements are left out, since what they move has been looked at.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { checkNumericsOp } from '../ops/effects.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { type Application, currentTrace, installInspector } from './bind.ts'
import { setTracingModes } from './modes.ts'

/** Turns the checks on or off. */
export function setCheckNumerics(on: boolean): void {
  installInspector(on ? inspect : undefined)
  setTracingModes({ checkNumerics: on ? 'on' : 'off' })
}

function inspect({ op, source }: Application, results: readonly Tensor[]): void {
  if (op.cost === 0 || op.lower.kind === 'program' || op.lower.kind === 'alias') return
  const attrs = { message: '', of: op.name }
  for (const result of results)
    if (isFloating(result.dtype))
      currentTrace().apply({
        op: checkNumericsOp as OpDefinition,
        operands: [result],
        attrs,
        regions: [],
        source,
      })
}
