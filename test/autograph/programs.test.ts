// Programs as users write them, each beside its twin on plain numbers: by the inspector and by thunks, inside vitest and in
// a process that only has tsx.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { closeInspector } from '../../tracer/autograph/inspector.ts'
import { isClose } from './user-programs/program.ts'
import { programs } from './user-programs/programs.ts'

afterEach(closeInspector)

test.each(
  programs.flatMap(([name, run]) =>
    (['inspector', 'scope'] as const).map((way) => [name, way, run] as const),
  ),
)('%s, by %s', (_name, way, run) => {
  const { actual, expected } = run((scope) => ({ onRetrace: 'off', ...(way === 'scope' ? { scope } : {}) }))
  // The results themselves say more than false where they disagree.
  expect(actual).toEqual(isClose(actual, expected) ? actual : expected)
})

test('in a process of their own, without any set-up', () => {
  const main = fileURLToPath(new URL('user-programs/main.ts', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main], { encoding: 'utf8' })
  expect(stdout + stderr).toBe(`${2 * programs.length} of ${2 * programs.length} agree\n`)
})
