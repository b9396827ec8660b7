/**
 * Checkpoints: all state of a training run in one file, and back.
 *
 * What is saved is named by where it is: `{ model, optimizer, epoch }` gives `model/layers/0/kernel`,
 * `optimizer/iterations`, `epoch`. Nothing is written when names or shapes do not agree, neither into a file (which is
 * replaced as a whole) nor into Variables.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { isPlainObject } from '../../tracer/trace/tree.ts'
import { Variable } from '../../tracer/variable.ts'
import { Module } from '../layers/module.ts'
import { Optimizer } from '../optimizers/optimizer.ts'
import { Generator } from '../random/generator.ts'
import { readFile, replaceFile } from './files.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'

/** What has state: Variables, modules (layers, models), optimizers, generators, and arrays and objects of them. */
export type Stateful =
  | Variable
  | Module
  | Optimizer
  | Generator
  | readonly Stateful[]
  | { readonly [name: string]: Stateful }

/**
 * All Variables of a structure by name, each once.
 *
 * @throws ValueError for something that has no state, and for two Variables of one name
 * @example [...tf.io.variablesOf({ step: tf.variable(3) }).keys()] // ['step']
 */
export function variablesOf(state: Stateful): ReadonlyMap<string, Variable> {
  const names = new Map<string, Variable>()
  collect(state, '', names, new Set())
  return names
}

/** The state as the bytes of a safetensors file. */
export function encodeCheckpoint(state: Stateful): Uint8Array<ArrayBuffer> {
  return encodeSafetensors(variablesOf(state), { format: 'tracemill' })
}

/**
 * Puts the state in the bytes of a safetensors file into Variables of the same names.
 *
 * @throws ValueError when the file and the structure do not name the same Variables; ShapeError or ValueError when one of
 *   them has another shape or dtype; as `decodeSafetensors` for a damaged file. No Variable has changed then.
 */
export function restoreCheckpoint(state: Stateful, file: Uint8Array): void {
  const { tensors } = decodeSafetensors(file)
  const variables = variablesOf(state)
  demandSameNames(variables, tensors)
  const pairs = [...variables].map(([name, variable]): readonly [Variable, Tensor] => {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw missing([name], [])
    demandFit(name, variable, tensor)
    return [variable, tensor]
  })
  for (const [variable, tensor] of pairs) variable.assign(tensor)
}

/**
 * Saves state to a file, which is replaced as a whole: whoever reads it meanwhile, or after a crash, finds the old one or
 * the new one. Node only; elsewhere use `encodeCheckpoint`.
 *
 * @throws as `variablesOf`, and what the file system says
 * @example
 * const model = tf.layers.dense({ units: 1, inputSize: 2 })
 * const optimizer = tf.optimizers.adam()
 * optimizer.build(model.trainableVariables)
 * // await tf.io.saveCheckpoint('run.safetensors', { model, optimizer })
 * tf.io.encodeCheckpoint({ model, optimizer }).length > 100 // true
 */
export async function saveCheckpoint(path: string | URL, state: Stateful): Promise<void> {
  await replaceFile(path, encodeCheckpoint(state))
}

/** Loads what `saveCheckpoint` saved into Variables of the same names. Throws as `restoreCheckpoint`. */
export async function loadCheckpoint(path: string | URL, state: Stateful): Promise<void> {
  restoreCheckpoint(state, await readFile(path))
}

function collect(state: unknown, path: string, names: Map<string, Variable>, seen: Set<Variable>): void {
  const add = (name: string, variable: Variable): void => {
    if (seen.has(variable)) return
    if (names.has(name))
      throw new ValueError({
        op: 'io.variablesOf',
        problem: `two variables are called '${name}'`,
        fix: 'put them under different keys.',
      })
    seen.add(variable)
    names.set(name, variable)
  }
  const under = (name: string): string => (path === '' ? name : `${path}/${name}`)
  if (state instanceof Variable) add(path === '' ? state.name : path, state)
  else if (state instanceof Module || state instanceof Optimizer)
    for (const [name, variable] of state.namedVariables) add(under(name), variable)
  else if (state instanceof Generator) add(under('state'), state.state)
  else if (Array.isArray(state))
    state.forEach((entry: unknown, i) => collect(entry, under(String(i)), names, seen))
  else if (isPlainObject(state))
    for (const [key, entry] of Object.entries(state)) collect(entry, under(key), names, seen)
  else
    throw new ValueError({
      op: 'io.variablesOf',
      problem: `${path === '' ? 'it' : `'${path}'`} is ${typeof state === 'function' ? 'a function' : String(state)}, which has no state`,
      fix: 'pass variables, layers, optimizers, generators, and arrays and plain objects of them.',
    })
}

function demandSameNames(
  variables: ReadonlyMap<string, Variable>,
  tensors: ReadonlyMap<string, Tensor>,
): void {
  const absent = [...variables.keys()].filter((name) => !tensors.has(name))
  const extra = [...tensors.keys()].filter((name) => !variables.has(name))
  if (absent.length > 0 || extra.length > 0) throw missing(absent, extra)
}

function missing(absent: readonly string[], extra: readonly string[]): ValueError {
  const list = (names: readonly string[]): string =>
    names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
  return new ValueError({
    op: 'io.restoreCheckpoint',
    problem: 'the file and the structure do not have the same variables',
    rows: [
      ...(absent.length === 0 ? [] : [['not in the file', list(absent)]]),
      ...(extra.length === 0 ? [] : [['only in the file', list(extra)]]),
    ],
    fix: 'build the same structure first: layers make their weights in build(…), optimizers their slots in build(variables).',
  })
}

function demandFit(name: string, variable: Variable, tensor: Tensor): void {
  const { dtype, shape } = variable.storedType
  const rows = [
    ['variable', name, printType(variable.storedType)],
    ['file', name, printType(tensor.type)],
  ]
  if (dtype !== tensor.dtype)
    throw new ValueError({
      op: 'io.restoreCheckpoint',
      problem: 'a variable has another dtype in the file',
      rows,
      fix: 'restore into a model of the same dtypes.',
    })
  if (!variable.open && !sameShape(shape, tensor.shape))
    throw new ShapeError({
      op: 'io.restoreCheckpoint',
      problem: 'a variable has another shape in the file',
      rows,
      fix: 'restore into a model of the same sizes.',
    })
}
