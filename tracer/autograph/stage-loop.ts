/**
 * Staging a loop: the state it carries becomes tensors, and its test and body are traced as regions.
 *
 * What has to be a tensor is found by trying. Tensors are carried; a number is taken for a constant until the body
 * leaves another one in its place, and then it is carried and the loop traced again, with that number as a tensor. The
 * same goes for a variable that had no value before the loop, and for a number that meets tensors of some dtype. Each
 * try only adds to what is carried, so this ends.
 */
import type { DType } from '../../codegen/dtype.ts'
import { TraceError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { bind } from '../trace/bind.ts'
import { checkOp } from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { traceWhile } from '../trace/while.ts'
import { hearingOptions } from '../trace/loop-options.ts'
import { ListHolder, printElementType, TensorList } from '../trace/tensor-list.ts'
import { isPlainObject } from '../trace/tree.ts'
import { Variable } from '../variable.ts'
import { listOf } from './growing.ts'
import { isNumeric, kindOf, naturalDType, placeholder, sameKeys } from './leaves.ts'
import { adopt, isWeak, markWeak } from './operators.ts'
import { Grows, nameForUser, whileStaging } from './stage-branch.ts'
import { absent, unset } from './absent.ts'
import { hear, iterationsLeft, type Told, ToldMore } from './told.ts'
import type { State } from './state.ts'
import { thrownHere } from './thrown.ts'

/** A leaf that is carried: its value when the loop begins, or undefined for one that nobody looks at. */
class Carried {
  readonly initial: TensorLike
  readonly dtype: DType
  readonly isWeak: boolean

  constructor(initial: TensorLike, dtype: DType, isItWeak: boolean) {
    this.initial = initial
    this.dtype = dtype
    this.isWeak = isItWeak
  }
}

/** An array that is carried as a list. */
class CarriedList {
  readonly initial: readonly unknown[] | TensorList
  readonly element: TensorList['element']
  /** The list where the loop begins. */
  start: TensorList | undefined

  /** The object it is the content of. */
  readonly holder: ListHolder | undefined

  constructor(initial: readonly unknown[] | TensorList, element: TensorList['element'], holder?: ListHolder) {
    this.initial = initial
    this.element = element
    this.holder = holder
  }
}

/** Thrown out of a body to trace it again with more carried. */
class Again extends Error {
  readonly forms: readonly unknown[]
  constructor(forms: readonly unknown[]) {
    super('the state of the loop has other types')
    this.forms = forms
  }
}

/**
 * Thrown when a variable that is null or undefined before the loop gets its first value in it, and is compared with null
 * there: the first iteration is another than the rest. The state is what it was.
 */
export class FirstDiffers extends Error {
  constructor() {
    super('the first iteration of the loop is another than the rest')
  }
}

export interface StagedLoop {
  readonly state: State
  readonly site: string
  /** Whether to go on; may change the state unless `isPure`. */
  readonly proceed: () => unknown
  readonly step: () => void
  readonly isPure: boolean
  /** What `proceed` gave, which has been asked once. */
  readonly first: unknown
  /** What the loop has been told before it was staged, and how many iterations it has made since it began. */
  readonly options?: { readonly most: number | Tensor | undefined; readonly made: number }
  /** A counter that the loop keeps for itself, as a tensor: where it starts, and what is done with it. */
  readonly counter?: { readonly set: (index: Tensor) => void; readonly start: number }
}

/** Tries at most so often; each adds at least one leaf or widens one. */
const mostTries = 64

/** Stages the loop from the present state on; afterwards the state is what the loop leaves. */
export function stageLoop(loop: StagedLoop): void {
  const { state } = loop
  const before = state.get()
  const late: string[] = []
  const told: Told = { most: loop.options?.most, shapes: new Map() }
  let forms: readonly unknown[] = before.map((value, i) => (state.live[i] === true ? formOf(value) : value))
  try {
    for (let attempt = 0; attempt < mostTries; attempt++)
      try {
        state.set(before)
        return run(loop, before, forms, late, told)
      } catch (error) {
        if (error instanceof ToldMore) continue
        const at = error instanceof Grows ? state.growing.indexOf(error.growing) : -1
        const form = forms[at]
        if (Array.isArray(form)) {
          const list = new CarriedList(before[at] as readonly unknown[], undefined)
          forms = forms.map((other, i) => (i === at ? list : other))
          continue
        }
        if (!(error instanceof Again)) throw error
        forms = error.forms
      }
    throw new TraceError({ op: 'loop', problem: 'the types of its state do not settle', site: loop.site })
  } catch (error) {
    state.set(before)
    throw error
  }
}

function run(
  loop: StagedLoop,
  before: readonly unknown[],
  forms: readonly unknown[],
  late: string[],
  told: Told,
): void {
  const { state, site, counter } = loop
  const labels: string[] = []
  const carried = forms.flatMap((form, i) => collect(form, `'${state.names[i] ?? ''}'`, labels))
  const initial: TensorLike[] = carried.map(({ initial: value, dtype, isWeak: weak }) =>
    weak || !(value instanceof Tensor) ? asTensor(value, dtype) : value,
  )
  // Leaves the loop keeps for itself come last: the counter, and whether to go on where asking changes something.
  if (counter !== undefined) initial.push(convertToTensor(counter.start, { dtype: 'int32' }))
  if (!loop.isPure) initial.push(convertToTensor(loop.first as TensorLike))
  const enter = (tensors: readonly Tensor[]): readonly unknown[] => {
    const values = rebuild(forms, carried, tensors)
    state.set(values)
    const index = tensors[carried.length]
    if (counter !== undefined && index !== undefined) counter.set(index)
    return values
  }
  const results = traceWhile(
    initial,
    (tensors) => {
      const list = tensors as readonly Tensor[]
      enter(list)
      if (!loop.isPure) return list.at(-1) ?? true
      return unlessThrown(loop.proceed, () => false) as TensorLike
    },
    (tensors) => {
      const list = tensors as readonly Tensor[]
      enter(list)
      hearingOptions(
        (settings) => hear(settings, told, list, labels, site),
        () => unlessThrown(loop.step, () => void enter(list)),
      )
      const index = list[carried.length]
      const next = counter === undefined || index === undefined ? undefined : index.add(1)
      if (next !== undefined) counter?.set(next)
      const go = loop.isPure ? undefined : (unlessThrown(loop.proceed, () => false) as TensorLike)
      const output = leave(loop, before, forms, late)
      if (next !== undefined) output.push(next)
      if (go !== undefined) output.push(convertToTensor(go))
      return output
    },
    { op: 'loop', label: (path) => labels[Number(/\d+/.exec(path)?.[0] ?? 0)] ?? path },
    {
      invariants: new Map(
        labels.flatMap((label, i) => {
          const shape = told.shapes.get(label)
          return shape === undefined ? [] : [[`[${i}]`, shape] as const]
        }),
      ),
      maximumIterations: iterationsLeft(told, loop.options?.made ?? 0),
    },
  ) as readonly Tensor[]
  const after = rebuild(forms, carried, results)
  state.leave(
    after.map((value, i) => (state.live[i] === true ? value : before[i])),
    before,
  )
  if (late.length > 0 && loop.first instanceof Tensor) demandIteration(loop.first, late, site)
}

/** Runs a part of the loop; what stands for it where it always throws is never looked at. */
function unlessThrown(part: () => unknown, instead: () => unknown): unknown {
  try {
    return whileStaging(part)
  } catch (error) {
    thrownHere(error)
    return instead()
  }
}

/** Checks when the program runs that a loop has run, where its variables have no value otherwise. */
export function demandIteration(first: Tensor, late: readonly string[], site: string): void {
  bind(checkOp, [first], {
    api: 'loop',
    message: `it must iterate at least once to initialize ${late.join(', ')} (${site})`,
    labels: [],
  })
}

function asTensor(value: TensorLike, dtype: DType): Tensor {
  return value instanceof Tensor || typeof value === 'number' || typeof value === 'boolean'
    ? adopt(value, dtype)
    : convertToTensor(value)
}

/** A value with its tensors marked as carried. */
function formOf(value: unknown): unknown {
  if (value instanceof TensorList) return new CarriedList(value, value.element)
  if (value instanceof ListHolder) {
    const list = value.asList()
    return new CarriedList(list, list.element, value)
  }
  if (value instanceof Tensor) return new Carried(value, value.dtype, isWeak(value))
  if (Array.isArray(value)) return value.map(formOf)
  if (isPlainObject(value)) return mapObject(value, formOf)
  return value
}

function mapObject(value: object, map: (entry: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, map(entry)]))
}

function collect(form: unknown, name: string, labels: string[]): Carried[] {
  if (form instanceof Carried) {
    labels.push(nameForUser(name))
    return [form]
  }
  if (form instanceof CarriedList) {
    const { initial, element } = form
    const start = initial instanceof TensorList ? initial : listOf(initial, name.replaceAll("'", ''), element)
    form.start = start
    labels.push(nameForUser(name))
    return [new Carried(start.handle, start.handle.dtype, false)]
  }
  if (Array.isArray(form)) return form.flatMap((entry, i) => collect(entry, `${name}[${i}]`, labels))
  if (isPlainObject(form))
    return Object.entries(form).flatMap(([key, entry]) => collect(entry, `${name}.${key}`, labels))
  return []
}

/** The values of variables with tensors in the place of what is carried. */
function rebuild(
  forms: readonly unknown[],
  carried: readonly Carried[],
  tensors: readonly Tensor[],
): unknown[] {
  let next = 0
  const build = (form: unknown): unknown => {
    if (form instanceof Carried) {
      const tensor = tensors[next]
      const isItWeak = carried[next++]?.isWeak === true
      return tensor !== undefined && isItWeak ? markWeak(tensor) : tensor
    }
    if (form instanceof CarriedList) {
      const tensor = tensors[next++]
      const list = tensor && form.start?.withHandle(tensor, form.element ?? form.start.element)
      return list && form.holder ? form.holder.withList(list) : list
    }
    if (Array.isArray(form)) return hasCarried(form) ? form.map(build) : form
    if (isPlainObject(form)) return hasCarried(form) ? mapObject(form, build) : form
    return form
  }
  return forms.map(build)
}

function hasCarried(form: unknown): boolean {
  if (form instanceof Carried || form instanceof CarriedList) return true
  if (Array.isArray(form)) return form.some(hasCarried)
  return isPlainObject(form) && Object.values(form).some(hasCarried)
}

/** What is carried into the next iteration; throws Again when it is of another form. */
function leave(
  loop: StagedLoop,
  before: readonly unknown[],
  forms: readonly unknown[],
  late: string[],
): TensorLike[] {
  const { state } = loop
  const output: TensorLike[] = []
  let isNew = false
  let isCompared = false
  let initial: readonly unknown[] | undefined
  const compare = (form: unknown, value: unknown, name: string): unknown => {
    if (form instanceof Carried) {
      if (!isNumeric(value)) throw differ(loop, name, form.initial, value)
      const wider = widened(form, value)
      if (wider !== form) isNew = true
      else output.push(isWeak(value) || !(value instanceof Tensor) ? asTensor(value, form.dtype) : value)
      return wider
    }
    if (Object.is(form, value)) return form
    const holder = value instanceof ListHolder && form instanceof CarriedList ? form.holder : undefined
    if (value instanceof ListHolder && holder !== undefined) value = value.asList()
    if (value instanceof TensorList) {
      const from = form instanceof CarriedList ? form.initial : (initial ?? [])
      const isKnown =
        form instanceof CarriedList && sameElement(form.element ?? form.start?.element, value.element)
      if (!isKnown) isNew = true
      else output.push(value.handle)
      return isKnown ? form : new CarriedList(from, value.element, holder)
    }
    if (form === unset || form === undefined || form === null || form === absent) {
      isNew = true
      if (isCompared && (form === undefined || form === null)) throw new FirstDiffers()
      if (form === undefined || form === null) late.push(nameForUser(name))
      if (form === absent) throw differ(loop, name, form, value)
      return skeleton(value)
    }
    if (Array.isArray(form) && Array.isArray(value)) {
      if (form.length === value.length)
        return form.map((entry, i) => compare(entry, value[i], `${name}[${i}]`))
      if (initial !== undefined) {
        isNew = true
        return new CarriedList(initial, undefined)
      }
      throw new TraceError({
        op: 'loop',
        problem: `${nameForUser(name)} has length ${form.length} before an iteration, but ${value.length} after it: an array that is not made in the same function cannot grow in a loop over tensors`,
        fix: 'make the array there, const a = [], or use tf.scan or tf.mapFn, which stack what each iteration gives.',
        site: loop.site,
      })
    }
    if (isPlainObject(form) && isPlainObject(value)) {
      const keys = sameKeys(form, value)
      if (keys !== undefined)
        return Object.fromEntries(keys.map((key) => [key, compare(form[key], value[key], `${name}.${key}`)]))
    }
    if (isNumeric(form) && isNumeric(value) && !(form instanceof Variable)) {
      isNew = true
      return widened(new Carried(form, naturalDType(form), typeof form === 'number'), value)
    }
    throw differ(loop, name, form, value)
  }
  const values = state.get()
  const next = forms.map((form, i) => {
    isCompared = state.compared[i] === true
    initial = state.growing[i] === undefined ? undefined : (before[i] as readonly unknown[])
    return state.live[i] === true ? compare(form, values[i], `'${state.names[i] ?? ''}'`) : form
  })
  if (isNew) throw new Again(next)
  return output
}

function sameElement(x: TensorList['element'], y: TensorList['element']): boolean {
  if (x === undefined || y === undefined) return x === y
  return printElementType(x) === printElementType(y)
}

/** The form that a carried leaf needs to hold this value as well. */
function widened(form: Carried, value: TensorLike): Carried {
  if (!form.isWeak) return form
  if (isWeak(value) || typeof value === 'number') {
    const isWider = form.dtype === 'int32' && naturalDType(value) === 'float32'
    return isWider ? new Carried(form.initial, 'float32', true) : form
  }
  return new Carried(form.initial, naturalDType(value), false)
}

/** The form of a variable that is given its first value in the loop. */
function skeleton(value: unknown): unknown {
  if (isNumeric(value))
    return new Carried(placeholder(value), naturalDType(value), isWeak(value) || typeof value === 'number')
  if (Array.isArray(value)) return value.map(skeleton)
  if (isPlainObject(value)) return mapObject(value, skeleton)
  return value
}

function differ(loop: StagedLoop, name: string, before: unknown, after: unknown): TraceError {
  return new TraceError({
    op: 'loop',
    problem: `${nameForUser(name)} is ${kindOf(before)} before the loop, but ${kindOf(after)} after one iteration`,
    fix: 'keep one kind of value in it, or use another variable.',
    site: loop.site,
  })
}
