/**
 * Demands on sizes.
 *
 * Ops need some sizes to be equal. When both are numbers (or the same polynomial) that is decided at once. When it
 * depends on the call, the op goes on as if they were equal and the demand is handed to a recorder, which keeps it as
 * a guard of the trace. Without a recorder undecided demands are dropped: eager code never has any.
 */
import { type Complaint, ShapeError } from '../../codegen/errors.ts'
import { addSizes, type Size, sizesEqual } from '../../codegen/size.ts'
import type { Shape } from '../ir/type.ts'

/** Keeps the assumption that two sizes are equal in every call, and who made it. */
export type GuardRecorder = (x: Size, y: Size, reason: string) => void

let recorder: GuardRecorder | undefined

/** Installs the recorder of undecided demands (undefined: none) and returns the one before. */
export function installGuardRecorder(next: GuardRecorder | undefined): GuardRecorder | undefined {
  const before = recorder
  recorder = next
  return before
}

/** Throws ShapeError when the sizes always differ, does nothing when they never do, and records a guard otherwise. */
export function requireEqual(x: Size, y: Size, complaint: string | (() => Complaint)): void {
  const equal = sizesEqual(x, y)
  if (equal === true) return
  if (equal === false) throw new ShapeError(typeof complaint === 'string' ? complaint : complaint())
  if (recorder === undefined) return
  if (typeof complaint === 'string') return recorder(x, y, complaint)
  const { op, problem } = complaint()
  recorder(x, y, `${op}: ${problem}`)
}

/** The common value of two sizes that must be equal: the number, if one of them is known. */
export function mergeSizes(x: Size, y: Size, complaint: string | (() => Complaint)): Size {
  requireEqual(x, y, complaint)
  return typeof y === 'number' ? y : x
}

/** The common value of shapes of one rank that must be equal. */
export function mergeShapes(shapes: readonly Shape[], complaint: () => Complaint): Shape {
  const [first, ...others] = shapes
  if (first === undefined) return []
  let merged = first
  for (const other of others) {
    if (other === merged) continue
    if (other.length !== merged.length) throw new ShapeError(complaint())
    merged = merged.map((size, axis) => mergeSizes(size, other[axis] ?? -1, complaint))
  }
  return merged
}

/** The last index of an axis, n − 1. */
export function lastIndex(size: Size): Size {
  return addSizes(size, -1)
}
