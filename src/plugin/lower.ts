/**
 * From what the user wrote to JavaScript that can be parsed: types taken away, decorators turned into calls.
 *
 * esbuild does it, as the bundler itself or, where a bundler leaves decorators as they are, as what happens to be
 * installed. A build of one file is asked for, not a transform, because that reads the settings of `tsconfig.json`.
 */
import { dirname, extname } from 'node:path'
import type { build, BuildOptions, Loader } from 'esbuild'

/** What is needed of esbuild. */
export interface Esbuild {
  readonly build: typeof build
}

export interface Lowered {
  readonly code: string
  /** From `code` to what was given; its text. */
  readonly map: string
}

const loaders: Readonly<Record<string, Loader>> = {
  '.js': 'js', '.mjs': 'js', '.cjs': 'js', '.jsx': 'jsx', '.ts': 'ts', '.mts': 'ts', '.cts': 'ts', '.tsx': 'tsx',
} // prettier-ignore

/** Settings of a build that decide what a module means, and not where it goes. */
const kept = [
  'tsconfig', 'tsconfigRaw', 'jsx', 'jsxFactory', 'jsxFragment', 'jsxImportSource', 'jsxDev', 'jsxSideEffects',
  'charset', 'absWorkingDir',
] as const // prettier-ignore

/** Lowers one module, whose file has these contents. */
export async function lower(
  esbuild: Esbuild,
  file: string,
  contents: string,
  options: BuildOptions = {},
): Promise<Lowered> {
  const settings = Object.fromEntries(
    kept.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  )
  const loader = options.loader?.[extname(file)] ?? loaders[extname(file)] ?? 'ts'
  const result = await esbuild.build({
    ...settings,
    entryPoints: [file],
    outfile: `${file}.js`,
    bundle: false,
    write: false,
    sourcemap: 'external',
    sourcesContent: true,
    // What comes after lowers the rest.
    target: 'esnext',
    supported: { decorators: false },
    logLevel: 'silent',
    plugins: [
      {
        name: 'tracemill-contents',
        setup(build): void {
          build.onLoad({ filter: /.*/ }, () => ({ contents, loader, resolveDir: dirname(file) }))
        },
      },
    ],
  })
  const output = (suffix: string): string =>
    result.outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? ''
  return { code: output('.js'), map: output('.js.map') }
}

/** True for text that seems to have decorators. */
export function hasDecorators(code: string): boolean {
  return /(?:^|[\s;{}(])@[\w$(]/.test(code.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ''))
}
