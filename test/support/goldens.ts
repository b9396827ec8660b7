// Runs golden cases: how a case's op, arguments and attributes become a call of the public functions, and how its
// results and its first and second gradients are obtained by GradientTape. Values were computed with TensorFlow 2.21
// (losses: Keras 3). A runner is told how to execute a callback on tensors, so the same cases run eagerly and traced.
import { readFileSync } from 'node:fs'
import * as tf from '../../src/index.ts'
import type { CrossentropyOptions } from '../../src/losses/index.ts'
import { isFloating } from '../../codegen/dtype.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import {
  decodeData,
  decodeNumber,
  difference,
  type GoldenNumber,
  type GoldenTensor,
  gradientDifference,
  type Result,
  type Tolerance,
} from './compare.ts'
import { windowRunners } from './golden-windows.ts'

type GoldenArgument = GoldenTensor | readonly GoldenTensor[] | null
type GoldenGradient = GoldenTensor | readonly (GoldenTensor | null)[] | null

export interface GoldenCase {
  readonly id: string
  readonly op: string
  readonly args: readonly GoldenArgument[]
  readonly attrs: Readonly<Record<string, unknown>>
  readonly out: readonly GoldenTensor[]
  readonly tol: Tolerance & { readonly grad?: Tolerance; readonly grad2?: Tolerance }
  readonly grad?: {
    readonly upstream: readonly (GoldenTensor | null)[]
    readonly inputs: readonly GoldenGradient[]
  }
  readonly grad2?: {
    readonly v: readonly GoldenGradient[]
    readonly inputs: readonly GoldenGradient[]
  }
}

export const goldenGroups = [
  'unary',
  'binary',
  'ternary',
  'cast',
  'create',
  'reduce',
  'shape',
  'slice',
  'index',
  'softmax',
  'linalg',
  'conv',
  'scan',
  'loss',
] as const

const folder = new URL('../golden-data/', import.meta.url)

/** The cases of a group. */
export function loadGroup(group: string): readonly GoldenCase[] {
  const file = JSON.parse(readFileSync(new URL(`${group}.json`, folder), 'utf8')) as { cases: GoldenCase[] }
  return file.cases
}

/** What is not run: case ids and op names, and op names that cannot be traced, each with the reason. */
export interface LeftOut {
  readonly cases: Readonly<Record<string, string>>
  readonly ops: Readonly<Record<string, string>>
  readonly traced: Readonly<Record<string, string>>
}

export function loadLeftOut(): LeftOut {
  return JSON.parse(readFileSync(new URL('left-out.json', folder), 'utf8')) as LeftOut
}

/** Runs a callback on tensors: at once, or as a traced function. Results come back in order. */
export type Execute = (
  callback: (inputs: readonly Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
) => readonly Tensor[]

type Argument = Tensor | readonly Tensor[] | null

/** Attributes by name; the accessors say what kind is expected. */
class Attributes {
  readonly values: Readonly<Record<string, unknown>>
  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values
  }
  number(name: string): number {
    return decodeNumber(this.values[name] as GoldenNumber)
  }
  optionalNumber(name: string): number | undefined {
    return this.values[name] === undefined ? undefined : this.number(name)
  }
  list(name: string): readonly number[] {
    return this.values[name] as readonly number[]
  }
  flag(name: string): boolean {
    return this.values[name] === true
  }
  /** The value as the type the public function declares. */
  as<T>(name: string): T {
    return this.values[name] as T
  }
}

interface Call {
  readonly args: readonly Argument[]
  readonly attrs: Attributes
  /** The argument at a position, as one tensor. */
  x(position: number): Tensor
  /** The argument at a position, as a list. */
  list(position: number): readonly Tensor[]
  optional(position: number): Tensor | undefined
}

type Runner = (call: Call) => Tensor | readonly Tensor[]

const unary =
  (f: (x: Tensor) => Tensor): Runner =>
  (c) =>
    f(c.x(0))
const binary =
  (f: (x: Tensor, y: Tensor) => Tensor): Runner =>
  (c) =>
    f(c.x(0), c.x(1))
const reduction =
  (f: (x: Tensor, axis: tf.AxisArgument, keepDims: boolean) => Tensor): Runner =>
  (c) =>
    f(c.x(0), c.attrs.as<tf.AxisArgument>('axis'), c.attrs.flag('keepDims'))
const scan =
  (f: (x: Tensor, axis: number, exclusive: boolean, reverse: boolean) => Tensor): Runner =>
  (c) =>
    f(c.x(0), c.attrs.number('axis'), c.attrs.flag('exclusive'), c.attrs.flag('reverse'))
const loss =
  (f: (labels: Tensor, predictions: Tensor, weights?: Tensor) => Tensor): Runner =>
  (c) =>
    f(c.x(0), c.x(1), c.optional(2))

const runners: Readonly<Record<string, Runner>> = {
  neg: unary(tf.neg),
  abs: unary(tf.abs),
  sign: unary(tf.sign),
  floor: unary(tf.floor),
  ceil: unary(tf.ceil),
  round: unary(tf.round),
  sqrt: unary(tf.sqrt),
  rsqrt: unary(tf.rsqrt),
  square: unary(tf.square),
  reciprocal: unary(tf.reciprocal),
  exp: unary(tf.exp),
  expm1: unary(tf.expm1),
  log: unary(tf.log),
  log1p: unary(tf.log1p),
  sin: unary(tf.sin),
  cos: unary(tf.cos),
  tan: unary(tf.tan),
  asin: unary(tf.asin),
  acos: unary(tf.acos),
  atan: unary(tf.atan),
  sinh: unary(tf.sinh),
  cosh: unary(tf.cosh),
  tanh: unary(tf.tanh),
  asinh: unary(tf.asinh),
  acosh: unary(tf.acosh),
  atanh: unary(tf.atanh),
  erf: unary(tf.erf),
  lgamma: unary(tf.lgamma),
  digamma: unary(tf.digamma),
  sigmoid: unary(tf.nn.sigmoid),
  logSigmoid: unary(tf.nn.logSigmoid),
  softplus: unary(tf.nn.softplus),
  relu: unary(tf.nn.relu),
  relu6: unary(tf.nn.relu6),
  elu: unary(tf.nn.elu),
  selu: unary(tf.nn.selu),
  silu: unary(tf.nn.silu),
  softsign: unary(tf.nn.softsign),
  mish: unary(tf.nn.mish),
  hardSigmoid: unary(tf.nn.hardSigmoid),
  leakyRelu: (c) => tf.nn.leakyRelu(c.x(0), c.attrs.number('alpha')),
  gelu: (c) => tf.nn.gelu(c.x(0), c.attrs.flag('approximate')),
  prelu: binary(tf.nn.prelu),
  step: unary(tf.step),
  isNaN: unary(tf.isNaN),
  isInf: unary(tf.isInf),
  isFinite: unary(tf.isFinite),
  logicalNot: unary(tf.logicalNot),
  zerosLike: unary(tf.zerosLike),
  onesLike: unary(tf.onesLike),
  cast: (c) => tf.cast(c.x(0), c.attrs.as('dtype')),
  clipByValue: (c) =>
    c.args.length === 3
      ? tf.clipByValue(c.x(0), c.x(1), c.x(2))
      : tf.clipByValue(c.x(0), c.attrs.number('clipValueMin'), c.attrs.number('clipValueMax')),

  add: binary(tf.add),
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(tf.div),
  floorDiv: binary(tf.floorDiv),
  mod: binary(tf.mod),
  pow: binary(tf.pow),
  maximum: binary(tf.maximum),
  minimum: binary(tf.minimum),
  squaredDifference: binary(tf.squaredDifference),
  atan2: binary(tf.atan2),
  divNoNan: binary(tf.divNoNan),
  logicalAnd: binary(tf.logicalAnd),
  logicalOr: binary(tf.logicalOr),
  logicalXor: binary(tf.logicalXor),
  equal: binary(tf.equal),
  notEqual: binary(tf.notEqual),
  less: binary(tf.less),
  lessEqual: binary(tf.lessEqual),
  greater: binary(tf.greater),
  greaterEqual: binary(tf.greaterEqual),
  bitwiseAnd: binary(tf.bitwiseAnd),
  bitwiseOr: binary(tf.bitwiseOr),
  bitwiseXor: binary(tf.bitwiseXor),
  leftShift: binary(tf.leftShift),
  rightShift: binary(tf.rightShift),
  where: (c) => tf.where(c.x(0), c.x(1), c.x(2)),
  addN: (c) => tf.addN(c.list(0)),

  sum: reduction(tf.sum),
  mean: reduction(tf.mean),
  max: reduction(tf.max),
  min: reduction(tf.min),
  prod: reduction(tf.prod),
  any: reduction(tf.any),
  all: reduction(tf.all),
  logSumExp: reduction(tf.logSumExp),
  variance: reduction(tf.variance),
  std: reduction(tf.std),
  norm: (c) =>
    tf.norm(
      c.x(0),
      c.attrs.values['ord'] === 'Infinity' ? Number.POSITIVE_INFINITY : c.attrs.as<tf.NormOrder>('ord'),
      c.attrs.as<tf.AxisArgument>('axis'),
      c.attrs.flag('keepDims'),
    ),
  argMax: (c) => tf.argMax(c.x(0), c.attrs.number('axis')),
  argMin: (c) => tf.argMin(c.x(0), c.attrs.number('axis')),
  cumsum: scan(tf.cumsum),
  cumprod: scan(tf.cumprod),

  reshape: (c) => tf.reshape(c.x(0), c.attrs.list('shape')),
  transpose: (c) => tf.transpose(c.x(0), c.attrs.as<readonly number[] | null>('perm')),
  expandDims: (c) => tf.expandDims(c.x(0), c.attrs.number('axis')),
  squeeze: (c) => tf.squeeze(c.x(0), c.attrs.as<readonly number[] | null>('axis') ?? undefined),
  stack: (c) => tf.stack(c.list(0), c.attrs.number('axis')),
  unstack: (c) => tf.unstack(c.x(0), c.attrs.number('axis')),
  concat: (c) => tf.concat(c.list(0), c.attrs.number('axis')),
  split: (c) =>
    tf.split(c.x(0), c.attrs.as<number | readonly number[]>('numOrSizeSplits'), c.attrs.number('axis')),
  tile: (c) => tf.tile(c.x(0), c.attrs.list('reps')),
  pad: (c) =>
    c.attrs.values['mode'] === 'constant'
      ? tf.pad(c.x(0), c.attrs.as('paddings'), c.attrs.optionalNumber('constantValue'))
      : tf.mirrorPad(c.x(0), c.attrs.as('paddings'), c.attrs.as('mode')),
  reverse: (c) => tf.reverse(c.x(0), c.attrs.list('axis')),
  broadcastTo: (c) => tf.broadcastTo(c.x(0), c.attrs.list('shape')),
  diag: unary(tf.diag),
  bandPart: (c) => tf.linalg.bandPart(c.x(0), c.attrs.number('numLower'), c.attrs.number('numUpper')),
  roll: (c) => tf.roll(c.x(0), c.attrs.list('shift'), c.attrs.list('axis')),
  meshgrid: (c) => tf.meshgrid(c.list(0), c.attrs.as('indexing')),

  slice: (c) => tf.slice(c.x(0), c.attrs.list('begin'), c.attrs.list('size')),
  stridedSlice: (c) =>
    tf.stridedSlice(
      c.x(0),
      c.attrs.list('begin'),
      c.attrs.list('end'),
      c.attrs.list('strides'),
      c.attrs.optionalNumber('beginMask'),
      c.attrs.optionalNumber('endMask'),
      c.attrs.optionalNumber('ellipsisMask'),
      c.attrs.optionalNumber('newAxisMask'),
      c.attrs.optionalNumber('shrinkAxisMask'),
    ),
  gather: (c) => tf.gather(c.x(0), c.x(1), c.attrs.number('axis'), c.attrs.optionalNumber('batchDims')),
  gatherND: binary(tf.gatherND),
  scatterND: (c) => tf.scatterND(c.x(0), c.x(1), c.attrs.list('shape')),
  tensorScatterUpdate: (c) => tf.tensorScatterUpdate(c.x(0), c.x(1), c.x(2)),
  tensorScatterAdd: (c) => tf.tensorScatterAdd(c.x(0), c.x(1), c.x(2)),
  segmentSum: binary(tf.segmentSum),
  unsortedSegmentSum: (c) => tf.unsortedSegmentSum(c.x(0), c.x(1), c.attrs.number('numSegments')),
  bincount: (c) =>
    tf.bincount(
      c.x(0),
      c.optional(1) ?? null,
      c.attrs.optionalNumber('minLength'),
      c.attrs.optionalNumber('maxLength'),
    ),
  oneHot: (c) =>
    tf.oneHot(
      c.x(0),
      c.attrs.number('depth'),
      c.attrs.optionalNumber('onValue'),
      c.attrs.optionalNumber('offValue'),
      c.attrs.as('dtype'),
      c.attrs.optionalNumber('axis'),
    ),
  eye: (c) =>
    tf.eye(
      c.attrs.number('numRows'),
      c.attrs.optionalNumber('numColumns'),
      c.attrs.as('batchShape'),
      c.attrs.as('dtype'),
    ),
  range: (c) =>
    tf.range(c.attrs.number('start'), c.attrs.number('stop'), c.attrs.number('step'), c.attrs.as('dtype')),
  linspace: (c) => tf.linspace(c.attrs.number('start'), c.attrs.number('stop'), c.attrs.number('num')),
  fill: (c) => tf.fill(c.attrs.list('shape'), c.attrs.number('value'), c.attrs.as('dtype')),

  matMul: (c) => tf.matMul(c.x(0), c.x(1), c.attrs.flag('transposeA'), c.attrs.flag('transposeB')),
  dot: binary(tf.dot),
  outerProduct: binary(tf.outerProduct),
  matVec: (c) => tf.matVec(c.x(0), c.x(1), c.attrs.flag('transposeA')),
  l2Normalize: (c) =>
    tf.nn.l2Normalize(c.x(0), c.attrs.as<tf.AxisArgument>('axis'), c.attrs.optionalNumber('epsilon')),
  trace: unary(tf.linalg.trace),

  ...windowRunners,

  softmax: (c) => tf.nn.softmax(c.x(0), c.attrs.number('axis')),
  logSoftmax: (c) => tf.nn.logSoftmax(c.x(0), c.attrs.number('axis')),
  sigmoidCrossEntropyWithLogits: binary(tf.nn.sigmoidCrossEntropyWithLogits),
  softmaxCrossEntropyWithLogits: (c) =>
    tf.nn.softmaxCrossEntropyWithLogits(c.x(0), c.x(1), c.attrs.number('axis')),
  sparseSoftmaxCrossEntropyWithLogits: binary(tf.nn.sparseSoftmaxCrossEntropyWithLogits),

  meanSquaredError: loss(tf.losses.meanSquaredError),
  meanAbsoluteError: loss(tf.losses.meanAbsoluteError),
  logCosh: loss(tf.losses.logCosh),
  poisson: loss(tf.losses.poisson),
  klDivergence: loss(tf.losses.klDivergence),
  hinge: loss(tf.losses.hinge),
  squaredHinge: loss(tf.losses.squaredHinge),
  categoricalHinge: loss(tf.losses.categoricalHinge),
  huberLoss: (c) => tf.losses.huberLoss(c.x(0), c.x(1), c.optional(2), { delta: c.attrs.number('delta') }),
  cosineSimilarity: (c) =>
    tf.losses.cosineSimilarity(c.x(0), c.x(1), c.optional(2), { axis: c.attrs.number('axis') }),
  binaryCrossentropy: (c) =>
    tf.losses.binaryCrossentropy(c.x(0), c.x(1), c.optional(2), crossentropyOptions(c.attrs)),
  categoricalCrossentropy: (c) =>
    tf.losses.categoricalCrossentropy(c.x(0), c.x(1), c.optional(2), crossentropyOptions(c.attrs)),
}

function crossentropyOptions(attrs: Attributes): CrossentropyOptions {
  return { fromLogits: attrs.flag('fromLogits'), labelSmoothing: attrs.optionalNumber('labelSmoothing') ?? 0 }
}

/** The op names that can be run. */
export function runnableOps(): readonly string[] {
  return Object.keys(runners)
}

/** A list argument counts as its tensors: positions in `flat` mirror the structure. */
function flattenArguments<T>(args: readonly (T | readonly T[] | null)[]): (T | null)[] {
  return args.flatMap((entry) => (Array.isArray(entry) ? (entry as T[]) : [entry as T | null]))
}

/** Puts a flat list back into the structure of the arguments. */
function rebuildArguments(args: readonly GoldenArgument[], flat: readonly Tensor[]): Argument[] {
  let at = 0
  const next = (): Tensor => {
    const tensor = flat[at++]
    if (tensor === undefined) throw new Error('too few tensors for the arguments of the case')
    return tensor
  }
  return args.map((entry) => (entry === null ? null : Array.isArray(entry) ? entry.map(next) : next()))
}

export function toTensor(golden: GoldenTensor): Tensor {
  return tensorOf(golden.dtype, golden.shape, decodeData(golden))
}

function toResult(tensor: Tensor): Result {
  return { dtype: tensor.dtype, shape: tensor.shape, data: tensor.data() }
}

function callOp(golden: GoldenCase, flat: readonly Tensor[]): readonly Tensor[] {
  const runner = runners[golden.op]
  if (runner === undefined) throw new Error(`no runner for ${golden.op}`)
  const args = rebuildArguments(golden.args, flat)
  const fail = (position: number): never => {
    throw new Error(`${golden.id} has no such argument ${position}`)
  }
  const result = runner({
    args,
    attrs: new Attributes(golden.attrs),
    x(position) {
      const value = args[position]
      return value === undefined || value === null || Array.isArray(value)
        ? fail(position)
        : (value as Tensor)
    },
    list(position) {
      const value = args[position]
      return Array.isArray(value) ? (value as readonly Tensor[]) : fail(position)
    },
    optional(position) {
      const value = args[position]
      return value === undefined || value === null || Array.isArray(value) ? undefined : (value as Tensor)
    },
  })
  return Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]
}

/** The first thing wrong with the results of a case, or undefined. */
export function checkForward(golden: GoldenCase, execute: Execute): string | undefined {
  const inputs = flattenArguments<GoldenTensor>(golden.args)
    .filter((entry) => entry !== null)
    .map(toTensor)
  const results = execute((tensors) => callOp(golden, tensors), inputs)
  if (results.length !== golden.out.length) return `${results.length} results, expected ${golden.out.length}`
  for (const [i, expected] of golden.out.entries()) {
    const message = difference(toResult(results[i]!), expected, golden.tol)
    if (message !== undefined) return `result ${i}: ${message}`
  }
  return undefined
}

/** Gradients of Σ results·upstream for the floating inputs; null for the others and where none flows. */
function gradients(
  golden: GoldenCase,
  inputs: readonly Tensor[],
  upstream: readonly (GoldenTensor | null)[],
): (Tensor | null)[] {
  const floating = inputs.filter((input) => isFloating(input.dtype))
  const tape = new tf.GradientTape()
  const results = tape.record(() => {
    for (const input of floating) tape.watch(input)
    return callOp(golden, inputs)
  })
  const targets: Tensor[] = []
  const weights: Tensor[] = []
  for (const [i, weight] of upstream.entries())
    if (weight !== null) {
      targets.push(results[i]!)
      weights.push(toTensor(weight))
    }
  const found = tape.gradient(targets, floating, { outputGradients: weights }) as readonly (Tensor | null)[]
  let at = 0
  return inputs.map((input) => (isFloating(input.dtype) ? (found[at++] ?? null) : null))
}

/** Runs a callback whose results may be null: those are left out of what is executed and put back. */
function executeWithNulls(
  execute: Execute,
  callback: (inputs: readonly Tensor[]) => readonly (Tensor | null)[],
  inputs: readonly Tensor[],
): (Tensor | null)[] {
  let present: boolean[] = []
  const results = execute((tensors) => {
    const all = callback(tensors)
    present = all.map((entry) => entry !== null)
    return all.filter((entry) => entry !== null)
  }, inputs)
  let at = 0
  return present.map((here) => (here ? (results[at++] ?? null) : null))
}

function compareGradients(
  found: readonly (Tensor | null)[],
  expected: readonly GoldenGradient[],
  args: readonly GoldenArgument[],
  tolerance: Tolerance,
): string | undefined {
  const flat = flattenArguments<GoldenTensor>(expected as readonly GoldenArgument[])
  const inputs = flattenArguments<GoldenTensor>(args)
  let at = 0
  for (const [i, input] of inputs.entries()) {
    if (input === null) continue
    const tensor = found[at++] ?? null
    const message = gradientDifference(tensor === null ? null : toResult(tensor), flat[i] ?? null, tolerance)
    if (message !== undefined) return `gradient ${i}: ${message}`
  }
  return undefined
}

/** The first thing wrong with the gradients of a case, or undefined. */
export function checkGradient(golden: GoldenCase, execute: Execute): string | undefined {
  const { grad } = golden
  if (grad === undefined) return undefined
  const inputs = flattenArguments<GoldenTensor>(golden.args)
    .filter((entry) => entry !== null)
    .map(toTensor)
  const found = executeWithNulls(execute, (tensors) => gradients(golden, tensors, grad.upstream), inputs)
  return compareGradients(found, grad.inputs, golden.args, golden.tol.grad ?? {})
}

/** The first thing wrong with the second-order gradients of a case, or undefined. */
export function checkSecondGradient(golden: GoldenCase, execute: Execute): string | undefined {
  const { grad, grad2 } = golden
  if (grad === undefined || grad2 === undefined) return undefined
  const flatArguments = flattenArguments<GoldenTensor>(golden.args)
  const flatWeights = flattenArguments<GoldenTensor>(grad2.v as readonly GoldenArgument[]).filter(
    (_, i) => flatArguments[i] !== null,
  )
  const inputs = flatArguments.filter((entry) => entry !== null).map(toTensor)
  const found = executeWithNulls(
    execute,
    (tensors) => {
      const floating = tensors.filter((input) => isFloating(input.dtype))
      const tape = new tf.GradientTape()
      const weighted = tape.record(() => {
        for (const input of floating) tape.watch(input)
        const first = gradients(golden, tensors, grad.upstream)
        return first.flatMap((gradient, i) => {
          const weight = flatWeights[i] ?? null
          return gradient === null || weight === null ? [] : [tf.sum(tf.mul(gradient, toTensor(weight)))]
        })
      })
      const second = tape.gradient(weighted, floating) as readonly (Tensor | null)[]
      let at = 0
      return tensors.map((input) => (isFloating(input.dtype) ? (second[at++] ?? null) : null))
    },
    inputs,
  )
  // A gradient that does not depend on the inputs has none of its own; zeros are expected there.
  const zerosForNone = found.map((tensor, i) =>
    tensor === null && isFloating(inputs[i]!.dtype) ? tf.zerosLike(inputs[i]!) : tensor,
  )
  return compareGradients(zerosForNone, grad2.inputs, golden.args, golden.tol.grad2 ?? {})
}
