/**
 * Sizes: how long an axis is, known now or named until a call fills it in.
 *
 * A size is a number, or an integer polynomial over names (`n0`, `n0*n1 + 4`) whose atoms may also be floor divisions
 * and remainders of sizes. Polynomials are kept in one canonical form (terms sorted, like terms merged, zero terms
 * dropped, a polynomial without names collapsed to a number), so two sizes are equal for all values of their names
 * exactly when their texts are equal, short of facts about division. `sizesEqual` therefore answers true, false or
 * undefined for "depends on the call". Names stand for integers ≥ 0.
 */
import { InternalError, TraceError } from './errors.ts'

/** A number, or a polynomial over names. */
export type Size = number | SizePolynomial

interface Name {
  readonly kind: 'name'
  readonly key: string
}

interface Quotient {
  readonly kind: 'floorDiv' | 'mod'
  readonly key: string
  readonly x: Size
  readonly y: Size
}

type Atom = Name | Quotient

interface Term {
  readonly coefficient: number
  /** Sorted by key; a square stands twice. */
  readonly atoms: readonly Atom[]
}

/** A canonical polynomial with at least one atom. Made only by the functions of this file. */
export class SizePolynomial {
  readonly terms: readonly Term[]
  /** The canonical text, which is also its identity. */
  readonly key: string
  constructor(terms: readonly Term[], key: string) {
    this.terms = terms
    this.key = key
  }
  toString(): string {
    return this.key
  }
  /** A size has no number until a call gives it one; arithmetic on it by `*` or `+` would silently be wrong. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.key
    throw new TraceError({
      op: 'shape',
      problem: `the size ${this.key} is not known until the function is called, so it cannot be used as a number`,
      fix: 'use tf.sizeOf(x, axis) to compute with it, or give the axis a size in the signature.',
    })
  }
}

function atomsKey(term: Term): string {
  return term.atoms.map((atom) => atom.key).join('*')
}

function termText(term: Term): string {
  if (term.atoms.length === 0) return String(term.coefficient)
  return term.coefficient === 1 ? atomsKey(term) : `${term.coefficient}*${atomsKey(term)}`
}

function fromTerms(terms: readonly Term[]): Size {
  const merged = new Map<string, Term>()
  for (const term of terms) {
    const key = atomsKey(term)
    const coefficient = (merged.get(key)?.coefficient ?? 0) + term.coefficient
    if (coefficient === 0) merged.delete(key)
    else merged.set(key, { coefficient, atoms: term.atoms })
  }
  const kept = [...merged.entries()].sort(([a], [b]) => compareKeys(a, b)).map(([, term]) => term)
  const first = kept[0]
  if (first === undefined) return 0
  if (kept.length === 1 && first.atoms.length === 0) return first.coefficient
  const key = kept
    .map((term, i) =>
      i === 0 ? termText(term) : term.coefficient < 0 ? termText(term) : `+${termText(term)}`,
    )
    .join('')
  return new SizePolynomial(kept, key)
}

/** Longer products first, the constant last. */
function compareKeys(a: string, b: string): number {
  if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}

function termsOf(size: Size): readonly Term[] {
  if (typeof size === 'number') return size === 0 ? [] : [{ coefficient: size, atoms: [] }]
  return size.terms
}

/** The size called `name`: letters, digits and `_`, starting with a letter. */
export function sizeName(name: string): SizePolynomial {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new InternalError(`"${name}" cannot name a size`)
  return new SizePolynomial([{ coefficient: 1, atoms: [{ kind: 'name', key: name }] }], name)
}

/** Σ sizes. */
export function addSizes(...sizes: readonly Size[]): Size {
  if (sizes.every((size) => typeof size === 'number')) return sizes.reduce<number>((a, b) => a + b, 0)
  return fromTerms(sizes.flatMap(termsOf))
}

/** x − y. */
export function subtractSizes(x: Size, y: Size): Size {
  return addSizes(x, multiplySizes(-1, y))
}

/** Π sizes. */
export function multiplySizes(...sizes: readonly Size[]): Size {
  return sizes.reduce<Size>((x, y) => {
    if (typeof x === 'number' && typeof y === 'number') return x * y
    if (x === 1) return y
    if (y === 1) return x
    return fromTerms(
      termsOf(x).flatMap((a) =>
        termsOf(y).map((b) => ({
          coefficient: a.coefficient * b.coefficient,
          atoms: [...a.atoms, ...b.atoms].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0)),
        })),
      ),
    )
  }, 1)
}

/** x / y when it divides exactly as polynomials, else undefined. */
export function divideExactly(x: Size, y: Size): Size | undefined {
  if (y === 0) return undefined
  if (y === 1) return x
  const divisor = termsOf(y)
  const single = divisor[0]
  if (divisor.length === 1 && single !== undefined) {
    const terms: Term[] = []
    for (const term of termsOf(x)) {
      const atoms = [...term.atoms]
      for (const atom of single.atoms) {
        const at = atoms.findIndex((candidate) => candidate.key === atom.key)
        if (at < 0) return undefined
        atoms.splice(at, 1)
      }
      if (term.coefficient % single.coefficient !== 0) return undefined
      terms.push({ coefficient: term.coefficient / single.coefficient, atoms })
    }
    return fromTerms(terms)
  }
  return sizesEqual(x, y) === true ? 1 : undefined
}

/** ⌊x / y⌋. */
export function floorDivideSizes(x: Size, y: Size): Size {
  if (typeof x === 'number' && typeof y === 'number') return Math.floor(x / y)
  const exact = divideExactly(x, y)
  if (exact !== undefined) return exact
  return fromTerms([
    { coefficient: 1, atoms: [{ kind: 'floorDiv', key: `floorDiv(${printSize(x)},${printSize(y)})`, x, y }] },
  ])
}

/** x − y·⌊x / y⌋. */
export function modSizes(x: Size, y: Size): Size {
  if (typeof x === 'number' && typeof y === 'number') return x - y * Math.floor(x / y)
  if (divideExactly(x, y) !== undefined) return 0
  return fromTerms([
    { coefficient: 1, atoms: [{ kind: 'mod', key: `mod(${printSize(x)},${printSize(y)})`, x, y }] },
  ])
}

/** True or false when that holds for every call; undefined when it depends on the values of the names. */
export function sizesEqual(x: Size, y: Size): boolean | undefined {
  if (typeof x === 'number' && typeof y === 'number') return x === y
  if (typeof x !== 'number' && typeof y !== 'number' && x.key === y.key) return true
  const difference = subtractSizes(x, y)
  if (typeof difference === 'number') return difference === 0
  // Names are ≥ 0: a difference whose terms all have one sign and whose constant is not 0 is never 0.
  const constant = difference.terms.find((term) => term.atoms.length === 0)?.coefficient ?? 0
  if (constant !== 0 && difference.terms.every((term) => Math.sign(term.coefficient) === Math.sign(constant)))
    return false
  return undefined
}

/** Product of all sizes of a shape: its number of elements. */
export function elementCount(shape: readonly Size[]): Size {
  return multiplySizes(...shape)
}

/** The value of a size when `valueOf` gives each name's value. */
export function evaluateSize(size: Size, valueOf: (name: string) => number): number {
  if (typeof size === 'number') return size
  let sum = 0
  for (const term of size.terms) {
    let product = term.coefficient
    for (const atom of term.atoms) {
      if (atom.kind === 'name') product *= valueOf(atom.key)
      else {
        const x = evaluateSize(atom.x, valueOf)
        const y = evaluateSize(atom.y, valueOf)
        product *= atom.kind === 'floorDiv' ? Math.floor(x / y) : x - y * Math.floor(x / y)
      }
    }
    sum += product
  }
  return sum
}

/** Replaces names by sizes; names for which `replacement` gives undefined stay. */
export function substituteSize(size: Size, replacement: (name: string) => Size | undefined): Size {
  if (typeof size === 'number') return size
  return addSizes(
    ...size.terms.map((term) =>
      multiplySizes(
        term.coefficient,
        ...term.atoms.map((atom): Size => {
          if (atom.kind === 'name') return replacement(atom.key) ?? sizeName(atom.key)
          const x = substituteSize(atom.x, replacement)
          const y = substituteSize(atom.y, replacement)
          return atom.kind === 'floorDiv' ? floorDivideSizes(x, y) : modSizes(x, y)
        }),
      ),
    ),
  )
}

/** The names a size depends on, in order of appearance, without repeats. */
export function namesOfSize(size: Size, into: Set<string> = new Set()): Set<string> {
  if (typeof size === 'number') return into
  for (const term of size.terms)
    for (const atom of term.atoms) {
      if (atom.kind === 'name') into.add(atom.key)
      else namesOfSize(atom.y, namesOfSize(atom.x, into))
    }
  return into
}

/** Canonical text: `128`, `n0`, `2*n0+1`. */
export function printSize(size: Size): string {
  return typeof size === 'number' ? String(size) : size.key
}

/** `[n0,784]`. */
export function printShape(shape: readonly Size[]): string {
  return `[${shape.map(printSize).join(',')}]`
}

/** True when every size of the shape is a number. */
export function isStaticShape(shape: readonly Size[]): shape is readonly number[] {
  return shape.every((size) => typeof size === 'number')
}

/** True when both shapes are known to be equal for every call. */
export function sameShape(x: readonly Size[], y: readonly Size[]): boolean {
  return x.length === y.length && x.every((size, i) => sizesEqual(size, y[i] ?? -1) === true)
}

/** Parses the canonical text back. Throws InternalError on anything else. */
export function parseSize(text: string): Size {
  let at = 0
  const fail = (): never => {
    throw new InternalError(`"${text}" is not a size (at ${at})`)
  }
  const sum = (): Size => {
    let total = product()
    while (text[at] === '+' || text[at] === '-') {
      const sign = text[at] === '+' ? 1 : -1
      if (sign === 1) at++
      total = addSizes(total, product())
    }
    return total
  }
  const product = (): Size => {
    let result = atom()
    while (text[at] === '*') {
      at++
      result = multiplySizes(result, atom())
    }
    return result
  }
  const atom = (): Size => {
    const rest = text.slice(at)
    const number = /^-?\d+/.exec(rest)
    if (number !== null) {
      at += number[0].length
      return Number(number[0])
    }
    const call = /^(floorDiv|mod)\(/.exec(rest)
    if (call !== null) {
      at += call[0].length
      const x = sum()
      if (text[at++] !== ',') fail()
      const y = sum()
      if (text[at++] !== ')') fail()
      return call[1] === 'mod' ? modSizes(x, y) : floorDivideSizes(x, y)
    }
    const name = /^-?[A-Za-z_]\w*/.exec(rest)
    if (name === null) return fail()
    at += name[0].length
    return name[0].startsWith('-') ? multiplySizes(-1, sizeName(name[0].slice(1))) : sizeName(name[0])
  }
  const result = sum()
  if (at !== text.length) fail()
  return result
}
