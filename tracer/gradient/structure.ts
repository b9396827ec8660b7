/**
 * Structures of tensors and variables: what a tape is asked about.
 *
 * Targets and sources are tensors, variables, or arrays and plain objects of them. Objects are walked in sorted key
 * order, so that the same structure always gives the same program.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../convert.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Variable } from '../variable.ts'

/** A tensor or variable, or arrays and plain objects of them. */
export type Source = Tensor | Variable | readonly Source[] | { readonly [key: string]: Source }

/** Gradients in the structure of sources of which no more is known. */
export type Gradients = Tensor | null | Gradients[] | { [key: string]: Gradients }

/** The structure of `S` with a gradient in the place of each tensor and variable. */
export type GradientsOf<S> = Source extends S
  ? Gradients
  : S extends Tensor | Variable
    ? Tensor | null
    : S extends object
      ? { -readonly [K in keyof S]: GradientsOf<S[K]> }
      : never

/** Weights in the structure of a target; null stands for ones. */
export type OutputGradients =
  | TensorLike
  | null
  | readonly OutputGradients[]
  | { readonly [key: string]: OutputGradients }

function isLeaf(source: unknown): source is Tensor | Variable {
  return source instanceof TensorMethods
}

/** The entries of an array or plain object, by sorted key; ValueError for what is neither. */
function entriesOf(source: Source, op: string): readonly (readonly [key: string, entry: Source])[] {
  if (Array.isArray(source)) return source.map((entry: Source, i) => [String(i), entry])
  const prototype: unknown =
    typeof source === 'object' && source !== null ? Object.getPrototypeOf(source) : undefined
  if (prototype === Object.prototype || prototype === null)
    return Object.entries(source as { readonly [key: string]: Source }).sort(([x], [y]) => (x < y ? -1 : 1))
  const type = source === null ? 'null' : typeof source
  const what = typeof source === 'object' ? 'an object' : String(source as unknown)
  throw new ValueError({
    op,
    problem: `${what} of type '${type}' is neither a tensor nor a variable`,
    fix: 'pass a tf.tensor(…) or tf.variable(…), or arrays and plain objects of them.',
  })
}

/** Calls `visit` for each tensor and variable of a structure. Throws ValueError for anything else. */
export function forEachSource(source: Source, op: string, visit: (leaf: Tensor | Variable) => void): void {
  if (isLeaf(source)) return visit(source)
  for (const [, entry] of entriesOf(source, op)) forEachSource(entry, op, visit)
}

/** The structure with `map`'s answer in the place of each tensor and variable. */
export function mapSource(
  source: Source,
  op: string,
  map: (leaf: Tensor | Variable) => Tensor | null,
): unknown {
  if (isLeaf(source)) return map(source)
  const entries = entriesOf(source, op).map(([key, entry]) => [key, mapSource(entry, op, map)] as const)
  if (Array.isArray(source)) return entries.map(([, entry]) => entry)
  const mapped = new Map(entries)
  return Object.fromEntries(Object.keys(source).map((key) => [key, mapped.get(key)]))
}

/**
 * Walks targets together with their weights. A list of one weight also serves a single target, since weights are
 * often kept in lists.
 */
export function forEachTarget(
  target: Source,
  weights: OutputGradients | undefined,
  op: string,
  visit: (leaf: Tensor | Variable, weight: TensorLike | null) => void,
): void {
  if (isLeaf(target)) {
    const listed =
      Array.isArray(weights) && weights.length === 1 && (isLeaf(weights[0]) || weights[0] === null)
    const weight: unknown = listed ? weights[0] : weights
    return visit(target, (weight ?? null) as TensorLike | null)
  }
  const entries = entriesOf(target, op)
  if (weights !== undefined && weights !== null) {
    const count = typeof weights === 'object' && !isLeaf(weights) ? Object.keys(weights).length : 0
    if (count !== entries.length || Array.isArray(weights) !== Array.isArray(target))
      throw new ValueError({
        op,
        problem: `the output gradients do not have the structure of the target, which has ${entries.length} entries`,
        fix: 'give one weight (or null for ones) per target.',
      })
  }
  for (const [key, entry] of entries) {
    const inner = (weights as { readonly [key: string]: OutputGradients } | null | undefined)?.[key]
    forEachTarget(entry, inner, op, visit)
  }
}
