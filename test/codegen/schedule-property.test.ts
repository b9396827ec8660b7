// Random index notation, scheduled and run, against a direct recursive evaluation of the same notation.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Axis, type Buffer, type Expr, ExprPool } from '../../codegen/expr.ts'
import { interpretKernel } from '../../codegen/interpret.ts'
import { type Root, schedule } from '../../codegen/schedule.ts'
import { parseKernel } from '../../codegen/text/parse.ts'
import { printKernel } from '../../codegen/text/print.ts'
import { verifyKernel } from '../../codegen/verify.ts'

const rows = 3
const columns = 4

/** What the notation says, read literally: every node again for every index. */
function evaluate(
  expr: Expr,
  at: ReadonlyMap<Axis, number>,
  memory: ReadonlyMap<Buffer, Int32Array>,
): number {
  const value = (inner: Expr, place = at): number => evaluate(inner, place, memory)
  switch (expr.kind) {
    case 'const':
      return expr.value
    case 'axis':
      return at.get(expr.axis) ?? NaN
    case 'linear':
      return expr.terms.reduce(
        (sum, { atom, coefficient }) => sum + value(atom) * Number(coefficient),
        Number(expr.constant),
      )
    case 'load':
      return memory.get(expr.buffer)?.[value(expr.index)] ?? NaN
    case 'binary': {
      const [x, y] = [value(expr.x), value(expr.y)]
      if (expr.op === 'add') return (x + y) | 0
      if (expr.op === 'mul') return Math.imul(x, y)
      return expr.op === 'max' ? Math.max(x, y) : Math.min(x, y)
    }
    case 'compare':
      return Number(value(expr.x) < value(expr.y))
    case 'select':
      return value(value(expr.condition) === 1 ? expr.x : expr.y)
    case 'reduce': {
      let places: ReadonlyMap<Axis, number>[] = [at]
      for (const axis of expr.over)
        places = places.flatMap((place) =>
          Array.from({ length: Number(axis.extent) }, (_, k) => new Map([...place, [axis, k]])),
        )
      const values = places.map((place) => value(expr.body, place))
      return expr.op === 'sum'
        ? values.reduce((a, b) => (a + b) | 0, 0)
        : expr.op === 'max'
          ? Math.max(...values)
          : Math.min(...values)
    }
    case 'argReduce': {
      const values = Array.from({ length: Number(expr.over.extent) }, (_, k) =>
        value(expr.body, new Map([...at, [expr.over, k]])),
      )
      return values.indexOf(Math.max(...values))
    }
    default:
      throw new Error(`${expr.kind} is not in this test`)
  }
}

function randomRoots(
  pool: ExprPool,
  choices: readonly number[],
): { readonly roots: readonly Root[]; readonly inputs: readonly Buffer[] } {
  let at = 0
  const next = (bound: number): number => (choices[at++ % choices.length] ?? 0) % bound
  const inputs = ['x', 'y', 'z'].map((name) => pool.buffer(name, 'int32', rows * columns))
  const rowAxis = pool.axis('i', rows)
  const columnAxis = pool.axis('j', columns)
  const extents = [rows, columns, 2, 1]
  const reused = extents.map((extent) => pool.axis('k', extent))
  const stored: { readonly buffer: Buffer; readonly axes: readonly Axis[] }[] = []
  const made: Expr[] = []
  const expr = (scope: readonly Axis[], depth: number): Expr => {
    const fitting = made.filter((old) => old.axes.every((axis) => scope.includes(axis)))
    const again = fitting[next(Math.max(1, fitting.length))]
    if (again !== undefined && next(4) === 0) return again
    const result = fresh(scope, depth)
    made.push(result)
    return result
  }
  const position = (scope: readonly Axis[]): Expr => {
    const pick = (extent: number): Expr => {
      const fitting = scope.filter((axis) => Number(axis.extent) <= extent)
      const axis = fitting[next(fitting.length + 1)]
      return axis === undefined ? pool.const('int32', next(extent)) : pool.index(axis)
    }
    return pool.offset([pick(rows), pick(columns)], [rows, columns])
  }
  const fresh = (scope: readonly Axis[], depth: number): Expr => {
    if (depth <= 0)
      return next(5) === 0
        ? pool.const('int32', next(9))
        : pool.load(inputs[next(3)] ?? rootBuffer(), position(scope))
    const operand = (): Expr => expr(scope, depth - 1)
    switch (next(8)) {
      case 0:
        return pool.select(pool.compare('lt', operand(), operand()), operand(), operand())
      case 1:
      case 2: {
        const over = [next(2) === 0 ? pool.axis('k', extents[next(4)] ?? 1) : (reused[next(4)] ?? rowAxis)]
        if (next(3) === 0) over.push(pool.axis('l', 2))
        const inner = expr([...scope.filter((axis) => !over.includes(axis)), ...over], depth - 1)
        const first = over[0]
        if (first !== undefined && over.length === 1 && next(3) === 0)
          return pool.argReduce('max', first, inner)
        return pool.reduce((['sum', 'max', 'min'] as const)[next(3)] ?? 'sum', over, inner)
      }
      case 3:
      case 4: {
        // What an earlier root has stored, at the element of this iteration.
        const fitting = stored.filter(({ axes }) => axes.every((axis) => scope.includes(axis)))
        const earlier = fitting[next(Math.max(1, fitting.length))]
        if (earlier === undefined) return operand()
        return pool.load(
          earlier.buffer,
          pool.linear(
            earlier.axes.map((axis, d) => ({ atom: pool.index(axis), coefficient: d === 0 ? columns : 1 })),
          ),
        )
      }
      default:
        return pool.binary((['add', 'mul', 'max', 'min'] as const)[next(4)] ?? 'add', operand(), operand())
    }
  }
  const rootBuffer = (): Buffer => pool.buffer('out', 'int32', rows * columns)
  const roots: Root[] = []
  for (let count = 1 + next(6); count > 0; count--) {
    const axes =
      ([[], [rowAxis], [rowAxis, columnAxis], [rowAxis, pool.axis('j', columns)], [columnAxis]] as const)[
        next(5)
      ] ?? []
    // Sometimes an earlier root's buffer again: the loads between see the first value, those after it the second.
    const again = stored.find(
      (earlier) => earlier.axes.length === axes.length && earlier.axes.every((axis, d) => axis === axes[d]),
    )
    const buffer =
      again !== undefined && next(2) === 0 ? again.buffer : pool.buffer('out', 'int32', rows * columns)
    const index = pool.linear(
      axes.map((axis, d) => ({ atom: pool.index(axis), coefficient: d === 0 ? columns : 1 })),
    )
    const inBounds = axes[0] === columnAxis ? pool.index(columnAxis) : index
    roots.push({ buffer, axes, index: inBounds, value: expr(axes, 4) })
    if (axes[0] !== columnAxis) stored.push({ buffer, axes })
  }
  return { roots, inputs }
}

test('a scheduled kernel computes what its notation says', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 30, maxLength: 120 }), (choices) => {
      const pool = new ExprPool()
      const { roots, inputs } = randomRoots(pool, choices)
      const initial = new Map(
        inputs.map((buffer, seed) => [
          buffer,
          Int32Array.from({ length: rows * columns }, (_, i) => ((i * 7 + seed * 5) % 11) - 4),
        ]),
      )
      const expected = new Map(initial)
      for (const root of roots) {
        const array = expected.get(root.buffer) ?? new Int32Array(rows * columns)
        expected.set(root.buffer, array)
        const run = (axes: readonly Axis[], at: ReadonlyMap<Axis, number>): void => {
          const [axis, ...rest] = axes
          if (axis === undefined)
            array[evaluate(root.index, at, expected)] = evaluate(root.value, at, expected)
          else for (let k = 0; k < Number(axis.extent); k++) run(rest, new Map([...at, [axis, k]]))
        }
        run(root.axes, new Map())
      }

      const kernel = schedule(pool, 'random', roots)
      verifyKernel(kernel)
      const memory = new Map<Buffer, Int32Array>(initial)
      for (const root of roots) memory.set(root.buffer, new Int32Array(rows * columns))
      interpretKernel(kernel, memory)
      for (const root of roots) expect(memory.get(root.buffer)).toEqual(expected.get(root.buffer))

      const text = printKernel(kernel)
      const parsed = parseKernel(text).kernel
      expect(printKernel(parsed)).toBe(text)
      const copies = kernel.buffers.map((buffer) => initial.get(buffer) ?? new Int32Array(rows * columns))
      interpretKernel(parsed, copies)
      kernel.buffers.forEach((buffer, i) => expect(copies[i]).toEqual(expected.get(buffer)))
    }),
    { numRuns: 200 },
  )
})
