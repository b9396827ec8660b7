/**
 * Staging an `if`: both branches run, each in a region of its own and from the same state; what they leave in the
 * variables is joined. A variable with the same value in both keeps it, whatever it is; numbers and tensors that differ
 * become results of the `cond`; anything else that differs is an error if the variable is wanted afterwards.
 */
import { TraceError } from '../../codegen/errors.ts'
import type { TensorLike } from '../convert.ts'
import { Tensor } from '../tensor.ts'
import { currentTrace } from '../trace/bind.ts'
import { traceCond } from '../trace/control.ts'
import { ListHolder, TensorList } from '../trace/tensor-list.ts'
import { isPlainObject } from '../trace/tree.ts'
import type { Growing } from './growing.ts'
import { commonDType, deferred, isLoose, isNumeric, kindOf, later, placeholder, sameKeys } from './leaves.ts'
import { markWeak } from './operators.ts'
import { absent, unset } from './absent.ts'
import type { State } from './state.ts'
import { refusal, Thrown, thrownHere } from './thrown.ts'

/** How deep in staged branches and loops we are. */
let depth = 0

export function isStaging(): boolean {
  return depth > 0
}

export function whileStaging<R>(body: () => R): R {
  depth++
  try {
    return body()
  } finally {
    depth--
  }
}

/** A value that both branches agree on, given the results of the node. */
type Joined = (results: readonly Tensor[]) => unknown

interface Join {
  readonly first: TensorLike[]
  readonly second: TensorLike[]
  readonly labels: string[]
  readonly site: string
  readonly late: string[] | undefined
}

/** Thrown where branches leave an array of different lengths: a loop that is being staged makes a list of it. */
export class Grows extends TraceError {
  growing: Growing | undefined
}

export interface Branches {
  readonly predicate: Tensor
  readonly first: () => unknown
  readonly second: () => unknown
  readonly state: State
  readonly site: string
  /** What the value of the branches is called, where it is wanted. */
  readonly value?: string
  /** A variable known to be true when the second branch is taken. */
  readonly flag?: number
  /** Variables that only the first branch gives a value are told here by name, and are no error. */
  readonly late?: string[]
}

/** Stages both branches; gives their value. */
export function stageBranch({
  predicate,
  first: then,
  second: otherwise,
  state,
  site,
  value,
  flag,
  late,
}: Branches): unknown {
  const before = state.get()
  const [xs, ys]: [TensorLike[], TensorLike[]] = [[], []]
  const join: Join = { first: xs, second: ys, labels: [], site, late }
  let joined: readonly Joined[] = []
  const thrown: [main?: Thrown, otherwise?: Thrown] = []
  const run = (branch: () => unknown, at: 0 | 1): readonly unknown[] => {
    state.set(before)
    try {
      const result = whileStaging(branch)
      return [...state.get(), result]
    } catch (error) {
      thrown[at] = thrownHere(error)
      return [...before, undefined]
    }
  }
  let first: readonly unknown[] = []
  try {
    const results = traceCond(
      predicate,
      () => {
        first = run(then, 0)
        // It is filled in when the other branch has been seen.
        return xs
      },
      () => {
        const second = run(otherwise, 1)
        joined = first.map((x, i) => {
          const isValue = i === before.length
          const y = flag === i ? true : second[i]
          if (isValue && value === undefined) return () => undefined
          const name = isValue ? (value ?? '') : `'${state.names[i] ?? ''}'`
          if (!isValue && state.live[i] !== true) return () => before[i]
          if (thrown[0] ?? thrown[1])
            return joinWithThrown(join, thrown[0] === undefined ? x : second[i], name, before[i], thrown[0] !== undefined) // prettier-ignore
          const growing = state.growing[i]
          return growing === undefined ? joinValues(join, x, y, name) : joinGrowing(join, x, y, name, growing)
        })
        return ys
      },
      {
        op: 'if',
        first: 'the main branch',
        second: 'the else branch',
        label: (path) => join.labels[Number(/\d+/.exec(path)?.[0] ?? 0)] ?? path,
      },
    ) as readonly Tensor[]
    if (thrown[0] && thrown[1]) throw leaving(thrown[0])
    const after = joined.map((rebuild) => rebuild(results))
    state.leave(after.slice(0, before.length), before)
    return after[before.length]
  } catch (error) {
    state.set(before)
    throw error
  }
}

function joinValues(join: Join, x: unknown, y: unknown, name: string): Joined {
  if (Object.is(x, y)) return () => x
  if (x === unset || y === unset) return joinWithNothing(join, x === unset ? y : x, name, x === unset)
  if (join.late !== undefined && (y === undefined || y === null) && hasValue(x)) {
    join.late.push(nameForUser(name))
    return joinWithNothing(join, x, name, false)
  }
  if (x instanceof ListHolder && y instanceof ListHolder) return joinHolders(join, x, y, name)
  if (isNumeric(x) && isNumeric(y)) {
    const dtype = commonDType(x, y)
    return addResult(join, deferred(x, dtype), deferred(y, dtype), name, isLoose(x) && isLoose(y))
  }
  if (Array.isArray(x) && Array.isArray(y)) {
    if (x.length === y.length) return joinLists(join, x, y, name)
    throw differ(
      join,
      x,
      y,
      name,
      `${name} has length ${x.length} in the main branch, but ${y.length} in the else branch`,
    )
  }
  if (isPlainObject(x) && isPlainObject(y)) {
    const keys = sameKeys(x, y)
    if (keys !== undefined) {
      const entries = keys.map((key) => [key, joinValues(join, x[key], y[key], `${name}.${key}`)] as const)
      return (results) => Object.fromEntries(entries.map(([key, rebuild]) => [key, rebuild(results)]))
    }
  }
  for (const [value, branch] of [
    [x, 'main'],
    [y, 'else'],
  ] as const)
    if (value === undefined || value === absent)
      throw differ(join, x, y, name, `${name} must also be initialized in the ${branch} branch`)
  throw differ(
    join,
    x,
    y,
    name,
    `${name} is ${kindOf(x)} in the main branch, but ${kindOf(y)} in the else branch`,
  )
}

function hasValue(x: unknown): boolean {
  return isNumeric(x) || Array.isArray(x) || isPlainObject(x)
}

function joinLists(join: Join, x: readonly unknown[], y: readonly unknown[], name: string): Joined {
  const entries = x.map((entry, i) => joinValues(join, entry, y[i], `${name}[${i}]`))
  return (results) => entries.map((rebuild) => rebuild(results))
}

const oneLength =
  'give it one length in both branches: write tf.where(condition, value, other) to it; or let a loop decide how long it gets whose condition is a tensor, such as while (count.less(n)).'

/** Two TensorArrays; nothing stands for one that nobody will look at. */
function joinHolders(join: Join, x: ListHolder | undefined, y: ListHolder | undefined, name: string): Joined {
  const handle = (holder: ListHolder | undefined): TensorLike =>
    later('float64', () => (holder?.asList() ?? TensorList.empty()).handle)
  const at = join.first.push(handle(x)) - 1
  join.second.push(handle(y))
  join.labels.push(name)
  const either = x && y ? x.joinedWith(y) : (x ?? y)
  return (results) => (results[at] === undefined ? either : either?.withHandle(results[at]))
}

/** Arrays that may grow: lists, or arrays of one length; otherwise they have to become lists. */
function joinGrowing(join: Join, x: unknown, y: unknown, name: string, growing: Growing): Joined {
  if (x instanceof TensorList && y instanceof TensorList) {
    if (x.handle === y.handle) return () => x
    const at = join.first.push(x.handle) - 1
    join.second.push(y.handle)
    join.labels.push(name)
    const element = joinElements(x, y)
    return (results) => x.withHandle(results[at] ?? x.handle, element)
  }
  if (Array.isArray(x) && Array.isArray(y) && x.length === y.length) return joinLists(join, x, y, name)
  const length = (value: unknown): string => (Array.isArray(value) ? String(value.length) : 'another')
  const error = new Grows({
    op: 'if',
    problem: `${name} has length ${length(x)} in the main branch, but ${length(y)} in the else branch`,
    fix: oneLength,
    site: join.site,
  })
  error.growing = growing
  throw error
}

/** The element type of a list that is one or the other; null for sizes that differ. */
function joinElements({ element: x }: TensorList, { element: y }: TensorList): TensorList['element'] {
  if (x === undefined || y === undefined || x.shape.length !== y.shape.length) return x ?? y
  return { ...x, shape: x.shape.map((size, axis) => (Object.is(size, y.shape[axis]) ? size : null)) }
}

/** One branch has not returned: what stands for its value is never looked at. */
function joinWithNothing(join: Join, value: unknown, name: string, isFirst: boolean): Joined {
  if (isNumeric(value)) {
    const own = deferred(value, commonDType(value, value))
    const other = placeholder(value)
    return addResult(join, isFirst ? other : own, isFirst ? own : other, name, isLoose(value))
  }
  if (Array.isArray(value)) {
    const entries = value.map((entry: unknown, i) => joinWithNothing(join, entry, `${name}[${i}]`, isFirst))
    return (results) => entries.map((rebuild) => rebuild(results))
  }
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(
      ([key, entry]) => [key, joinWithNothing(join, entry, `${name}.${key}`, isFirst)] as const,
    )
    return (results) => Object.fromEntries(entries.map(([key, rebuild]) => [key, rebuild(results)]))
  }
  if (value instanceof ListHolder)
    return joinHolders(join, isFirst ? undefined : value, isFirst ? value : undefined, name)
  return () => value
}

/** One branch throws: the other goes on, so numbers stay numbers. */
function joinWithThrown(join: Join, value: unknown, name: string, before: unknown, isFirst: boolean): Joined {
  if (Object.is(value, before)) return () => value
  const part = (entry: unknown, key: string | number): Joined =>
    joinWithThrown(join, entry, `${name}.${key}`, (before as Record<string | number, unknown> | undefined)?.[key], isFirst) // prettier-ignore
  if (value instanceof Tensor) {
    const other = placeholder(value)
    return addResult(join, isFirst ? other : value, isFirst ? value : other, name, isLoose(value))
  }
  if (value instanceof TensorList) {
    const handle = before instanceof TensorList ? before.handle : TensorList.empty({}).handle
    const at = join.first.push(isFirst ? handle : value.handle) - 1
    join.second.push(isFirst ? value.handle : handle)
    join.labels.push(name)
    return (results) => value.withHandle(results[at] ?? value.handle)
  }
  if (value instanceof ListHolder)
    return joinHolders(join, isFirst ? undefined : value, isFirst ? value : undefined, name)
  if (Array.isArray(value)) {
    const entries = value.map(part)
    return (results) => entries.map((rebuild) => rebuild(results))
  }
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([key, entry]) => [key, part(entry, key)] as const)
    return (results) => Object.fromEntries(entries.map(([key, rebuild]) => [key, rebuild(results)]))
  }
  return () => value
}

/** Both branches throw, so whatever they are part of does. */
function leaving({ site }: Thrown): Error {
  return isStaging() ? new Thrown(site, currentTrace()) : refusal(site, 'so does every other branch')
}

function addResult(join: Join, x: TensorLike, y: TensorLike, name: string, isResultWeak: boolean): Joined {
  const at = join.first.push(x) - 1
  join.second.push(y)
  join.labels.push(nameForUser(name))
  return (results) => {
    const result = results[at]
    return result !== undefined && isResultWeak ? markWeak(result) : result
  }
}

function differ(join: Join, x: unknown, y: unknown, name: string, problem: string): TraceError {
  return new TraceError({
    op: 'if',
    problem: problem.replace(name, nameForUser(name)),
    rows: [
      ['the main branch', kindOf(x)],
      ['the else branch', kindOf(y)],
    ],
    fix: Array.isArray(x) && Array.isArray(y) ? oneLength : 'give it a value of one kind in both branches, or before the if.', // prettier-ignore
    site: join.site,
  })
}

/** Generated variables by what they stand for. */
export function nameForUser(name: string): string {
  if (/^'\$+v'/.test(name)) return name.replace(/^'\$+v'/, 'the returned value')
  if (/^'\$+r'/.test(name)) return 'whether it has returned'
  if (/^'\$+[bc]\d+'/.test(name)) return 'whether the loop goes on'
  return name
}
