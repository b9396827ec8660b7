// A user's project with the package installed, in a temporary folder: package.json and the built files as `npm pack`
// would put them there, made from the sources as they are now. Types are not checked on the way: `npm run typecheck`
// does that. Dependencies are links to the checkout's.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>
}

/** The project's folder, with other packages of the checkout if need be; `removeProject` takes it away. */
export function createProject(others: readonly string[] = []): string {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'tracemill-project-')))
  const installed = join(project, 'node_modules/tracemill')
  mkdirSync(installed, { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  try {
    execFileSync(
      process.execPath,
      [
        compiler,
        '-p',
        join(root, 'tsconfig.build.json'),
        '--noCheck',
        '--declaration',
        'false',
        '--isolatedDeclarations',
        'false',
        '--outDir',
        join(installed, 'dist'),
      ],
      { stdio: 'inherit' },
    )
    execFileSync(
      process.execPath,
      ['--import', 'tsx', join(root, 'scripts/bundle-node.ts'), join(installed, 'dist')],
      { cwd: root, stdio: 'inherit' },
    )
  } catch (error) {
    removeProject(project)
    throw error
  }
  // The build takes binaryen apart; the tests do it once for all.
  const parts = join(root, 'codegen/wasm/split-binaryen')
  if (existsSync(parts)) cpSync(parts, join(installed, 'dist/node/split-binaryen'), { recursive: true })
  for (const dependency of [...Object.keys(manifest.dependencies), ...others]) {
    const link = join(project, 'node_modules', dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', dependency), link, 'junction')
  }
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  )
  return project
}

export function removeProject(project: string): void {
  rmSync(project, { recursive: true, force: true, maxRetries: 3 })
}
