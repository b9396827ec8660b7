// Trains the same network in Node and in a page that Vite serves, once from its development server and once from a
// production build, whose bundler drops every module the package calls free of side effects. Engines with the same
// SIMD instructions have to agree to the last bit.
//
// Needs a Chromium of the system (`apt-get install chromium`); without one the tests are skipped and say so.
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import {
  build,
  createServer,
  type InlineConfig,
  preview,
  type PreviewServer,
  transformWithEsbuild,
} from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'
import { hasChromium, launch, resultOf } from './chromium.ts'
import type { Outcome } from './pages/training.ts'

/** Node runs what the page runs; Node 20 has relaxed SIMD, which every browser has by now, behind a flag. */
async function trainInNode(project: string): Promise<Outcome> {
  const { code } = await transformWithEsbuild(
    readFileSync(join(project, 'training.ts'), 'utf8'),
    'training.ts',
    { target: 'es2022' },
  )
  const program = join(project, 'run.mjs')
  writeFileSync(program, `${code}\nconsole.log(JSON.stringify(train(20)))\n`)
  const flags = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : []
  return JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' })) as Outcome
}

describe.skipIf(!hasChromium)('training in a page', () => {
  let project: string
  let browser: Browser
  let reference: Outcome
  let config: InlineConfig

  beforeAll(async () => {
    project = createProject()
    cpSync(join(root, 'test/browser/pages'), project, { recursive: true })
    config = { root: project, configFile: false, logLevel: 'warn', server: { host: '127.0.0.1', port: 0 } }
    reference = await trainInNode(project)
    browser = await launch()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    if (project !== undefined) removeProject(project)
  })

  async function expectSameTraining(url: string): Promise<void> {
    const outcome = (await resultOf(browser, url)) as Outcome
    expect(outcome.traces).toBe(1)
    expect(outcome.predictions).toEqual(reference.predictions)
    const tolerance = outcome.relaxedSimd === reference.relaxedSimd ? 0 : 1e-5
    const differences = outcome.losses.map((loss, i) => Math.abs(loss - reference.losses[i]!))
    expect(outcome.losses).toHaveLength(reference.losses.length)
    expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance)
  }

  it('learns in Node, or there is nothing to compare', () => {
    expect(reference.losses).toHaveLength(20)
    expect(reference.losses.at(-1)).toBeLessThan(0.5 * reference.losses[0]!)
    expect(reference.traces).toBe(1)
  })

  it('computes the same from the development server', async () => {
    const server = await createServer(config)
    try {
      await server.listen()
      await expectSameTraining(server.resolvedUrls?.local[0] ?? '')
    } finally {
      await server.close()
    }
  }, 120_000)

  describe('from a production build', () => {
    let server: PreviewServer
    let url: string

    beforeAll(async () => {
      // binaryen is one file of more than 10 MB and cannot be split.
      const input = ['index.html', 'few.html'].map((page) => join(project, page))
      await build({
        ...config,
        build: { chunkSizeWarningLimit: 20_000, reportCompressedSize: false, rollupOptions: { input } },
      })
      server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0 } })
      url = server.resolvedUrls?.local[0] ?? ''
    }, 120_000)

    afterAll(() => server?.close())

    it('computes the same', () => expectSameTraining(url), 120_000)

    it('works when a page uses only a few ops', async () => {
      expect(await resultOf(browser, `${url}few.html`)).toEqual([[2, 5, 10], 2, 11])
    }, 120_000)
  })
})
