/**
 * Runs a kernel without compiling it: the meaning of the loop language, against which compiled code is tested bit for
 * bit. Either form of a kernel runs, scalar or vectorised; on the same kernel the two engines agree in every bit (but
 * for the payload of a NaN). Functions such as exp agree only after they were expanded into arithmetic; left as they
 * are, they are computed by `Math` in float64 and rounded.
 *
 * Stricter than compiled code: a load or store outside its buffer throws, which is how tests find wrong indices.
 */
import type { TypedArray } from './dtype.ts'
import { InternalError } from './errors.ts'
import type { Buffer } from './expr.ts'
import {
  checkBounds,
  compileExprs,
  Environment,
  laneOf,
  scalarOf,
  type Value,
} from './interpret/evaluator.ts'
import type { Kernel, Statement } from './kernel.ts'

export interface InterpretOptions {
  /** True to compute `madd` in one rounding, as engines with relaxed SIMD do. */
  readonly relaxed: boolean
  /** Called by `fail` statements; throws. */
  readonly fail?: (id: number, value: number) => never
}

/**
 * Runs the kernel on typed arrays, given by buffer or in the order of `kernel.buffers`; stores change them in place.
 * Throws InternalError on an index out of bounds, a value that is not defined, a size without a value.
 */
export function interpretKernel(
  kernel: Kernel,
  memory: ReadonlyMap<Buffer, TypedArray> | readonly TypedArray[],
  sizes: ReadonlyMap<string, number> = new Map(),
  options: InterpretOptions = { relaxed: false },
): void {
  const environment = new Environment(
    memory instanceof Map ? memory : bind(kernel, memory),
    sizes,
    options.relaxed,
    options.fail,
  )
  compileStatements(kernel.body, environment)()
}

function bind(
  kernel: Kernel,
  memory: ReadonlyMap<Buffer, TypedArray> | readonly TypedArray[],
): ReadonlyMap<Buffer, TypedArray> {
  if (!Array.isArray(memory)) throw new InternalError('the interpreter wants a Map or an array of memory')
  const arrays: readonly TypedArray[] = memory
  return new Map(
    kernel.buffers.map((buffer, i) => {
      const array = arrays[i]
      if (array === undefined) throw new InternalError(`the interpreter got no memory for %${buffer.name}`)
      return [buffer, array]
    }),
  )
}

function compileStatements(statements: readonly Statement[], environment: Environment): () => void {
  const code = statements.map((statement) => compileStatement(statement, environment))
  return () => {
    for (const run of code) run()
  }
}

function compileStatement(statement: Statement, environment: Environment): () => void {
  switch (statement.kind) {
    case 'let':
    case 'set': {
      const evaluate = compileExprs([statement.value], environment)
      const cell = environment.local(statement.local)
      return () => {
        cell.value = evaluate()[0]
      }
    }
    case 'store': {
      const evaluate = compileExprs([statement.index, statement.value], environment)
      const { buffer } = statement
      const array = environment.array(buffer)
      const { lanes } = statement.value
      return () => {
        const [index, value] = evaluate()
        storeLanes(buffer, array, scalarOf(index), value, lanes)
      }
    }
    case 'if': {
      const evaluate = compileExprs([statement.condition], environment)
      const body = compileStatements(statement.body, environment)
      const otherwise = compileStatements(statement.otherwise ?? [], environment)
      return () => {
        if (scalarOf(evaluate()[0]) !== 0) body()
        else otherwise()
      }
    }
    case 'while': {
      const test = compileStatements(statement.test, environment)
      const evaluate = compileExprs([statement.condition], environment)
      const body = compileStatements(statement.body, environment)
      return () => {
        for (test(); scalarOf(evaluate()[0]) !== 0; test()) body()
      }
    }
    case 'fail': {
      const evaluate = compileExprs([statement.value], environment)
      const { id } = statement
      return () => environment.fail(id, scalarOf(evaluate()[0]))
    }
    case 'loop': {
      const bounds = compileExprs([statement.from, statement.to], environment)
      const body = compileStatements(statement.body, environment)
      const cell = environment.axis(statement.axis)
      const { step } = statement
      return () => {
        const [from, to] = bounds().map(scalarOf)
        let at = from ?? 0
        for (; (to ?? 0) - at >= step; at += step) {
          cell.value = at
          body()
        }
        cell.value = at
      }
    }
  }
}

function storeLanes(
  buffer: Buffer,
  array: TypedArray,
  at: number,
  value: Value | undefined,
  lanes: number,
): void {
  checkBounds('store', buffer, array, at, lanes)
  for (let i = 0; i < lanes; i++) array[at + i] = laneOf(value, i)
}
