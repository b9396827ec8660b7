/**
 * Lists of tensors that a program makes while it runs.
 *
 * A list is a value: writing to one gives another, and the old one stays as it was. Yet a write takes constant time. All
 * versions of a list share one array, which holds the elements of the version used last; every other version knows how
 * it differs from the next one towards that, in one element. Using an old version turns the array back step by step,
 * so loops that go on from the newest version, and gradients that walk back through all of them, take a step at a time.
 *
 * The names of lists are negative numbers, so that they can stand where names of records can (records.ts); 0 is the
 * empty list. All lists end with the call that made them, and those that nobody can name any more before that.
 */
import type { DType, TypedArray } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { ListStep } from '../program.ts'
import type { Size } from '../size.ts'
import { copyIn, copyOut } from './copy.ts'
import { viewAt, views } from './heap.ts'

/** A tensor in a list. */
interface Element {
  readonly dtype: DType
  /** It names a list or a record: the sum of two is not that of the numbers. */
  readonly isName: boolean
  readonly shape: readonly number[]
  readonly data: TypedArray
}

interface Version {
  /** One more than the last index written. */
  readonly length: number
  /** How many of them are there. */
  readonly count: number
  /** The elements, in the version used last. */
  elements: (Element | undefined)[] | undefined
  /** In others, where it differs from the next one. */
  index: number
  element: Element | undefined
  next: Version | undefined
}

function newVersion(elements: (Element | undefined)[], length: number, count: number): Version {
  return { length, count, elements, index: 0, element: undefined, next: undefined }
}

/** Makes `version` the one that holds the array. */
function elementsOf(version: Version): (Element | undefined)[] {
  if (version.elements !== undefined) return version.elements
  const path: Version[] = []
  let root = version
  while (root.next !== undefined) {
    path.push(root)
    root = root.next
  }
  const { elements } = root
  if (elements === undefined) throw new InternalError('a list without elements')
  for (const older of path.reverse()) {
    const next = older.next as Version
    next.index = older.index
    next.element = elements[older.index]
    next.next = older
    next.elements = undefined
    elements[older.index] = older.element
    older.next = undefined
    older.element = undefined
    older.elements = elements
  }
  return elements
}

/** The version with one element set, or taken out. */
function withElement(version: Version, index: number, element: Element | undefined): Version {
  const elements = elementsOf(version)
  const before = elements[index]
  let { length } = version
  if (element !== undefined) length = Math.max(length, index + 1)
  const count = version.count + (element === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
  elements[index] = element
  const next = newVersion(elements, length, count)
  version.elements = undefined
  version.index = index
  version.element = before
  version.next = next
  return next
}

const collectAtLeast = 256

/** The lists of one call. */
export class Lists {
  readonly #versions = new Map<number, Version>()
  #last = 0
  /** Names that may be forgotten are looked for when there are so many. */
  #limit = collectAtLeast
  readonly #mergeNames: (x: number, y: number) => number
  /** Numbers that may be names of lists in use; undefined when that cannot be told. */
  readonly #roots: () => readonly number[] | undefined

  constructor(
    mergeNames: (x: number, y: number) => number,
    roots: () => readonly number[] | undefined = () => undefined,
  ) {
    this.#mergeNames = mergeNames
    this.#roots = roots
  }

  /** Forgets all lists. */
  clear(): void {
    this.#versions.clear()
    this.#last = 0
    this.#limit = collectAtLeast
  }

  #version(name: number): Version {
    if (name === 0) return newVersion([], 0, 0)
    const version = this.#versions.get(name)
    if (version === undefined) throw new InternalError(`there is no list ${name}`)
    return version
  }

  #add(version: Version): number {
    if (this.#versions.size >= this.#limit) this.#collect()
    this.#last--
    this.#versions.set(this.#last, version)
    return this.#last
  }

  /** Forgets lists that nobody can name. */
  #collect(): void {
    const roots = this.#roots()
    if (roots !== undefined) {
      const used = new Set<number>()
      const waiting = [...roots]
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const version = this.#versions.get(name)
        if (version === undefined || used.has(name)) continue
        used.add(name)
        for (const element of elementsOf(version))
          if (element?.isName === true) for (const inner of element.data) waiting.push(inner)
      }
      for (const name of this.#versions.keys()) if (!used.has(name)) this.#versions.delete(name)
    }
    this.#limit = Math.max(collectAtLeast, 2 * this.#versions.size)
  }

  length(name: number): number {
    return this.#version(name).length
  }

  /** The element at an index, if there is one. */
  at(name: number, index: number): Element | undefined {
    const version = this.#version(name)
    return index >= 0 && index < version.length ? elementsOf(version)[index] : undefined
  }

  set(name: number, index: number, element: Element | undefined): number {
    if (index < 0) throw new InternalError(`an element at ${index} of a list`)
    const version = this.#version(name)
    if (element === undefined && (index >= version.length || elementsOf(version)[index] === undefined))
      return name
    return this.#add(withElement(version, index, element))
  }

  /** The list without the elements from `length` on. */
  truncate(name: number, length: number): number {
    let version = this.#version(name)
    if (length >= version.length) return name
    for (let i = version.length - 1; i >= length; i--) version = withElement(version, i, undefined)
    return this.#add(newLength(version, Math.max(length, 0)))
  }

  from(elements: readonly Element[]): number {
    return this.#add(newVersion([...elements], elements.length, elements.length))
  }

  /** The elements of a list up to its length. */
  all(name: number): readonly (Element | undefined)[] {
    const version = this.#version(name)
    return elementsOf(version).slice(0, version.length)
  }

  /** The list of the sums of what two lists hold; what only one holds stays. */
  merge(x: number, y: number): number {
    const [small, large] = this.#version(x).count < this.#version(y).count ? [x, y] : [y, x]
    let version = this.#version(large)
    this.all(small).forEach((element, i) => {
      if (element === undefined) return
      const other = i < version.length ? elementsOf(version)[i] : undefined
      version = withElement(version, i, other === undefined ? element : this.#sum(element, other))
    })
    return this.#add(version)
  }

  #sum(x: Element, y: Element): Element {
    if (x.data.length !== y.data.length) throw new InternalError('a sum of elements of different sizes')
    const data = x.data.slice()
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [x.data[i] ?? 0, y.data[i] ?? 0]
      data[i] = x.isName ? this.#mergeNames(a, b) : a + b
    }
    return { ...x, data }
  }
}

/** The same elements under another length. */
function newLength(version: Version, length: number): Version {
  const elements = elementsOf(version)
  const next = newVersion(elements, length, version.count)
  version.elements = undefined
  version.index = length
  version.element = elements[length]
  version.next = next
  return next
}

/** What carrying out a step needs of the program. */
export interface ListMemory {
  /** Where a buffer is now. */
  readonly placeOf: (buffer: number) => {
    readonly address: number
    readonly elements: number
    readonly dtype: DType
  }
  readonly evaluate: (size: Size) => number
  /** Gives sizes that are found now their values. */
  readonly bind: (sizes: readonly (readonly [name: string, value: number])[]) => void
}

/** Carries out a step on lists. */
export function carryOutList(step: ListStep, lists: Lists, memory: ListMemory): void {
  const number = (i: number): number => {
    const { address, dtype } = memory.placeOf(step.reads[i] ?? -1)
    return (dtype === 'float64' ? views().f64[address / 8] : views().i32[address / 4]) ?? 0
  }
  const answer = (value: number): void => {
    const { address, dtype } = memory.placeOf(step.write)
    if (dtype === 'float64') views().f64[address / 8] = value
    else if (dtype === 'int32') views().i32[address / 4] = value
    else views().u8[address] = value
  }
  const given = (i: number): TypedArray => {
    const { address, elements, dtype } = memory.placeOf(step.reads[i] ?? -1)
    return copyOut(views(), dtype, address, elements)
  }
  const { isName } = step
  /** Finds the sizes of the result, and clears it. */
  const shaped = (shape: readonly number[] | undefined): ReturnType<ListMemory['placeOf']> => {
    if (step.found.length > 0)
      memory.bind(step.found.map(({ name, axis }) => [name, Math.max(0, shape?.[axis] ?? 0)] as const))
    return memory.placeOf(step.write)
  }
  const clear = ({ address, elements, dtype }: ReturnType<ListMemory['placeOf']>): void => {
    viewAt(dtype, address, elements).fill(0)
  }
  const put = (place: ReturnType<ListMemory['placeOf']>, at: number, data: TypedArray): void => {
    if (at + data.length > place.elements)
      throw new InternalError(`an element of ${data.length} in the place of ${place.elements - at}`)
    const width = data.BYTES_PER_ELEMENT
    copyIn(views(), place.dtype, place.address + at * width, data)
  }
  switch (step.action) {
    case 'write': {
      const data = given(2)
      const { dtype } = memory.placeOf(step.reads[2] ?? -1)
      const shape = step.shape.map(memory.evaluate)
      return answer(lists.set(number(0), number(1), { dtype, isName, shape, data }))
    }
    case 'erase':
      return answer(lists.set(number(0), number(1), undefined))
    case 'truncate':
      return answer(lists.truncate(number(0), number(1)))
    case 'length':
      return answer(lists.length(number(0)))
    case 'has':
      return answer(lists.at(number(0), number(1)) === undefined ? 0 : 1)
    case 'uniform': {
      const shapes = new Set(
        lists.all(number(0)).flatMap((element) => (element ? [element.shape.join()] : [])),
      )
      return answer(shapes.size <= 1 ? 1 : 0)
    }
    case 'read': {
      const element = lists.at(number(0), number(1))
      const place = shaped(element?.shape)
      if (element === undefined) return clear(place)
      if (element.data.length !== place.elements)
        throw new InternalError(`an element of ${element.data.length} in the place of ${place.elements}`)
      return put(place, 0, element.data)
    }
    case 'stack': {
      const elements = lists.all(number(0))
      const count = Math.max(0, number(1))
      const first = elements.find((element) => element !== undefined)
      const place = shaped([count, ...(first?.shape ?? [])])
      clear(place)
      const width = count === 0 ? 0 : place.elements / count
      elements.slice(0, count).forEach((element, i) => {
        if (element !== undefined) put(place, i * width, element.data)
      })
      return
    }
    case 'unstack': {
      const data = given(0)
      const { dtype } = memory.placeOf(step.reads[0] ?? -1)
      const [count = 0, ...shape] = step.shape.map(memory.evaluate)
      const width = count === 0 ? 0 : data.length / count
      return answer(
        lists.from(
          Array.from({ length: count }, (_, i) => ({
            dtype,
            isName,
            shape,
            data: data.slice(i * width, (i + 1) * width),
          })),
        ),
      )
    }
    case 'concat': {
      const elements = lists.all(number(0))
      const like = lists.all(number(1))
      const first = like.find((element) => element !== undefined)
      const rows = like.reduce((sum, element) => sum + (element?.shape[0] ?? 0), 0)
      const place = shaped([rows, ...(first?.shape.slice(1) ?? [])])
      clear(place)
      let at = 0
      like.forEach((element, i) => {
        const data = elements[i]?.data
        if (data !== undefined) put(place, at, data)
        at += element?.data.length ?? 0
      })
      return
    }
    case 'split': {
      const data = given(0)
      const { dtype } = memory.placeOf(step.reads[0] ?? -1)
      let at = 0
      let result = 0
      lists.all(number(1)).forEach((element, i) => {
        if (element === undefined) return
        const part = data.slice(at, (at += element.data.length))
        result = lists.set(result, i, { dtype, isName, shape: element.shape, data: part })
      })
      return answer(result)
    }
  }
}
