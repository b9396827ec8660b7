/**
 * Control flow as nodes, `cond` and `while`, with their gradients.
 *
 * The gradient of `cond` is a `cond` on the same predicate: each branch computes its forward again and goes back through
 * it; what only the other branch uses has the gradient 0.
 *
 * The gradient of `while` is two loops. The first runs the loop again and keeps what the gradient of an iteration needs
 * of its carried values in a chain of records. The second goes through the chain, last iteration first, and carries
 * the gradients of the carried values and the sums of those of the invariants. How often it runs is the length of the
 * chain. Both are loops like any other, so the gradient can be differentiated again.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { GradientError, InternalError } from '../../codegen/errors.ts'
import { type Graph, textAttribute, type Value } from '../ir/graph.ts'
import { withoutEffects } from '../ir/rewrite.ts'
import { defineOp, type GradientContext, type OpDefinition } from '../op.ts'
import { at } from '../ops/arguments.ts'
import {
  condTypes,
  noRecord,
  popRecord,
  pushRecord,
  type WhileAttrs,
  whileTypes,
  zerosOfType,
} from '../ops/control.ts'
import { notEqual } from '../ops/logical.ts'
import { dce } from '../passes/dce.ts'
import type { Tensor } from '../tensor.ts'
import { bind } from '../trace/bind.ts'
import { OpenRegion, SharedOperands, traceRegion } from '../trace/region.ts'
import { replay } from '../trace/replay.ts'
import { accumulate } from './sweep.ts'
import { GradientTape } from './tape.ts'

/** Applies `regions[0]` to the operands but the first when that is true, `regions[1]` otherwise. */
export const condOp: OpDefinition = defineOp({
  name: 'cond',
  type: (operands, _attrs, regions) => condTypes(operands, regions),
  gradient: condGradient,
  lower: { kind: 'program' },
  cost: 100,
})

/** Carries the first operands through `regions[1]` as long as `regions[0]` gives true. */
export const whileOp: OpDefinition<WhileAttrs> = defineOp<WhileAttrs>({
  name: 'while',
  type: whileTypes,
  gradient: whileGradient,
  lower: { kind: 'program' },
  cost: 100,
})

/** The graph with other params, of which it uses some. */
export function withParams(
  graph: Graph,
  params: readonly Value[],
  results: readonly Value[] = graph.results,
): Graph {
  return { ...graph, params, results }
}

function regionAt(regions: readonly Graph[], i: number): Graph {
  const region = regions[i]
  if (region === undefined) throw new InternalError(`control flow without region ${i}`)
  return region
}

/** The gradients of a graph's results `reached` with respect to its operands `wanted`, computing it again. */
function backThrough(
  graph: Graph,
  operands: readonly Tensor[],
  wanted: readonly number[],
  reached: readonly number[],
  upstream: readonly Tensor[],
): readonly (Tensor | null)[] {
  const pick = (tensors: readonly Tensor[], indices: readonly number[]): Tensor[] =>
    indices.flatMap((i) => tensors[i] ?? [])
  demandNoReads(graph)
  const tape = new GradientTape({ watchAccessedVariables: false })
  const sources = pick(operands, wanted)
  const results = tape.record(() => {
    tape.watch(sources)
    return replay(withoutEffects(graph), operands)
  })
  return tape.gradient(pick(results, reached), sources, { outputGradients: [...upstream] })
}

/** What a Variable held after a host call is not known when the gradient computes a region again. */
function demandNoReads(graph: Graph): void {
  for (const node of graph.nodes) {
    node.regions.forEach(demandNoReads)
    if (node.op === 'read')
      throw new GradientError({
        op: 'gradient',
        problem: `${graph.name} calls the host and reads the variable ${textAttribute(node, 'variable')}, which the host may have assigned`,
        fix: 'read the variable before the branch or loop, or give the host call what it needs and use its results.',
      })
  }
}

function indicesWhere<T>(list: readonly T[], holds: (entry: T, i: number) => boolean): number[] {
  return list.flatMap((entry, i) => (holds(entry, i) ? [i] : []))
}

function condGradient({ operands, gradients, needed, regions }: GradientContext): readonly (Tensor | null)[] {
  const [predicate, ...inputs] = operands
  if (predicate === undefined) throw new InternalError('cond without a predicate')
  const wanted = indicesWhere(inputs, (_, i) => needed[i + 1] === true)
  const reached = indicesWhere(gradients, (gradient) => gradient !== null)
  const upstream = gradients.filter((gradient) => gradient !== null)
  const branches = [0, 1].map((i) => {
    const graph = regionAt(regions, i)
    const region = new OpenRegion(
      `gradient of ${graph.name}`,
      [...inputs, ...upstream].map(({ type }) => type),
      { isDerived: true },
    )
    const [given, weights] = [region.params.slice(0, inputs.length), region.params.slice(inputs.length)]
    return { region, parts: region.run(() => backThrough(graph, given, wanted, reached, weights)) }
  })
  const connected = wanted.filter((_, at) => branches.some(({ parts }) => parts[at] !== null))
  const [then, otherwise] = branches.map(({ region, parts }) =>
    region.finish(
      region.run(() =>
        wanted.flatMap((operand, at) => {
          const input = inputs[operand]
          if (!connected.includes(operand) || input === undefined) return []
          return [parts[at] ?? zerosOfType(input.type)]
        }),
      ),
    ),
  )
  if (then === undefined || otherwise === undefined) throw new InternalError('cond lacks a branch')
  const shared = new SharedOperands()
  for (const [i, tensor] of [...inputs, ...upstream].entries())
    shared.add(tensor, then.graph.params[i], otherwise.graph.params[i])
  for (const { outer, param } of then.borrowed) shared.add(outer, param)
  for (const { outer, param } of otherwise.borrowed) shared.add(outer, undefined, param)
  const results = bind(condOp, [predicate, ...shared.tensors], {}, [
    withParams(then.graph, shared.params[0]),
    withParams(otherwise.graph, shared.params[1]),
  ])
  return operands.map((_, i) => results[connected.indexOf(i - 1)] ?? null)
}

/** A loop of which condition and body are functions: of the carried values, then the invariants. */
function loop(
  name: string,
  carried: readonly Tensor[],
  invariants: readonly Tensor[],
  condition: (values: readonly Tensor[]) => Tensor,
  body: (values: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const operands = [...carried, ...invariants]
  const types = operands.map(({ type }) => type)
  const test = traceRegion(name, types, (values) => [condition(values)], { isDerived: true })
  const step = traceRegion(name, types, body, { isDerived: true })
  const shared = new SharedOperands()
  for (const [i, tensor] of operands.entries()) shared.add(tensor, test.graph.params[i], step.graph.params[i])
  for (const { outer, param } of test.borrowed) shared.add(outer, param)
  for (const { outer, param } of step.borrowed) shared.add(outer, undefined, param)
  return bind(whileOp, shared.tensors, { carried: carried.length }, [
    withParams(test.graph, shared.params[0]),
    withParams(step.graph, shared.params[1]),
  ])
}

/** For each result of a graph the positions of the params it depends on. */
function dependencies(graph: Graph): readonly ReadonlySet<number>[] {
  const known = new Map<Value, ReadonlySet<number>>(graph.params.map((param, i) => [param, new Set([i])]))
  for (const node of graph.nodes) {
    // A gradient given by hand may leave operands out.
    const given = node.attrs['given']
    const through = node.operands.filter((_, i) => !Array.isArray(given) || given[i] !== false)
    const all = new Set(through.flatMap((operand) => [...(known.get(operand) ?? [])]))
    for (const result of node.results) known.set(result, all)
  }
  return graph.results.map((result) => known.get(result) ?? new Set())
}

/** Adds what `next` finds until there is nothing more to find. */
function closure(
  set: Set<number>,
  next: (set: ReadonlySet<number>) => readonly number[],
): ReadonlySet<number> {
  for (let size = -1; size !== set.size;) {
    size = set.size
    for (const found of next(set)) set.add(found)
  }
  return set
}

function whileGradient(context: GradientContext<WhileAttrs>): readonly (Tensor | null)[] {
  const { operands, gradients, needed, regions } = context
  const { carried } = context.attrs
  const condition = withoutEffects(regionAt(regions, 0))
  const body = withoutEffects(regionAt(regions, 1))
  const state = operands.slice(0, carried)
  const invariants = operands.slice(carried)
  const uses = dependencies(body)
  const floating = (i: number): boolean => isFloating(operands[i]?.dtype ?? 'int32')
  const varying = closure(new Set(indicesWhere(state, (_, i) => needed[i] === true)), (known) =>
    indicesWhere(state, (_, i) =>
      [...(uses[i] ?? [])].some((use) => (use < carried ? known.has(use) : needed[use] === true)),
    ).filter(floating),
  )
  const useful = closure(new Set(indicesWhere(gradients, (gradient) => gradient !== null)), (known) =>
    [...known].flatMap((i) => [...(uses[i] ?? [])].filter((use) => use < carried && floating(use))),
  )
  const active = indicesWhere(state, (_, i) => floating(i) && varying.has(i) && useful.has(i))
  const summed = indicesWhere(
    operands,
    (_, i) => i >= carried && needed[i] === true && active.some((result) => uses[result]?.has(i) === true),
  )

  const seeds = active.map((i) => state[i]).filter((tensor) => tensor !== undefined)
  const step = traceRegion(
    `gradient of ${body.name}`,
    [...operands, ...seeds].map(({ type }) => type),
    (params) => {
      const parts = backThrough(
        body,
        params.slice(0, operands.length),
        [...active, ...summed],
        active,
        params.slice(operands.length),
      )
      return [...active, ...summed].map((operand, i) => parts[i] ?? zerosOfType(at(operands, operand).type))
    },
    { isDerived: true },
  )
  // Gradients given by hand stay what they are: the loops below may be differentiated again.
  const graph = dce(step.graph)
  const used = new Set([...graph.nodes.flatMap((node) => node.operands), ...graph.results])
  const saved = indicesWhere(state, (_, i) => used.has(graph.params[i] as Value))

  const name = `gradient of ${condition.name}`
  const withoutRecord = (values: readonly Tensor[]): readonly Tensor[] => values.toSpliced(carried, 1)
  const forward = loop(
    name,
    [...state, noRecord()],
    invariants,
    (values) => at(replay(condition, withoutRecord(values)), 0),
    (values) => [
      ...replay(body, withoutRecord(values)),
      pushRecord(
        at(values, carried),
        saved.map((i) => at(values, i)),
      ),
    ],
  )

  const sums = summed.map((i) => zerosOfType(at(operands, i).type))
  const results = loop(
    name,
    [at(forward, carried), ...active.map((i) => gradients[i] ?? zerosOfType(at(state, i).type)), ...sums],
    [...invariants, ...step.borrowed.map(({ outer }) => outer)],
    ([record]) => notEqual(record as Tensor, noRecord()),
    ([record, ...values]) => {
      const upstream = values.slice(0, active.length)
      const partial = values.slice(active.length, active.length + summed.length)
      const given = values.slice(active.length + summed.length)
      const [before, kept] = popRecord(
        record as Tensor,
        saved.map((i) => at(state, i).type),
      )
      const previous = state.map((tensor, i) => kept[saved.indexOf(i)] ?? zerosOfType(tensor.type))
      const parts = replay(graph, [
        ...previous,
        ...given.slice(0, invariants.length),
        ...upstream,
        ...given.slice(invariants.length),
      ])
      return [
        before,
        ...parts.slice(0, active.length),
        ...partial.map((sum, i) => accumulate(sum, at(parts, active.length + i))),
      ]
    },
  )
  return operands.map((_, i) => {
    const place = [...active, ...summed].indexOf(i)
    return needed[i] === true && place >= 0 ? at(results, 1 + place) : null
  })
}
