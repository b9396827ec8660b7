/**
 * Remedies: a literal change of code per cause, computed from all signatures seen, with the number of traces it would
 * have made of those that were made.
 *
 * The number is a count, not a guess: the remembered signatures are compared again with the cause's paths left out, or
 * with their sizes left open, and those that are still different are counted.
 */
import type { DType } from '../../../codegen/dtype.ts'
import type { ArgumentType, Entry } from '../argument.ts'
import type { Cause } from './cause.ts'
import { type Remembered, within } from './difference.ts'
import type { PathHistory } from './path-history.ts'

/** What remedies are computed from. */
export interface Subject {
  readonly name: string
  readonly isMethod: boolean
  readonly definedAt: string | undefined
  /** Signatures remembered, oldest first. */
  readonly signatures: readonly Remembered[]
  /** Traces made, those forgotten included. */
  readonly traces: number
  readonly hasInputSignature: boolean
  readonly reducesRetracing: boolean
}

export interface Fix {
  readonly text: string
  /** Traces that would have been made with it, where that can be told. */
  readonly traces?: number | undefined
}

const mostFixes = 4

/** The remedies of a cause, the best first. */
export function fixesFor(cause: Cause, subject: Subject): readonly Fix[] {
  const paths = [...cause.paths.values()]
  const kinds = new Set(paths.map(({ kind }) => kind))
  const alone = kinds.size === 1
  const fixes: Fix[] = []
  if (kinds.has('shape')) fixes.push(...shapeFixes(cause, subject, alone))
  // With several kinds only all remedies together have a number.
  const traces = alone && isCertain(cause, paths) ? tracesWithout(cause, subject) : undefined
  for (const history of paths) {
    const text = fixOf(history, cause, subject)
    if (text !== undefined) fixes.push({ text, traces })
  }
  const kept = fixes.slice(0, mostFixes)
  if (alone || kept.length === 0) return kept
  return [
    ...kept.slice(0, -1),
    {
      text: kept.at(-1)?.text ?? '',
      traces: isCertain(cause, paths) ? tracesWithout(cause, subject) : undefined,
    },
  ]
}

/** Values that choose operations or sizes cannot be left out, so no number of traces follows. */
function isCertain({ likenesses }: Cause, paths: readonly PathHistory[]): boolean {
  const chosen = paths.some(
    ({ kind }) => kind === 'constant' || kind === 'object identity' || kind === 'function identity',
  )
  const sized = paths.some(({ kind }) => kind === 'shape')
  if (paths.some(({ kind }) => kind === 'various')) return false
  return (
    !chosen ||
    !(
      likenesses.has('different') ||
      (!sized && (likenesses.has('sizes') || likenesses.has('sizes and constants')))
    )
  )
}

function shapeFixes(cause: Cause, subject: Subject, alone: boolean): Fix[] {
  const fixes: Fix[] = []
  const code = (options: string): string =>
    subject.isMethod
      ? `${options} as the options of ${subject.name}`
      : `tf.function(${callableName(subject.name)}, ${options})`
  const signature = subject.hasInputSignature ? undefined : inputSignatureText(subject.signatures)
  const modes = distinct(subject.signatures, ({ mode }) => modeKey(mode))
  if (signature !== undefined)
    fixes.push({ text: code(`{ inputSignature: ${signature} }`), traces: alone ? modes : undefined })
  if (!subject.reducesRetracing && !subject.hasInputSignature)
    fixes.push({
      text: signature === undefined ? code('{ reduceRetracing: true }') : 'or { reduceRetracing: true }',
      traces: alone ? tracesRelaxed(cause, subject) : undefined,
    })
  if (fixes.length === 0)
    fixes.push({
      text: `pad ${listed(pathsOf(cause, 'shape'))} to one size: tf.pad(${pathsOf(cause, 'shape')[0]}, …)`,
    })
  return fixes
}

function fixOf(history: PathHistory, cause: Cause, subject: Subject): string | undefined {
  const { path, entry } = history
  const label = entry?.type.kind === 'object' ? entry.type.label : 'object'
  switch (history.kind) {
    case 'shape':
      return undefined
    case 'rank':
      return `give ${path} one rank before the call: ${path}.expandDims(0), or ${path}.reshape([…])`
    case 'dtype':
      return `give ${path} one dtype: ${path}.cast('${commonDType(history.dtypes)}'), or make it with that dtype`
    case 'constant':
      return constantFix(history, cause)
    case 'type':
      return `pass the same sort of value as ${path} each time: tf.scalar(${leafName(path)}) where it is a number`
    case 'object identity':
      return path === 'this'
        ? `call it on the same ${label} each time, or pass what it reads of \`this\` as arguments`
        : `pass the same ${label} each time, a plain object of what is read, or give ${label} a [tf.traceType]() method`
    case 'equal instance':
      return `pass a plain object ({ ...${leafName(path)} }), or define in ${label}: [tf.traceType]() { return ${traceTypeText(entry)} }`
    case 'function identity':
      return `pass the same function as ${path} each time, or make one tf.function per function`
    case 'inline callback':
      return `hoist it: const ${leafName(path)} = ${sourceText(entry)} once, outside of the calls, and pass ${leafName(path)}`
    case 'structure':
      return structureFix(history)
    case 'variable alias':
      return `pass different Variables as ${path} and the arguments before it, or make one tf.function for each case`
    case 'variable type':
      return `pass Variables of one dtype and shape as ${path}, or make one tf.function per Variable`
    case 'mode':
      return `set ${path} once, before the first call`
    case 'size assumption':
      return 'write the size as a number in the inputSignature, or call with sizes that agree'
    case 'cache cleared':
      return 'keep the traces: do not clear them between calls of the same types'
    case 'cache evicted':
      return `tf.function(${callableName(subject.name)}, { maxTraces: ${powerAbove(distinct(subject.signatures, keyOf))} })`
    case 'key collected':
      return `keep one ${label} alive as long as ${subject.name} is called, or give ${label} a [tf.traceType]() method`
    case 'various':
      return 'pass as tensors what varies from call to call, with { reduceRetracing: true }'
    case 're-created':
      return `hoist it: const ${callableName(subject.name)} = tf.function(…) once, outside of the loop or function around ${subject.definedAt ?? 'it'}`
  }
}

function constantFix({ path, sorts }: PathHistory, { likenesses, paths }: Cause): string {
  const numeric = sorts.every((sort) => sort === 'number' || sort === 'boolean')
  if (likenesses.has('different'))
    return numeric
      ? `${path} chooses the operations: keep it to a few values, or pass tf.scalar(${path}) and choose with tf.where`
      : `${path} chooses the operations: make one tf.function per value`
  const sized = [...paths.values()].some(({ kind }) => kind === 'shape')
  if (!sized && (likenesses.has('sizes') || likenesses.has('sizes and constants')))
    return `${path} sets a size: keep it to a few values, or take the size from the shape of a tensor argument`
  return numeric
    ? `pass tf.scalar(${path}) or make it a tf.variable and assign to it`
    : `leave ${path} out of the arguments, or make one tf.function per value`
}

function structureFix({ path, sorts, varyingKeys }: PathHistory): string {
  if (varyingKeys.length > 0)
    return `always pass the same keys in ${path}: ${listed(varyingKeys.slice(0, 6))} as well, as null when there is none`
  if (sorts.includes('absent')) return `always pass ${path}, as null when there is none`
  if (sorts.includes('array'))
    return `pad ${path} to one length, and pass it as one tensor: tf.stack(${path})`
  return `pass the same structure as ${path} each time`
}

function pathsOf(cause: Cause, kind: PathHistory['kind']): string[] {
  return [...cause.paths.values()].filter((history) => history.kind === kind).map(({ path }) => path)
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function leafName(path: string): string {
  const name = path.split('.').at(-1) ?? path
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'this' ? name : 'value'
}

function callableName(name: string): string {
  return /^[A-Za-z_$][\w$.]*$/.test(name) && name !== 'anonymous' ? name : 'callback'
}

/** The dtype that holds most of the others. */
function commonDType(dtypes: readonly DType[]): DType {
  const order: readonly DType[] = ['float64', 'float32', 'int32', 'uint8', 'bool']
  // float64 is rarely meant: where there was float32 too, that is the one to keep.
  if (dtypes.includes('float32')) return 'float32'
  return order.find((dtype) => dtypes.includes(dtype)) ?? 'float32'
}

/** The fields of an instance as a trace key: `[this.a, this.b]`. */
function traceTypeText(entry: Entry | undefined): string {
  const object = entry?.type.kind === 'object' ? entry.type.object.deref() : undefined
  const fields = object === undefined ? [] : Object.keys(object)
  if (fields.length === 0 || fields.length > 8) return '[…]'
  return `[${fields.map((field) => `this.${field}`).join(', ')}]`
}

/** A function's source when it is short. */
function sourceText(entry: Entry | undefined): string {
  const callback = entry?.type.kind === 'object' ? entry.type.object.deref() : undefined
  const source = typeof callback === 'function' ? Function.prototype.toString.call(callback) : ''
  return source !== '' && source.length <= 50 && !source.includes('\n') ? source : '(…) => …'
}

function powerAbove(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, count)))
}

function keyOf({ entries, mode }: Remembered): string {
  return `${entries.map(({ path, text }) => `${path}:${text}`).join(';')}|${modeKey(mode)}`
}

function modeKey(mode: Remembered['mode']): string {
  return Object.entries(mode)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',')
}

function distinct(signatures: readonly Remembered[], key: (signature: Remembered) => string): number {
  return new Set(signatures.map(key)).size
}

/** Distinct signatures with the cause's paths left out, and the sizes of those that differ in sizes. */
function maskedKey(cause: Cause): (signature: Remembered) => string {
  const histories = [...cause.paths.values()]
  return ({ entries, mode }) => {
    const parts = entries.flatMap(({ path, type, text }) => {
      const history = histories.find((candidate) => within(path, candidate.path))
      if (history === undefined) return [`${path}:${text}`]
      if (history.kind === 'shape' && type.kind === 'tensor')
        return [`${path}:${type.dtype}/${type.shape?.length ?? '…'}`]
      return history.kind === 'structure' ? [] : [`${path}:`]
    })
    const rest = Object.entries(mode).filter(([name]) => !cause.paths.has(name))
    return `${parts.join(';')}|${modeKey(Object.fromEntries(rest))}`
  }
}

function tracesWithout(cause: Cause, subject: Subject): number {
  return distinct(subject.signatures, maskedKey(cause))
}

/** With reduceRetracing: the first of each group as it is, and one more with open sizes. */
function tracesRelaxed(cause: Cause, subject: Subject): number {
  const key = maskedKey(cause)
  const groups = new Map<string, Set<string>>()
  for (const signature of subject.signatures) {
    const masked = key(signature)
    const members = groups.get(masked) ?? new Set()
    groups.set(masked, members.add(keyOf(signature)))
  }
  return [...groups.values()].reduce((sum, members) => sum + Math.min(2, members.size), 0)
}

/** The narrowest input signature that all of these fit, as code; undefined where there is none. */
function inputSignatureText(signatures: readonly Remembered[]): string | undefined {
  const [first, ...rest] = signatures
  if (first === undefined) return undefined
  let joined: readonly Entry[] | undefined = first.entries
  for (const { entries } of rest) joined = joined && joinEntries(joined, entries)
  return joined && new SpecWriter(joined.filter(({ path }) => path !== 'this')).text()
}

function joinEntries(x: readonly Entry[], y: readonly Entry[]): readonly Entry[] | undefined {
  if (x.length !== y.length) return undefined
  const joined = x.map((entry, i): Entry | undefined => {
    const other = y[i]
    if (other === undefined || entry.path !== other.path) return undefined
    if (entry.text === other.text) return entry
    const type = joinTensors(entry.type, other.type)
    return type && { path: entry.path, type, text: '' }
  })
  return joined.every((entry) => entry !== undefined) ? joined : undefined
}

function joinTensors(x: ArgumentType, y: ArgumentType): ArgumentType | undefined {
  if (x.kind !== 'tensor' || y.kind !== 'tensor' || x.dtype !== y.dtype) return undefined
  const { shape } = y
  if (x.shape === null || shape === null || x.shape.length !== shape.length) return undefined
  return {
    ...x,
    shape: x.shape.map((size, axis) => (typeof size === 'number' && size === shape[axis] ? size : null)),
  }
}

/** Writes specs as code from entries, which stand in the order of a walk: an object before what is in it. */
class SpecWriter {
  readonly #entries: readonly Entry[]
  #at = 0

  constructor(entries: readonly Entry[]) {
    this.#entries = entries
  }

  text(): string | undefined {
    const specs: string[] = []
    while (this.#at < this.#entries.length) {
      const spec = this.#spec()
      if (spec === undefined) return undefined
      specs.push(spec)
    }
    return specs.length === 0 ? undefined : `[${specs.join(', ')}]`
  }

  #spec(): string | undefined {
    const entry = this.#entries[this.#at++]
    if (entry === undefined) return undefined
    const { type, path } = entry
    if (type.kind === 'tensor') {
      const shape =
        type.shape === null
          ? 'null'
          : `[${type.shape.map((size) => (typeof size === 'number' ? size : 'null')).join(', ')}]`
      return type.dtype === 'float32' ? `tf.spec(${shape})` : `tf.spec(${shape}, '${type.dtype}')`
    }
    if (type.kind !== 'structure') return undefined
    const open = type.text[0]
    const inner: string[] = []
    if (open !== '{' && !type.text.startsWith('array of ')) return undefined
    while (this.#at < this.#entries.length) {
      const next = this.#entries[this.#at]?.path ?? ''
      if (!within(next, path)) break
      const spec = this.#spec()
      if (spec === undefined) return undefined
      const key = next.slice(path.length + 1)
      inner.push(
        open === '{' ? `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: ${spec}` : spec,
      )
    }
    return open === '{' ? `{ ${inner.join(', ')} }` : `[${inner.join(', ')}]`
  }
}
