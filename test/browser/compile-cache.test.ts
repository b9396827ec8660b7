// Programs that one page has compiled are found by the next, from a production build that Vite serves.
//
// Needs a Chromium of the system (`apt-get install chromium`); without one the tests are skipped and say so.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext } from 'playwright-core'
import { build, type InlineConfig, preview, type PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'
import { hasChromium, launch, resultOf } from './chromium.ts'

describe.skipIf(!hasChromium)('the compile cache of a page', () => {
  let project: string
  let browser: Browser
  let context: BrowserContext
  let server: PreviewServer
  let url: string

  beforeAll(async () => {
    project = createProject()
    cpSync(join(root, 'test/browser/pages'), project, { recursive: true })
    const config: InlineConfig = { root: project, configFile: false, logLevel: 'warn' }
    const rollupOptions = { input: join(project, 'cached.html') }
    await build({
      ...config,
      build: { chunkSizeWarningLimit: 20_000, reportCompressedSize: false, target: 'es2022', rollupOptions },
    })
    server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0 } })
    url = `${server.resolvedUrls?.local[0] ?? ''}cached.html`
    browser = await launch()
    context = await browser.newContext()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
    if (project !== undefined) removeProject(project)
  })

  const values = [17, [1, 2]]

  it('is empty at first, and used by the page that comes next', async () => {
    const first = await resultOf(context, url)
    expect(first).toEqual({ values, compiled: 2, found: 0, rejected: 0, binaryenLoaded: true, kept: 2 })
    const second = await resultOf(context, url)
    expect(second).toEqual({ values, compiled: 0, found: 2, rejected: 0, binaryenLoaded: true, kept: 2 })
  })

  it('is used only by pages that ask for it', async () => {
    expect(await resultOf(context, `${url}?off`)).toMatchObject({ values, compiled: 2, found: 0 })
  })

  it('replaces damaged entries', async () => {
    const page = await context.newPage()
    await page.goto(url)
    await page.evaluate(async () => {
      for (const name of await caches.keys()) {
        const cache = await caches.open(name)
        for (const request of await cache.keys()) await cache.put(request, new Response('damaged'))
      }
    })
    await page.close()
    expect(await resultOf(context, url)).toMatchObject({ values, compiled: 2, found: 0, rejected: 2 })
    expect(await resultOf(context, url)).toMatchObject({ values, compiled: 0, found: 2, rejected: 0 })
  })
})
