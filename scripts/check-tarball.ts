// Checks the package as its users meet it: packs the tarball, installs it into an empty project outside the
// checkout, runs a traced function from plain JavaScript, and type-checks a consumer with library checks on and
// without Node's types, under both `nodenext` and `bundler` resolution. Dependencies come from npm's cache when
// they are there. Run by `npm run check:tarball`; exits non-zero on the first failure.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'tracemill-tarball-'))

const runtimeCheck = `
import * as tf from 'tracemill'
const f = tf.function((x) => tf.add(tf.mul(x, x), tf.scalar(1)))
const first = Array.from(f(tf.tensor([1, 2, 3])).data())
const second = Array.from(f(tf.tensor([4, 5, 6])).data())
if (first.join() !== '2,5,10' || second.join() !== '17,26,37') throw new Error('wrong values: ' + first + ' and ' + second)
if (f.traceCount !== 1) throw new Error('expected one trace, got ' + f.traceCount)
console.log('the installed package traced once and computed', first, second)
`

function run(command: string, args: readonly string[], directory: string): void {
  execFileSync(command, args, { cwd: directory, stdio: 'inherit' })
}

function checkTypes(module: string, resolution: string): void {
  const compilerOptions = {
    module,
    moduleResolution: resolution,
    target: 'es2023',
    lib: ['es2023', 'dom'],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], project)
}

try {
  run('npm', ['pack', '--silent', '--pack-destination', project], root)
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball')
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  )
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', `./${tarball}`], project)
  writeFileSync(join(project, 'consumer.js'), runtimeCheck)
  run(process.execPath, ['consumer.js'], project)
  cpSync(join(root, 'test/types/consumer.ts'), join(project, 'consumer.ts'))
  checkTypes('nodenext', 'nodenext')
  checkTypes('esnext', 'bundler')
} finally {
  rmSync(project, { recursive: true, force: true })
}
