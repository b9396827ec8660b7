/**
 * Loops of rewritten functions. A loop runs in JavaScript as long as its test does; when the test turns out to be a
 * tensor without a value, or only a flag that is one can end the loop, what is left of it is staged. A loop that
 * JavaScript counts, and a tensor may leave, is unrolled with each iteration guarded by the flag.
 */
import { TraceError } from '../../codegen/errors.ts'
import { logicalAnd, logicalNot, reshape, scalarTensor, sizeOf } from '../ops/index.ts'
import { sliceInside } from '../ops/dynamic.ts'
import { Tensor } from '../tensor.ts'
import { contentOf, isSymbolic } from './operators.ts'
import { stageBranch } from './stage-branch.ts'
import { stageLoop } from './stage-loop.ts'
import { State, type StateAccess } from './state.ts'
import { anyOf, considered, nothing, openFlags, truthOf } from './tests.ts'

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
export function runLoop(parts: LoopParts, access: StateAccess | null, site: string): void {
  const { test, body, update, stop } = parts
  const flagsNow = (): Tensor[] | undefined => openFlags(stop?.() ?? [])
  const guarded = (open: readonly Tensor[], run: () => void): void => {
    if (open.length === 0) return run()
    const state = new State(access)
    stageBranch({ predicate: logicalNot(anyOf(open)), first: run, second: nothing, state, site })
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
      first: ask,
      second: () => false,
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
      const all = considered(
        test !== undefined && open.length > 0 ? logicalAnd(logicalNot(anyOf(open)), first) : first,
      )
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

/** `for…of`. */
export function runEach(
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
        first: () => body(item),
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
  access: StateAccess | null,
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
