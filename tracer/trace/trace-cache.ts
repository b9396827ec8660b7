/**
 * The traces of one function, and which of them a call uses.
 *
 * A trace whose signature is the call's is used at once. Otherwise the most specific trace that accepts the arguments
 * is: one whose types leave open what the call's say. Ties go to the oldest. What a key was found to use is remembered
 * until a trace is added. A trace keyed by an object dies with the object.
 */
import { sizesEqual } from '../../codegen/size.ts'
import type { ArgumentType, Entry, Signature } from './argument.ts'
import { type FlatType, flatTypes } from './open-types.ts'

/** Anything that is selected by a signature. */
export interface Selected {
  readonly signature: Signature
}

/** Dispatch results remembered for signatures that no trace has exactly. */
const mostRemembered = 1024

const none: readonly (readonly FlatType[])[] = []

export class TraceCache<T extends Selected> {
  readonly #exact = new Map<string, T>()
  #found = new Map<string, T>()
  #rivals = new Map<T, readonly (readonly FlatType[])[]>()
  readonly #onDelete: (trace: T) => void
  /** Stands for this cache among the objects that select traces. */
  readonly #token: object = {}

  /** @param onDelete told of traces whose key objects are gone */
  constructor(onDelete: (trace: T) => void = () => undefined) {
    this.#onDelete = onDelete
    dropped.register(this, this.#token)
  }

  get size(): number {
    return this.#exact.size
  }
  /** In order of insertion. */
  get all(): readonly T[] {
    return [...this.#exact.values()]
  }

  /** The trace to use for a call, or undefined. */
  find(signature: Signature): T | undefined {
    return this.#exact.get(signature.key) ?? this.#found.get(signature.key) ?? this.#search(signature)
  }

  /** The trace with just this key, or undefined. */
  exactly(key: string): T | undefined {
    return this.#exact.get(key)
  }

  /** True when there is a trace for this receiver: a method's first trace for another object is no retrace. */
  hasTraceFor(signature: Signature): boolean {
    const receiver = (of: Signature): string | undefined =>
      of.entries.find(({ path }) => path === 'this')?.text
    return this.all.some((trace) => receiver(trace.signature) === receiver(signature))
  }

  /** Adds a trace under its own signature, or under `key`. */
  add(trace: T, key: string = trace.signature.key): void {
    this.#exact.set(key, trace)
    this.#changed()
    for (const { type } of trace.signature.entries) {
      if (type.kind !== 'object') continue
      const object = type.object.deref()
      if (object !== undefined)
        collected.register(object, { cache: new WeakRef<Deleting>(this), key }, this.#token)
    }
  }

  delete(key: string): void {
    const trace = this.#exact.get(key)
    if (trace === undefined) return
    this.#onDelete(trace)
    this.#exact.delete(key)
    this.#changed()
  }

  clear(): void {
    collected.unregister(this.#token)
    this.#exact.clear()
    this.#changed()
  }

  /**
   * The traces that go before `trace` for a call that both fit, as the types of their tensors: those more specific, and older
   * ones that are not looser.
   */
  rivals(trace: T): readonly (readonly FlatType[])[] {
    if (this.#exact.size < 2) return none
    let rivals = this.#rivals.get(trace)
    if (rivals === undefined) {
      const all = this.all.map((other) => other.signature)
      const own = all.indexOf(trace.signature)
      rivals = all
        .filter(
          (other, i) =>
            i !== own &&
            overlap(other, trace.signature) &&
            (accepts(trace.signature, other) || (i < own && !accepts(other, trace.signature))),
        )
        .map(flatTypes)
      this.#rivals.set(trace, rivals)
    }
    return rivals
  }

  #changed(): void {
    this.#found = new Map()
    this.#rivals = new Map()
  }

  #search(signature: Signature): T | undefined {
    let best: T | undefined
    for (const candidate of this.#exact.values()) {
      if (!accepts(candidate.signature, signature)) continue
      if (best === undefined || accepts(best.signature, candidate.signature)) best = candidate
    }
    if (best !== undefined) {
      if (this.#found.size >= mostRemembered) this.#found = new Map()
      this.#found.set(signature.key, best)
    }
    return best
  }
}

/** What removes a trace. */
interface Deleting {
  delete(key: string): void
}

/** Removes traces whose key objects are gone. */
const collected = new FinalizationRegistry<{
  readonly cache: WeakRef<Deleting>
  readonly key: string
}>(({ cache, key }) => cache.deref()?.delete(key))

/** Forgets key objects of caches that are gone: an object may outlive thousands of functions it was passed to. */
const dropped = new FinalizationRegistry<object>((token) => collected.unregister(token))

/** True when a trace for `general` can serve a call of signature `specific`. */
export function accepts(general: Signature, specific: Signature): boolean {
  return agree(general, specific, acceptsType)
}

/** True when a call may fit both. */
function overlap(x: Signature, y: Signature): boolean {
  return agree(x, y, overlapTypes)
}

/** True when the entries of both are at the same places, and of each two the texts are equal or the types agree. */
function agree(
  x: Signature,
  y: Signature,
  typesAgree: (x: ArgumentType, y: ArgumentType) => boolean,
): boolean {
  return (
    x.modes === y.modes &&
    x.entries.length === y.entries.length &&
    x.entries.every((entry, i) => {
      const other = y.entries[i]
      return (
        other !== undefined &&
        entry.path === other.path &&
        (entry.text === other.text || typesAgree(entry.type, other.type))
      )
    })
  )
}

function overlapTypes(x: ArgumentType, y: ArgumentType): boolean {
  if (x.kind !== 'tensor' || y.kind !== 'tensor' || x.dtype !== y.dtype) return false
  const { shape } = y
  if (x.shape === null || shape === null) return true
  return (
    x.shape.length === shape.length &&
    x.shape.every((size, axis) => {
      const other = shape[axis] ?? null
      return size === null || other === null || sizesEqual(size, other) === true
    })
  )
}

function acceptsType(general: ArgumentType, specific: ArgumentType): boolean {
  if (general.kind !== 'tensor' || specific.kind !== 'tensor' || general.dtype !== specific.dtype)
    return false
  if (general.shape === null) return true
  const { shape } = specific
  return (
    shape !== null &&
    general.shape.length === shape.length &&
    general.shape.every((size, axis) => {
      const other = shape[axis]
      return size === null || (other !== null && other !== undefined && sizesEqual(size, other) === true)
    })
  )
}

/**
 * The least that both signatures are kinds of: equal entries, and tensors that differ in sizes with null for those.
 * Undefined when they differ in anything else. Ranks that differ cannot be joined either: a kernel has its loops.
 */
export function joinSignatures(x: Signature, y: Signature): readonly Entry['type'][] | undefined {
  if (x.modes !== y.modes || x.entries.length !== y.entries.length) return undefined
  const joined: ArgumentType[] = []
  for (const [i, entry] of x.entries.entries()) {
    const other = y.entries[i]
    if (other === undefined || other.path !== entry.path) return undefined
    if (entry.text === other.text) joined.push(entry.type)
    else {
      const type = joinTypes(entry.type, other.type)
      if (type === undefined) return undefined
      joined.push(type)
    }
  }
  return joined
}

function joinTypes(x: ArgumentType, y: ArgumentType): ArgumentType | undefined {
  if (x.kind !== 'tensor' || y.kind !== 'tensor' || x.dtype !== y.dtype) return undefined
  const { shape } = y
  if (x.shape === null || shape === null || x.shape.length !== shape.length) return undefined
  return {
    kind: 'tensor',
    dtype: x.dtype,
    shape: x.shape.map((size, axis) => {
      const other = shape[axis]
      return size !== null && other !== null && other !== undefined && sizesEqual(size, other) === true
        ? size
        : null
    }),
  }
}
