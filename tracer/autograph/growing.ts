/**
 * Arrays that grow in staged loops.
 *
 * The rewriting wraps an array that is written to in a loop it rewrites: `const a = []` becomes `$ag.array([])`, and while
 * a function is traced that is a proxy. As long as JavaScript runs the loops it is the array it was. A loop that is
 * staged and finds that the array has grown makes a list of it (trace/tensor-list.ts): from then on the length and the
 * elements are tensors, and what needs them all at once is refused, with `tf.stack` as the way out.
 */
import { TraceError } from '../../codegen/errors.ts'
import { grown, type GrownList } from '../convert.ts'
import { add, gather, stack } from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { isTracing } from '../trace/bind.ts'
import { markOwn } from '../trace/convert-hook.ts'
import { TensorList } from '../trace/tensor-list.ts'
import { isNumeric, kindOf } from './leaves.ts'
import { adopt, contentOf, isWeak, markWeak } from './operators.ts'

const arrays = new WeakMap<object, Growing>()

/** What is known of an array that may grow; undefined for any other value. */
export function growingOf(value: unknown): Growing | undefined {
  return typeof value === 'object' && value !== null ? arrays.get(value) : undefined
}

/** The array itself, and its list once a staged loop has made it grow. */
export class Growing implements GrownList {
  readonly name: string
  readonly #plain: unknown[]
  #list: TensorList | undefined

  constructor(plain: unknown[], name: string) {
    this.#plain = plain
    this.name = name
  }

  get list(): TensorList | undefined {
    return this.#list
  }

  /** A copy of the elements, or the list. */
  get content(): readonly unknown[] | TensorList {
    return this.#list ?? [...this.#plain]
  }
  set content(value: readonly unknown[] | TensorList) {
    this.#list = value instanceof TensorList ? value : undefined
    if (value instanceof TensorList) return
    const plain = this.#plain
    if (value.length !== plain.length || value.some((entry, i) => !Object.is(entry, plain[i])))
      plain.splice(0, plain.length, ...value)
  }

  #changeable(): TensorList {
    return this.#list ?? listOf(this.#plain, this.name)
  }

  push(...values: readonly unknown[]): Tensor {
    let list = this.#changeable()
    for (const value of values) list = list.push(this.#element(value))
    this.#list = list
    return markWeak(list.length())
  }
  pop(): Tensor {
    const [list, value] = this.#changeable().pop()
    this.#list = list
    return value
  }
  read(index: unknown): Tensor {
    return this.#changeable().read(this.#index(index))
  }
  write(index: unknown, value: unknown): void {
    this.#list = this.#changeable().write(this.#index(index), this.#element(value))
  }
  truncate(length: unknown): void {
    this.#list = this.#changeable().truncate(this.#index(length))
  }
  length(): Tensor {
    return markWeak(this.#changeable().length())
  }
  stack(): Tensor {
    return this.#changeable().stack()
  }
  concat(): Tensor {
    return this.#changeable().concat()
  }

  #index(index: unknown): Tensor | number {
    const value = contentOf(index)
    if (isWeak(value)) return adopt(value, 'int32')
    return value instanceof Tensor ? value : Number(value)
  }
  #element(value: unknown): Parameters<TensorList['push']>[0] {
    // A counter is a number in the source, and takes the dtype of what is there.
    if (isWeak(value)) return adopt(value, this.#list?.element?.dtype ?? value.dtype)
    if (isNumeric(value)) return value
    throw new TraceError({
      op: 'loop',
      problem: `'${this.name}' is to hold ${kindOf(value)}; an array that grows in a loop over tensors holds tensors and numbers`,
      fix: 'use an array for each part.',
    })
  }
}

/** The list of what an array holds before a loop. */
export function listOf(
  values: readonly unknown[],
  name: string,
  element?: TensorList['element'],
): TensorList {
  const odd = values.find((value) => !isNumeric(value))
  if (odd !== undefined)
    throw new TraceError({
      op: 'loop',
      problem: `'${name}' holds ${kindOf(odd)}; an array that grows in a loop over tensors holds tensors and numbers`,
      fix: 'use an array for each part.',
    })
  return TensorList.of(values.filter(isNumeric), { op: `'${name}'`, element })
}

/** The array as one that may grow in a staged loop; itself where nothing is traced. */
export function growingArray(value: unknown, name: string): unknown {
  if (!Array.isArray(value) || !isTracing() || arrays.has(value)) return value
  const plain = value as unknown[]
  const growing = new Growing(plain, name)
  const proxy = new Proxy(plain, {
    get(target, key, receiver): unknown {
      if (growing.list === undefined)
        return key === grown ? undefined : (Reflect.get(target, key, receiver) as unknown)
      if (key === grown) return growing
      const index = indexOf(key)
      if (index !== undefined) return growing.read(index)
      return propertyOf(growing, key)
    },
    set(target, key, entry, receiver): boolean {
      const index = indexOf(key)
      if (growing.list === undefined) return Reflect.set(target, key, entry, receiver)
      if (index !== undefined) growing.write(index, entry)
      else if (key === 'length') growing.truncate(entry)
      else return Reflect.set(target, key, entry)
      return true
    },
  })
  arrays.set(proxy, growing)
  return proxy
}

function indexOf(key: PropertyKey): number | undefined {
  return typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : undefined
}

/** A property of an array that is a list by now. */
function propertyOf(growing: Growing, key: PropertyKey): unknown {
  switch (key) {
    case 'length':
      return growing.length()
    case 'push':
      return markOwn((...values: readonly unknown[]): Tensor => growing.push(...values))
    case 'pop':
      return markOwn((): Tensor => growing.pop())
    case 'at':
      return markOwn((index: number): Tensor =>
        growing.read(typeof index === 'number' && index < 0 ? add(growing.length(), index) : index),
      )
    case Symbol.toStringTag:
    case 'constructor':
      return Reflect.get(Array.prototype, key) as unknown
    default:
      throw new TraceError({
        op: 'loop',
        problem: `'${growing.name}' grew in a loop over tensors, so how many elements it has is not known while tracing: ${String(key)} cannot go through them`,
        fix: `use tf.stack(${growing.name}) or tf.concat(${growing.name}), or its length, elements, push and pop.`,
      })
  }
}

/** `object[key]`, where the key may be a tensor. */
export function elementAt(object: unknown, key: unknown): unknown {
  const at = contentOf(key)
  const holder = object as Record<PropertyKey, unknown>
  if (!(at instanceof Tensor)) return holder[key as PropertyKey]
  if (at.payload.kind !== 'symbolic') return holder[at.item()]
  const growing = growingOf(object)
  if (growing?.list !== undefined) return growing.read(at)
  if (Array.isArray(object) && object.length > 0 && object.every(isNumeric))
    return gather(stack(object as Parameters<typeof stack>[0]), isWeak(at) ? adopt(at, 'int32') : at)
  throw new TraceError({
    op: '[…]',
    problem: `${kindOf(object)} is indexed by a tensor that has no value while tracing`,
    fix: 'index an array of tensors, or use tf.gather.',
  })
}

/** `object[key] = value`, where the key may be a tensor. */
export function setElement(object: unknown, key: unknown, value: unknown): unknown {
  const at = contentOf(key)
  if (!(at instanceof Tensor)) Reflect.set(Object(object) as object, key as PropertyKey, value, object)
  else if (at.payload.kind !== 'symbolic') Reflect.set(Object(object) as object, at.item(), value, object)
  else {
    const growing = growingOf(object)
    if (growing === undefined)
      throw new TraceError({
        op: '[…] =',
        problem: `an element of ${kindOf(object)} is set by a tensor that has no value while tracing`,
        fix: 'make the array in the same function: const a = [].',
      })
    growing.write(at, value)
  }
  return value
}
