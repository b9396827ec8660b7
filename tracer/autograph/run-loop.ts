/**
 * Loops of rewritten functions. A loop runs in JavaScript as long as its test does; when the test turns out to be a
 * tensor without a value, or only a flag that is one can end the loop, what is left of it is staged. A loop that
 * JavaScript counts, and a tensor may leave, is unrolled with each iteration guarded by the flag.
 */
import { TraceError } from '../../codegen/errors.ts'
import { logicalAnd, logicalNot, reshape, scalarTensor, sizeOf } from '../ops/index.ts'
import { sliceInside } from '../ops/dynamic.ts'
import { Tensor } from '../tensor.ts'
import { hearingOptions, type LoopSettings } from '../trace/loop-options.ts'
import { growingOf } from './growing.ts'
import { contentOf, isSymbolic } from './operators.ts'
import { stageBranch } from './stage-branch.ts'
import { demandIteration, FirstDiffers, stageLoop } from './stage-loop.ts'
import { State, type StateArgument } from './state.ts'
import { anyOf, considered, nothing, openFlags, truthOf } from './tests.ts'
import { consider } from '../trace/unused-tests.ts'

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

/** `while`, `do` and `for`. */
export function runLoop(parts: LoopParts, access: StateArgument, site: string): void {
  const { test, body, update, stop } = parts
  const flagsNow = (): Tensor[] | undefined => openFlags(stop?.() ?? [])
  const guarded = (open: readonly Tensor[], run: () => void): void => {
    if (open.length === 0) return run()
    const state = new State(access)
    stageBranch({ predicate: logicalNot(anyOf(open)), first: run, second: nothing, state, site })
  }
  let most: number | Tensor | undefined
  let made = 0
  const hear = (settings: LoopSettings): void => void (most ??= settings.maximumIterations)
  const heard = (): void => hearingOptions(hear, body)
  const step = (run: () => void): void => {
    run()
    made++
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
      first: ask,
      second: () => false,
      state: new State(access),
      site,
      value: 'the test',
    }) as boolean | Tensor
  }
  const iterate = (isFirst: boolean): void => {
    if (isFirst && flagsNow() !== undefined) step(heard)
    for (;;) if (!once()) return
  }
  /** One iteration, or all that is left when it is staged; false at the end. */
  const once = (): boolean => {
    const open = flagsNow()
    if (open === undefined || isEnough(most, made, site)) return false
    // Without a test of its own only the flags end it, so it cannot be unrolled.
    const first = test === undefined && open.length > 0 ? proceed() : ask()
    if (first instanceof Tensor) {
      const state = new State(access)
      const all = test !== undefined && open.length > 0 ? logicalAnd(logicalNot(anyOf(open)), first) : first
      consider(all)
      const isPure = test === undefined || parts.pure === true
      try {
        stageLoop({
          state,
          site,
          proceed,
          step: () => step(body),
          isPure,
          first: all,
          options: { most, made },
        })
      } catch (error) {
        if (!(error instanceof FirstDiffers)) throw error
        stageFirst(all, state, site, () => {
          step(heard)
          iterate(false)
        })
      }
      if (most === undefined) settleFlag(parts, access)
      return false
    }
    if (!first) return false
    guarded(open, () => step(heard))
    return true
  }
  iterate(parts.first === true)
}

/** True when a loop that JavaScript runs has made as many iterations as it may. */
function isEnough(most: number | Tensor | undefined, made: number, site: string): boolean {
  if (most === undefined) return false
  if (isSymbolic(most))
    throw new TraceError({
      op: 'setLoopOptions',
      problem: 'maximumIterations is a tensor without a value yet, and JavaScript runs this loop',
      fix: 'give a number.',
      site,
    })
  return made >= Number(most)
}

/** The first iteration in a branch of its own, and the others behind it. */
function stageFirst(predicate: Tensor, state: State, site: string, run: () => void): void {
  const late: string[] = []
  stageBranch({ predicate, first: run, second: nothing, state, site, late })
  if (late.length > 0) demandIteration(predicate, late, site)
}

/** A loop that only its one flag can end has ended by it. */
function settleFlag(parts: LoopParts, access: StateArgument): void {
  const flags = parts.stop?.() ?? []
  if (parts.test !== undefined || flags.length !== 1) return
  const state = new State(access)
  const values = state.get()
  const at = values.indexOf(flags[0])
  if (at >= 0) state.set(values.map((value, i) => (i === at ? true : value)))
}

/** `for…of`. */
export function runEach(
  items: unknown,
  body: (item: unknown) => void,
  stop: (() => unknown[]) | null,
  access: StateArgument,
  site: string,
): void {
  const content = growingOf(items)?.list === undefined ? contentOf(items) : growingOf(items)?.stack()
  if (isSymbolic(content)) return stageRows(content, body, stop, access, site)
  let most: number | Tensor | undefined
  let made = 0
  const hear = (settings: LoopSettings): void => void (most ??= settings.maximumIterations)
  const run = (item: unknown): void => hearingOptions(hear, () => body(item))
  for (const item of content as Iterable<unknown>) {
    const open = openFlags(stop?.() ?? [])
    if (open === undefined || isEnough(most, made++, site)) return
    if (open.length === 0) run(item)
    else
      stageBranch({
        predicate: logicalNot(anyOf(open)),
        first: () => run(item),
        second: nothing,
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
  access: StateArgument,
  site: string,
): void {
  const [count, ...rest] = x.type.shape
  if (count === undefined)
    throw new TraceError({
      op: 'for…of',
      problem: 'a scalar has no rows',
      fix: 'loop over a tensor of rank 1 or more.',
      site,
    })
  const rows = typeof count === 'number' ? scalarTensor('int32', count) : sizeOf(x, 0)
  const state = new State(access)
  let index: Tensor = scalarTensor('int32', 0)
  const proceed = (): boolean | Tensor => {
    const open = openFlags(stop?.() ?? [])
    if (open === undefined) return false
    const isMore = index.less(rows)
    return open.length === 0 ? isMore : logicalAnd(logicalNot(anyOf(open)), isMore)
  }
  const step = (): void => {
    const zeros = rest.map(() => scalarTensor('int32', 0))
    body(reshape(sliceInside(x, [index, ...zeros], [1, ...rest]), rest))
  }
  const stage = (start: number): void =>
    stageLoop({
      state,
      site,
      proceed,
      step,
      isPure: true,
      first: considered(proceed()),
      counter: { start, set: (next) => void (index = next) },
    })
  if (count === 0) return
  try {
    stage(0)
  } catch (error) {
    if (!(error instanceof FirstDiffers)) throw error
    index = scalarTensor('int32', 0)
    const run = (): void => {
      step()
      index = scalarTensor('int32', 1)
      stage(1)
    }
    const isAny = typeof count === 'number' ? true : proceed()
    if (isAny instanceof Tensor) stageFirst(isAny, state, site, run)
    else run()
  }
}
