/**
 * All that one argument path has been, compressed: `f32[31,4] → f32[32,4] → … → f32[36,4]`, dim 0 varies.
 *
 * A history takes room for a few texts and one range per dimension, however many traces there were.
 */
import type { DType } from '../../../codegen/dtype.ts'
import type { Entry } from '../argument.ts'
import type { RetraceKind } from './difference.ts'

/** Longest text of one type or value: messages show short literals, not data. */
const longest = 40

function shortened(text: string): string {
  if (text.length <= longest) return text
  const quote = text.startsWith('"') ? '"' : ''
  return `${text.slice(0, longest - 12)}…${quote}`
}

interface Range {
  least: number
  most: number
  varies: boolean
}

export class PathHistory {
  readonly path: string
  readonly kind: RetraceKind
  #first: string | undefined
  #second: string | undefined
  #last: string | undefined
  #steps = 0
  /** Ranges of the dimensions as long as all tensors have one rank. */
  #dimensions: Range[] | undefined
  readonly #ranks = new Set<number | null>()
  readonly #dtypes = new Set<DType>()
  readonly #sorts = new Set<string>()
  readonly #keys = new Set<string>()
  /** The most recent entry. */
  entry: Entry | undefined

  constructor(path: string, kind: RetraceKind) {
    this.path = path
    this.kind = kind
  }

  add(before: Entry | undefined, after: Entry | undefined): void {
    if (this.#steps === 0) this.#step(before)
    this.#step(after)
    this.entry = after ?? before
  }

  /** For what is no argument. */
  addText(before: string, after: string): void {
    if (this.#steps === 0) this.#text(before)
    this.#text(after)
  }

  /** For a circumstance: what is said of it now. */
  say(text: string): void {
    this.#steps = 0
    this.#text(text)
  }

  /** `a → b → … → z`. */
  get pattern(): string {
    if (this.#steps <= 1) return this.#first ?? ''
    const [first, second, last] = [this.#first, this.#second, this.#last].map((text) =>
      shortened(text ?? 'absent'),
    )
    if (this.#steps === 2) return `${first} → ${second}`
    return this.#steps === 3 ? `${first} → ${second} → ${last}` : `${first} → ${second} → … → ${last}`
  }

  /** The first and the last it was, and the range of each dimension: `31…36`. */
  get dimensions(): readonly string[] {
    return (this.#dimensions ?? []).map(({ least, most, varies }) =>
      varies ? `${least}…${most}` : String(least),
    )
  }

  /** Dimensions that were not always the same. */
  get varying(): readonly number[] {
    return (this.#dimensions ?? []).flatMap(({ varies }, i) => (varies ? [i] : []))
  }

  get dtypes(): readonly DType[] {
    return [...this.#dtypes]
  }
  get ranks(): readonly (number | null)[] {
    return [...this.#ranks]
  }
  /** Sorts of values: `number`, `tensor`, `array`. */
  get sorts(): readonly string[] {
    return [...this.#sorts]
  }
  /** Keys of objects that were not always there. */
  get varyingKeys(): readonly string[] {
    return [...this.#keys]
  }

  /** A few words on what varies. */
  get note(): string {
    switch (this.kind) {
      case 'shape':
        return `${this.#varyingText()}, rank and dtype fixed`
      case 'rank':
        return 'rank varies'
      case 'dtype':
        return this.#ranks.size > 1
          ? 'dtype and rank vary'
          : this.varying.length > 0
            ? `dtype varies, ${this.#varyingText()}`
            : 'dtype varies'
      case 'constant':
        return `${this.sorts.join(' or ')}, keyed by value`
      case 'type':
        return `${this.sorts.join(', then ')}`
      case 'object identity':
        return `${this.#label()}, keyed by identity`
      case 'equal instance':
        return `a new ${this.#label()} each call with equal fields`
      case 'function identity':
        return 'function, keyed by identity'
      case 'inline callback':
        return 'a new function each call with the same source'
      case 'structure':
        return this.#keys.size > 0
          ? `keys vary: ${[...this.#keys].slice(0, 6).map(shortened).join(', ')}`
          : this.#sorts.has('absent')
            ? 'not always given'
            : 'structure varies'
      case 'variable alias':
        return 'Variable, keyed by which arguments are the same one'
      case 'variable type':
        return 'Variable, keyed by dtype and shape'
      case 'mode':
        return 'setting'
      case 'size assumption':
        return 'a size the trace took for granted'
      case 'cache cleared':
        return 'traced before, and cleared since'
      case 'cache evicted':
        return 'traced before, and dropped since'
      case 'key collected':
        return `the ${this.#label()} that keyed the trace was garbage-collected`
      case 're-created':
        return 'the same source at the same place'
      case 'various':
        return 'many combinations of arguments vary'
    }
  }

  #label(): string {
    const type = this.entry?.type
    return type?.kind === 'object' ? type.label : 'object'
  }

  #varyingText(): string {
    const { varying } = this
    if (varying.length === 0) return 'sizes vary'
    return varying.length === 1
      ? `dim ${varying[0]} varies`
      : `dims ${varying.slice(0, -1).join(', ')} and ${varying.at(-1)} vary`
  }

  #text(text: string): void {
    if (this.#steps === 0) this.#first = text
    else if (this.#steps === 1) this.#second = text
    this.#last = text
    this.#steps++
  }

  #step(entry: Entry | undefined): void {
    const before = this.#last
    this.#text(entry?.text ?? 'absent')
    if (entry === undefined) {
      this.#sorts.add('absent')
      return
    }
    const { type } = entry
    this.#sorts.add(sortOf(type))
    if (type.kind === 'structure') this.#compareKeys(before, type.text)
    if (type.kind !== 'tensor' && type.kind !== 'variable') return
    this.#dtypes.add(type.dtype)
    this.#ranks.add(type.shape?.length ?? null)
    if (type.shape === null || this.#ranks.size > 1) {
      this.#dimensions = undefined
      return
    }
    const known = this.#dimensions
    // A size without a number is the wider of two: it varies.
    const sizes = type.shape.map((size) => (typeof size === 'number' ? size : undefined))
    if (known === undefined)
      this.#dimensions = sizes.map((size) => ({
        least: size ?? 0,
        most: size ?? 0,
        varies: size === undefined,
      }))
    else
      known.forEach((range, i) => {
        const size = sizes[i]
        range.varies ||= size !== range.least
        if (size === undefined) return
        range.least = Math.min(range.least, size)
        range.most = Math.max(range.most, size)
      })
  }

  #compareKeys(before: string | undefined, after: string): void {
    if (before === undefined || this.#keys.size > 32) return
    const [x, y] = [keysIn(before), keysIn(after)]
    if (x === undefined || y === undefined) return
    for (const key of [...x, ...y]) if (!x.includes(key) || !y.includes(key)) this.#keys.add(key)
  }
}

/** The keys in the text of an object's structure. */
export function keysIn(text: string): readonly string[] | undefined {
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  return text === '{}' ? [] : text.slice(1, -1).split(',')
}

function sortOf(type: Entry['type']): string {
  switch (type.kind) {
    case 'constant':
      return type.value === null ? 'null' : typeof type.value
    case 'structure':
      return type.text.startsWith('{') ? 'object' : (type.text.split(/\W/)[0] ?? 'object')
    case 'object':
      return type.label.split(' ')[0] ?? 'object'
    case 'tensor':
    case 'variable':
      return type.kind
  }
}
