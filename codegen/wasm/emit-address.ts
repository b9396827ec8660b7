/**
 * Addresses of elements. An index is a sum of atoms times strides; each loop adds only what changes with it. A term
 * in the loop's own axis becomes a pointer that is advanced at the end of each iteration, starting from the pointer
 * of the loop around it, so that an inner loop reads `offset(pointer)` and multiplies nothing. Terms that depend on
 * a loop in any other way are added where the loop's body uses them; invariant sums are made ahead of the loop.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import { byteSize } from '../dtype.ts'
import type { Buffer, Expr } from '../expr.ts'
import { multiplySizes, printSize, type Size, subtractSizes } from '../size.ts'
import type { Address } from './emit-memory.ts'
import type { FunctionContext } from './function-context.ts'
import { nonNegative, type Ranges } from './ranges.ts'
import type { Block, Depths, Scope } from './scopes.ts'

interface Term {
  readonly atom: Expr
  readonly coefficient: Size
}

/** A pointer that is in a local already, or the code that computes it. */
type Pointer = { readonly local: number } | { readonly fresh: ExpressionRef }

/** What addresses need from the expression emitter. */
export interface AddressHost {
  readonly context: FunctionContext
  readonly depths: Depths
  readonly ranges: Ranges
  /** The scopes open now, by depth. */
  readonly scopes: readonly Scope[]
  block: Block
  readonly parameterOf: (buffer: Buffer) => number
  readonly value: (expr: Expr) => ExpressionRef
}

function termsOf(index: Expr): { terms: readonly Term[]; constant: Size } {
  if (index.kind === 'linear') return index
  if (index.kind === 'const') return { terms: [], constant: index.value }
  if (index.kind === 'size') return { terms: [], constant: index.size }
  return { terms: [{ atom: index, coefficient: 1 }], constant: 0 }
}

/** The address of element `index` (a scalar) of `buffer`, for use at the current point. */
export function emitAddress(host: AddressHost, buffer: Buffer, index: Expr): Address {
  const { context, depths } = host
  const { terms, constant } = termsOf(index)
  const bytes = byteSize(buffer.dtype)
  const { offset, rest } = immediate(host, terms, constant)
  const settled = terms.filter(({ atom }) => depths.of(atom) !== Infinity)
  let pointer = read(host, pointerOf(host, host.block.scope.depth, buffer, settled, rest))
  for (const { atom, coefficient } of terms) {
    if (depths.of(atom) === Infinity)
      pointer = context.module.i32.add(
        pointer,
        scaled(host, host.value(atom), multiplySizes(coefficient, bytes)),
      )
  }
  return { pointer, offset: offset * bytes }
}

/**
 * The part of the constant the instruction can add by itself. It adds without wrapping, so this is only possible
 * when everything else is certainly ≥ 0.
 */
function immediate(
  host: AddressHost,
  terms: readonly Term[],
  constant: Size,
): { offset: number; rest: Size } {
  const part =
    typeof constant === 'number'
      ? constant
      : (constant.terms.find((term) => term.atoms.length === 0)?.coefficient ?? 0)
  if (part <= 0 || part > 0x1000000) return { offset: 0, rest: constant }
  const rest = subtractSizes(constant, part)
  const rising =
    nonNegative(rest) &&
    terms.every(({ atom, coefficient }) => nonNegative(coefficient) && host.ranges.isNonNegative(atom))
  return rising ? { offset: part, rest } : { offset: 0, rest: constant }
}

function scaled(host: AddressHost, value: ExpressionRef, by: Size): ExpressionRef {
  const { i32 } = host.context.module
  if (by === 1) return value
  if (typeof by === 'number' && by > 0 && Number.isInteger(Math.log2(by)))
    return i32.shl(value, i32.const(Math.log2(by)))
  return i32.mul(value, host.context.size(by))
}

function read(host: AddressHost, pointer: Pointer): ExpressionRef {
  return 'local' in pointer ? host.context.module.local.get(pointer.local, binaryen.i32) : pointer.fresh
}

function findAddress(block: Block, key: string): number | undefined {
  for (let at: Block | undefined = block; at !== undefined; at = at.parent) {
    const known = at.addresses.get(key)
    if (known !== undefined) return known
  }
  return undefined
}

/** The address of the buffer plus terms of finite depth plus a constant, at the current point of scope `depth`. */
function pointerOf(
  host: AddressHost,
  depth: number,
  buffer: Buffer,
  terms: readonly Term[],
  constant: Size,
): Pointer {
  if (terms.length === 0 && constant === 0) return { local: host.parameterOf(buffer) }
  const { context, depths } = host
  const { module } = context
  const key = `${buffer.id}:${terms.map(({ atom, coefficient }) => `${atom.id}*${printSize(coefficient)}`).join('+')}+${printSize(constant)}`
  const top = terms.reduce((most, { atom }) => Math.max(most, depths.of(atom)), 0)
  if (top < depth) return ahead(host, top, key, () => pointerOf(host, top, buffer, terms, constant))

  const bytes = byteSize(buffer.dtype)
  const scope = host.scopes[depth]
  const varying = terms.filter(({ atom }) => depths.of(atom) === depth)
  const own = varying.find(({ atom }) => atom.kind === 'axis' && atom.axis === scope?.axis)
  if (scope?.axis !== undefined && own !== undefined && varying.length === 1) {
    const known = scope.pointers.get(key)
    if (known !== undefined) return { local: known }
    const local = context.local(binaryen.i32)
    const stride = multiplySizes(own.coefficient, bytes)
    inBlock(host, scope.outside ?? host.block, () => {
      const start = read(host, pointerOf(host, depth - 1, buffer, without(terms, [own]), constant))
      scope.before.push(
        module.local.set(local, module.i32.add(start, scaled(host, host.value(own.atom), stride))),
      )
    })
    const advance = context.size(multiplySizes(stride, scope.step))
    scope.after.push(module.local.set(local, module.i32.add(module.local.get(local, binaryen.i32), advance)))
    scope.pointers.set(key, local)
    return { local }
  }

  const known = findAddress(host.block, key)
  if (known !== undefined) return { local: known }
  const added = varying.filter((term) => term !== own)
  const left = without(terms, added)
  // At the top there is nothing further out to put the constant in.
  const base = depth === 0 && left.length === 0 ? undefined : pointerOf(host, depth, buffer, left, constant)
  let sum = base === undefined ? module.local.get(host.parameterOf(buffer), binaryen.i32) : read(host, base)
  if (base === undefined && constant !== 0)
    sum = module.i32.add(sum, context.size(multiplySizes(constant, bytes)))
  for (const { atom, coefficient } of added)
    sum = module.i32.add(sum, scaled(host, host.value(atom), multiplySizes(coefficient, bytes)))
  const local = context.local(binaryen.i32)
  host.block.addresses.set(key, local)
  return { fresh: module.local.tee(local, sum, binaryen.i32) }
}

function without(terms: readonly Term[], removed: readonly Term[]): readonly Term[] {
  return terms.filter((term) => !removed.includes(term))
}

/** A pointer of scope `top`, computed once ahead of the loop inside it. */
function ahead(host: AddressHost, top: number, key: string, compute: () => Pointer): Pointer {
  const scope = host.scopes[top + 1]
  const outside = scope?.outside
  if (scope === undefined || outside === undefined) return compute()
  const known = scope.pointers.get(key)
  if (known !== undefined) return { local: known }
  return inBlock(host, outside, () => {
    const pointer = compute()
    if ('local' in pointer) return pointer
    const local = host.context.local(binaryen.i32)
    scope.before.push(host.context.module.local.set(local, pointer.fresh))
    scope.pointers.set(key, local)
    return { local }
  })
}

function inBlock<T>(host: AddressHost, block: Block, run: () => T): T {
  const saved = host.block
  host.block = block
  try {
    return run()
  } finally {
    host.block = saved
  }
}
