/**
 * From a fused graph to a program: buffers for values, steps for nodes.
 *
 * Parameters are inputs, a Variable's entry read is its storage, captured tensors and constants are constants, and every
 * other value gets a temporary that the planner places. A reshape shares its operand's buffer. Fusion nodes become
 * kernels, matrix products GEMM steps, commits commit steps; prints, checks and host calls become calls of the host,
 * which finds what they mean in `hostCalls` and `failures` by number.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { InternalError, TraceError } from '../../codegen/errors.ts'
import type { ProgramBuffer, Step, Storage } from '../../codegen/program.ts'
import { elementCount } from '../../codegen/size.ts'
import { type Capture, type Graph, makeValue, type Node, type Value, textAttribute } from '../ir/graph.ts'
import { substituteSizes } from '../ir/rewrite.ts'
import { opNamed } from '../op.ts'
import { callsHost, canFail } from '../passes/read-element.ts'
import { isListOp } from '../ops/list.ts'
import { constantTensor } from '../trace/replay.ts'
import { addOrigin } from './step-origin.ts'
import { cellsOf, sizeFields, storeStep } from './store-step.ts'
import { checkedRegion, producersOfChecks } from './checked-region.ts'
import { convolutionStep } from './convolution-step.ts'
import { type LoweredKernel, lowerCheck, lowerCluster } from './cluster.ts'
import { gemmStep } from './gemm-step.ts'
import type { Failure, HostCall, LoweredProgram } from './lowered-program.ts'

/**
 * @param graph a graph after the passes, fused
 * @param variables names of the Variable captures in the order a call gives their storage
 * @param tensorData the elements of a captured tensor by name
 */
export function lowerGraph(
  graph: Graph,
  variables: readonly string[],
  tensorData: (name: string) => TypedArray,
): LoweredProgram {
  return new Lowering(graph, variables, tensorData).run()
}

class Lowering {
  readonly #graph: Graph
  readonly #captures: ReadonlyMap<string, Capture>
  /** The place of the last node that calls the host; −1 when none does. */
  readonly #lastHostCall: number
  readonly #variables: readonly string[]
  readonly #tensorData: (name: string) => TypedArray
  readonly #buffers: ProgramBuffer[] = []
  readonly #bufferOf = new Map<Value, number>()
  readonly #cells: ReadonlySet<string>
  readonly #variableBuffer = new Map<string, number>()
  #steps: Step[] = []
  /** How many steps precede those being made, outside the control steps around them. */
  #stepsAround = 0
  #stores = 0
  readonly #hostCalls: HostCall[] = []
  readonly #failures: Failure[] = []
  /** Fusions that are part of the check that looks at their result. */
  readonly #onlyChecked = new Map<Value, Node>()

  constructor(graph: Graph, variables: readonly string[], tensorData: (name: string) => TypedArray) {
    this.#graph = graph
    this.#captures = new Map(graph.captures.map((capture) => [capture.name, capture]))
    this.#lastHostCall = graph.nodes.findLastIndex(callsHost)
    this.#variables = variables
    this.#tensorData = tensorData
    this.#cells = cellsOf(graph)
  }

  run(): LoweredProgram {
    const { params, nodes, results, name } = this.#graph
    params.forEach((param, index) => this.#bind(param, { kind: 'input', index }, param.name ?? `arg${index}`))
    this.#stepsOfAll(nodes, results)
    return {
      spec: {
        name,
        buffers: this.#buffers,
        ...sizeFields(this.#graph, this.#buffers, this.#steps),
        steps: this.#steps,
        outputs: results.map((result) => this.#buffer(result)),
      },
      hostCalls: this.#hostCalls,
      failures: this.#failures,
    }
  }

  #bind(value: Value, storage: Storage, name: string): number {
    const index = this.#buffers.length
    this.#buffers.push({ name, dtype: value.type.dtype, elements: elementCount(value.type.shape), storage })
    this.#bufferOf.set(value, index)
    return index
  }

  #buffer(value: Value): number {
    return this.#bufferOf.get(value) ?? this.#bind(value, { kind: 'temporary' }, `t${this.#buffers.length}`)
  }

  #stepsOfAll(nodes: readonly Node[], results: readonly Value[]): void {
    for (const [condition, node] of producersOfChecks(nodes, results)) this.#onlyChecked.set(condition, node)
    for (const node of nodes) this.#stepsOf(node)
  }

  #stepsOf(node: Node): void {
    const first = this.#steps.length
    this.#node(node)
    addOrigin(this.#steps, first, node)
  }

  #node(node: Node): void {
    switch (node.op) {
      case 'read':
        return this.#read(node)
      case 'captured':
        return this.#constant(
          node,
          this.#tensorData(textAttribute(node, 'name')),
          textAttribute(node, 'name'),
        )
      case 'constant':
        return this.#constant(
          node,
          constantTensor(node.attrs['dtype'], node.attrs['shape'], node.attrs['values']).elements('constant'),
          'constant',
        )
      case 'commit':
        if (this.#isOpen(textAttribute(node, 'variable'))) return this.#openCommit(node)
        return void this.#steps.push({
          kind: 'commit',
          variable: this.#variable(textAttribute(node, 'variable')),
          from: this.#operand(node, 0),
        })
      case 'fusion':
        return this.#fusion(node)
      case 'dot':
      case 'fused_dot':
        return void this.#steps.push(gemmStep(node, (value) => this.#buffer(value)))
      case 'conv':
      case 'fused_conv':
        return void this.#steps.push(convolutionStep(node, (value) => this.#buffer(value)))
      case 'cond':
        return this.#cond(node)
      case 'while':
        return this.#while(node)
      case 'record_push':
      case 'record_pop':
      case 'record_merge':
        return this.#store(node)
      case 'check':
      case 'check_numerics':
        return this.#check(node)
      default:
        return isListOp(node.op) ? this.#store(node) : this.#hostCall(node)
    }
  }

  #isOpen(variable: string): boolean {
    return this.#captures.get(variable)?.open === true
  }

  /** Storage that may have to be of another size is replaced by the host, once the program has ended. */
  #openCommit(node: Node): void {
    if (this.#lastHostCall >= 0)
      throw new TraceError({
        op: 'assign',
        problem: `${this.#graph.name} assigns the variable ${textAttribute(node, 'variable')}, whose sizes may change, and calls the host`,
        fix: 'declare the sizes of the variable, or do the two in functions of their own.',
      })
    this.#variable(textAttribute(node, 'variable'))
    this.#hostCall(node)
  }

  #operand(node: Node, i: number): number {
    const value = node.operands[i]
    if (value === undefined) throw new InternalError(`${node.op} lacks operand ${i}`)
    return this.#buffer(value)
  }

  #variable(name: string): number {
    const known = this.#variableBuffer.get(name)
    if (known !== undefined) return known
    const capture = this.#captures.get(name)
    const index = this.#variables.indexOf(name)
    if (capture === undefined || index < 0)
      throw new InternalError(`the variable @${name} is not among the captures of ${this.#graph.name}`)
    const storage: Storage = { kind: 'variable', index, isCell: this.#cells.has(name) }
    const buffer = this.#bind(makeValue(capture.type, name), storage, name)
    this.#variableBuffer.set(name, buffer)
    return buffer
  }

  #read(node: Node): void {
    const [result] = node.results
    if (result === undefined) return
    const variable = this.#variable(textAttribute(node, 'variable'))
    // A Variable's buffer stands for its content since the last host call only: what is read before one is copied.
    const at = this.#graph.nodes.indexOf(node)
    if (this.#cells.has(textAttribute(node, 'variable')) || at < 0 || at < this.#lastHostCall)
      this.#steps.push({ kind: 'commit', variable: this.#buffer(result), from: variable })
    else this.#bufferOf.set(result, variable)
  }

  #constant(node: Node, data: TypedArray, name: string): void {
    const [result] = node.results
    if (result !== undefined) this.#bind(result, { kind: 'constant', data }, name)
  }

  #kernel(lowered: LoweredKernel, values: ReadonlyMap<Value, Value>): void {
    this.#steps.push({
      kind: 'kernel',
      kernel: lowered.kernel,
      pool: lowered.pool,
      buffers: lowered.buffers.map((value) => this.#buffer(values.get(value) ?? value)),
    })
  }

  #fusion(node: Node): void {
    const [region] = node.regions
    if (region === undefined) throw new InternalError('fusion lacks its region')
    const outer = new Map<Value, Value>()
    region.params.forEach((param, i) => {
      const operand = node.operands[i]
      if (operand !== undefined) outer.set(param, operand)
    })
    if (this.#isAlias(node, region) || this.#onlyChecked.has(node.results[0] as Value)) return
    for (const inner of region.nodes) this.#fallible(inner, region, outer)
    region.results.forEach((value, i) => {
      const result = node.results[i]
      if (result !== undefined) outer.set(value, result)
    })
    this.#kernel(
      lowerCluster(`k${this.#stepsAround + this.#steps.length}`, region, node.attrs['prefix'] as number),
      outer,
    )
  }

  /** A lone reshape of something in memory is the same memory. */
  #isAlias(node: Node, region: Graph): boolean {
    const [only] = region.nodes
    const [operand] = node.operands
    const [result] = node.results
    if (
      region.nodes.length !== 1 ||
      only === undefined ||
      operand === undefined ||
      result === undefined ||
      opNamed(only.op).lower.kind !== 'alias'
    )
      return false
    this.#bufferOf.set(result, this.#buffer(operand))
    return true
  }

  #fallible(inner: Node, region: Graph, outer: ReadonlyMap<Value, Value>): void {
    if (!canFail(inner)) return
    const code = makeValue({ dtype: 'int32', shape: [] })
    this.#kernel(lowerCheck(`check${this.#stepsAround + this.#steps.length}`, region, inner, code), outer)
    const operands = inner.operands.map((operand) => {
      const value = outer.get(operand)
      return value === undefined ? undefined : this.#bufferOf.get(value)
    })
    this.#steps.push({
      kind: 'check',
      buffer: this.#buffer(code),
      id: this.#failures.push({ node: inner, operands, quoted: [] }) - 1,
    })
  }

  /** The steps that `lower` makes. */
  #inside(lower: () => void): readonly Step[] {
    const around = this.#steps
    this.#steps = []
    this.#stepsAround += around.length
    lower()
    const made = this.#steps
    this.#steps = around
    this.#stepsAround -= around.length
    return made
  }

  /** The nodes of a region, whose params are in the given buffers; gives its results. */
  #region(
    region: Graph,
    buffers: readonly number[],
    prepare: (results: readonly Value[]) => void = () => undefined,
  ): readonly Value[] {
    // A region may be part of several nodes: its values are made anew for each.
    const { params, nodes, results } = substituteSizes(region, () => undefined)
    params.forEach((param, i) => {
      const buffer = buffers[i]
      if (buffer !== undefined) this.#bufferOf.set(param, buffer)
    })
    prepare(results)
    this.#stepsOfAll(nodes, results)
    return results
  }

  #copy(from: number, to: number): void {
    if (from !== to) this.#steps.push({ kind: 'commit', variable: to, from })
  }

  #cond(node: Node): void {
    const [condition, ...operands] = node.operands.map((operand) => this.#buffer(operand))
    if (condition === undefined) throw new InternalError('cond without a predicate')
    const targets = node.results.map((result) => this.#buffer(result))
    const [whenTrue, whenFalse] = node.regions.map((region) =>
      this.#inside(() => {
        // Most results can be computed where they are wanted.
        const results = this.#region(region, operands, (values) =>
          values.forEach((value, i) => {
            const target = targets[i]
            if (target !== undefined && !this.#bufferOf.has(value)) this.#bufferOf.set(value, target)
          }),
        )
        targets.forEach((target, i) => this.#copy(this.#buffer(results[i] as Value), target))
      }),
    )
    this.#steps.push({ kind: 'if', condition, whenTrue: whenTrue ?? [], whenFalse: whenFalse ?? [] })
  }

  #while(node: Node): void {
    const operands = node.operands.map((operand) => this.#buffer(operand))
    const carried = node.results.map((result) => this.#buffer(result))
    const [condition, body] = node.regions
    if (condition === undefined || body === undefined) throw new InternalError('while lacks a region')
    carried.forEach((buffer, i) => this.#copy(operands[i] as number, buffer))
    const buffers = [...carried, ...operands.slice(carried.length)]
    let decides = -1
    const test = this.#inside(() => {
      const [result] = this.#region(condition, buffers)
      decides = this.#buffer(result as Value)
    })
    const steps = this.#inside(() => {
      const results = this.#region(body, buffers).map((result) => this.#buffer(result))
      // What one copy overwrites another may still have to read: that is put aside first.
      const overwritten = new Set(carried.filter((buffer, i) => results[i] !== buffer))
      const sources = results.map((from, i) => {
        if (from === carried[i] || !overwritten.has(from)) return from
        const value = node.results[i] as Value
        const aside = this.#bind(makeValue(value.type), { kind: 'temporary' }, `t${this.#buffers.length}`)
        this.#copy(from, aside)
        return aside
      })
      sources.forEach((from, i) => this.#copy(from, carried[i] as number))
    })
    this.#steps.push({ kind: 'loop', condition: decides, test, body: steps })
  }

  #store(node: Node): void {
    const buffers = (values: readonly Value[]): number[] => values.map((value) => this.#buffer(value))
    this.#steps.push(storeStep(node, this.#stores++, buffers(node.operands), buffers(node.results)))
  }

  /** A check of the user's: its code is computed, and the host called only when it is not 0. */
  #check(node: Node): void {
    const [first, ...others] = node.operands
    if (first === undefined) throw new InternalError(`${node.op} lacks its operand`)
    const producer = this.#onlyChecked.get(first)
    const checked = producer === undefined ? this.#buffer(first) : undefined
    const data = others.map((operand) => this.#buffer(operand))
    const { region, kernelNode, outer } = checkedRegion(node, producer)
    const code = makeValue({ dtype: 'int32', shape: [] })
    this.#kernel(
      lowerCheck(`check${this.#stepsAround + this.#steps.length}`, region, kernelNode, code),
      outer,
    )
    this.#steps.push({
      kind: 'check',
      buffer: this.#buffer(code),
      id: this.#failures.push({ node, operands: [checked, ...data], quoted: data }) - 1,
      ...(data.length === 0 ? {} : { reads: data }),
    })
    // What is checked passes through.
    if (checked !== undefined) for (const result of node.results) this.#bufferOf.set(result, checked)
  }

  #hostCall(node: Node): void {
    if (opNamed(node.op).effect !== 'write')
      throw new InternalError(`${node.op} cannot be lowered to a step of a program`)
    const operands = node.operands.map((operand) => this.#buffer(operand))
    this.#hostCalls.push({ node, operands })
    this.#steps.push({
      kind: 'host',
      id: this.#hostCalls.length - 1,
      reads: operands,
      writes: [
        ...node.results.map((result) => this.#buffer(result)),
        ...(node.op === 'host_call' ? this.#variableBuffers() : []),
      ],
    })
  }

  /** The buffers of all Variables of the program: a callback may assign any of them. */
  #variableBuffers(): readonly number[] {
    return this.#graph.captures
      .filter((capture) => capture.kind === 'variable')
      .map((capture) => this.#variable(capture.name))
  }
}
