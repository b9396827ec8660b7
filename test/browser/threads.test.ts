// Threads in a page: two where it is cross-origin isolated, one, without a word, where it is not.
//
// Needs a Chromium of the system (`apt-get install chromium`); without one the tests are skipped and say so.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { build, preview, type PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'
import { hasChromium, launch, resultOf } from './chromium.ts'
import type { ThreadsOutcome } from './pages/threads.ts'

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

describe.skipIf(!hasChromium)('threads in a page', () => {
  let project: string
  let browser: Browser

  beforeAll(async () => {
    project = createProject()
    cpSync(join(root, 'test/browser/pages'), project, { recursive: true })
    await build({
      root: project,
      configFile: false,
      logLevel: 'warn',
      build: { rollupOptions: { input: join(project, 'threads.html') }, target: 'es2022' },
    })
    browser = await launch()
  }, 180_000)

  afterAll(async () => {
    await browser?.close()
    if (project !== undefined) removeProject(project)
  })

  async function outcome(headers: Record<string, string>): Promise<ThreadsOutcome> {
    const server: PreviewServer = await preview({
      root: project,
      configFile: false,
      logLevel: 'warn',
      preview: { host: '127.0.0.1', port: 0, headers },
    })
    try {
      const [url] = server.resolvedUrls?.local ?? []
      return (await resultOf(browser, `${url}threads.html`)) as ThreadsOutcome
    } finally {
      await server.close()
    }
  }

  it('are used in a cross-origin isolated page, and change no bit', async () => {
    const { threads, same, traces } = await outcome(isolation)
    expect({ threads, same, traces }).toEqual({ threads: 2, same: true, traces: 1 })
  }, 120_000)

  it('are one elsewhere', async () => {
    const { threads, same, traces } = await outcome({})
    expect({ threads, same, traces }).toEqual({ threads: 1, same: true, traces: 1 })
  }, 120_000)
})
