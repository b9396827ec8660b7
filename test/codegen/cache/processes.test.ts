// The compile cache between processes: each runs the package as it is installed, with a cache of its own.
import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createProject, removeProject } from '../../package/project.ts'

interface Outcome {
  readonly values: readonly unknown[]
  readonly place?: string
  readonly statistics: {
    readonly compiled: number
    readonly found: number
    readonly rejected: number
    readonly binaryenLoaded: boolean
  }
}

const program = `
import * as tf from 'tracemill'
const tasks = {
  // Every kind of step, a size that is found, the message of a check.
  step: () => {
    const w = tf.variable([[0.5, -1], [2, 0.25]])
    const step = tf.function((x, y) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => tf.losses.softmaxCrossEntropy(y, tf.relu(x.matMul(w)).add(1)))
      const [gradient] = tape.gradient(loss, [w])
      w.assignSub(gradient.mul(0.1))
      return loss
    })
    const x = tf.tensor([[1, 2], [3, 4]])
    const y = tf.tensor([[1, 0], [0, 1]])
    return [step(x, y).item(), step(x, y).item(), w.value().array()]
  },
  loop: () => {
    const f = tf.function((n) => tf.whileLoop((i, s) => i.less(n), (i, s) => [i.add(1), s.add(i.cast('float32').exp())], [tf.scalar(0, 'int32'), tf.scalar(0)])[1])
    return [f(tf.scalar(5, 'int32')).item(), f(tf.scalar(3, 'int32')).item()]
  },
  check: () => {
    const f = tf.function((x) => { tf.assert(x.less(3), 'too large'); return x.add(1) })
    try { f(tf.scalar(4)) } catch (error) { return [f(tf.scalar(1)).item(), error.name, error.message.split('\\n')[0]] }
  },
  sizes: () => {
    const f = tf.function((x) => x.sub(x.mean(1, true)).sum(0), { inputSignature: [tf.spec([null, 3])] })
    return [f(tf.ones([2, 3])).array(), f(tf.tensor([[1, 2, 4]])).array()]
  },
  eager: () => [tf.tensor([1, 2, 3]).exp().sum().item(), tf.tensor([[1, 2], [3, 4]]).matMul(tf.ones([2, 2])).array()],
  wasm: () => {
    const f = tf.function((x) => x.mul(2).add(1))
    f(tf.ones([4]))
    return [tf.debug.show(f, 'wasm').startsWith('(module'), tf.debug.show(f, 'loops')]
  },
  other: () => [tf.function((x) => x.mul(3).sub(tf.sin(x)))(tf.tensor([1, 2])).array(), tf.tensor([4, 9]).sqrt().array()],
}
const place = process.env.PLACE === undefined ? undefined : tf.config.setCompileCache(process.env.PLACE === 'true' || process.env.PLACE)
const values = process.argv.slice(2).flatMap((task) => tasks[task]())
console.log(JSON.stringify({ values, place, statistics: tf.config.compileStatistics() }))
`
const all = ['step', 'loop', 'check', 'sizes', 'eager', 'wasm']

describe('a cache shared by processes', () => {
  let project: string
  let cache: string

  beforeAll(() => {
    project = createProject()
    writeFileSync(join(project, 'run.mjs'), program)
  }, 120_000)
  afterAll(() => {
    if (project !== undefined) removeProject(project)
  })
  beforeEach(() => {
    cache = join(mkdtempSync(join(project, 'cache-')), 'entries')
  })

  function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    const { TRACEMILL_CACHE: _, ...rest } = process.env
    return { ...rest, ...settings }
  }
  function run(
    tasks: readonly string[],
    settings: Readonly<Record<string, string>> = { TRACEMILL_CACHE: cache },
    file = 'run.mjs',
  ): Outcome {
    const text = execFileSync(process.execPath, [file, ...tasks], {
      cwd: project,
      env: environment(settings),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return JSON.parse(text) as Outcome
  }
  function entries(): readonly string[] {
    return readdirSync(cache).map((name) => join(cache, name))
  }

  test('the second run compiles nothing, does not load binaryen, and computes the same', () => {
    const without = run(all, {})
    expect(without.statistics).toMatchObject({ found: 0, rejected: 0, binaryenLoaded: true })
    const first = run(all)
    expect(first.values).toEqual(without.values)
    expect(first.statistics).toEqual({
      compiled: without.statistics.compiled,
      found: 0,
      rejected: 0,
      binaryenLoaded: true,
    })
    const second = run(all.filter((task) => task !== 'wasm'))
    expect(second.values).toEqual(without.values.slice(0, second.values.length))
    expect(second.statistics).toMatchObject({ compiled: 0, rejected: 0, binaryenLoaded: false })
    expect(second.statistics.found).toBeGreaterThan(5)
    // Text of WebAssembly needs binaryen: another thread has it.
    const third = run(all)
    expect(third.values).toEqual(without.values)
    expect(third.statistics).toEqual({
      compiled: 0,
      found: without.statistics.compiled,
      rejected: 0,
      binaryenLoaded: false,
    })
  })

  test('what the cache lacks is compiled in another thread, and is there the next time', () => {
    const without = run([...all, 'other'], {})
    run(['eager'])
    const mixed = run([...all, 'other'])
    expect(mixed.values).toEqual(without.values)
    expect(mixed.statistics.binaryenLoaded).toBe(false)
    expect(mixed.statistics.compiled).toBeGreaterThan(5)
    expect(mixed.statistics.found).toBeGreaterThan(0)
    expect(run([...all, 'other']).statistics).toMatchObject({ compiled: 0, binaryenLoaded: false })
  })

  test('damaged entries are ignored and replaced', () => {
    const { values, statistics } = run(['step', 'eager'])
    const damage: readonly ((entry: Buffer, other: Buffer) => Uint8Array)[] = [
      (entry) => entry.subarray(0, entry.length - 7),
      () => Buffer.alloc(0),
      (entry) => {
        const changed = Buffer.from(entry)
        const at = changed.length - 20
        changed[at] = (changed[at] ?? 0) ^ 1
        return changed
      },
      (_, other) => other,
    ]
    for (const change of damage) {
      const whole = entries().map((path) => [path, readFileSync(path)] as const)
      for (const [i, [path, entry]] of whole.entries())
        writeFileSync(path, change(entry, whole[(i + 1) % whole.length]?.[1] ?? entry))
      const after = run(['step', 'eager'])
      expect(after.values).toEqual(values)
      expect(after.statistics).toEqual({
        compiled: statistics.compiled,
        found: 0,
        rejected: statistics.compiled,
        binaryenLoaded: false,
      })
    }
    expect(run(['step', 'eager']).statistics).toMatchObject({ compiled: 0, rejected: 0 })
  })

  test('processes that write at once leave whole entries', async () => {
    const runAsync = promisify(execFile)
    const settings = { cwd: project, env: environment({ TRACEMILL_CACHE: cache }) }
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { stdout } = await runAsync(process.execPath, ['run.mjs', ...all], settings)
        return JSON.parse(stdout) as Outcome
      }),
    )
    for (const { values, statistics } of outcomes) {
      expect(values).toEqual(outcomes[0]?.values)
      expect(statistics.rejected).toBe(0)
    }
    expect(entries().every((path) => path.endsWith('.bin'))).toBe(true)
    expect(run(all).statistics).toMatchObject({ compiled: 0, rejected: 0, binaryenLoaded: false })
  })

  test('the folder and its files are for their owner alone', () => {
    run(['eager'])
    expect(statSync(cache).mode & 0o777).toBe(0o700)
    for (const path of entries()) expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('a folder that others can write to is not used', () => {
    mkdirSync(cache)
    chmodSync(cache, 0o777)
    const outcome = run(['eager'])
    expect(outcome.statistics.binaryenLoaded).toBe(true)
    expect(entries()).toEqual([])
    expect(() => run(['eager'], { PLACE: cache })).toThrow(
      /ValueError: config\.setCompileCache: .* can be written to by other users/,
    )
  })

  test('a folder that cannot be made or written to is as good as none', () => {
    const file = join(project, 'a-file')
    writeFileSync(file, '')
    const outcome = run(['eager'], { TRACEMILL_CACHE: join(file, 'entries') })
    expect(outcome.statistics).toMatchObject({ found: 0, binaryenLoaded: true })
    expect(run(['eager'], { TRACEMILL_CACHE: file }).values).toEqual(outcome.values)
  })

  test('the usual place is node_modules/.cache beside package.json, asked for by either way', () => {
    const usual = join(project, 'node_modules/.cache/tracemill')
    rmSync(usual, { recursive: true, force: true })
    const first = run(['eager'], { PLACE: 'true' })
    expect(first.place).toBe(usual)
    expect(first.statistics).toMatchObject({ found: 0, binaryenLoaded: true })
    expect(statSync(usual).mode & 0o777).toBe(0o700)
    expect(run(['eager'], { PLACE: 'true' }).statistics).toMatchObject({ compiled: 0, binaryenLoaded: true })
    expect(run(['eager'], { TRACEMILL_CACHE: '1' }).statistics).toMatchObject({
      compiled: 0,
      binaryenLoaded: false,
    })
    rmSync(usual, { recursive: true })
    run(['eager'], { TRACEMILL_CACHE: '0' })
    run(['eager'], { TRACEMILL_CACHE: '' })
    expect(existsSync(usual)).toBe(false)
  })

  test('another version of the library finds nothing of this one', () => {
    const { statistics } = run(['eager'])
    const bundle = join(project, 'node_modules/tracemill/dist/node')
    for (const name of readdirSync(bundle)) {
      const path = join(bundle, name)
      if (name.endsWith('.js')) writeFileSync(path, `${readFileSync(path, 'utf8')}\n`)
    }
    expect(run(['eager']).statistics).toEqual(statistics)
    expect(run(['eager']).statistics).toMatchObject({ compiled: 0, binaryenLoaded: false })
  })

  test('threads of a program use it as well', () => {
    writeFileSync(
      join(project, 'threads.mjs'),
      `import { Worker, isMainThread } from 'node:worker_threads'
      if (isMainThread) new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
      else await import('./run.mjs')`,
    )
    const settings = { TRACEMILL_CACHE: cache }
    const first = run(['step'], settings, 'threads.mjs')
    expect(first.statistics).toMatchObject({ found: 0, binaryenLoaded: true })
    const second = run(['step', 'other'], settings, 'threads.mjs')
    expect(second.values.slice(0, first.values.length)).toEqual(first.values)
    expect(second.statistics.found).toBe(first.statistics.compiled)
    expect(second.statistics).toMatchObject({ rejected: 0, binaryenLoaded: false })
    expect(second.statistics.compiled).toBeGreaterThan(0)
  })

  test('without the worker binaryen is loaded', () => {
    run(['eager'])
    const worker = join(project, 'node_modules/tracemill/dist/node/worker.js')
    const text = readFileSync(worker, 'utf8')
    try {
      rmSync(worker)
      expect(run(['eager', 'other']).statistics).toMatchObject({ binaryenLoaded: true })
      // One that ends before it answers.
      rmSync(cache, { recursive: true })
      writeFileSync(worker, `${text};setTimeout(() => process.exit(0), 1)`)
      run(['eager'])
      expect(() => run(['step'])).toThrow(
        /InternalError: a program is not in the compile cache, and the thread that compiles it has ended/,
      )
      expect(run(['eager']).statistics).toMatchObject({ compiled: 0 })
    } finally {
      writeFileSync(worker, text)
    }
  })
})
