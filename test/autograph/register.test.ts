// The ways that need no build, in processes of their own with the package installed: the inspector without any set-up,
// and the loader, each with tsx, plain modules, CommonJS and workers. What the loader has rewritten must do without
// making code from text, which the flag forbids.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProject, removeProject, root } from '../package/project.ts'
import { InspectorClient } from './inspector-client.ts'
import { runCorpus } from './ways.ts'

const major = Number(process.versions.node.split('.')[0])
const noEval = '--disallow-code-generation-from-strings'
const register = ['--import', 'tracemill/register']
const tsx = ['--import', 'tsx']

let project = ''
beforeAll(() => {
  project = createProject(['tsx'])
})
afterAll(() => removeProject(project))

function write(file: string, text: string): string {
  writeFileSync(join(project, file), text)
  return file
}

function run(flags: readonly string[], file: string): string[] {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, file], { cwd: project, encoding: 'utf8' })
  return (stdout + stderr).trim().split('\n')
}

/** Line numbers count: what is expected names them. */
const program = (x: string, opening: string, closing = ''): string => `${opening}
const w = tf.variable(2)
let calls = 0
const helper = (x) => {
  if (x.greater(10)) return x.mul(w)
  return x
}
const f = tf.function((${x}) => {
  calls++
  while (x.less(8)) x = x.add(w)
  return helper(x.mul(2))
})
console.log(f(tf.scalar(1)).item(), f(tf.scalar(-100)).item(), calls)
const wrong = tf.function((${x}) => {
  let y = w.value()
  if (x.greater(y)) {
    y = x.cast('int32')
  }
  return y
})
const op = tf.function((${x}) => {
  if (x.greater(w)) return x.matMul(tf.ones([3, 4]))
  return x
})
for (const fn of [wrong, op])
  try { fn(tf.scalar(1)) } catch (error) { console.log(/at (\\S+:\\d+:\\d+), while/.exec(error.message)[1]) }
console.log(/add .*\\/\\/ (.*)/.exec(tf.debug.show(f, 'trace'))[1])
${closing}`

const module = program('x', "import * as tf from 'tracemill'")
const commonjs = program('x', "import('tracemill').then((tf) => {", '})')
const typescript = program('x: tf.Tensor', "import * as tf from 'tracemill'").replace(
  'const helper = (x)',
  'const helper = (x: tf.Tensor): tf.Tensor',
)
const printed = (file: string): string[] => ['36 32 1', `${file}:16:3`, `${file}:22:28`, `${file}:10:25`]

describe('programs', () => {
  test('a module, with no set-up', () => {
    expect(run([], write('plain.mjs', module))).toEqual(printed('plain.mjs'))
  })
  test('a module, by the loader', () => {
    expect(run([noEval, ...register], write('loaded.mjs', module))).toEqual(printed('loaded.mjs'))
  })
  test('CommonJS, with no set-up', () => {
    expect(run([], write('plain.cjs', commonjs))).toEqual(printed('plain.cjs'))
  })
  test('CommonJS, by the loader', () => {
    expect(run([noEval, ...register], write('loaded.cjs', commonjs))).toEqual(printed('loaded.cjs'))
  })
  test('TypeScript with tsx, with no set-up', () => {
    expect(run(tsx, write('plain.ts', typescript))).toEqual(printed('plain.ts'))
  })
  test('TypeScript with tsx, by the loader', () => {
    expect(run([noEval, ...tsx, ...register], write('loaded.ts', typescript))).toEqual(printed('loaded.ts'))
  })
  test.runIf(major >= 24)('TypeScript that Node strips', () => {
    expect(run([], write('plain.mts', typescript))).toEqual(printed('plain.mts'))
    expect(run([noEval, ...register], write('loaded.mts', typescript))).toEqual(printed('loaded.mts'))
  })
  test('a helper in another file that imports types only', () => {
    write(
      'helper.ts',
      "import type { Tensor } from 'tracemill'\nexport const relu = (x: Tensor): Tensor => { if (x.greater(0)) return x; return x.mul(0) }\n",
    )
    const file = write(
      'uses-helper.ts',
      "import * as tf from 'tracemill'\nimport { relu } from './helper.ts'\nconst f = tf.function((x: tf.Tensor) => relu(x).add(1))\nconsole.log(f(tf.scalar(-3)).item(), f(tf.scalar(3)).item())\n",
    )
    expect(run(tsx, file)).toEqual(['1 4'])
    expect(run([noEval, ...tsx, ...register], file)).toEqual(['1 4'])
  })
  test('in worker threads', () => {
    write('worker.mjs', module)
    const main = write(
      'main.mjs',
      "import { Worker } from 'node:worker_threads'\nnew Worker(new URL('./worker.mjs', import.meta.url))\n",
    )
    expect(run([], main)).toEqual(printed('worker.mjs'))
    expect(run([noEval, ...register], main)).toEqual(printed('worker.mjs'))
  })
  test('tsx behind the loader is told of', () => {
    const file = write('order.ts', `${typescript}\nenum Kind { A }\nconsole.log(Kind.A)\n`)
    expect(run([...register, ...tsx], file).join('\n')).toMatch(
      /Load tsx first: node --import tsx --import tracemill\/register/,
    )
  })
})

describe('where the inspector may not be used', () => {
  const refused =
    /cannot be rewritten without its scope; the inspector does not reach it: (.*); left as it is/
  test("under Node's permission model", () => {
    const flag = major >= 24 ? '--permission' : '--experimental-permission'
    const text = run([flag, '--allow-fs-read=*'], write('permission.mjs', module)).join('\n')
    expect(refused.exec(text)?.[1]).toMatch(/permission model/)
    expect(text).toMatch(/while \(x\.less\(8\)\)/)
  })
  test('where code may not be made from text', () => {
    const text = run([noEval], write('no-eval.mjs', module)).join('\n')
    expect(refused.exec(text)?.[1]).toMatch(/from (?:text|strings)/)
  })
})

test('an attached debugger notices nothing', async () => {
  const file = write(
    'attached.mjs',
    `import { once } from 'node:events'\nawait once(process.stdin, 'data')\n${module.split('\n').slice(1).join('\n').replace(/^/, "const tf = await import('tracemill')\n")}\nprocess.stdin.destroy()\n`,
  )
  const child = spawn(process.execPath, ['--inspect=0', file], { cwd: project })
  let [output, said] = ['', '']
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr.on('data', (data: Buffer) => (said += data.toString()))
  while (!/ws:\S+/.test(said)) await once(child.stderr, 'data')
  const client = await InspectorClient.attach(/ws:\S+/.exec(said)?.[0] ?? '')
  await client.post('Runtime.enable')
  await client.post('Debugger.enable')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.stdin.write('go\n')
  // The process waits for its debugger to leave, once it has nothing left to do.
  while (output.trim().split('\n').length < 4) await Promise.race([once(child.stdout, 'data'), ended])
  expect(client.count('Debugger.scriptParsed')).toBeGreaterThan(10)
  expect(client.count('Debugger.paused')).toBe(0)
  client.close()
  await ended
  expect(output.trim().split('\n')).toEqual(
    printed('attached.mjs').map((line) => line.replace(/:(\d+):/, (_all, at) => `:${Number(at) + 2}:`)),
  )
}, 120_000)

describe('the corpus', () => {
  test.for(['inspector', 'register'] as const)('by the %s', { timeout: 240_000 }, (way) => {
    expect(runCorpus(project, way).trim()).toMatch(/^(\d+) of \1 agree$/)
  })
})

describe('what is loaded', () => {
  /** All files and packages that a file of the library imports. */
  const graphOf = (entry: string): Set<string> => {
    const found = new Set<string>()
    const visit = (file: string): void => {
      if (found.has(file)) return
      found.add(file)
      if (!file.endsWith('.ts')) return
      const text = readFileSync(file, 'utf8').replaceAll(/^(?:import|export) type [^]*?from '[^']+'/gm, '')
      const imports = /^(?:import '|(?:import|export) .*? from '|\} from ')([^']+)'$/gm
      for (const [, specifier = ''] of text.matchAll(imports))
        visit(specifier.startsWith('.') ? join(file, '..', specifier) : specifier)
    }
    visit(join(root, 'src', entry))
    return found
  }
  const parsers = ['acorn', 'astring', '@jridgewell/gen-mapping', 'node:module']
  test('a browser gets no parser', () => {
    const files = graphOf('index.ts')
    expect(files.size).toBeGreaterThan(100)
    expect([...files].filter((file) => !file.endsWith('.ts'))).toEqual(['fflate'])
  })
  test('Node does', () => {
    const files = graphOf('node.ts')
    expect(parsers.filter((name) => files.has(name))).toEqual(['acorn', 'astring'])
  })
  test('the package says which is which', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>
    }
    expect(Object.entries(exports['.'] ?? {})).toEqual([
      ['types', './dist/src/index.d.ts'],
      ['node', './dist/node/index.js'],
      ['default', './dist/src/index.js'],
    ])
  })
})
