// The digits example as a program: what reaches stdout and stderr, and the exit code.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

/** Three programs start here; on a busy machine that takes its time. */
const patience = { timeout: 120_000 }

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function run(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/mnist/main.ts', ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

test('--json prints one line of JSON and nothing else', patience, async () => {
  const { code, stdout, stderr } = await run('--json', '--epochs', '1')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^[^\n]+\n$/)
  const result: unknown = JSON.parse(stdout)
  expect(Object.keys(result as object)).toEqual([
    'testAccuracy',
    'steps',
    'msPerStep',
    'eagerMsPerStep',
    'traces',
    'wallSeconds',
  ])
  expect(result).toMatchObject({ steps: 63, traces: 1 })
})

test('--show fused prints the training step after all passes', patience, async () => {
  const { code, stdout, stderr } = await run('--show', 'fused')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^function @trainStep\(%images: f32\[n\d,784\], %labels: i32\[n\d\]\) -> f32\[\], i32\[\]\n/,
  )
  expect(stdout).toContain('fusion')
  expect(stdout).toContain('commit @dense')
})

test('bad flags: a message, no output, exit code 2', patience, async () => {
  const { code, stdout, stderr } = await run('--epochs', 'many')
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toBe('--epochs takes a whole number from 1 to 10000, not "many". See npm start -- --help\n')
})
