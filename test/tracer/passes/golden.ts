// Golden files of passes: cases of one name, an input graph and the graph expected from the pass.
//
//     === name of the case
//     optional words for the pass, on one line
//     --- input
//     function @f(...) ...
//     --- output
//     function @f(...) ...
//
// `UPDATE=1` rewrites inputs in their printed form, and outputs with what the pass gives, of the cases that are valid graphs.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { printGraph } from '../../../tracer/ir/print.ts'
import { verifyGraph } from '../../../tracer/ir/verify.ts'
import type { Graph } from '../../../tracer/ir/graph.ts'

const updating = process.env['UPDATE'] === '1'

interface Case {
  readonly name: string
  readonly words: string
  readonly input: string
  readonly output: string
}

function readCases(text: string): Case[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((section) => {
      const [head = '', input = '', output = ''] = section.split(/^--- (?:input|output)\n/m)
      const [name = '', words = ''] = head.trim().split('\n')
      return { name, words, input: input.trim(), output: output.trim() }
    })
}

function writeCases(cases: readonly Case[]): string {
  return cases
    .map(({ name, words, input, output }) =>
      [`=== ${name}`, ...(words === '' ? [] : [words]), '--- input', input, '--- output', output, ''].join(
        '\n',
      ),
    )
    .join('\n')
}

/** Declares one test per case of test/golden/passes/<file>.txt. Inputs and outputs are verified. */
export function testGoldens(file: string, pass: (graph: Graph, words: string) => Graph): void {
  const path = new URL(`../../golden/passes/${file}.txt`, import.meta.url)
  const cases = readCases(readFileSync(path, 'utf8'))
  const updated = new Map<string, Case>()
  describe(`${file} goldens`, () => {
    test.each(cases)('$name', (golden) => {
      const graph = parseGraph(golden.input)
      const printed = printGraph(graph)
      expect(printGraph(parseGraph(printed))).toBe(printed)
      verifyGraph(graph)
      const result = pass(graph, golden.words)
      verifyGraph(result)
      expect(printGraph(graph)).toBe(printed)
      const output = printGraph(result)
      expect(printGraph(parseGraph(output))).toBe(output)
      updated.set(golden.name, { ...golden, input: printed, output })
      expect(output).toBe(updating ? output : golden.output)
    })
  })
  afterAll(() => {
    if (updating) writeFileSync(path, writeCases(cases.map((golden) => updated.get(golden.name) ?? golden)))
  })
}
