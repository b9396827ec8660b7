/**
 * Random programs of nested conditions and loops over scalars and short vectors, with checks and host calls among them,
 * against their meaning written down directly. Whatever part of a program becomes one kernel, results, failures and
 * what the host is shown must be those of the steps one by one.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CheckError } from '../../../codegen/errors.ts'
import type { Expr, ExprPool } from '../../../codegen/expr.ts'
import { joinSteps } from '../../../codegen/join/join-steps.ts'
import { optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import type { Step } from '../../../codegen/program.ts'
import { Program } from '../../../codegen/run/program.ts'
import { allSteps } from '../../../codegen/steps.ts'
import { verifyKernel } from '../../../codegen/verify.ts'
import { loop, ProgramBuilder } from '../run/programs.ts'

const scalars = 4
const vectors = 2
const length = 5

type Action =
  | {
      readonly kind: 'mix' | 'copy' | 'spread' | 'sum' | 'copyVector' | 'check' | 'host'
      readonly at: Places
    }
  | {
      readonly kind: 'if'
      readonly at: Places
      readonly whenTrue: readonly Action[]
      readonly whenFalse: readonly Action[]
    }
  | { readonly kind: 'loop'; readonly at: Places; readonly times: number; readonly body: readonly Action[] }

/** Picks of buffers. */
interface Places {
  readonly to: number
  readonly x: number
  readonly y: number
}

const places = fc.record({ to: fc.nat(99), x: fc.nat(99), y: fc.nat(99) })
const plain = (host: boolean): fc.Arbitrary<Action> =>
  fc.record({
    kind: fc.constantFrom<'mix' | 'copy' | 'spread' | 'sum' | 'copyVector' | 'check' | 'host'>(
      'mix',
      'mix',
      'mix',
      'copy',
      'spread',
      'sum',
      'copyVector',
      'check',
      host ? 'host' : 'mix',
    ),
    at: places,
  })
const list = (host: boolean): fc.Arbitrary<readonly Action[]> =>
  fc.letrec<{ list: readonly Action[]; action: Action }>((tie) => ({
    list: fc.array(tie('action'), { maxLength: 4, depthIdentifier: 'steps' }),
    action: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'steps', withCrossShrink: true },
      plain(host),
      fc.record({ kind: fc.constant('if'), at: places, whenTrue: tie('list'), whenFalse: tie('list') }),
      fc.record({ kind: fc.constant('loop'), at: places, times: fc.nat(4), body: tie('list') }),
    ) as fc.Arbitrary<Action>,
  })).list

const half = Math.fround(0.5)
const limit = 3

/** What a program may do to the outside. */
interface World {
  readonly seen: number[][]
  failure: readonly number[] | undefined
}

class Failed extends Error {}

/** The meaning of the actions. */
function carryOut(actions: readonly Action[], s: number[], v: number[][], world: World): void {
  for (const action of actions) {
    const { to, x, y } = action.at
    const [a, b] = [s[x % scalars] ?? 0, s[y % scalars] ?? 0]
    const vector = v[x % vectors] ?? []
    switch (action.kind) {
      case 'mix':
        s[to % scalars] = Math.fround(Math.fround(a * half) - b)
        break
      case 'copy':
        s[to % scalars] = Math.abs(a)
        break
      case 'spread':
        v[to % vectors] = vector.map((value, i) =>
          Math.fround(Math.fround(value * half) + Math.fround(b + i)),
        )
        break
      case 'sum':
        s[to % scalars] = vector.reduce((sum, value) => Math.fround(sum + value), 0)
        break
      case 'copyVector':
        v[to % vectors] = vector.map(Math.abs)
        break
      case 'check':
        if (a > limit) {
          world.failure = [a, ...(v[y % vectors] ?? [])]
          throw new Failed()
        }
        break
      case 'host':
        world.seen.push([a, ...vector])
        break
      case 'if':
        carryOut(a < b ? action.whenTrue : action.whenFalse, s, v, world)
        break
      case 'loop':
        for (let i = 0; i < action.times; i++) carryOut(action.body, s, v, world)
        break
    }
  }
}

/** The same as a program. */
class Writer {
  readonly #builder = new ProgramBuilder('random')
  readonly #s: readonly number[]
  readonly #v: readonly number[]
  #ids = 0

  constructor() {
    const inputs = [...Array(scalars + vectors).keys()].map((index) =>
      this.#builder.input(index, index < scalars ? 1 : length),
    )
    const values = inputs.map((input, index) => {
      const value = this.#builder.temporary(index < scalars ? 1 : length)
      this.#builder.commit(value, input)
      return value
    })
    this.#s = values.slice(0, scalars)
    this.#v = values.slice(scalars)
  }

  program(actions: readonly Action[]): ReturnType<ProgramBuilder['build']> {
    this.#actions(actions)
    return this.#builder.build([...this.#s, ...this.#v])
  }

  #steps(write: () => void): readonly Step[] {
    const { steps } = this.#builder
    const before = steps.length
    write()
    return steps.splice(before)
  }

  #compute(to: number, operands: readonly number[], value: (pool: ExprPool, ...x: Expr[]) => Expr): void {
    this.#builder.elementwise(to, operands, value)
  }

  /** By way of a value of its own, as loops carry theirs. */
  #copy(to: number, from: number, elements: number): void {
    const between = this.#builder.temporary(elements)
    this.#compute(between, [from], (pool, x) => pool.unary('abs', pool.unary('neg', x as Expr)))
    this.#builder.commit(to, between)
  }

  #actions(actions: readonly Action[]): void {
    for (const action of actions) this.#action(action)
  }

  #action(action: Action): void {
    const builder = this.#builder
    const { to, x, y } = action.at
    const scalar = (pick: number): number => this.#s[pick % scalars] as number
    const vector = (pick: number): number => this.#v[pick % vectors] as number
    switch (action.kind) {
      case 'mix':
        return this.#compute(scalar(to), [scalar(x), scalar(y)], (pool, a, b) =>
          pool.binary('sub', pool.binary('mul', a as Expr, pool.const('float32', half)), b as Expr),
        )
      case 'copy':
        return this.#copy(scalar(to), scalar(x), 1)
      case 'copyVector':
        return this.#copy(vector(to), vector(x), length)
      case 'spread':
        return void builder.kernel([vector(to), vector(x), scalar(y)], (pool, out, from, added) => {
          const axis = pool.axis('i', length)
          const at = pool.index(axis)
          const value = pool.binary('mul', pool.load(from!, at), pool.const('float32', half))
          const shift = pool.binary(
            'add',
            pool.load(added!, pool.const('int32', 0)),
            pool.convert(at, 'float32'),
          )
          return [
            loop(pool, axis, [
              { kind: 'store', buffer: out!, index: at, value: pool.binary('add', value, shift) },
            ]),
          ]
        })
      case 'sum':
        return void builder.kernel([scalar(to), vector(x)], (pool, out, from) => {
          const axis = pool.axis('i', length)
          const local = pool.local('float32', 1, true)
          const sum = pool.localValue(local, [])
          const element = pool.load(from!, pool.index(axis))
          // Written so that nothing takes it for a sum that may be added up in another order.
          const added = pool.unary('neg', pool.binary('sub', pool.unary('neg', sum), element))
          return [
            { kind: 'set', local, value: pool.const('float32', 0) },
            loop(pool, axis, [{ kind: 'set', local, value: added }]),
            { kind: 'store', buffer: out!, index: pool.const('int32', 0), value: sum },
          ]
        })
      case 'check': {
        const code = builder.temporary(1, 'int32')
        this.#compute(code, [scalar(x)], (pool, a) =>
          pool.convert(pool.compare('gt', a as Expr, pool.const('float32', limit)), 'int32'),
        )
        return void builder.step({
          kind: 'check',
          buffer: code,
          id: this.#ids++,
          reads: [scalar(x), vector(y)],
        })
      }
      case 'host':
        return void builder.host(this.#ids++, [scalar(x), vector(x)])
      case 'if': {
        const condition = builder.temporary(1, 'bool')
        this.#compute(condition, [scalar(x), scalar(y)], (pool, a, b) =>
          pool.compare('lt', a as Expr, b as Expr),
        )
        const whenTrue = this.#steps(() => this.#actions(action.whenTrue))
        const whenFalse = this.#steps(() => this.#actions(action.whenFalse))
        return void builder.step({ kind: 'if', condition, whenTrue, whenFalse })
      }
      case 'loop': {
        const [counter, condition] = [builder.temporary(1, 'int32'), builder.temporary(1, 'bool')]
        this.#compute(counter, [], (pool) => pool.const('int32', 0))
        const test = this.#steps(() =>
          this.#compute(condition, [counter], (pool, i) =>
            pool.compare('lt', i as Expr, pool.const('int32', action.times)),
          ),
        )
        const body = this.#steps(() => {
          this.#actions(action.body)
          this.#compute(counter, [counter], (pool, i) =>
            pool.binary('add', i as Expr, pool.const('int32', 1)),
          )
        })
        return void builder.step({ kind: 'loop', condition, test, body })
      }
    }
  }
}

const inputs = [...Array(scalars).keys()]
  .map((i) => [i - 1.25])
  .concat([
    [1, 2, 3, 4, 5],
    [-1, 0.5, 0, 2, -3],
  ])

function expectSameAsSteps(actions: readonly Action[]): void {
  const s = inputs.slice(0, scalars).map(([value]) => value as number)
  const v = inputs.slice(scalars).map((values) => [...values])
  const expected: World = { seen: [], failure: undefined }
  try {
    carryOut(actions, s, v, expected)
  } catch (error) {
    if (!(error instanceof Failed)) throw error
  }

  const spec = new Writer().program(actions)
  for (const step of allSteps(joinSteps(spec).steps))
    if (step.kind === 'kernel') {
      verifyKernel(step.kernel)
      optimizeKernel(step.pool, step.kernel, verifyKernel)
    }
  const actual: World = { seen: [], failure: undefined }
  const program = new Program(spec, {
    fail: (_id, _value, read) => {
      actual.failure = [...read(0), ...read(1)]
      throw new CheckError({ op: 'check', problem: 'it failed', fix: 'none' })
    },
    call: (_id, reads) => {
      actual.seen.push(reads.flatMap((read) => [...read]))
      return undefined
    },
  })
  let results: number[][] | undefined
  try {
    results = program
      .run(
        inputs.map((values) => Float32Array.from(values)),
        [],
        [],
      )
      .map((data) => [...data])
  } catch (error) {
    if (!(error instanceof CheckError)) throw error
  } finally {
    program.dispose()
  }
  expect(actual).toEqual(expected)
  const values = [...s.map((value) => [value]), ...v]
  expect(results).toEqual(expected.failure === undefined ? values : undefined)
}

test('joined steps do what the steps do', () => {
  fc.assert(fc.property(list(false), expectSameAsSteps), { numRuns: 40, seed: 7 })
})

test('also where host calls keep control steps apart', () => {
  fc.assert(fc.property(list(true), expectSameAsSteps), { numRuns: 40, seed: 11 })
})
