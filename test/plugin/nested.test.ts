// The same program in vitest itself, as a user's tests would have it: with the plugin in the configuration its functions
// are rewritten before they run; without it they are when they are traced.
import { execFile } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'

const app = join(root, 'test/plugin/app')

/** What vitest says as JSON. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly failureMessages: readonly string[] }[]
  }[]
}

const tests = `
import { expect, it } from 'vitest'
import { count } from './app/model.ts'
import { outcome } from './app/outcome.ts'

it('computes what its plain twin does', async () => {
  const { staged, plain, message, stack } = await outcome()
  expect(staged).toEqual(plain)
  expect(message).toMatch(/at model\\.ts:\\d+:\\d+, while tracing/)
  expect(stack).toContain('model.ts')
  expect(count.fn.toString().includes('$ag.')).toBe(process.env.WITH_PLUGIN === 'yes')
})
`

let project: string

beforeAll(() => {
  project = createProject(['vitest', 'vite', 'esbuild'])
  cpSync(app, join(project, 'app'), { recursive: true })
  writeFileSync(join(project, 'model.test.ts'), tests)
  writeFileSync(join(project, 'without.config.mjs'), 'export default {}\n')
  writeFileSync(
    join(project, 'with.config.mjs'),
    `import * as tracemill from 'tracemill/plugin'\nexport default { plugins: [tracemill.vite()] }\n`,
  )
}, 120_000)

afterAll(() => {
  if (project !== undefined) removeProject(project)
})

it.each(['with', 'without'])('a test %s the plugin', async (way) => {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITE|^NODE_ENV|^TEST$|^NODE_OPTIONS$/.test(name)),
  )
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [vitest, 'run', '--config', `${way}.config.mjs`, '--reporter', 'json', '--testTimeout', '60000'],
    {
      cwd: project,
      env: { ...environment, WITH_PLUGIN: way === 'with' ? 'yes' : 'no' },
    },
  ).catch((error: unknown) => {
    const { testResults } = JSON.parse(String(Reflect.get(Object(error), 'stdout'))) as Report
    throw new Error(testResults[0]?.assertionResults[0]?.failureMessages.join('\n') ?? String(error))
  })
  expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 1 })
})
