// Lints a function whose tests are on tensors, with the rules that speak of conditions: comparisons are typed so that
// both leave them alone, and report a tensor that is no comparison.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../package/project.ts'

const source = readFileSync(join(root, 'test/types/conditions.ts'), 'utf8').replace(/^\/\/ oxlint.*/, '')

test.each(['strict-boolean-expressions', 'no-unnecessary-condition'])('%s', (rule) => {
  const folder = mkdtempSync(join(tmpdir(), 'tracemill-lint-'))
  try {
    writeFileSync(join(folder, 'conditions.ts'), source)
    const compilerOptions = {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'dom'],
      types: [],
      strict: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      paths: { tracemill: [join(root, 'src/index.ts')] },
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['conditions.ts'] }),
    )
    const rules = { [`typescript/${rule}`]: 'error' }
    const config = join(folder, 'lint.json')
    writeFileSync(
      config,
      JSON.stringify({ plugins: ['typescript'], categories: { correctness: 'off' }, rules }),
    )
    const linter = join(root, 'node_modules/oxlint/bin/oxlint')
    const { stdout } = spawnSync(
      process.execPath,
      [linter, '--type-aware', '-c', config, '--format', 'unix', 'conditions.ts'],
      { cwd: folder, encoding: 'utf8' },
    )
    const reported = [...stdout.matchAll(/^conditions\.ts:(\d+):/gm)].map(([, line]) => Number(line))
    const expected = source.split('\n').flatMap((line, i) => (line.endsWith('// reported') ? [i + 1] : []))
    expect(reported, stdout).toEqual(expected)
    expect(expected.length).toBeGreaterThan(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
