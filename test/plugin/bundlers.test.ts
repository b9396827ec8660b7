// One program with control flow on tensors wherever functions can be, built by every bundler and run by Node; its results
// are compared with the same program in plain JavaScript, and lines in messages and stack traces with the source.
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'
import type { Outcome } from './app/outcome.ts'
import { builders } from './builds.ts'

const app = join(root, 'test/plugin/app')

/** The number of the line with this comment. */
function lineOf(comment: string): number {
  const lines = readFileSync(join(app, 'model.ts'), 'utf8').split('\n')
  return lines.findIndex((line) => line.endsWith(`// ${comment}`)) + 1
}

function run(file: string): Outcome {
  const flags = ['--enable-source-maps']
  if (process.versions.node.startsWith('20.')) flags.push('--experimental-wasm-relaxed-simd')
  return JSON.parse(execFileSync(process.execPath, [...flags, file], { encoding: 'utf8' })) as Outcome
}

describe('a program that a bundler has built', () => {
  let project: string

  beforeAll(() => {
    project = createProject(['esbuild'])
    cpSync(app, join(project, 'app'), { recursive: true })
  }, 120_000)

  afterAll(() => {
    if (project !== undefined) removeProject(project)
  })

  // Rollup leaves minifying to others.
  const cases = Object.keys(builders).flatMap((name) => [
    { name, way: 'plain', isMinified: false },
    ...(name === 'Rollup' ? [] : [{ name, way: 'minified', isMinified: true }]),
  ])
  it.each(cases)('computes what its plain twin does: $name, $way', async ({ name, isMinified }) => {
    const file = await builders[name]!(project, isMinified)
    const outcome = run(file)
    expect(outcome.staged).toEqual(outcome.plain)
    expect(outcome.traces).toBe(1)
    expect(outcome.message).toContain(`at model.ts:${lineOf('line of the mistake')}:3, while tracing`)
    expect(outcome.stack).toMatch(new RegExp(`(?<!app/)app/model\\.ts:${lineOf('line of the error')}:13\\b`))
  })
})
