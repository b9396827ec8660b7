/**
 * What rewritten functions call, as `$ag`. Everything decides by what the values are when they get here: a JavaScript
 * value does what JavaScript does, a tensor that has a value is read, and one that has none yet is staged: both branches,
 * or the body of the loop, become regions of the graph.
 */
import { TraceError } from '../../codegen/errors.ts'
import { logicalNot } from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { watchHostValues } from '../trace/host-values.ts'
import { enterSite } from '../trace/source.ts'
import { unset } from './absent.ts'
import { withCallbacks } from './callbacks.ts'
import { elementAt, growingArray, setElement } from './growing.ts'
import { alignWeak, isSymbolic, mathCall, negate, operate, operateUnary } from './operators.ts'
import { calling } from './recursion.ts'
import { type LoopParts, runEach, runLoop } from './run-loop.ts'
import { isStaging, stageBranch } from './stage-branch.ts'
import {
  cellPart,
  contentPart,
  type Part,
  partOf,
  State,
  type StateAccess,
  stateAccess,
  type StateArgument,
} from './state.ts'
import { anyOf, boolOf, nothing, openFlags, truthOf } from './tests.ts'
import { caught, refusal, throwStaged } from './thrown.ts'

type Callee = (...args: unknown[]) => unknown

/** The runtime of one rewritten text. */
export interface Runtime {
  readonly unset: symbol
  if(
    test: unknown,
    then: (() => void) | null,
    otherwise: (() => void) | null,
    state: StateArgument,
    site: string,
  ): void
  unless(flags: readonly unknown[], body: () => void, state: StateArgument, site: string): void
  ifExp(
    test: unknown,
    then: () => unknown,
    otherwise: () => unknown,
    state: StateArgument,
    site: string,
  ): unknown
  and(left: unknown, right: () => unknown, state: StateArgument, site: string): unknown
  or(left: unknown, right: () => unknown, state: StateArgument, site: string): unknown
  not(value: unknown, site: string): unknown
  op(operator: string, left: unknown, right: unknown, site: string): unknown
  unary(operator: string, value: unknown, site: string): unknown
  first<T>(value: T, first: unknown): T
  loop(parts: LoopParts, state: StateArgument, site: string): void
  each(
    items: unknown,
    body: (item: unknown) => void,
    stop: (() => unknown[]) | null,
    state: StateArgument,
    site: string,
  ): void
  keys(object: unknown, site: string): readonly string[]
  call(callee: unknown, args: readonly unknown[], site: string): unknown
  method(object: unknown, key: PropertyKey, args: readonly unknown[], site: string): unknown
  apply(object: unknown, callee: unknown, args: readonly unknown[], site: string): unknown
  library(callee: unknown, args: readonly unknown[], name: string, site: string): unknown
  throwing(value: unknown, isCaught: boolean, site: string): unknown
  caught(error: unknown): void
  done(hasReturned: unknown, value: unknown, isComplete: boolean, site: string): unknown
  watch<F extends object>(fn: F, paths: string, roots: () => readonly unknown[], sites: string): F
  state(names: string, access?: StateAccess['access'] | null, parts?: StateAccess['parts']): StateAccess
  part(base: () => unknown, key: string | number, name: string): Part | undefined
  content(base: () => unknown, name: string): Part | undefined
  array(value: unknown, name: string): unknown
  get(object: unknown, key: unknown, site: string): unknown
  set(object: unknown, key: unknown, value: unknown, site: string): unknown
  cell(get: () => unknown, set: (value: unknown) => void, name: string, holder?: () => unknown): Part
}

/** What is no function, as an engine would call it. */
function shown(value: unknown): string {
  if (value instanceof TensorMethods) return 'tensor'
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : String(value)
  const { name } = value.constructor ?? {}
  return name === undefined || name === '' ? 'an object' : name
}

/** Does something at a site, which is what the library's messages name meanwhile. */
function within<R>(site: string, run: () => R): R {
  const before = enterSite(site)
  try {
    return run()
  } finally {
    enterSite(before)
  }
}

function stage(
  predicate: Tensor,
  first: () => unknown,
  second: () => unknown,
  access: StateArgument,
  site: string,
  value?: string,
): unknown {
  return within(site, () =>
    stageBranch({
      predicate,
      first,
      second,
      state: new State(access),
      site,
      ...(value === undefined ? {} : { value }),
    }),
  )
}

/** Makes the runtime of a text; `convert` rewrites the functions it calls in their turn. */
export function createRuntime(convert: (callee: Callee) => Callee): Runtime {
  return {
    unset,
    if(test, then, otherwise, state, site) {
      const truth = truthOf(test, site)
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
      stageBranch({
        predicate,
        first: body,
        second: nothing,
        state,
        site,
        ...(flag < 0 ? {} : { flag }),
      })
    },
    ifExp(test, then, otherwise, state, site) {
      const truth = truthOf(test, site)
      if (truth instanceof Tensor) return stage(truth, then, otherwise, state, site, 'the value of ?:')
      return truth ? then() : otherwise()
    },
    and(left, right, state, site) {
      if (!(left instanceof TensorMethods)) return left && right()
      const truth = truthOf(left, site)
      if (truth instanceof Tensor)
        return stage(truth, () => boolOf('&&', right(), site), () => false, state, site, 'the value of &&') // prettier-ignore
      return truth ? right() : left
    },
    or(left, right, state, site) {
      if (!(left instanceof TensorMethods)) return left || right()
      const truth = truthOf(left, site)
      if (truth instanceof Tensor)
        return stage(truth, () => true, () => boolOf('||', right(), site), state, site, 'the value of ||') // prettier-ignore
      return truth ? left : right()
    },
    not: negate,
    op: operate,
    unary: operateUnary,
    first: (value) => value,
    loop: runLoop,
    each: runEach,
    keys(object, site) {
      if (object instanceof TensorMethods)
        throw new TraceError({
          op: 'for…in',
          problem: 'a tensor has no keys',
          fix: 'use for…of.',
          site,
        })
      const keys: string[] = []
      for (const key in object as object) keys.push(key)
      return keys
    },
    call(callee, args, site) {
      if (typeof callee !== 'function') throw new TypeError(`${shown(callee)} is not a function (${site})`)
      return calling(callee, site, () => {
        const all = withCallbacks(undefined, callee.name, callee, args, convert)
        return convert(callee as Callee)(...alignWeak(callee.name, undefined, all))
      })
    },
    method(object, key, args, site) {
      const holder = object as Record<PropertyKey, Callee>
      if (object === Math && typeof key === 'string') {
        const result = mathCall(key, args)
        if (result !== undefined) return result
      }
      const callee: unknown = object === null || object === undefined ? undefined : holder[key]
      // The engine says best what is wrong.
      if (object === null || object === undefined) return holder[key]
      if (typeof callee !== 'function')
        throw new TypeError(`${shown(object)}.${String(key)} is not a function (${site})`)
      // `f.call(…)`, which is also how private methods are called once a compiler has replaced them.
      const isCall = typeof object === 'function' && (key === 'call' || key === 'apply')
      if (isCall && !Object.hasOwn(object, key))
        return Reflect.apply(callee as Callee, convert(object as Callee), args)
      const all = withCallbacks(object, key, callee, args, convert)
      const aligned = alignWeak(String(key), object instanceof TensorMethods ? object : undefined, all)
      if (object instanceof TensorMethods)
        return within(site, () => Reflect.apply(callee as Callee, object, aligned))
      return calling(callee, site, () => Reflect.apply(convert(callee as Callee), object, aligned))
    },
    apply(object, callee, args, site) {
      if (typeof callee !== 'function') throw new TypeError(`${shown(callee)} is not a function (${site})`)
      return calling(callee, site, () => Reflect.apply(convert(callee as Callee), object, args))
    },
    library(callee, args, as, site) {
      return within(site, () => {
        const all = withCallbacks(undefined, as, callee, args, convert)
        return (callee as Callee)(...alignWeak(as, undefined, all))
      })
    },
    throwing(value, isCaught, site) {
      if (!isStaging()) return value
      if (isCaught) throw refusal(site, 'it is to be caught in the function', value)
      return within(site, () => throwStaged(value, site))
    },
    caught,
    done(hasReturned, value, isComplete, site) {
      if (isSymbolic(hasReturned) && !isComplete)
        throw new TraceError({
          op: 'return',
          problem:
            'a value is returned on one path and nothing on another: the else branch must also have a return statement',
          fix: 'return a value at the end of the function.',
          site,
        })
      return value === unset ? undefined : value
    },
    watch(fn, paths, roots, sites) {
      return watchHostValues(fn, paths.split(','), roots, sites.split(','))
    },
    state: stateAccess,
    part: partOf,
    content: contentPart,
    array: growingArray,
    get: elementAt,
    set: setElement,
    cell: cellPart,
  }
}
