/**
 * The form of the library that Node loads: `tsx scripts/bundle-node.ts [dist]`, after the compiler and before
 * split-binaryen.ts.
 *
 * Node takes about a millisecond to find, read and link a module, and there are four hundred. So what the compiler has
 * left in `dist` is put into a few files in `dist/node`: one per entry point, and those with what entry points share, so
 * that there is one copy of everything. Bundlers for browsers get the single modules, of which they can leave some out.
 *
 * Small packages that are loaded at every start are in it, with their licenses beside: finding a package takes longer than
 * finding a module.
 *
 * Rollup does it, because what it makes of `import * as` is like the namespaces that engines make. Comments go, not for
 * their size but because one character beyond Latin-1 doubles a file in memory and all work on its text.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { type Plugin, rollup } from 'rollup'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Modules with files of their own: those that package.json names, and those that are started as threads. */
const published: Readonly<Record<string, string>> = {
  index: 'src/node.js',
  autograph: 'src/autograph.js',
  'autograph-runtime': 'src/autograph-runtime.js',
  plugin: 'src/plugin/index.js',
  register: 'src/register/index.js',
  hooks: 'src/register/hooks.js',
  worker: 'codegen/cache/worker.js',
}

/** Packages whose code is copied, and those that these need. */
const copied = ['acorn', 'astring', 'fflate', ...['gen-mapping', 'remapping', 'trace-mapping'].map(scoped)]
const copiedWithThem = ['resolve-uri', 'sourcemap-codec'].map(scoped)

function scoped(name: string): string {
  return `@jridgewell/${name}`
}

/** Copied packages, each as one module. */
const packages: Plugin = {
  name: 'packages',
  resolveId: (id) => (copied.includes(id) ? `\0${id}` : undefined),
  load: async (id) => {
    if (!id.startsWith('\0') || !copied.includes(id.slice(1))) return undefined
    const contents = `export * from '${id.slice(1)}'; import * as all from '${id.slice(1)}'; export default all.default`
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      logOverride: { 'import-is-undefined': 'silent' },
    })
    return outputFiles[0]?.text ?? ''
  },
}

/** Comments go, and blanks, but not the ends of lines. */
const withoutComments: Plugin = {
  name: 'without-comments',
  renderChunk: async (code) => {
    const settings = {
      minifyWhitespace: true,
      charset: 'ascii',
      legalComments: 'none',
      lineLimit: 120,
    } as const
    return { code: (await transform(code, settings)).code, map: null }
  },
}

function licenses(): string {
  return [...copied, ...copiedWithThem]
    .map((name) => {
      const folder = join(root, 'node_modules', name)
      const license = existsSync(folder)
        ? readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
        : undefined
      if (license === undefined) throw new Error(`${name} has no license to go with its code`)
      return `${name}\n\n${readFileSync(join(folder, license), 'utf8').trim()}\n`
    })
    .join('\n----\n\n')
}

/** Leaves `node/*.js` in `dist`, and the licenses of what was copied. */
async function bundleForNode(dist: string): Promise<void> {
  await bundle(dist, published)
  writeFileSync(join(dist, 'node/licenses.txt'), licenses())
}

/** Leaves in `dist/node` a file for each entry, given by its path in `dist`, and what they share. */
export async function bundle(dist: string, entries: Readonly<Record<string, string>>): Promise<void> {
  const made = await rollup({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(dist, file)])),
    external: (id) => !/^[./\0]|^[A-Za-z]:/.test(id) && !copied.includes(id),
    plugins: [packages],
    onLog: (level, log) => {
      // The compiler's helper for modules begins with `this &&`.
      if (log.code !== 'THIS_IS_UNDEFINED' && level !== 'debug') console.warn(log.message)
    },
    // Nothing is taken for free of effects: the registry of ops is filled by modules that nobody names.
    treeshake: { moduleSideEffects: true },
  })
  await made.write({
    dir: join(dist, 'node'),
    format: 'es',
    // What the library's own frames on a stack are known by (tracer/trace/source.ts).
    chunkFileNames: 'tracemill-[hash].js',
    hashCharacters: 'hex',
    generatedCode: { preset: 'es2015', symbols: true },
    plugins: [withoutComments],
  })
  await made.close()
}

if (process.argv[1] !== undefined && basename(process.argv[1]) === basename(fileURLToPath(import.meta.url)))
  await bundleForNode(process.argv[2] ?? fileURLToPath(new URL('../dist/', import.meta.url)))
