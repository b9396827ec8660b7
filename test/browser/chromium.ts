// A Chromium of the system (`apt-get install chromium`) for tests of pages; without one they are skipped and say so.
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { expect } from 'vitest'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
)
if (executablePath === undefined)
  console.warn('No Chromium in /usr/bin: the browser tests are skipped. `apt-get install chromium` gets one.')

export const hasChromium: boolean = executablePath !== undefined

export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** The JSON that the page at `url` leaves; throws when the page wrote a warning or an error to its console. */
export async function resultOf(browser: Pick<Browser, 'newPage'>, url: string): Promise<unknown> {
  const page = await browser.newPage()
  try {
    const complaints: string[] = []
    page.on('requestfailed', (request) => complaints.push(`request failed: ${request.url()}`))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    const crash = page.waitForEvent('pageerror', { timeout: 0 }).then((error) => {
      throw error
    })
    crash.catch(() => {}) // Closing the page rejects it too.
    await page.goto(url)
    await Promise.race([
      crash,
      page.waitForSelector('[data-state=done]', { state: 'attached', timeout: 60_000 }),
    ])
    expect(complaints).toEqual([])
    return JSON.parse((await page.textContent('#result')) ?? '')
  } finally {
    await page.close()
  }
}
