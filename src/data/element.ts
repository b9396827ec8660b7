/**
 * Elements of datasets: tensors and texts, in arrays and plain objects.
 *
 * What enters a dataset (from a source, or from the callback of `map`) may also hold numbers, booleans, typed arrays and
 * nested arrays of numbers; each of those becomes a tensor. So an array of numbers is a vector, while an array with
 * anything else in it is a structure.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor, isTypedArray } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { TensorMethods } from '../../tracer/tensor-methods.ts'
import { isPlainObject } from '../../tracer/trace/tree.ts'
import type { Variable } from '../../tracer/variable.ts'

/** What a dataset gives. */
export type Element = Tensor | string | readonly Element[] | { readonly [name: string]: Element }

/** Nested arrays of numbers: one tensor. */
export type Numbers = readonly (number | boolean | Numbers)[]

/** What stands for an element. */
export type ElementLike =
  | Tensor
  | Variable
  | number
  | boolean
  | string
  | TypedArray
  | Numbers
  | readonly ElementLike[]
  | { readonly [name: string]: ElementLike }

/** The element that a value stands for. */
export type ElementOf<T> = [ElementLike] extends [T]
  ? Element
  : T extends Tensor | Variable | number | boolean | TypedArray
    ? Tensor
    : T extends string
      ? string
      : T extends Numbers
        ? Tensor
        : T extends object
          ? { readonly [K in keyof T]: ElementOf<T[K]> }
          : never

/** Turns a value into the element that it stands for. Throws ValueError for what is none, naming the place. */
export function elementOf(op: string, value: unknown, path = ''): Element {
  if (typeof value === 'string') return value
  if (value instanceof TensorMethods) return value.asTensor()
  if (typeof value === 'number' || typeof value === 'boolean' || isTypedArray(value))
    return convertToTensor(value, { op })
  if (Array.isArray(value))
    return isNumbers(value)
      ? convertToTensor(value as Numbers, { op })
      : value.map((entry: unknown, i) => elementOf(op, entry, `${path}[${i}]`))
  if (isPlainObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [name, elementOf(op, entry, `${path}.${name}`)]),
    )
  const what = typeof value === 'object' && value !== null ? value.constructor.name : String(value)
  throw new ValueError({
    op,
    problem: `${path === '' ? 'an element' : `${path} of an element`} is ${what}`,
    fix: 'use tensors, numbers, booleans, strings, and arrays and plain objects of them.',
  })
}

/** Whether an array holds numbers and booleans only, at any depth. */
function isNumbers(value: readonly unknown[]): boolean {
  return value.every(
    (entry) =>
      typeof entry === 'number' || typeof entry === 'boolean' || (Array.isArray(entry) && isNumbers(entry)),
  )
}

export function isTensor(element: Element): element is Tensor {
  return element instanceof TensorMethods
}
function isList(element: Element): element is readonly Element[] {
  return Array.isArray(element)
}

/** Rebuilds an element with `map` applied to each tensor; texts stay. */
export function mapTensors(
  element: Element,
  map: (tensor: Tensor, path: string) => Element,
  path = '',
): Element {
  if (typeof element === 'string') return element
  if (isTensor(element)) return map(element, path)
  if (isList(element)) return element.map((entry, i) => mapTensors(entry, map, `${path}[${i}]`))
  return Object.fromEntries(
    Object.entries(element).map(([name, entry]) => [name, mapTensors(entry, map, `${path}.${name}`)]),
  )
}

/** Its tensors, with the way to each. */
export function tensorsOf(element: Element): (readonly [path: string, tensor: Tensor])[] {
  const found: (readonly [string, Tensor])[] = []
  mapTensors(element, (tensor, path) => {
    found.push([path, tensor])
    return tensor
  })
  return found
}

/** One element made of several of the same structure: `join` gets what stands at the same place in each. */
export function joinElements(
  op: string,
  elements: readonly Element[],
  join: (leaves: readonly (Tensor | string)[], path: string) => Element,
  path = '',
): Element {
  const [first] = elements
  if (first === undefined || typeof first === 'string' || isTensor(first)) {
    const leaves = elements.filter((each) => typeof each === 'string' || isTensor(each))
    if (leaves.length < elements.length) throw otherStructure(op, path)
    return join(leaves, path)
  }
  if (isList(first)) {
    const lists = elements.filter(
      (each): each is readonly Element[] => isList(each) && each.length === first.length,
    )
    if (lists.length < elements.length) throw otherStructure(op, path)
    return first.map((_, i) =>
      joinElements(
        op,
        lists.map((list) => list[i] as Element),
        join,
        `${path}[${i}]`,
      ),
    )
  }
  const names = Object.keys(first)
  const fits = (each: Element): each is { readonly [name: string]: Element } =>
    isPlainObject(each) &&
    Object.keys(each).length === names.length &&
    names.every((name) => Object.hasOwn(each, name))
  const objects = elements.filter(fits)
  if (objects.length < elements.length) throw otherStructure(op, path)
  return Object.fromEntries(
    names.map((name) => [
      name,
      joinElements(
        op,
        objects.map((object) => object[name] as Element),
        join,
        `${path}.${name}`,
      ),
    ]),
  )
}

function otherStructure(op: string, path: string): ValueError {
  return new ValueError({
    op,
    problem: `the elements do not have the same structure${path === '' ? '' : ` at ${path}`}`,
    fix: 'give all elements the same names and lengths, with map.',
  })
}
