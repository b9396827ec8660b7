/**
 * Tracing a callback once: its leaves become parameters of a graph, it runs, and what it returns becomes the graph's
 * results inside the structure it was returned in.
 *
 * Containers among the arguments are copies, compared afterwards: a callback that pushed to an array it was given would
 * do so once, when it is traced, and never again. Variables among the arguments are placeholders, since each call may
 * pass others.
 */
import { SignatureError, TraceError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../convert.ts'
import { opNamed } from '../op.ts'
import { installGuardRecorder } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Variable } from '../variable.ts'
import { type ArgumentType, isReceiverStructure, type Leaf, type Signature, withLeaves } from './argument.ts'
import { bindOne, isTracing, withObservers, withTrace } from './bind.ts'
import { releaseConverter } from './convert-hook.ts'
import type { VariableCreation } from './creation.ts'
import { tellingOfRandom } from './frozen-random.ts'
import { GraphFunction } from './graph-function.ts'
import { GraphTrace } from './graph-trace.ts'
import { constantText } from './identity.ts'
import { restoringOuterWrites } from './outer-writes.ts'
import { flattened, isFlattening, unflattened } from './protocol.ts'
import { SizeNames } from './spec.ts'
import { isPlainObject, propertyPath } from './tree.ts'

/** A callback, and what it is called with. */
interface CallbackRequest {
  readonly name: string
  readonly callback: (...args: never[]) => unknown
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly signature: Signature
}

export interface TracingRequest extends CallbackRequest {
  /** The type to trace each entry of the signature with, where it is opener than the argument's own. */
  readonly types?: readonly ArgumentType[]
  /** The rules for Variables the callback creates. */
  readonly creation: VariableCreation
}

/** A callback, traced. */
export interface TracedCallback extends ResultStructure {
  readonly callee: GraphFunction
  /** For each Variable among the leaves, the name of the graph's capture that stands for it. */
  readonly variableNames: readonly string[]
}

/** Runs the callback symbolically. Throws what it throws; nothing but its own side effects is left then. */
export function traceCallback(request: TracingRequest): TracedCallback {
  const trace = new GraphTrace(request.name, undefined, request.creation)
  const before = installGuardRecorder((x, y, reason) => trace.guard(x, y, reason))
  try {
    // Tapes around the call see it as a whole, not what happens while it is traced.
    return withObservers([], () =>
      withTrace(trace, () =>
        restoringOuterWrites(request.name, request.self, () =>
          tellingOfRandom(request.callback, request.name, () => run(request, trace)),
        ),
      ),
    )
  } finally {
    installGuardRecorder(before)
    request.creation.end()
    if (!isTracing()) releaseConverter()
  }
}

function run(request: TracingRequest, trace: GraphTrace): TracedCallback {
  const variableNames: string[] = []
  const { leaves } = request.signature
  const types = leafTypes(request)
  const placeholders = new Map<Variable, Variable>()
  const sizeNames = new SizeNames(
    [...types.values()].flatMap((type) => (type.kind === 'tensor' ? [type.shape] : [])),
  )
  const symbolic = leaves.map((leaf) =>
    symbolicLeaf(leaf, types.get(leaf), {
      trace,
      sizeNames,
      placeholders,
      variableNames,
      creation: request.creation,
    }),
  )
  const result = callWith(request, symbolic)
  const results: Tensor[] = []
  const structure = resultStructure(
    result,
    '',
    request.name,
    (value) => results.push(trace.lift(convertToTensor(value))) - 1,
  )
  const traced = trace.finish(results)
  trace.unusedTests.demand(traced.graph.results, request.name)
  return { callee: new GraphFunction(traced), ...structure, variableNames }
}

/** A call of the callback as it is, for `tf.config.runFunctionsEagerly`: with arguments and results as in a trace. */
export function runCallbackEagerly(request: CallbackRequest): unknown {
  const leaves = request.signature.leaves.map((leaf): unknown => {
    switch (leaf.kind) {
      case 'tensor':
        return leaf.tensor
      case 'variable':
        return leaf.variable
      case 'constant':
        return leaf.value
      case 'spec':
        return leaf.spec
    }
  })
  const results: Tensor[] = []
  const result = callWith(request, leaves)
  releaseConverter()
  const { rebuild } = resultStructure(result, '', request.name, (value) => {
    const tensor = convertToTensor(value)
    // A tensor of its own, as a compiled program would give, also for an argument that is returned.
    return results.push(bindOne(opNamed('reshape'), [tensor], { shape: tensor.type.shape })) - 1
  })
  return rebuild(results)
}

/** Calls the callback with these leaves in copies of the arguments, which it may not change. */
function callWith(request: CallbackRequest, leaves: readonly unknown[]): unknown {
  const { signature } = request
  const leaf = (next: number): unknown => leaves[next]
  const [self, ...args] = isReceiverStructure(signature)
    ? withLeaves([request.self, ...request.args], signature.count + 1, leaf)
    : [request.self, ...withLeaves(request.args, signature.count, leaf)]
  const pristine = args.map(shapeOfContainers)
  const result: unknown = Reflect.apply(request.callback, self, args)
  checkUnmodified(request, args, pristine)
  if (result instanceof Promise)
    throw new TraceError({
      op: request.name,
      problem: 'the callback returned a Promise',
      fix: 'async callbacks cannot be traced; await outside.',
    })
  return result
}

function leafTypes({ signature, types }: TracingRequest): ReadonlyMap<Leaf, ArgumentType> {
  const byPath = new Map(signature.entries.map((entry, i) => [entry.path, types?.[i] ?? entry.type]))
  const found = new Map<Leaf, ArgumentType>()
  for (const leaf of signature.leaves) {
    const type = byPath.get(leaf.path)
    if (type !== undefined) found.set(leaf, type)
  }
  return found
}

/** What is gathered while the leaves become parameters. */
interface Parameters {
  readonly trace: GraphTrace
  readonly sizeNames: SizeNames
  readonly placeholders: Map<Variable, Variable>
  readonly variableNames: string[]
  readonly creation: VariableCreation
}

function symbolicLeaf(leaf: Leaf, type: ArgumentType | undefined, parameters: Parameters): unknown {
  const { trace, sizeNames, placeholders, variableNames, creation } = parameters
  switch (leaf.kind) {
    case 'tensor':
    case 'spec': {
      const given = leaf.kind === 'tensor' ? leaf.tensor.type : leaf.spec
      const shape: readonly (Size | null)[] | null = type?.kind === 'tensor' ? type.shape : given.shape
      if (shape === null)
        throw new SignatureError({
          op: 'tf.function',
          problem: `the rank of ${leaf.path} is not known`,
          fix: 'a trace needs a rank: pass a tensor, or a spec with null for its sizes.',
        })
      creation.param(leaf.kind === 'tensor' ? leaf.tensor : undefined)
      return trace.param({ dtype: given.dtype, shape: sizeNames.name(shape) }, plainName(leaf.path))
    }
    case 'variable': {
      const placeholder = placeholders.get(leaf.variable) ?? leaf.variable.placeholder()
      placeholders.set(leaf.variable, placeholder)
      creation.variableParam(placeholder, leaf.variable)
      variableNames.push(trace.variableParam(placeholder, plainName(leaf.path)))
      return placeholder
    }
    case 'constant':
      return leaf.value
  }
}

/** A path as a name in a graph: `batch.x` → `batch_x`. */
function plainName(path: string): string {
  return path.replaceAll(/\W+/g, '_').replace(/_$/, '')
}

/** The containers of an argument with what was in them, to tell whether the callback changed them. */
type Containers =
  | {
      readonly container: object
      readonly keys: readonly unknown[]
      readonly values: readonly unknown[]
      readonly inner: readonly Containers[]
    }
  | undefined

function shapeOfContainers(value: unknown): Containers {
  if (!Array.isArray(value) && !(value instanceof Map) && !isPlainObject(value)) return undefined
  const [keys, values] = contentsOf(value)
  return { container: value, keys, values, inner: values.map(shapeOfContainers) }
}

function contentsOf(container: object): readonly [readonly unknown[], readonly unknown[]] {
  return container instanceof Map
    ? [[...container.keys()], [...container.values()]]
    : [Object.keys(container), Object.values(container)]
}

function isUnchanged(containers: Containers): boolean {
  if (containers === undefined) return true
  const [keys, values] = contentsOf(containers.container)
  return (
    keys.length === containers.keys.length &&
    keys.every(
      (key, i) => Object.is(key, containers.keys[i]) && Object.is(values[i], containers.values[i]),
    ) &&
    containers.inner.every(isUnchanged)
  )
}

function checkUnmodified(
  request: CallbackRequest,
  args: readonly unknown[],
  pristine: readonly Containers[],
): void {
  const changed = args.flatMap((_, i) => (isUnchanged(pristine[i]) ? [] : [i]))
  if (changed.length === 0) return
  const outer = request.signature.entries.filter(
    ({ path }) => path !== 'this' && /^(?:\w+|args\[\d+\])$/.test(path),
  )
  const names = changed.map((i) => outer[i]?.path ?? `args[${i}]`)
  throw new TraceError({
    op: request.name,
    problem: `the callback modified its argument${names.length > 1 ? 's' : ''} ${names.join(', ')}: that would happen once, when it is traced, and never again`,
    fix: 'modify a copy, and return it.',
  })
}

/** The structure a callback returned, with results in the place of its tensors. */
interface ResultStructure {
  readonly rebuild: (results: readonly Tensor[]) => unknown
  /** The structure as text, given the text of each result. */
  readonly describe: (results: readonly string[]) => string
}

/** Collects the tensors of what a callback returned. Throws TraceError for what cannot be returned. */
export function resultStructure(
  value: unknown,
  path: string,
  name: string,
  collect: (leaf: TensorLike) => number,
): ResultStructure {
  // The structures are made by functions that never see a tensor: a closure that did would keep its trace alive.
  const inner = (entry: unknown, at: string): ResultStructure => resultStructure(entry, at, name, collect)
  if (value === null || value === undefined) return nothing(value)
  if (
    value instanceof TensorMethods ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    isTypedArray(value)
  )
    return leaf(collect(value as TensorLike))
  if (Array.isArray(value)) return list(value.map((entry: unknown, i) => inner(entry, `${path}[${i}]`)))
  if (isPlainObject(value))
    return record(
      Object.entries(value).map(([key, entry]) => [key, inner(entry, propertyPath(path, key))] as const),
    )
  if (value instanceof Map)
    return map(
      [...value].map(([key, entry]) => [key, inner(entry, `${path}.get(${constantText(key)})`)] as const),
    )
  if (isFlattening(value)) {
    const { meta, leaves } = flattened(value, path)
    return instance(
      value.constructor,
      meta,
      leaves.map((entry, i) => inner(entry, `${path}[${i}]`)),
    )
  }
  const kind = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  throw new TraceError({
    op: name,
    problem: `it returned ${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}${path === '' ? '' : ` at ${path}`}`,
    fix: 'return tensors, numbers, arrays or plain objects of them, null or undefined.',
  })
}

function nothing(value: null | undefined): ResultStructure {
  return { rebuild: () => value, describe: () => String(value) }
}

function leaf(index: number): ResultStructure {
  return { rebuild: (results) => results[index], describe: (results) => results[index] ?? '' }
}

function list(entries: readonly ResultStructure[]): ResultStructure {
  return {
    rebuild: (results) => entries.map((entry) => entry.rebuild(results)),
    describe: (results) => `[${entries.map((entry) => entry.describe(results)).join(', ')}]`,
  }
}

function record(entries: readonly (readonly [string, ResultStructure])[]): ResultStructure {
  return {
    rebuild: (results) => Object.fromEntries(entries.map(([key, entry]) => [key, entry.rebuild(results)])),
    describe: (results) =>
      `{${entries.map(([key, entry]) => `${key}: ${entry.describe(results)}`).join(', ')}}`,
  }
}

function map(entries: readonly (readonly [unknown, ResultStructure])[]): ResultStructure {
  return {
    rebuild: (results) => new Map(entries.map(([key, entry]) => [key, entry.rebuild(results)])),
    describe: (results) =>
      `Map {${entries.map(([key, entry]) => `${constantText(key)}: ${entry.describe(results)}`).join(', ')}}`,
  }
}

function instance(kind: Function, meta: unknown, entries: readonly ResultStructure[]): ResultStructure {
  return {
    rebuild: (results) =>
      unflattened(
        kind,
        meta,
        entries.map((entry) => entry.rebuild(results)),
      ),
    describe: (results) => `${kind.name}(${entries.map((entry) => entry.describe(results)).join(', ')})`,
  }
}
