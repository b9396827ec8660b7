/**
 * The graph trace: runs a callback with symbolic tensors and records what it does as a graph.
 *
 * Concrete tensors the callback touches are lifted: a few elements become a `constant` node, more become a capture held
 * for the life of the trace. Variables become captures by reference. A trace may be a *region* of another (the body of
 * a custom gradient): regions are closed, so what they use of the outer trace, tensors and variable reads alike, turns
 * into operands of the node that will hold the region.
 */
import { InternalError, TraceError } from '../../codegen/errors.ts'
import { type Size, sizeName } from '../../codegen/size.ts'
import type { TensorLike } from '../convert.ts'
import {
  type Attrs,
  callsHostInside,
  type Capture,
  type Graph,
  type Guard,
  makeValue,
  type Node,
  type Value,
} from '../ir/graph.ts'
import { dependsOnFound } from '../ir/found-sizes.ts'
import type { TensorType } from '../ir/type.ts'
import { Tensor } from '../tensor.ts'
import type { OpDefinition } from '../op.ts'
import type { Variable } from '../variable.ts'
import { type Application, isActive, type Trace } from './bind.ts'
import type { VariableCreation } from './creation.ts'
import { outOfScope } from './scope.ts'
import { checkSizes, isSame, siteSuffix } from './size-check.ts'
import { userSite } from './source.ts'
import { liveNow, type Supplier } from './supplied.ts'
import { UnusedTests } from './unused-tests.ts'

/** Tensors of up to this many elements are written into the graph as constants. */
const inlineLimit = 16

/** A finished trace: the graph and what its captures refer to, by name. */
export interface TracedGraph {
  readonly graph: Graph
  readonly variables: ReadonlyMap<string, Variable>
  readonly tensors: ReadonlyMap<string, Tensor>
  /** The tensors lifted into the graph, by position of the node that stands for each: a gradient may flow to them. */
  readonly lifted: ReadonlyMap<number, Tensor>
  /** Where the last params come from, those that are no arguments. */
  readonly supplied?: readonly Supplier[]
  /** Size names that stand for a Variable's content at entry, and the name of its capture. */
  readonly contentSizes?: ReadonlyMap<string, string>
}

export interface FinishedRegion {
  readonly graph: Graph
  readonly borrowed: readonly Tensor[]
  readonly reads: readonly (readonly [Variable, Tensor])[]
}

export class GraphTrace implements Trace {
  readonly kind = 'graph'
  readonly name: string
  readonly #parent: GraphTrace | undefined
  readonly #params: Value[] = []
  readonly #captures = new Map<string, Capture>()
  readonly #nodes: Node[] = []
  readonly #guards: Guard[] = []
  readonly #lifted = new Map<Tensor, Tensor>()
  readonly #origins = new Map<Tensor, Tensor>()
  /** The same by position of the node, for those that became nodes here. */
  readonly #liftedNodes = new Map<number, Tensor>()
  readonly #variables = new Map<Variable, string>()
  readonly #tensors = new Map<string, Tensor>()
  readonly #live = new Map<() => TensorLike, Tensor>()
  /** What a region takes from the outer trace, in the order of its extra params. */
  readonly #borrowed: Tensor[] = []
  /** The variables a region read, with the outer tensor each read gave. */
  readonly #borrowedReads: (readonly [Variable, Tensor])[] = []
  /** The types of open variables that have been assigned here. */
  readonly #assigned = new Map<Variable, TensorType>()
  readonly #supplied: Supplier[] = []
  readonly #contentSizes = new Map<string, string>()
  /** Variables that may not hold what they held at entry; all may once the host has been called. */
  readonly #changed = new Set<Variable>()
  readonly unusedTests: UnusedTests = new UnusedTests()
  #hostCalled = false
  #finished = false
  readonly #creation: VariableCreation | undefined

  /**
   * @param parent the trace that this one records a region of
   * @param creation the rules for Variables created meanwhile; without it there may be none
   */
  constructor(name: string, parent?: GraphTrace, creation?: VariableCreation) {
    this.name = name
    this.#parent = parent
    this.#creation = creation
  }

  /** The trace of the function that this is a region of, or this one. */
  get outermost(): GraphTrace {
    return this.#parent?.outermost ?? this
  }

  param(type: TensorType, name?: string): Tensor {
    const value = makeValue(type, name)
    this.#params.push(value)
    return this.#tensor(value)
  }

  /** Names a variable that is an argument rather than a capture found on the way, so that it has a name of its own; returns it. */
  variableParam(variable: Variable, name: string): string {
    return this.#variableName(variable, name)
  }

  apply({ op, operands, attrs, regions, host, source }: Application): readonly Tensor[] {
    const values = operands.map((operand) => this.#valueOf(operand))
    const types = op.type(
      values.map((value) => value.type),
      attrs,
      regions,
    )
    return this.#record(op.name, values, attrs, types, regions, host, source)
  }

  lift(tensor: Tensor): Tensor {
    const payload = tensor.payload
    if (payload.kind === 'symbolic') {
      if (payload.trace === this) return tensor
      if (!isActive(payload.trace)) throw outOfScope('tensor out of scope', tensor, this.name)
      return this.#parent === undefined
        ? this.#fromOuterTrace(tensor)
        : this.#borrow(this.#parent.lift(tensor))
    }
    const known = this.#lifted.get(tensor)
    if (known !== undefined) return known
    if (this.#parent !== undefined && tensor.size > inlineLimit)
      return this.#borrow(this.#parent.lift(tensor))
    const lifted = this.#capture(tensor)
    this.#lifted.set(tensor, lifted)
    this.#origins.set(lifted, tensor)
    this.#liftedNodes.set(this.#nodes.length - 1, tensor)
    return lifted
  }

  originOf(lifted: Tensor): Tensor | undefined {
    return this.#origins.get(lifted)
  }

  typeOf(variable: Variable): TensorType {
    if (!variable.open) return variable.storedType
    if (this.#parent !== undefined) return this.#parent.typeOf(variable)
    const name = this.#variableName(variable)
    const type = this.#assigned.get(variable) ?? this.#captures.get(name)?.type
    return type ?? variable.storedType
  }

  contentSize(variable: Variable): Size {
    if (this.#parent !== undefined) return this.#parent.contentSize(variable)
    if (this.#hostCalled || this.#changed.has(variable))
      throw new TraceError({
        op: 'shape',
        problem: `the variable ${variable.name} is used as a size after ${this.#changed.has(variable) ? 'it was assigned' : 'a host call, which may assign it'}, in ${this.name}: sizes must be known when a call begins`,
        fix: 'assign it outside, or pass the size as an argument.',
      })
    const capture = this.#variableName(variable)
    const name = `_${capture}_content`
    this.#contentSizes.set(name, capture)
    return sizeName(name)
  }

  /** The name of a Variable's capture in the outermost trace. */
  captureName(variable: Variable): string {
    return this.#parent?.captureName(variable) ?? this.#variableName(variable)
  }

  sourceOf(value: Value): string | undefined {
    return this.#nodes.find((node) => node.results.includes(value))?.source
  }

  /** A param that is computed at every call; what it is now says its type. */
  live(compute: () => TensorLike, dtype: TensorType['dtype'] | undefined): Tensor {
    if (this.#parent !== undefined) return this.lift(this.#parent.live(compute, dtype))
    const known = this.#live.get(compute)
    if (known !== undefined) return known
    const now = liveNow(compute, dtype)
    this.#creation?.param(now)
    const param = this.param(now.type, `live${this.#live.size}`)
    this.#live.set(compute, param)
    this.#supplied.push({ kind: 'live', compute, type: now.type })
    return param
  }

  read(variable: Variable): Tensor {
    if (this.#parent !== undefined) {
      const outer = this.#parent.read(variable)
      this.#borrowedReads.push([variable, outer])
      return this.#borrow(outer)
    }
    const [name, type] = [this.#variableName(variable), this.typeOf(variable)]
    const attrs = { variable: name, dtype: type.dtype, shape: type.shape }
    const [result] = this.#record('read', [], attrs, [type], [])
    if (result === undefined) throw new InternalError('read gave no result')
    return result
  }

  assign(variable: Variable, value: Tensor): void {
    if (this.#parent !== undefined)
      throw new TraceError({
        op: 'assign',
        problem: `the variable ${variable.name} is assigned inside ${this.name}`,
        fix: 'assign it outside the custom gradient.',
      })
    const lifted = this.lift(value)
    this.#record('assign', [this.#valueOf(lifted)], { variable: this.#variableName(variable) }, [], [])
    this.#changed.add(variable)
    if (variable.open) this.#assigned.set(variable, lifted.type)
  }

  update(variable: Variable, op: OpDefinition, value: Tensor): void {
    const [result] = this.apply({
      op,
      operands: [this.read(variable), this.lift(value)],
      attrs: {},
      regions: [],
    })
    if (result !== undefined) this.assign(variable, result)
  }

  initialValue(initial: Tensor, name: string): Tensor {
    if (this.#parent !== undefined) return this.#parent.initialValue(initial, name)
    if (this.#creation === undefined)
      throw new TraceError({
        op: 'tf.variable',
        problem: `the variable ${name} is created while ${this.name} is traced`,
        fix: 'create it outside.',
      })
    this.#creation.demand(name, this.name)
    if (initial.payload.kind !== 'symbolic') return initial
    const value = this.#creation.evaluate(this.soFar([this.#valueOf(this.lift(initial))]))
    if (value !== undefined) return value
    throw new TraceError({
      op: 'tf.variable',
      problem: `the initial value of ${name} depends on an argument that has no value yet`,
      fix: 'call the function instead of asking for a trace by specs, or create the variable outside.',
    })
  }

  created(variable: Variable): void {
    if (this.#parent !== undefined) this.#parent.created(variable)
    else this.#creation?.created.push(variable)
  }

  /** Records that two sizes are taken to be equal. */
  guard(x: Size, y: Size, reason: string): void {
    if (dependsOnFound(x) || dependsOnFound(y)) return checkSizes(x, y, reason)
    const outer = this.#parent
    if (outer !== undefined) outer.guard(x, y, reason)
    else if (!this.#guards.some((guard) => isSame(guard, x, y)))
      this.#guards.push({ x, y, reason: `${reason}${siteSuffix()}` })
  }

  finish(results: readonly Tensor[]): TracedGraph {
    const values = results.map((result) => this.#valueOf(this.lift(result)))
    this.#finished = true
    return this.soFar(values)
  }

  /** What has been recorded so far. */
  get nodes(): readonly Node[] {
    return this.#nodes
  }
  /** The trace so far with these results, without ending it. */
  soFar(results: readonly Value[]): TracedGraph {
    return {
      graph: {
        name: this.name,
        params: this.#params,
        captures: [...this.#captures.values()],
        nodes: this.#nodes,
        results,
        guards: this.#guards,
      },
      variables: new Map([...this.#variables].map(([variable, name]) => [name, variable])),
      tensors: this.#tensors,
      lifted: this.#liftedNodes,
      supplied: this.#supplied,
      contentSizes: this.#contentSizes,
    }
  }

  /** Finishes a region: its graph, and the outer tensors to append to the node's operands. */
  finishRegion(results: readonly Tensor[]): FinishedRegion {
    return { graph: this.finish(results).graph, borrowed: this.#borrowed, reads: this.#borrowedReads }
  }

  /** The symbolic tensor that stands for a value of this trace. */
  #tensor(value: Value): Tensor {
    return new Tensor(value.type, { kind: 'symbolic', trace: this, value })
  }

  #record(
    op: string,
    operands: readonly Value[],
    attrs: Attrs,
    types: readonly TensorType[],
    regions: readonly Graph[],
    host?: unknown,
    source: string | undefined = userSite(),
  ): readonly Tensor[] {
    if (this.#finished)
      throw new TraceError({
        op,
        problem: `the trace of ${this.name} has ended`,
        fix: 'do not keep tensors of a traced function beyond its end; return them.',
      })
    if (op === 'host_call' || regions.some(callsHostInside)) this.#hostCalled = true
    const results = types.map((type) => makeValue(type))
    this.#nodes.push({
      op,
      operands,
      attrs,
      regions,
      results,
      ...(source === undefined ? {} : { source }),
      ...(host === undefined ? {} : { host }),
    })
    this.unusedTests.record(op, operands, results, source, this.name)
    return results.map((value) => this.#tensor(value))
  }

  #valueOf(tensor: Tensor): Value {
    const payload = tensor.payload
    if (payload.kind !== 'symbolic' || payload.trace !== this)
      throw outOfScope('tensor out of scope', tensor, this.name)
    return payload.value
  }

  /** A tensor of the trace around this one: sizes that it does not know are named anew, for the names may mean another thing here. */
  #fromOuterTrace(tensor: Tensor): Tensor {
    const known = this.#lifted.get(tensor)
    if (known !== undefined) return known
    const name = `outer${this.#supplied.length}`
    const shape = tensor.type.shape.map((size, axis) =>
      typeof size === 'number' ? size : sizeName(`${name}_${axis}`),
    )
    const param = this.param({ dtype: tensor.dtype, shape }, name)
    this.#lifted.set(tensor, param)
    this.#supplied.push({ kind: 'outer', tensor })
    return param
  }

  #borrow(tensor: Tensor): Tensor {
    const known = this.#lifted.get(tensor)
    if (known !== undefined) return known
    const param = this.param(tensor.type)
    this.#lifted.set(tensor, param)
    this.#origins.set(param, tensor)
    this.#borrowed.push(tensor)
    return param
  }

  #capture(tensor: Tensor): Tensor {
    const [data, { dtype, shape }] = [tensor.elements('capturing a tensor'), tensor.type]
    if (data.length <= inlineLimit) {
      const [result] = this.#record(
        'constant',
        [],
        { dtype, shape, values: Array.from(data) },
        [tensor.type],
        [],
      )
      if (result === undefined) throw new InternalError('constant gave no result')
      return result
    }
    const name = this.#uniqueName('c')
    this.#captures.set(name, { name, kind: 'tensor', type: tensor.type })
    this.#tensors.set(name, tensor)
    const [result] = this.#record('captured', [], { name, dtype, shape }, [tensor.type], [])
    if (result === undefined) throw new InternalError('captured gave no result')
    return result
  }

  #variableName(variable: Variable, wanted = variable.name): string {
    const known = this.#variables.get(variable)
    if (known !== undefined) return known
    const name = this.#uniqueName(wanted.replaceAll(/\W/g, '_'))
    this.#variables.set(variable, name)
    const { open, dtype, declaredShape, storedType } = variable
    const sizes = storedType.shape.map((size, axis) =>
      open && (declaredShape?.[axis] ?? null) === null ? sizeName(`_${name}_${axis}`) : size,
    )
    const type = open ? { dtype, shape: sizes } : storedType
    this.#captures.set(name, { name, kind: 'variable', type, ...(open ? { open } : {}) })
    return name
  }

  #uniqueName(wanted: string): string {
    if (!this.#captures.has(wanted)) return wanted
    for (let i = 1; ; i++) if (!this.#captures.has(`${wanted}_${i}`)) return `${wanted}_${i}`
  }
}
