// Control flow on tensors in a page: through the plugin from Vite's development server and from a minified build under a
// policy that forbids `eval`, and without any build, where a scope thunk is evaluated or, without the parser, the test
// on a tensor is found out.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { build, createServer, type InlineConfig, preview } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as tracemill from '../../src/plugin/index.ts'
import { createProject, removeProject, root } from '../package/project.ts'
import type { Outcome } from '../plugin/app/outcome.ts'
import { hasChromium, launch, resultOf } from './chromium.ts'

const app = join(root, 'test/plugin/app')

/** The position of what a comment says, as messages have it. */
function placeOf(file: string, comment: string): string {
  const lines = readFileSync(join(app, file), 'utf8').split('\n')
  return `${file}:${lines.findIndex((line) => line.endsWith(`// ${comment}`)) + 1}`
}

describe.skipIf(!hasChromium)('control flow in a page', () => {
  let project: string
  let browser: Browser
  let config: InlineConfig

  beforeAll(async () => {
    project = createProject()
    cpSync(app, join(project, 'app'), { recursive: true })
    config = {
      root: project,
      configFile: false,
      logLevel: 'warn',
      plugins: [tracemill.vite()],
      server: { host: '127.0.0.1', port: 0 },
    }
    browser = await launch()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    if (project !== undefined) removeProject(project)
  })

  async function expectRight(url: string, canEvaluate: boolean): Promise<void> {
    const outcome = (await resultOf(browser, url)) as Outcome & { canEvaluate: boolean }
    expect(outcome.staged).toEqual(outcome.plain)
    expect(outcome.traces).toBe(1)
    expect(outcome.canEvaluate).toBe(canEvaluate)
    expect(outcome.message).toContain(`at ${placeOf('model.ts', 'line of the mistake')}:3, while tracing`)
  }

  it('through the plugin, from the development server', async () => {
    const server = await createServer(config)
    try {
      await server.listen()
      await expectRight(`${server.resolvedUrls?.local[0] ?? ''}app/index.html`, true)
    } finally {
      await server.close()
    }
  }, 120_000)

  it('through the plugin, from a minified build that may not evaluate anything', async () => {
    await build({
      ...config,
      build: {
        chunkSizeWarningLimit: 20_000,
        reportCompressedSize: false,
        rollupOptions: { input: join(project, 'app/index.html') },
      },
    })
    const headers = {
      'Content-Security-Policy': `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:`,
    }
    const server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0, headers } })
    try {
      await expectRight(`${server.resolvedUrls?.local[0] ?? ''}app/index.html`, false)
    } finally {
      await server.close()
    }
  }, 120_000)

  describe('without a build', () => {
    let server: Server
    let url: string

    beforeAll(async () => {
      const bare = (name: string, path: string): [string, string] => [name, `/node_modules/${name}/${path}`]
      const imports = {
        tracemill: '/node_modules/tracemill/dist/src/index.js',
        'tracemill/autograph': '/node_modules/tracemill/dist/src/autograph.js',
        ...Object.fromEntries([
          bare('acorn', 'dist/acorn.mjs'),
          bare('astring', 'dist/astring.mjs'),
          bare('binaryen', 'index.js'),
          bare('fflate', 'esm/browser.js'),
        ]),
      }
      for (const query of ['', '?scope'])
        writeFileSync(
          join(project, `plain${query === '' ? '' : '-scope'}.html`),
          `<!doctype html><link rel="icon" href="data:,"><pre id="result"></pre>
          <script type="importmap">${JSON.stringify({ imports })}</script>
          <script type="module" src="/app/plain-page.js${query}"></script>`,
        )
      const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.wasm': 'application/wasm' }
      server = createHttpServer((request, response) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname
        try {
          const body = readFileSync(join(project, path))
          response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'text/javascript' }).end(body)
        } catch {
          response.writeHead(404).end()
        }
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })

    afterAll(() => server?.close())

    it('through a scope thunk, with the parser loaded', async () => {
      const outcome = await resultOf(browser, `${url}/plain-scope.html`)
      expect(outcome).toMatchObject({ staged: [96 + 5, 60], best: 60 })
    }, 120_000)

    it('is refused without the parser, at the line of the test', async () => {
      const outcome = (await resultOf(browser, `${url}/plain.html`)) as { message: string }
      expect(outcome.message).toContain('was it the condition of an if or a loop')
      expect(outcome.message).toContain(placeOf('plain-page.js', 'line of the test'))
    }, 120_000)
  })
})
