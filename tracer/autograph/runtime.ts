/**
 * What rewritten functions call, as `$ag`. Everything decides by what the values are when they get here: a JavaScript
 * value does what JavaScript does, a tensor that has a value is read, and one that has none yet is staged: both branches,
 * or the body of the loop, become regions of the graph.
 */
import { TraceError } from '../../codegen/errors.ts'
import { printType } from '../ir/type.ts'
import { logicalAnd, logicalNot, logicalOr, reshape, scalarTensor, sizeOf } from '../ops/index.ts'
import { sliceInside } from '../ops/dynamic.ts'
import { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { consider } from '../trace/unused-tests.ts'
import { alignWeak, contentOf, demandBool, isSymbolic, mathCall, negate, operate, operateUnary } from './operators.ts'
import { isStaging, stageBranch } from './stage-branch.ts'
import { stageLoop } from './stage-loop.ts'
import { cellPart, contentPart, type Part, partOf, State, type StateAccess, unset } from './state.ts'

type Callee = (...args: unknown[]) => unknown

/** What a loop is made of. */
export interface LoopParts {
  readonly test?: () => unknown
  readonly body: () => void
  readonly update?: () => void
  /** The flags that end it. */
  readonly stop?: (() => unknown[]) | null
  /** `do … while`: the body comes before the first test. */
  readonly first?: boolean
  /** What `update` writes is not seen after the loop. */
  readonly own?: boolean
  /** The test changes nothing and cannot fail. */
  readonly pure?: boolean
}

/** The runtime of one rewritten text. */
export interface Runtime {
  readonly unset: symbol
  if(test: unknown, then: (() => void) | null, otherwise: (() => void) | null, state: StateAccess | null, site: string): void
  unless(flags: readonly unknown[], body: () => void, state: StateAccess | null, site: string): void
  ifExp(test: unknown, then: () => unknown, otherwise: () => unknown, state: StateAccess | null, site: string): unknown
  and(left: unknown, right: () => unknown, state: StateAccess | null, site: string): unknown
  or(left: unknown, right: () => unknown, state: StateAccess | null, site: string): unknown
  not(value: unknown, site: string): unknown
  op(operator: string, left: unknown, right: unknown, site: string): unknown
  unary(operator: string, value: unknown, site: string): unknown
  first<T>(value: T, then: unknown): T
  loop(parts: LoopParts, state: StateAccess | null, site: string): void
  each(items: unknown, body: (item: unknown) => void, stop: (() => unknown[]) | null, state: StateAccess | null, site: string): void
  keys(object: unknown, site: string): readonly string[]
  call(callee: unknown, args: readonly unknown[], site: string): unknown
  method(object: unknown, key: PropertyKey, args: readonly unknown[], site: string): unknown
  throwing(site: string): void
  done(hasReturned: unknown, value: unknown, isComplete: boolean, site: string): unknown
  part(base: () => unknown, key: string | number, name: string): Part | undefined
  content(base: () => unknown, name: string): Part | undefined
  cell(get: () => unknown, set: (value: unknown) => void, name: string): Part
}

/** Where rewritten code comes from, and how functions it calls are rewritten in their turn. */
export interface RuntimeOptions {
  /** What comes before `line:column` in messages. */
  readonly name: string
  readonly convert: (callee: Callee) => Callee
}

/** Makes the runtime of a text. */
export function createRuntime({ name, convert }: RuntimeOptions): Runtime {
  const at = (site: string): string => `${name}:${site}`
  const stage = (
    test: Tensor,
    then: () => unknown,
    otherwise: () => unknown,
    access: StateAccess | null,
    site: string,
    value?: string,
  ): unknown =>
    stageBranch({
      predicate: test,
      then,
      otherwise,
      state: new State(access),
      site: at(site),
      ...(value === undefined ? {} : { value }),
    })

  return {
    unset,
    if(test, then, otherwise, state, site) {
      const truth = truthOf(test, at(site))
      if (truth instanceof Tensor) stage(truth, then ?? nothing, otherwise ?? nothing, state, site)
      else if (truth) then?.()
      else otherwise?.()
    },
    unless(flags, body, access, site) {
      const open = openFlags(flags)
      if (open === undefined) return
      const [only] = open
      if (only === undefined) return body()
      const state = new State(access)
      const flag = open.length === 1 ? state.get().indexOf(only) : -1
      const predicate = logicalNot(anyOf(open))
      stageBranch({ predicate, then: body, otherwise: nothing, state, site: at(site), ...(flag < 0 ? {} : { flag }) })
    },
    ifExp(test, then, otherwise, state, site) {
      const truth = truthOf(test, at(site))
      if (truth instanceof Tensor) return stage(truth, then, otherwise, state, site, 'the value of ?:')
      return truth ? then() : otherwise()
    },
    and(left, right, state, site) {
      if (!(left instanceof TensorMethods)) return left && right()
      const truth = truthOf(left, at(site))
      if (truth instanceof Tensor)
        return stage(truth, () => boolOf('&&', right(), at(site)), () => false, state, site, 'the value of &&') // prettier-ignore
      return truth ? right() : left
    },
    or(left, right, state, site) {
      if (!(left instanceof TensorMethods)) return left || right()
      const truth = truthOf(left, at(site))
      if (truth instanceof Tensor)
        return stage(truth, () => true, () => boolOf('||', right(), at(site)), state, site, 'the value of ||') // prettier-ignore
      return truth ? left : right()
    },
    not: (value) => negate(value),
    op: (operator, left, right) => operate(operator, left, right),
    unary: (operator, value) => operateUnary(operator, value),
    first: (value) => value,
    loop: (parts, access, site) => runLoop(parts, access, at(site)),
    each: (items, body, stop, access, site) => runEach(items, body, stop, access, at(site)),
    keys(object, site) {
      if (object instanceof TensorMethods)
        throw new TraceError({ op: 'for…in', problem: 'a tensor has no keys', fix: 'use for…of.', site: at(site) })
      const keys: string[] = []
      for (const key in object as object) keys.push(key)
      return keys
    },
    call(callee, args) {
      if (typeof callee !== 'function') return (callee as Callee)(...args)
      return convert(callee as Callee)(...alignWeak(callee.name, undefined, args))
    },
    method(object, key, args) {
      const holder = object as Record<PropertyKey, Callee>
      if (object === Math && typeof key === 'string') {
        const result = mathCall(key, args)
        if (result !== undefined) return result
      }
      const callee: unknown = object === null || object === undefined ? undefined : holder[key]
      // The engine says best what is wrong.
      if (typeof callee !== 'function') return holder[key]!(...args)
      const aligned = alignWeak(String(key), object instanceof TensorMethods ? object : undefined, args)
      if (object instanceof TensorMethods) return Reflect.apply(callee, object, aligned)
      return Reflect.apply(convert(callee as Callee), object, aligned)
    },
    throwing(site) {
      if (isStaging())
        throw new TraceError({
          op: 'throw',
          problem: 'whether this is thrown depends on a tensor, which has no value while tracing',
          fix: 'use tf.assert(condition, message), which checks when the function runs.',
          site: at(site),
        })
    },
    done(hasReturned, value, isComplete, site) {
      if (isSymbolic(hasReturned) && !isComplete)
        throw new TraceError({
          op: 'return',
          problem: 'a value is returned on one path and nothing on another: the else branch must also have a return statement',
          fix: 'return a value at the end of the function.',
          site: at(site),
        })
      return value === unset ? undefined : value
    },
    part: partOf,
    content: contentPart,
    cell: cellPart,
  }
}

function nothing(): undefined {
  return undefined
}

/** What a test says: true or false, or a tensor that will. */
function truthOf(test: unknown, site: string): boolean | Tensor {
  const value = contentOf(test)
  if (!(value instanceof Tensor)) return Boolean(value)
  const isScalar = value.type.shape.every((size) => size === 1)
  if (value.dtype !== 'bool' || !isScalar)
    throw new TraceError({
      op: 'condition',
      problem: `it is ${printType(value.type)}, not a bool scalar`,
      fix: isScalar
        ? "compare it, e.g. x.greater(0); x.cast('bool') is true where x is not 0."
        : 'reduce it with tf.any or tf.all.',
      site,
    })
  consider(value)
  if (value.payload.kind !== 'symbolic') return value.item() !== 0
  return value.rank === 0 ? value : reshape(value, [])
}

/** A test whose outcome is not used in the graph, because it is asked again there. */
function considered(test: boolean | Tensor): boolean | Tensor {
  if (test instanceof Tensor) consider(test)
  return test
}

/** The right side of `&&` or `||` behind a tensor: a bool. */
function boolOf(op: string, value: unknown, site: string): unknown {
  const content = contentOf(value)
  if (content instanceof Tensor) demandBool(op, content, site)
  else if (typeof content !== 'boolean')
    throw new TraceError({
      op,
      problem: `the left side is a tensor, and the right side is no bool`,
      fix: 'use ?: to choose between values.',
      site,
    })
  return content
}

/** The flags that have no value yet; undefined when one is true. */
function openFlags(flags: readonly unknown[]): Tensor[] | undefined {
  const isTrue = (flag: unknown): boolean => (flag instanceof Tensor ? flag.item() !== 0 : flag === true)
  const open: Tensor[] = []
  for (const flag of flags) {
    if (isSymbolic(flag)) open.push(flag)
    else if (isTrue(flag)) return undefined
  }
  return open
}

function anyOf(flags: readonly Tensor[]): Tensor {
  return flags.reduce((x, y) => logicalOr(x, y))
}

function runLoop(parts: LoopParts, access: StateAccess | null, site: string): void {
  const { test, body, update, stop } = parts
  const flagsNow = (): Tensor[] | undefined => openFlags(stop?.() ?? [])
  const guarded = (open: readonly Tensor[], run: () => void): void => {
    if (open.length === 0) return run()
    const state = new State(access)
    stageBranch({ predicate: logicalNot(anyOf(open)), then: run, otherwise: nothing, state, site })
  }
  const step = (): void => {
    body()
    const open = flagsNow()
    if (update === undefined || open === undefined) return
    if (parts.own === true) update()
    else guarded(open, update)
  }
  const ask = (): boolean | Tensor => (test === undefined ? true : truthOf(test(), site))
  /** Whether to go on, flags included. */
  const proceed = (): boolean | Tensor => {
    const open = flagsNow()
    if (open === undefined) return false
    if (open.length === 0) return ask()
    const goOn = logicalNot(anyOf(open))
    if (test === undefined) return goOn
    if (parts.pure === true) {
      const truth = ask()
      return truth instanceof Tensor ? logicalAnd(goOn, truth) : truth && goOn
    }
    return stageBranch({
      predicate: goOn,
      then: ask,
      otherwise: () => false,
      state: new State(access),
      site,
      value: 'the test',
    }) as boolean | Tensor
  }
  let isFirst = parts.first === true
  for (;;) {
    const open = flagsNow()
    if (open === undefined) return
    if (isFirst) {
      isFirst = false
      step()
      continue
    }
    // Without a test of its own only the flags end it, so it cannot be unrolled.
    const first = test === undefined && open.length > 0 ? proceed() : ask()
    if (first instanceof Tensor) {
      const state = new State(access)
      const all = considered(test !== undefined && open.length > 0 ? logicalAnd(logicalNot(anyOf(open)), first) : first)
      stageLoop({ state, site, proceed, step, isPure: test === undefined || parts.pure === true, first: all })
      settleFlag(parts, access)
      return
    }
    if (!first) return
    guarded(open, step)
  }
}

/** A loop that only its one flag can end has ended by it. */
function settleFlag(parts: LoopParts, access: StateAccess | null): void {
  const flags = parts.stop?.() ?? []
  if (parts.test !== undefined || flags.length !== 1 || access === null) return
  const values = access.g()
  const at = values.indexOf(flags[0])
  if (at >= 0) access.s(values.map((value, i) => (i === at ? true : value)))
}

function runEach(
  items: unknown,
  body: (item: unknown) => void,
  stop: (() => unknown[]) | null,
  access: StateAccess | null,
  site: string,
): void {
  const content = contentOf(items)
  if (isSymbolic(content)) return stageRows(content, body, stop, access, site)
  for (const item of content as Iterable<unknown>) {
    const open = openFlags(stop?.() ?? [])
    if (open === undefined) return
    if (open.length === 0) body(item)
    else
      stageBranch({
        predicate: logicalNot(anyOf(open)),
        then: () => body(item),
        otherwise: nothing,
        state: new State(access),
        site,
      })
    if (openFlags(stop?.() ?? []) === undefined) return
  }
}

/** `for (const row of x)` along the first axis of a tensor. */
function stageRows(
  x: Tensor,
  body: (item: unknown) => void,
  stop: (() => unknown[]) | null,
  access: StateAccess | null,
  site: string,
): void {
  const [count, ...rest] = x.type.shape
  if (count === undefined)
    throw new TraceError({ op: 'for…of', problem: 'a scalar has no rows', fix: 'loop over a tensor of rank 1 or more.', site })
  const rows = typeof count === 'number' ? scalarTensor('int32', count) : sizeOf(x, 0)
  let index: Tensor = scalarTensor('int32', 0)
  const proceed = (): boolean | Tensor => {
    const open = openFlags(stop?.() ?? [])
    if (open === undefined) return false
    const isMore = index.less(rows)
    return open.length === 0 ? isMore : logicalAnd(logicalNot(anyOf(open)), isMore)
  }
  stageLoop({
    state: new State(access),
    site,
    proceed,
    step: () => {
      const zeros = rest.map(() => scalarTensor('int32', 0))
      body(reshape(sliceInside(x, [index, ...zeros], [1, ...rest]), rest))
    },
    isPure: true,
    first: considered(proceed()),
    counter: { start: 0, set: (next) => void (index = next) },
  })
}
