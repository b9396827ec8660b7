/**
 * The state of a region at run time: variables by the getter and setter the rewriting made, and parts of objects by
 * handles. It can be taken, put back, and compared with what it has become.
 */

/** What the rewriting passes for the state of a region. */
export interface StateAccess {
  /** Names. */
  readonly n: readonly string[]
  /** 1 where the variable is wanted after the region. */
  readonly l: readonly number[]
  readonly g: () => unknown[]
  readonly s: (values: readonly unknown[]) => void
  /** Parts of objects; undefined where there is no such object now. */
  readonly p?: () => readonly (Part | undefined)[]
}

/** A part of an object: a property, or all that an array or plain object holds. */
export interface Part {
  readonly name: string
  get(): unknown
  set(value: unknown): void
}

/** Stands for a property that an object does not have. */
export const absent: unique symbol = Symbol('absent')
/** What a variable that carries a returned value holds while nothing has been returned. */
export const unset: unique symbol = Symbol('unset')

/** The state of a region, with the objects whose parts it has. */
export class State {
  readonly names: readonly string[]
  readonly live: readonly boolean[]
  readonly #access: StateAccess | null
  readonly #parts: readonly Part[]

  constructor(access: StateAccess | null) {
    this.#access = access
    this.#parts = (access?.p?.() ?? []).filter((part) => part !== undefined)
    this.names = [...(access?.n ?? []), ...this.#parts.map(({ name }) => name)]
    this.live = [...(access?.l ?? []).map((flag) => flag !== 0), ...this.#parts.map(() => true)]
  }

  get(): unknown[] {
    return [...(this.#access?.g() ?? []), ...this.#parts.map((part) => part.get())]
  }

  set(values: readonly unknown[]): void {
    this.#access?.s(values)
    const from = this.#access?.n.length ?? 0
    this.#parts.forEach((part, i) => part.set(values[from + i]))
  }
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
    name,
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
  if (Array.isArray(object)) {
    const list: unknown[] = object
    return {
      name,
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
    name,
    get: () => ({ ...object }),
    set: (value) => {
      const values = value as object
      for (const key of Object.keys(object))
        if (!Object.hasOwn(values, key)) Reflect.deleteProperty(object, key)
      Object.assign(object, values)
    },
  }
}

/** A part by a getter and a setter, for private names. */
export function cellPart(get: () => unknown, set: (value: unknown) => void, name: string): Part {
  return { name, get, set }
}
