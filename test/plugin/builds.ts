/**
 * The same program built by each bundler with the plugin, into one module for Node. esbuild, which is quick, bundles the
 * library too, so that its minifier renames and drops what it can, all but binaryen, which is large and has no control
 * flow of ours; for the others the library stays outside.
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { rollup } from 'rollup'
import { build as vite, transformWithEsbuild } from 'vite'
import webpack from 'webpack'
import * as tracemill from '../../src/plugin/index.ts'

/** Builds `app/main.ts` of a project. Gives the path of what was built. */
export type Builder = (project: string, isMinified: boolean) => Promise<string>

const library = /^tracemill(?:\/|$)/

const entry = (project: string): string => join(project, 'app/main.ts')
const output = (project: string, name: string, isMinified: boolean): string =>
  join(project, `out/${name}${isMinified ? '.min' : ''}.mjs`)

const withEsbuild: Builder = async (project, isMinified) => {
  const outfile = output(project, 'esbuild', isMinified)
  await esbuild({
    absWorkingDir: project,
    entryPoints: [entry(project)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    minify: isMinified,
    external: ['binaryen'],
    plugins: [tracemill.esbuild()],
    logLevel: 'warning',
  })
  return outfile
}

const withRollup: Builder = async (project, isMinified) => {
  const file = output(project, 'rollup', isMinified)
  const bundle = await rollup({
    input: entry(project),
    external: library,
    plugins: [
      // In front, where it would see TypeScript if it did not ask to come last.
      tracemill.rollup(),
      {
        name: 'typescript',
        async transform(code, id) {
          if (!id.endsWith('.ts')) return null
          const result = await transformWithEsbuild(code, id, { target: 'es2022' })
          return { code: result.code, map: JSON.stringify(result.map) }
        },
      },
    ],
    onwarn: (warning) => {
      throw new Error(warning.message)
    },
  })
  const { code, map } = (await bundle.generate({ file, format: 'es', sourcemap: true })).output[0]
  await bundle.close()
  writeFileSync(file, `${code}\n//# sourceMappingURL=${basename(file)}.map\n`)
  writeFileSync(`${file}.map`, String(map))
  return file
}

const withVite: Builder = async (project, isMinified) => {
  const file = output(project, 'vite', isMinified)
  await vite({
    root: project,
    configFile: false,
    logLevel: 'warn',
    plugins: [tracemill.vite()],
    build: {
      target: 'es2022',
      outDir: join(project, 'out'),
      emptyOutDir: false,
      minify: isMinified ? 'esbuild' : false,
      sourcemap: true,
      lib: { entry: entry(project), formats: ['es'], fileName: () => basename(file) },
      rollupOptions: { external: library },
      reportCompressedSize: false,
    },
  })
  return file
}

const withWebpack: Builder = (project, isMinified) => {
  const file = output(project, 'webpack', isMinified)
  // A loader is a module of CommonJS.
  const loader = join(project, 'typescript-loader.cjs')
  writeFileSync(
    loader,
    `module.exports = function (code) {
      const done = this.async()
      const options = { loader: 'ts', target: 'es2022', sourcemap: 'external', sourcefile: this.resourcePath }
      require('esbuild').transform(code, options).then(({ code, map }) => done(null, code, JSON.parse(map)), done)
    }`,
  )
  const compiler = webpack({
    context: project,
    mode: isMinified ? 'production' : 'development',
    devtool: 'source-map',
    target: 'node20',
    entry: entry(project),
    experiments: { outputModule: true },
    externalsType: 'module',
    externals: library,
    output: { path: join(project, 'out'), filename: basename(file), module: true, chunkFormat: 'module' },
    resolve: { extensionAlias: { '.js': ['.js', '.ts'] } },
    module: { rules: [{ test: /\.ts$/, use: loader }] },
    plugins: [tracemill.webpack()],
    performance: false,
  })
  return new Promise((resolve, reject) => {
    compiler?.run((error, stats) => {
      compiler.close(() => {})
      if (error !== null) reject(error)
      else if (stats?.hasErrors() !== false || stats.hasWarnings())
        reject(new Error(stats?.toString({ all: false, errors: true, warnings: true })))
      else resolve(file)
    })
  })
}

export const builders: Readonly<Record<string, Builder>> = {
  esbuild: withEsbuild,
  Rollup: withRollup,
  Vite: withVite,
  webpack: withWebpack,
}
