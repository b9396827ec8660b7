// What fusion makes of whole programs: a golden file per program holds the graph as traced, the fused graph and the steps
// of the program (`UPDATE=1` rewrites them), and the counts that matter are asserted here as well.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Kernel } from '../../../codegen/kernel.ts'
import { eachStatement, nodesOfStatements } from '../../../codegen/passes/rewrite.ts'
import type { GemmStep, ProgramSpec, Step } from '../../../codegen/program.ts'
import { planMemory } from '../../../codegen/run/plan.ts'
import { printSize } from '../../../codegen/size.ts'
import { machineryOf } from '../../../src/function.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import type { Graph } from '../../../tracer/ir/graph.ts'
import { evaluateNode } from '../../../tracer/lower/evaluate.ts'
import { fuse } from '../../../tracer/passes/fuse.ts'
import { runPasses } from '../../../tracer/passes/pipeline.ts'
import { fusedPrograms } from '../../support/fused-programs.ts'

const updating = process.env['UPDATE'] === '1'

function describeGemm(spec: ProgramSpec, step: GemmStep): string {
  const name = (buffer: number): string => spec.buffers[buffer]?.name ?? '?'
  const matrix = ({ buffer, rowStride }: GemmStep['a']): string =>
    `${name(buffer)}${rowStride === 1 ? ' transposed' : ''}`
  const sizes = [step.rows, step.inner, step.columns].map(printSize).join('×')
  const epilogue = [
    step.init === undefined ? '' : ` + ${name(step.init.buffer)}`,
    step.activation === 'none' ? '' : `, ${step.activation}`,
  ]
  return `gemm ${sizes}: ${name(step.c)} = ${matrix(step.a)} · ${matrix(step.b)}${epilogue.join('')}`
}

/** How many different elements an iteration loads, and how many stores it has. */
function memoryUse({ body }: Kernel): string {
  const loads = [...nodesOfStatements(body)].filter(({ kind }) => kind === 'load').length
  const stores = [...eachStatement(body)].filter(({ kind }) => kind === 'store').length
  return `${loads} load${loads === 1 ? '' : 's'}, ${stores} store${stores === 1 ? '' : 's'}`
}

function describeStep(spec: ProgramSpec, step: Step): string {
  const name = (buffer: number): string => spec.buffers[buffer]?.name ?? '?'
  switch (step.kind) {
    case 'kernel':
      return `kernel ${step.kernel.name}: ${step.buffers.map(name).join(', ')} (${memoryUse(step.kernel)})`
    case 'loop':
      return ['loop', ...[...step.test, ...step.body].map((inner) => `  ${describeStep(spec, inner)}`)].join(
        '\n',
      )
    case 'gemm':
      return describeGemm(spec, step)
    case 'commit':
      return `commit ${name(step.variable)} from ${name(step.from)}`
    default:
      return step.kind
  }
}

interface Fused {
  readonly traced: string
  readonly fused: string
  readonly steps: readonly string[]
  readonly inPlace: readonly string[]
  readonly spec: ProgramSpec
}

const made = new Map<string, Fused>()

/** Traces and compiles a program, once. */
function fusedForm(name: string): Fused {
  const known = made.get(name)
  if (known !== undefined) return known
  const program = fusedPrograms.find((candidate) => candidate.name === name)
  const callee = program && machineryOf(program.make())?.current
  if (callee === undefined) throw new Error(`there is no program ${name}`)
  const graph = callee.fusedGraph()
  const { spec } = callee.prepare().program
  const form: Fused = {
    traced: printGraph(callee.traced.graph),
    fused: printGraph(graph),
    steps: spec.steps.map((step) => describeStep(spec, step)),
    inPlace: [...planMemory(spec).inPlaceCommits].sort(),
    spec,
  }
  made.set(name, form)
  return form
}

function kernelsOf(name: string): number {
  return fusedForm(name).spec.steps.filter((step) => step.kind === 'kernel').length
}

function kernelNames(name: string): readonly string[] {
  return fusedForm(name).spec.steps.flatMap((step) => (step.kind === 'kernel' ? [step.kernel.name] : []))
}

function gemmsOf(name: string): GemmStep[] {
  return fusedForm(name).spec.steps.filter((step): step is GemmStep => step.kind === 'gemm')
}

describe('fused programs', () => {
  test.each(fusedPrograms)('$name', ({ name }) => {
    const { traced, fused, steps, inPlace } = fusedForm(name)
    const sections = [
      ['traced', traced],
      ['fused', fused],
      ['steps', steps.join('\n')],
      ['commits in place', inPlace.join('\n')],
    ]
    const text = sections.map(([title, body]) => `--- ${title}\n${(body ?? '').trim()}\n`).join('\n')
    const path = new URL(`../../golden/fuse/${name}.txt`, import.meta.url)
    if (updating) writeFileSync(path, text)
    expect(text).toBe(readFileSync(path, 'utf8'))
  })

  test.each(fusedPrograms)(
    '$name: every pass gives a valid graph that prints and parses back',
    ({ name }) => {
      const graph = parseGraph(fusedForm(name).traced)
      const stages: string[] = []
      const trace = (stage: string, seen: Graph): void => {
        stages.push(stage)
        const text = printGraph(seen)
        expect(printGraph(parseGraph(text))).toBe(text)
      }
      runPasses(graph, { fuse, evaluate: evaluateNode, verify: true, trace })
      expect(stages.at(-1)).toBe('fuse')
    },
  )
})

describe('kernel counts', () => {
  test.each([
    ['softmax', 1],
    ['log-softmax', 1],
    ['layer-norm', 1],
    ['layer-norm-gradient', 1],
    ['softmax-gradient', 1],
    ['elementwise-chain', 1],
    ['dense-relu', 0],
  ])('%s: %i, for known and unknown rows', (name, count) => {
    expect([kernelsOf(name), kernelsOf(`${name}-unknown-rows`)]).toEqual([count, count])
  })

  test('sparse softmax cross-entropy with its gradient: the check of the labels, the rows, the mean', () => {
    for (const name of ['sparse-softmax-cross-entropy', 'sparse-softmax-cross-entropy-unknown-rows'])
      expect(kernelNames(name)).toEqual(['check0', 'k2', 'k3'])
  })
})

describe('training steps', () => {
  test('bias and relu are part of the matrix product', () => {
    const [gemm, ...others] = gemmsOf('dense-relu')
    expect(others).toEqual([])
    expect([gemm?.activation, gemm?.init === undefined]).toEqual(['relu', false])
    const activations = gemmsOf('mlp-sgd').map((step) => [step.activation, step.init !== undefined])
    expect(activations.filter(([activation]) => activation === 'relu')).toEqual([['relu', true]])
    expect(activations.filter(([, hasBias]) => hasBias).length).toBe(2)
  })

  test.each(['mlp-sgd', 'mlp-sgd-unknown-batch', 'mlp-momentum', 'mlp-adam', 'mlp-adam-unknown-batch'])(
    '%s: five matrix products',
    (name) => {
      expect(gemmsOf(name).length).toBe(5)
    },
  )

  test.each(fusedPrograms.filter(({ name }) => name.startsWith('mlp') || name === 'logistic-regression'))(
    '$name: every commit is in place',
    ({ name }) => {
      const { spec, inPlace } = fusedForm(name)
      const committed = spec.steps.flatMap((step) =>
        step.kind === 'commit' ? [spec.buffers[step.variable]?.name ?? '?'] : [],
      )
      expect(committed.length).toBeGreaterThan(1)
      expect(inPlace).toEqual([...committed].sort())
    },
  )
})
