// A user's project with the package installed, in a temporary folder: package.json and the built files as `npm pack`
// would put them there, made from the sources as they are now. Types are not checked on the way: `npm run typecheck`
// does that. Dependencies are links to the checkout's.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** The project's folder; `removeProject` takes it away. */
export function createProject(): string {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'tracemill-project-')))
  const installed = join(project, 'node_modules/tracemill')
  mkdirSync(installed, { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  try {
    execFileSync(
      process.execPath,
      [compiler, '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', join(installed, 'dist')],
      { stdio: 'inherit' },
    )
  } catch (error) {
    removeProject(project)
    throw error
  }
  for (const dependency of ['acorn', 'astring', 'binaryen'])
    symlinkSync(join(root, 'node_modules', dependency), join(project, 'node_modules', dependency), 'junction')
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  )
  return project
}

export function removeProject(project: string): void {
  rmSync(project, { recursive: true, force: true, maxRetries: 3 })
}
