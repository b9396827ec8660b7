// Compiles programs that use the public types, strictly and without Node's types, under both ways of finding modules
// that users have. A program that must compile gives no errors; a program full of mistakes gives
// the errors it announces, at the lines where it does.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../package/project.ts'

const files = ['consumer.ts', 'mistakes.ts'].map((file) => join(root, 'test/types', file))

/** `file:line code`, and the message for those who read a failure, of every error of the compiler. */
function errorsOf(project: string): { readonly place: string; readonly message: string }[] {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', project, '--pretty', 'false'], {
    encoding: 'utf8',
  })
  return [...stdout.matchAll(/^(?:(.+?)\((\d+),\d+\): )?error (TS\d+): (.*)$/gm)].map(
    ([, file = '', line = '', code = '', message = '']) => ({
      place: `${basename(file)}:${line} ${code}`,
      message,
    }),
  )
}

describe.each([
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
])('under $moduleResolution resolution', (resolution) => {
  let folder: string
  let errors: ReturnType<typeof errorsOf>

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tracemill-types-'))
    const compilerOptions = {
      ...resolution,
      target: 'es2023',
      lib: ['es2023', 'dom'],
      types: [],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: false,
      paths: { tracemill: [join(root, 'src/index.ts')] },
    }
    const project = join(folder, 'tsconfig.json')
    writeFileSync(project, JSON.stringify({ compilerOptions, files }))
    errors = errorsOf(project)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('accepts a correct program', () => {
    expect(errors.filter(({ place }) => place.startsWith('consumer.ts'))).toEqual([])
  })

  it('refuses mistakes', () => {
    const expected = readFileSync(join(root, 'test/types/mistakes.ts'), 'utf8')
      .split('\n')
      .flatMap((line, i) => {
        const code = / \/\/ (TS\d+)$/.exec(line)?.[1]
        return code === undefined ? [] : [`mistakes.ts:${i + 1} ${code}`]
      })
    expect(expected.length).toBeGreaterThan(0)
    const found = errors.filter(({ place }) => place.startsWith('mistakes.ts'))
    expect(
      found.map(({ place }) => place),
      JSON.stringify(found, null, 2),
    ).toEqual(expected)
  })
})
