/**
 * TensorArrays in the structures that branches give and loops carry: the name of the list stands for the array.
 */
import type { Tensor } from '../tracer/tensor.ts'
import { mapTree } from '../tracer/trace/tree.ts'
import { TensorArray } from './tensor-array.ts'

/** Arrays in a structure, by path, and the structure with the names of lists in their place. */
export function withoutArrays(value: unknown): {
  readonly arrays: Map<string, TensorArray>
  readonly plain: unknown
} {
  const arrays = new Map<string, TensorArray>()
  const plain = mapTree(value, (leaf, path) => {
    if (!(leaf instanceof TensorArray)) return leaf
    arrays.set(path, leaf)
    return leaf.asList().handle
  })
  return { arrays, plain }
}

/** The structure with what branches or loops give in the place of arrays. */
export function withArrays(value: unknown, arrays: ReadonlyMap<string, TensorArray>): unknown {
  if (arrays.size === 0) return value
  return mapTree(value, (leaf, path) => {
    const array = arrays.get(path)
    return array === undefined ? leaf : array.withHandle(leaf as Tensor)
  })
}

/** Whether there is an array in a structure. */
export function holdsArray(value: unknown): boolean {
  let found = false
  mapTree(value, (leaf) => (found ||= leaf instanceof TensorArray))
  return found
}
