/**
 * The eager trace: computes ops at once, by compiled programs of one op.
 *
 * There is no second implementation of any op: an application becomes a graph of one node with all sizes symbolic, that
 * goes through fusion, lowering and code generation like any other, and the program is kept under a key that leaves
 * sizes, positions and values out (eager-key.ts). Broadcasts, transposes and reshapes are not computed: the result is a pending view
 * which the next op folds into its loops; so are reads of Variables, which are read where they lie.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { TypedArray } from '../../codegen/dtype.ts'
import { readSlot, type Slot } from '../../codegen/run/memory.ts'
import { isStaticShape } from '../../codegen/size.ts'
import { type Attrs, type Graph, makeValue, type Node, type Value } from '../ir/graph.ts'
import type { TensorType } from '../ir/type.ts'
import { Executable } from '../lower/executable.ts'
import { eagerEffect } from '../lower/host-effects.ts'
import type { OpDefinition } from '../op.ts'
import { installGuardRecorder } from '../ops/sizes.ts'
import { fuse } from '../passes/fuse.ts'
import { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { type Application, installEagerTrace, installMaterialise, type Trace } from './bind.ts'
import { programsAreWaiting } from './modes.ts'
import { outOfScope } from './scope.ts'
import { EagerKey, type EagerOperand, operandOf, SymbolicNames } from './eager-key.ts'

/** Programs kept. */
const mostPrograms = 1024
/** Longest chain of pending views; a longer one is computed, so that kernels and keys stay small. */
const mostViews = 3

interface CachedProgram {
  readonly executable: Executable
  /** Whether it ran since eviction last passed it by. */
  used: boolean
  /** For each size of the program, which of the key's values it is. */
  readonly sizes: readonly number[]
}

const programs = new Map<string, CachedProgram>()

/** How many eager programs have been compiled since the process started. */
let compiled = 0
export function eagerProgramCount(): number {
  return compiled
}

class EagerTrace implements Trace {
  readonly kind = 'eager'
  readonly name = 'eager code'

  apply(application: Application): readonly Tensor[] {
    const { op, operands, attrs, regions } = application
    for (const operand of operands)
      if (operand.payload.kind === 'symbolic') throw outOfScope(op.name, operand, undefined)
    const types = op.type(
      operands.map((operand) => operand.type),
      attrs,
      regions,
    )
    if (op.effect === 'write') return eagerEffect(application, types)
    const [type] = types
    const [first] = operands
    if (types.length === 1 && operands.length === 1 && type !== undefined && first !== undefined) {
      if (op.lower.kind === 'alias' && first.payload.kind === 'data') return [new Tensor(type, first.payload)]
      if ((op.name === 'broadcast' || op.name === 'transpose') && operandOf(first).views.length < mostViews)
        return [new Tensor(type, { kind: 'view', base: first, op, attrs })]
    }
    const data = run(op, operands.map(operandOf), attrs)
    return types.map((result, i) => {
      const elements = data[i]
      if (elements === undefined) throw new InternalError(`${op.name} lacks result ${i}`)
      return new Tensor(result, { kind: 'data', data: elements })
    })
  }

  lift(tensor: Tensor): Tensor {
    return tensor
  }

  typeOf(variable: Variable): TensorType {
    return variable.storedType
  }

  read(variable: Variable): Tensor {
    // A program that waits may overwrite the Variable next: no snapshot, but a copy.
    if (programsAreWaiting())
      return new Tensor(variable.storedType, { kind: 'data', data: readSlot(variable.slot) })
    return variable.snapshot(() => new Tensor(variable.storedType, { kind: 'snapshot', variable }))
  }

  assign(variable: Variable, value: Tensor): void {
    if (value.payload.kind === 'symbolic') throw outOfScope('assign', value, undefined)
    variable.store(value.elements('assign'), value.type.shape)
  }

  update(variable: Variable, op: OpDefinition, value: Tensor): void {
    if (value.payload.kind === 'symbolic') throw outOfScope('assign', value, undefined)
    const operand = operandOf(value)
    variable.beforeChange()
    run(
      op,
      [{ base: new Tensor(variable.storedType, { kind: 'snapshot', variable }), views: [] }, operand],
      {},
      true,
    )
  }

  initialValue(initial: Tensor, name: string): Tensor {
    if (initial.payload.kind === 'symbolic') throw outOfScope(`tf.variable ${name}`, initial, undefined)
    return initial
  }

  created(): void {
    // Eager code may create variables as it likes.
  }
}

/** Runs one op over views of tensors in memory; with `commit`, the result replaces the first operand's variable. */
function run(
  op: OpDefinition,
  operands: readonly EagerOperand[],
  attrs: Attrs,
  commit = false,
): readonly TypedArray[] {
  const key = new EagerKey()
  key.text = commit ? `${op.name}!` : op.name
  for (const operand of operands) key.operand(operand)
  key.attrs(attrs)
  let cached = programs.get(key.text)
  if (cached === undefined) {
    cached = compile(op, operands, attrs, commit)
    programs.set(key.text, cached)
    if (programs.size > mostPrograms) evictOne()
  }
  cached.used = true
  const inputs: TypedArray[] = []
  const variables: Slot[] = []
  for (const { base } of operands) {
    const payload = base.payload
    if (payload.kind === 'snapshot') variables.push(payload.variable.slot)
    else inputs.push(base.elements(op.name))
  }
  const { values } = key
  return cached.executable.run(
    inputs,
    variables,
    cached.sizes.map((at) => values[at] ?? 0),
  )
}

/** Forgets one program: the oldest that has not run since it was last passed by, which costs a hit only a flag. */
function evictOne(): void {
  for (const [key, program] of programs) {
    programs.delete(key)
    if (!program.used) {
      program.executable.program.dispose()
      return
    }
    program.used = false
    programs.set(key, program)
  }
}

function compile(
  op: OpDefinition,
  operands: readonly EagerOperand[],
  attrs: Attrs,
  commit: boolean,
): CachedProgram {
  compiled++
  // The program's size names are its own: what they demand is no business of a function being traced meanwhile.
  const recorder = installGuardRecorder(undefined)
  try {
    const { graph, variables } = graphOf(op, operands, attrs, commit)
    const executable = new Executable(fuse(graph), variables, () => {
      throw new InternalError('eager programs capture no tensors')
    })
    return {
      executable,
      used: true,
      sizes: executable.program.spec.sizes.map((name) => Number(name.slice(1))),
    }
  } finally {
    installGuardRecorder(recorder)
  }
}

/** The graph of one op with symbolic sizes: params for tensors, captures for variables. */
function graphOf(
  op: OpDefinition,
  operands: readonly EagerOperand[],
  attrs: Attrs,
  commit: boolean,
): { readonly graph: Graph; readonly variables: readonly string[] } {
  const names = new SymbolicNames()
  const params: Value[] = []
  const captures: Graph['captures'][number][] = []
  const nodes: Node[] = []
  const apply = (definition: OpDefinition, values: readonly Value[], given: Attrs): readonly Value[] => {
    const types = definition.type(
      values.map((value) => value.type),
      given,
      [],
    )
    const results = types.map((type) => makeValue(type))
    nodes.push({ op: definition.name, operands: values, attrs: given, regions: [], results })
    return results
  }
  const values = operands.map(({ base, views }) => {
    const type = names.type(base.dtype, base.shape)
    let value = makeValue(type)
    if (base.payload.kind === 'snapshot') {
      const name = `v${captures.length}`
      captures.push({ name, kind: 'variable', type })
      nodes.push({
        op: 'read',
        operands: [],
        attrs: { variable: name, dtype: type.dtype, shape: type.shape },
        regions: [],
        results: [value],
      })
    } else params.push(value)
    for (const view of views) {
      const [next] = apply(view.op, [value], names.attrs(view.attrs))
      if (next === undefined) throw new InternalError(`${view.op.name} has no result`)
      value = next
    }
    return value
  })
  const results = apply(op, values, names.attrs(attrs))
  const [result] = results
  if (commit && result !== undefined)
    nodes.push({ op: 'commit', operands: [result], attrs: { variable: 'v0' }, regions: [], results: [] })
  return {
    graph: { name: op.name, params, captures, nodes, results: commit ? [] : results, guards: [] },
    variables: captures.map((capture) => capture.name),
  }
}

/** Computes a pending tensor: copies a variable's content, or runs the view on its own. */
function materialise(tensor: Tensor): TypedArray {
  const payload = tensor.payload
  switch (payload.kind) {
    case 'data':
      return payload.data
    case 'snapshot': {
      const data = readSlot(payload.variable.slot)
      tensor.settle(data)
      return data
    }
    case 'view': {
      if (!isStaticShape(tensor.type.shape))
        throw new InternalError('a view with unknown sizes outside a trace')
      const [data] = run(payload.op, [operandOf(payload.base)], payload.attrs)
      if (data === undefined) throw new InternalError(`${payload.op.name} has no result`)
      tensor.settle(data)
      return data
    }
    case 'symbolic':
      throw new InternalError('a symbolic tensor has no elements')
  }
}

installEagerTrace(new EagerTrace())
installMaterialise(materialise)
