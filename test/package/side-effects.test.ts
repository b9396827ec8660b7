// Bundlers drop every module that package.json's `sideEffects` does not list and whose exports are not used. Rollup
// itself is asked here which modules do something when they are imported: of those, only the ones below, whose work is
// wasted when nothing of theirs is used, may be missing from the list.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { transformWithEsbuild } from 'vite'
import { expect, it } from 'vitest'
import { root } from './project.ts'

/** Not listed although Rollup keeps them: their top level only completes what they export. */
const onlyConstants = [
  'src/data/index.ts',
  'src/math/special.ts',
  'src/nn/activations.ts',
  'src/random/generator.ts',
  'src/random/sequences.ts',
]

interface Manifest {
  readonly sideEffects: readonly string[]
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

function isListed(source: string): boolean {
  const built = `./dist/${source.replace(/\.ts$/, '.js')}`
  return manifest.sideEffects.some((pattern) =>
    pattern.endsWith('/**/*.js') ? built.startsWith(pattern.slice(0, -'**/*.js'.length)) : pattern === built,
  )
}

/** What is left of a module that is imported for its effects alone. */
async function effectsOf(source: string): Promise<string> {
  const { code } = await transformWithEsbuild(readFileSync(join(root, source), 'utf8'), source, {
    target: 'es2022',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  })
  const modules = new Map([
    ['entry', `import 'module'`],
    ['module', code],
  ])
  const bundle = await rollup({
    input: 'entry',
    logLevel: 'silent',
    external: (id) => !modules.has(id),
    treeshake: { moduleSideEffects: (id) => modules.has(id) },
    plugins: [
      {
        name: 'one-module',
        resolveId: (id) => (modules.has(id) ? id : undefined),
        load: (id) => modules.get(id),
      },
    ],
  })
  const { output } = await bundle.generate({ format: 'es' })
  return output[0].code.trim()
}

it('the modules that do something when imported are listed in sideEffects', async () => {
  const sources = ['src', 'tracer', 'codegen'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
      .filter((file) => file.endsWith('.ts')),
  )
  const dropped: string[] = []
  for (const source of sources)
    if (!isListed(source) && (await effectsOf(source)) !== '') dropped.push(source)
  expect(dropped.sort()).toEqual(onlyConstants)
  expect(await effectsOf('tracer/ops/dot.ts')).toContain('defineOp')
})

it('sideEffects lists only what exists', () => {
  for (const pattern of manifest.sideEffects) {
    // Made of the others by scripts/bundle-node.ts.
    if (pattern === './dist/node/*.js') continue
    const source = pattern.replace('./dist/', '').replace('/**/*.js', '').replace(/\.js$/, '.ts')
    expect(existsSync(join(root, source)), pattern).toBe(true)
  }
})
