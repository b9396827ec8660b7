// Which modules the plugin touches, what it says of what it cannot read, and what loading it loads.
import { build } from 'esbuild'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { describe, expect, it } from 'vitest'
import * as tracemill from '../../src/plugin/index.ts'
import { hasDecorators } from '../../src/plugin/lower.ts'
import { matcher, type Pattern, shownPath } from '../../src/plugin/patterns.ts'
import { root } from '../package/project.ts'

const test = `export const f = (x) => x.greater(0) ? 1 : 2\n`
const importing = `import * as tf from 'tracemill'\nexport { tf }\n${test}`

/** What Rollup makes of one module at a path. */
async function transformed(id: string, code: string, options?: tracemill.PluginOptions): Promise<string> {
  const bundle = await rollup({
    input: id,
    external: (name) => name !== id,
    plugins: [
      tracemill.rollup(options),
      { name: 'virtual', resolveId: (name) => (name === id ? id : null), load: () => code },
    ],
  })
  return (await bundle.generate({ format: 'es' })).output[0].code
}

describe('which modules are rewritten', () => {
  const here = join(process.cwd(), 'src/some-model.js')
  const packaged = join(process.cwd(), 'node_modules/some-package/index.js')

  it.each<[string, string, string, tracemill.PluginOptions, boolean]>([
    ['one that imports the library', here, importing, {}, true],
    ['one that does not', here, test, {}, false],
    ['one that does not, but is included by a glob', here, test, { include: 'src/*-model.{js,ts}' }, true],
    ['one that another glob includes', here, test, { include: ['lib/**', /other/] }, false],
    ['one that is excluded', here, importing, { exclude: /some-model/g }, false],
    ['one that is included and excluded', here, importing, { include: '**', exclude: 'src/**' }, false],
    ['a package that imports the library', packaged, importing, {}, false],
    ['a package that is included', packaged, importing, { include: /some-package/ }, true],
    ['a virtual module', '\0virtual.js', importing, {}, false],
    ['a stylesheet', join(process.cwd(), 'src/style.css'), importing, {}, false],
  ])('%s', async (_, id, code, options, isRewritten) => {
    const output = await transformed(id, code, options)
    expect(output.includes('$ag.ifExp(')).toBe(isRewritten)
    expect(output.includes('tracemill/autograph-runtime')).toBe(isRewritten)
  })
})

it('says where what it cannot read is, and what to do', async () => {
  const id = join(process.cwd(), 'src/typed.ts')
  await expect(transformed(id, `${importing}const x: number = 1`)).rejects.toThrow(
    /src\/typed\.ts is not JavaScript when it gets here: .* Put the plugin behind/,
  )
})

it.each<[Pattern | readonly Pattern[], string, boolean]>([
  ['src/**', '/app/src/a/b.ts', true],
  ['src/**', '/app/src2/a.ts', false],
  ['src/*.ts', '/app/src/a/b.ts', false],
  ['**/models/*.{ts,js}', '/elsewhere/models/a.js', true],
  ['**/models/*.{ts,js}', '/elsewhere/models/a.jsx', false],
  ['/app/a?.ts', '/app/ab.ts', true],
  ['/app/a?.ts', '/app/a/.ts', false],
  ['src/a+b (1).ts', '/app/src/a+b (1).ts', true],
  [[], '/app/a.ts', false],
])('the pattern %s, for %s', (pattern, path, matches) => {
  const isMatch = matcher(pattern, '/app')
  expect([isMatch(path), isMatch(path)]).toEqual([matches, matches])
})

it('shows paths below the root without it', () => {
  expect(shownPath('/app/src/a.ts', '/app')).toBe('src/a.ts')
  expect(shownPath('/elsewhere/a.ts', '/app')).toBe('/elsewhere/a.ts')
})

it.each([
  ['class A { @tf.func step() {} }', true],
  ['@sealed\nclass A {}', true],
  ['class A {\n  @(tf.function) f = 1 }', true],
  ['// see @param\n/* @no-autograph */ const mail = "me@example.org"', false],
])('%s has decorators: %s', (code, expected) => {
  expect(hasDecorators(code)).toBe(expected)
})

it('loads neither the library nor its code generator', async () => {
  const { metafile } = await build({
    entryPoints: [join(root, 'src/plugin/index.ts')],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    absWorkingDir: root,
  })
  const own = Object.keys(metafile.inputs)
  expect(own.filter((path) => /^codegen\/(?!errors|dtype|size)|^src\/(?!plugin)/.test(path))).toEqual([])
  const packages = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  expect(packages).not.toContain('binaryen')
})
