/**
 * The state of a region at run time: variables by the getter and setter the rewriting made, and parts of objects by
 * handles. It can be taken, put back, and compared with what it has become.
 */
import { absent } from './absent.ts'
import { noteOuterWrite } from '../trace/outer-writes.ts'
import { type Growing, growingOf } from './growing.ts'

/** The variables that a region may write, and the parts of objects. */
export interface StateAccess {
  readonly names: readonly string[]
  /** Which of them outlive the call. */
  readonly outer: readonly boolean[]
  /** Their values, or what they are set to. */
  readonly access: (values?: readonly unknown[]) => readonly unknown[]
  /** Parts of objects; undefined where there is no such object now. */
  readonly parts: () => readonly (Part | undefined)[]
}

/**
 * What the rewriting passes for the state of a region; with a 1 for each variable that is not wanted afterwards, and a 2
 * for each that the region compares with null.
 */
export type StateArgument = StateAccess | readonly [StateAccess, string] | null

const nothing: StateAccess = { names: [], outer: [], access: () => [], parts: () => [] }

/**
 * The state of regions; a name begins with `^` when the variable belongs to the module or to what is around it, and with `~`
 * when the object it is in tells.
 */
export function stateAccess(
  names: string,
  access: StateAccess['access'] | null = null,
  parts: StateAccess['parts'] = nothing.parts,
): StateAccess {
  const list = names === '' ? [] : names.split(',')
  return {
    names: list.map(plainName),
    outer: list.map(isMarked),
    access: access ?? nothing.access,
    parts,
  }
}

const isMarked = (name: string): boolean => /^[~^]/.test(name)
const plainName = (name: string): string => name.replace(/^[~^]/, '')
const holderIn = (name: string, object: object | undefined): object | undefined =>
  name.startsWith('~') ? object : undefined

/** A part of an object: a property, or all that an array or plain object holds. */
export interface Part {
  readonly name: string
  /** The object outlives the call, or may. */
  readonly isOuter: boolean
  /** The object, where it is not sure. */
  readonly holder?: object | undefined
  /** The array it is all of, if that may grow in a staged loop. */
  readonly growing?: Growing
  get(): unknown
  set(value: unknown): void
}

/** The state of a region, with the objects whose parts it has. */
export class State {
  readonly names: readonly string[]
  readonly live: readonly boolean[]
  /** Which the region compares with null or undefined. */
  readonly compared: readonly boolean[]
  /** Which outlive the call. */
  readonly outer: readonly boolean[]
  /** The arrays that may grow in a staged loop. */
  readonly growing: readonly (Growing | undefined)[]
  readonly #access: StateAccess
  readonly #parts: readonly Part[]

  constructor(argument: StateArgument) {
    const [access, uses] = isMasked(argument) ? argument : [argument ?? nothing, '']
    this.#access = access
    this.#parts = access.parts().filter((part) => part !== undefined)
    this.names = [...access.names, ...this.#parts.map(({ name }) => name)]
    this.live = this.names.map((_, i) => uses[i] !== '1')
    this.compared = this.names.map((_, i) => uses[i] === '2')
    this.growing = [...access.names.map(() => undefined), ...this.#parts.map(({ growing }) => growing)]
    this.outer = [...access.outer, ...this.#parts.map(({ isOuter }) => isOuter)]
  }

  get(): unknown[] {
    return [...this.#access.access(), ...this.#parts.map((part) => part.get())]
  }

  set(values: readonly unknown[]): void {
    const count = this.#access.names.length
    if (count > 0) this.#access.access(values)
    this.#parts.forEach((part, i) => part.set(values[count + i]))
  }

  /** What staging leaves there; `before` is what it held, for places that outlive the trace. */
  leave(values: readonly unknown[], before: readonly unknown[]): void {
    this.set(values)
    this.outer.forEach((isOuter, i) => {
      if (!isOuter || Object.is(values[i], before[i])) return
      noteOuterWrite({
        name: this.names[i] ?? '',
        holder: this.#parts[i - this.#access.names.length]?.holder,
        before: before[i],
        get: () => this.get()[i],
        set: (value) => this.set(this.get().map((other, j) => (j === i ? value : other))),
      })
    })
  }
}

function isMasked(argument: StateArgument): argument is readonly [StateAccess, string] {
  return Array.isArray(argument)
}

function reach(base: () => unknown): object | undefined {
  try {
    const object = base()
    return object !== null && (typeof object === 'object' || typeof object === 'function')
      ? object
      : undefined
  } catch {
    return undefined
  }
}

/** `o.key` of the object that `base` gives now. */
export function partOf(base: () => unknown, key: string | number, name: string): Part | undefined {
  const object = reach(base)
  if (object === undefined) return undefined
  return {
    name: plainName(name),
    isOuter: isMarked(name),
    holder: holderIn(name, object),
    get: () => (key in object ? (Reflect.get(object, key) as unknown) : absent),
    set: (value) => {
      if (value !== absent) Reflect.set(object, key, value)
      else if (Object.hasOwn(object, key)) Reflect.deleteProperty(object, key)
    },
  }
}

/** All that an array or plain object holds. */
export function contentPart(base: () => unknown, name: string): Part | undefined {
  const object = reach(base)
  const growing = growingOf(object)
  if (growing !== undefined)
    return {
      name: plainName(name),
      isOuter: isMarked(name),
      holder: holderIn(name, object),
      growing,
      get: () => growing.content,
      set: (value) => (growing.content = value as Growing['content']),
    }
  if (Array.isArray(object)) {
    const list: unknown[] = object
    return {
      name: plainName(name),
      isOuter: isMarked(name),
      holder: holderIn(name, object),
      get: () => [...list],
      set: (value) => {
        const values = value as readonly unknown[]
        if (values.length !== list.length || values.some((entry, i) => !Object.is(entry, list[i])))
          list.splice(0, list.length, ...values)
      },
    }
  }
  if (object === undefined || Object.getPrototypeOf(object) !== Object.prototype) return undefined
  return {
    name: plainName(name),
    isOuter: isMarked(name),
    holder: holderIn(name, object),
    get: () => ({ ...object }),
    set: (value) => {
      const values = value as object
      for (const key of Object.keys(object))
        if (!Object.hasOwn(values, key)) Reflect.deleteProperty(object, key)
      Object.assign(object, values)
    },
  }
}

/** A part by a getter and a setter, for private names; `holder` gives the object it is in. */
export function cellPart(
  get: () => unknown,
  set: (value: unknown) => void,
  name: string,
  holder?: () => unknown,
): Part {
  const object = holder && reach(holder)
  return { name, isOuter: object !== undefined, holder: object, get, set }
}
