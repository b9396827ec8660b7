/**
 * `tracemill/plugin`: rewrites control flow on tensors while a program is built, so that nothing has to be parsed or
 * evaluated when it runs. What it gives works in a page whose policy forbids `eval`.
 *
 * One plugin for Vite (and so vitest), Rollup, Rolldown, webpack, Rspack and esbuild, through unplugin. Each module that
 * imports tracemill is rewritten as a whole, after types and decorators are gone; the rest is not touched. Where a
 * bundler shows plugins the file as it was written (esbuild, and decorators under Rolldown), esbuild goes before.
 */
import { readFileSync } from 'node:fs'
import { createUnplugin, type UnpluginInstance, type UnpluginOptions } from 'unplugin'
import {
  convertModule,
  type ConvertedModule,
  runtimeModule,
  type SourceMapInput,
} from '../../tracer/autograph/module.ts'
import { type Esbuild, hasDecorators, lower, type Lowered } from './lower.ts'
import { matcher, type Pattern, shownPath } from './patterns.ts'

export type { Pattern }

export interface PluginOptions {
  /**
   * Modules to rewrite though they do not import tracemill, such as helpers that only get tensors; also packages in
   * `node_modules`, which are left alone otherwise.
   */
  readonly include?: Pattern | readonly Pattern[]
  /** Modules to leave as they are. The comment `@no-autograph` in a module does the same. */
  readonly exclude?: Pattern | readonly Pattern[]
}

/** What the plugin asks of the bundler it runs in. */
interface Context {
  getCombinedSourcemap?(): SourceMapInput
  getNativeBuildContext?(): { readonly inputSourceMap?: unknown } | null
}

const javascript = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/

class Rewriter {
  readonly #options: PluginOptions
  #root = ''
  #isIncluded: (path: string) => boolean = () => false
  #isExcluded: (path: string) => boolean = () => false

  constructor(options: PluginOptions) {
    this.#options = options
    this.setRoot(process.cwd())
  }

  setRoot(root: string): void {
    this.#root = root
    this.#isIncluded = matcher(this.#options.include, root)
    this.#isExcluded = matcher(this.#options.exclude, root)
  }

  /** True when a module may be rewritten, going by its path. */
  wants(id: string): boolean {
    const path = pathOf(id)
    if (id.startsWith('\0') || !javascript.test(path) || /[?&]type=style\b/.test(id)) return false
    if (this.#isExcluded(path)) return false
    return this.#isIncluded(path) || !/[\\/]node_modules[\\/]/.test(path)
  }

  /** True when there may be something to do in a module, going by its text. */
  concerns(original: string, path: string): boolean {
    return original.includes('tracemill') || this.#isIncluded(path)
  }

  convert(
    code: string,
    id: string,
    map: SourceMapInput | (() => SourceMapInput | undefined) | undefined,
    original?: string,
  ): ConvertedModule | undefined {
    const path = pathOf(id)
    const file = shownPath(path, this.#root)
    try {
      return convertModule(code, {
        file,
        map,
        isIncluded: this.#isIncluded(path),
        ...(original === undefined ? {} : { original }),
      })
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      throw new SyntaxError(
        `tracemill: ${file} is not JavaScript when it gets here: ${error.message}. Put the plugin behind what takes away types and decorators.`,
        { cause: error },
      )
    }
  }
}

function pathOf(id: string): string {
  return id.replace(/[?#].*$/, '')
}

/** The file as it was written, if there is one. */
function originalOf(id: string): string | undefined {
  try {
    return readFileSync(pathOf(id), 'utf8')
  } catch {
    return undefined
  }
}

/** The step for bundlers that show plugins JavaScript. */
function afterTypes(rewriter: Rewriter): UnpluginOptions {
  function transform(this: object, code: string, id: string): { code: string; map: string } | null {
    if (!rewriter.wants(id)) return null
    const context = this as Context
    const earlier = (): SourceMapInput | undefined => {
      if (context.getCombinedSourcemap !== undefined) return context.getCombinedSourcemap()
      const map = context.getNativeBuildContext?.()?.inputSourceMap
      return map === undefined || map === null ? undefined : (map as SourceMapInput)
    }
    const made = rewriter.convert(code, id, earlier, originalOf(id))
    // Bundlers join the maps of all steps themselves.
    return made === undefined ? null : { code: made.code, map: JSON.stringify(made.step) }
  }
  return {
    name: 'tracemill',
    enforce: 'post',
    transform,
    rollup: { transform: { order: 'post', handler: transform } },
    rolldown: { transform: { order: 'post', handler: transform } },
    vite: {
      config: () => ({ optimizeDeps: { include: ['tracemill', runtimeModule] } }),
      configResolved: ({ root }) => rewriter.setRoot(root),
    },
    webpack: ({ context }) => rewriter.setRoot(context),
    rspack: (compiler: object) => rewriter.setRoot(String(Reflect.get(compiler, 'context'))),
  }
}

/** Takes decorators away where the bundler would leave them. */
function beforeTypes(rewriter: Rewriter): UnpluginOptions {
  return {
    name: 'tracemill:decorators',
    enforce: 'pre',
    async transform(code, id): Promise<{ code: string; map: string } | null> {
      if (!rewriter.wants(id) || !/\.[cm]?[jt]sx?$/.test(pathOf(id)) || !hasDecorators(code)) return null
      const esbuild = await importEsbuild()
      return esbuild === undefined ? null : ((await tryLower(esbuild, pathOf(id), code)) ?? null)
    },
  }
}

/** Nothing for a module that esbuild refuses: the bundler says better what is wrong. */
async function tryLower(...args: Parameters<typeof lower>): Promise<Lowered | undefined> {
  try {
    return await lower(...args)
  } catch {
    return undefined
  }
}

async function importEsbuild(): Promise<Esbuild | undefined> {
  try {
    return await import('esbuild')
  } catch {
    return undefined
  }
}

/** The step for esbuild, which shows plugins the file as it was written. */
function insideEsbuild(rewriter: Rewriter): UnpluginOptions {
  return {
    name: 'tracemill',
    esbuild: {
      setup(build): void {
        const options = build.initialOptions
        rewriter.setRoot(options.absWorkingDir ?? process.cwd())
        build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path, namespace }) => {
          if (namespace !== 'file' || !rewriter.wants(path)) return undefined
          const original = originalOf(path)
          if (original === undefined) return undefined
          if (!rewriter.concerns(original, path)) return undefined
          const lowered = await tryLower(build.esbuild, path, original, options)
          const made = lowered && rewriter.convert(lowered.code, path, lowered.map, original)
          if (made === undefined) return undefined
          const encoded = Buffer.from(JSON.stringify(made.map)).toString('base64')
          return {
            contents: `${made.code}\n//# sourceMappingURL=data:application/json;base64,${encoded}`,
            loader: 'js',
          }
        })
      },
    },
  }
}

const instance: UnpluginInstance<PluginOptions | undefined, true> = createUnplugin((options, meta) => {
  const rewriter = new Rewriter(options ?? {})
  if (meta.framework === 'esbuild') return [insideEsbuild(rewriter)]
  if (meta.framework === 'vite' || meta.framework === 'rolldown')
    return [beforeTypes(rewriter), afterTypes(rewriter)]
  return [afterTypes(rewriter)]
})

/** For Vite and vitest. */
export const vite: typeof instance.vite = instance.vite
/** For Rollup. */
export const rollup: typeof instance.rollup = instance.rollup
/** For Rolldown. */
export const rolldown: typeof instance.rolldown = instance.rolldown
/** For webpack. */
export const webpack: typeof instance.webpack = instance.webpack
/** For Rspack. */
export const rspack: typeof instance.rspack = instance.rspack
/** For esbuild. */
export const esbuild: typeof instance.esbuild = instance.esbuild
