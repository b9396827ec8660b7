/**
 * Variables of a graph: initializing them, asking whether they are, and sharing them by name.
 *
 * `tf.variable` inside `graph.asDefault(() => …)` makes a Variable of the graph. `getVariable` gives Variables names
 * within scopes, and the same Variable again where a scope allows reuse.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { glorotUniform } from '../initializers/index.ts'
import { zeros } from '../math/index.ts'
import { variable } from '../variable.ts'
import { Status } from './fetches.ts'
import { getDefaultGraph, type Graph, graphInScope, Operation } from './graph.ts'

/** The Variables of the graph, in the order of their creation. */
export function globalVariables(): readonly Variable[] {
  return getDefaultGraph().variables
}

/** Those of them that are trainable. */
export function trainableVariables(): readonly Variable[] {
  return globalVariables().filter((each) => each.trainable)
}

/**
 * An operation that gives every Variable of the graph its initial value, in the order of their creation, so that one may
 * be initialized from another. Running it again draws random values anew.
 *
 * @example
 * const graph = new tf.v1.Graph()
 * const [init, b] = graph.asDefault(() => {
 *   const a = tf.variable(2)
 *   const b = tf.variable(a.mul(2))
 *   return [tf.v1.globalVariablesInitializer(), b] as const
 * })
 * const session = new tf.v1.Session(graph)
 * session.run(init)
 * session.run(b) // 4
 */
export function globalVariablesInitializer(): Operation {
  return getDefaultGraph().initializer()
}

/** An operation that gives these Variables their initial values. Throws TraceError for Variables of another graph. */
export function variablesInitializer(variables: readonly Variable[], name = 'init'): Operation {
  const graph = getDefaultGraph()
  const nodes = variables.map((each) => {
    graph.demandOwn('v1.variablesInitializer', each)
    return graph.trace.initializers.get(each) ?? -1
  })
  return new Operation(graph, name, nodes)
}

/** When fetched: whether the session has given this Variable a content. */
export function isVariableInitialized(each: Variable): Status<boolean> {
  const graph = getDefaultGraph()
  graph.demandOwn('v1.isVariableInitialized', each)
  return new Status(graph, (isInitialized) => isInitialized(each))
}

/** When fetched: the names of the Variables that the session has given no content. */
export function reportUninitializedVariables(): Status<string[]> {
  const graph = getDefaultGraph()
  return new Status(graph, (isInitialized) =>
    graph.variables.filter((each) => !isInitialized(each)).map((each) => each.name),
  )
}

export interface VariableScopeOptions {
  /** `true`: Variables must exist; `'auto'`: they are made when they do not. Absent: as the scope around, or none may exist. */
  readonly reuse?: boolean | 'auto'
}

interface Scope {
  readonly graph: Graph
  readonly prefix: string
  readonly reuse: boolean | 'auto'
}

const scopes: Scope[] = []

/** Runs `body`, in which the names of `getVariable` begin with `name/`, with nothing more for the name ''. Scopes nest. */
export function variableScope<R>(name: string, body: () => R, options: VariableScopeOptions = {}): R {
  const graph = graphInScope('v1.variableScope')
  const outer = scopeIn(graph)
  const prefix = name === '' ? outer.prefix : `${outer.prefix}${name}/`
  scopes.push({ graph, prefix, reuse: options.reuse ?? outer.reuse })
  try {
    return body()
  } finally {
    scopes.pop()
  }
}

function scopeIn(graph: Graph): Scope {
  const scope = scopes.at(-1)
  return scope !== undefined && scope.graph === graph ? scope : { graph, prefix: '', reuse: false }
}

export interface GetVariableOptions {
  readonly shape?: readonly number[]
  /** float32 when absent. */
  readonly dtype?: DType
  /** A value, or what makes one from the shape; Glorot's uniform distribution for floating dtypes, zeros for others. */
  readonly initializer?: TensorLike | ((shape: readonly number[], dtype: DType) => Tensor)
  readonly trainable?: boolean
}

/**
 * The Variable of this name in the scopes around: a new one, or the one that exists where a scope allows reuse.
 *
 * @throws ValueError when it exists and may not be reused, when it does not exist and must, and without shape or initial
 *   value; ShapeError when it exists with another shape
 * @example
 * const graph = new tf.v1.Graph()
 * const isSame = graph.asDefault(() => {
 *   const make = () => tf.v1.variableScope('model', () => tf.v1.getVariable('w', { shape: [2] }), { reuse: 'auto' })
 *   return make() === make()
 * })
 * isSame // true
 */
export function getVariable(name: string, options: GetVariableOptions = {}): Variable {
  const graph = graphInScope('v1.getVariable')
  const { prefix, reuse } = scopeIn(graph)
  const full = `${prefix}${name}`
  const known = graph.scoped.get(full)
  if (known === undefined) {
    if (reuse === true)
      throw new ValueError({
        op: 'v1.getVariable',
        problem: `the variable ${full} does not exist, and the scope reuses variables`,
        fix: "make it first, or use reuse: 'auto'.",
      })
    const made = makeVariable(full, options)
    graph.scoped.set(full, made)
    return made
  }
  if (reuse === false)
    throw new ValueError({
      op: 'v1.getVariable',
      problem: `the variable ${full} already exists`,
      fix: "use v1.variableScope(name, body, { reuse: true }) or reuse: 'auto'.",
    })
  if (options.shape !== undefined && !sameShape(options.shape, known.storedType.shape))
    throw new ShapeError({
      op: 'v1.getVariable',
      problem: `the variable ${full} exists with another shape`,
      rows: [
        ['asked for', `[${options.shape.join(',')}]`],
        ['exists', `[${known.storedType.shape.map(String).join(',')}]`],
      ],
      fix: 'ask for the same shape, or use another name.',
    })
  return known
}

function makeVariable(name: string, options: GetVariableOptions): Variable {
  const { initializer, shape, dtype = 'float32', trainable } = options
  const settings = { name, dtype, ...(trainable === undefined ? {} : { trainable }) }
  if (initializer !== undefined && typeof initializer !== 'function') return variable(initializer, settings)
  if (shape === undefined)
    throw new ValueError({
      op: 'v1.getVariable',
      problem: `${name} has no shape`,
      fix: 'give a shape, or a value as its initializer.',
    })
  if (typeof initializer === 'function') return variable(() => initializer(shape, dtype), settings)
  const isDrawn = dtype === 'float32' || dtype === 'float64'
  return variable(() => (isDrawn ? glorotUniform()(shape, dtype) : zeros(shape, dtype)), settings)
}

/**
 * The seed of random ops in the sessions of the graph being built: two sessions of it draw the same numbers. Sessions
 * that have drawn already go on as they are.
 *
 * @throws ValueError for a seed that is no integer
 */
export function setRandomSeed(seed: number): void {
  graphInScope('v1.setRandomSeed').seed = seed
}
