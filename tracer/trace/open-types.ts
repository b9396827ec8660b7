/**
 * Argument types opener or closer than a call's own: what a trace is made for, and the quick check whether a call of
 * tensors only fits it.
 */
import type { Size } from '../../codegen/size.ts'
import { Tensor } from '../tensor.ts'
import { type ArgumentType, type Entry, keyOf, type Signature } from './argument.ts'
import { printSpec, SizeNames } from './spec.ts'

/** A tensor type for the quick check; a size of null stands for any. */
export type FlatType = Extract<ArgumentType, { readonly kind: 'tensor' }>

/** A spec of unknown rank takes the rank of the argument. */
export function withRank(open: ArgumentType, given: ArgumentType): ArgumentType {
  if (open.kind !== 'tensor' || open.shape !== null || given.kind !== 'tensor' || given.shape === null)
    return open
  return { ...open, shape: given.shape.map(() => null) }
}

/** The signature with opener types. */
export function withTypes(signature: Signature, types: readonly ArgumentType[] | undefined): Signature {
  if (types === undefined) return signature
  const entries = signature.entries.map((entry, i): Entry => {
    const type = types[i] ?? entry.type
    return type.kind === 'tensor'
      ? { path: entry.path, type, text: printSpec(type.dtype, type.shape) }
      : entry
  })
  return { ...signature, entries, key: keyOf(entries, signature.modes) }
}

/** The types of the tensors of a signature whose arguments are nothing else; defaults that are left out do not count. */
export function flatTypes(signature: Signature): readonly FlatType[] {
  return signature.entries.flatMap(({ type }) => (type.kind === 'tensor' ? [type] : []))
}

/** True when the arguments are tensors of just these types. */
export function fits(types: readonly FlatType[], args: readonly unknown[]): args is readonly Tensor[] {
  if (types.length !== args.length) return false
  for (let i = 0; i < types.length; i++) {
    const arg = args[i]
    const type = types[i]
    if (!(arg instanceof Tensor) || type === undefined || type.shape === null) return false
    if (arg.type.dtype !== type.dtype || !sameSizes(type.shape, arg.type.shape)) return false
  }
  return true
}

export function sameSizes(wanted: readonly (Size | null)[], shape: readonly Size[]): boolean {
  if (wanted === shape) return true
  if (wanted.length !== shape.length) return false
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== shape[i] && wanted[i] !== null) return false
  return true
}

/** The types of a trace with some of its open sizes (`n0`, `n1`, … in order) as numbers; undefined when none is open. */
export function pinSizes(
  signature: Signature,
  sizes: ReadonlyMap<string, number>,
): readonly ArgumentType[] | undefined {
  const names = new SizeNames(flatTypes(signature).map(({ shape }) => shape))
  let pinned = 0
  const types = signature.entries.map(({ type }): ArgumentType => {
    if (type.kind !== 'tensor' || type.shape === null) return type
    const shape = type.shape.map((size) => {
      if (size !== null) return size
      const known = sizes.get(names.next())
      if (known !== undefined) pinned++
      return known ?? null
    })
    return { ...type, shape }
  })
  return pinned === 0 ? undefined : types
}
