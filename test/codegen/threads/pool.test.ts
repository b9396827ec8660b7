// The pool by itself: who takes parts, what happens when somebody traps or is lost.
import { afterEach, expect, test } from 'vitest'
import { makeSharedMemory } from '../../../codegen/run/heap.ts'
import { failedWord, sleepersWord } from '../../../codegen/threads/control.ts'
import { LostWorkerError, Pool, poolSettings } from '../../../codegen/threads/pool.ts'
import { binaryen, type ExpressionRef, WasmModule } from '../../../codegen/wasm/binaryen.ts'
import { withSharedMemory } from '../../../codegen/threads/shared-module.ts'

const pools: Pool[] = []

afterEach(async () => {
  poolSettings.patienceMilliseconds = 120_000
  await Promise.all(pools.splice(0).map((pool) => pool.end()))
})

interface Setup {
  readonly pool: Pool
  readonly words: Int32Array
  readonly module: WebAssembly.Module
  readonly work: (frame: number, step: number, part: number, parts: number, thread: number) => void
}

/** A program whose part adds 1 to `frame[part]`; step 1 traps. */
function setup(workers: number): Setup {
  const memory = makeSharedMemory()!.made
  const pool = new Pool(memory, workers + 1, workers)
  pools.push(pool)
  const module = new WasmModule()
  module.importMemory()
  const { i32 } = module
  const get = (local: number): ExpressionRef => module.local.get(local, binaryen.i32)
  const place = (): ExpressionRef => i32.add(get(0), i32.mul(get(2), i32.const(4)))
  const body = [
    module.if(get(1), module.unreachable()),
    i32.store(0, 4, place(), i32.add(i32.load(0, 4, place()), i32.const(1))),
  ]
  const ints = binaryen.createType(Array.from({ length: 5 }, () => binaryen.i32))
  module.addFunction('work', ints, binaryen.none, [], module.block(null, body, binaryen.none))
  module.addFunctionExport('work', 'work')
  const compiled = new WebAssembly.Module(withSharedMemory(module.emit({ validate: true })))
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } })
  const words = new Int32Array(memory.buffer)
  return { pool, words, module: compiled, work: exports['work'] as Setup['work'] }
}

const frame = 4096
const parts = 12

/** What `share` does in compiled code, with `step` for the parts that this thread takes. */
function share({ pool, work }: Setup, program: number, step = 0, own = step): void {
  pool.exports.begin(program, frame, step, parts, 10_000_000)
  for (let left = pool.exports.claim(); left !== 0; left = pool.exports.claim()) {
    work(frame, own, parts - left, parts, 0)
    pool.exports.finish()
  }
  pool.exports.join()
}

function done({ words }: Setup): number[] {
  return Array.from(words.subarray(frame / 4, frame / 4 + parts))
}

/** Resolves when the condition holds: workers take their time to start. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited for too long')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test.each([0, 1, 3])('with %i workers every part is done once', async (workers) => {
  const made = setup(workers)
  const program = made.pool.addProgram(made.module)
  // Once before any worker can have started, and often while they are there.
  share(made, program)
  expect(done(made)).toEqual(Array.from({ length: parts }, () => 1))
  await until(() => made.pool.statistics.started === workers)
  let jobs = 1
  await until(() => {
    for (let i = 0; i < 2000; i++, jobs++) share(made, program)
    return workers === 0 || made.pool.statistics.served > 0
  })
  expect(done(made)).toEqual(Array.from({ length: parts }, () => jobs))
  expect(made.pool.statistics.workers).toBe(workers)
})

test('workers fall asleep, and do not sleep through what is worth waking them for', async () => {
  const made = setup(1)
  const program = made.pool.addProgram(made.module)
  const isAsleep = (): boolean => Atomics.load(made.words, sleepersWord / 4) === 1
  await until(isAsleep)
  let jobs = 0
  await until(() => {
    for (let i = 0; i < 2000; i++, jobs++) share(made, program)
    return made.pool.statistics.served > 0
  })
  await until(isAsleep)
  expect(done(made)).toEqual(Array.from({ length: parts }, () => jobs))
})

test('a trap in a worker shows where the job ends, once', async () => {
  const made = setup(1)
  const program = made.pool.addProgram(made.module)
  let thrown: unknown
  await until(() => {
    // This thread's own parts do not trap.
    try {
      share(made, program, 1, 0)
    } catch (error) {
      thrown = error
    }
    return thrown !== undefined
  })
  expect(thrown).toBeInstanceOf(WebAssembly.RuntimeError)
  expect(Atomics.load(made.words, failedWord / 4)).toBe(0)
  share(made, program)
})

test('after a trap in this thread no part is left over', () => {
  const made = setup(1)
  const program = made.pool.addProgram(made.module)
  expect(() => share(made, program, 0, 1)).toThrow(WebAssembly.RuntimeError)
  poolSettings.patienceMilliseconds = 5000
  made.pool.exports.abandon()
  expect(made.pool.exports.claim()).toBe(0)
  share(made, program)
})

test('a worker that has ended is replaced, and the new one knows the programs', async () => {
  const made = setup(2)
  const program = made.pool.addProgram(made.module)
  await until(() => made.pool.statistics.started === 2)
  await made.pool.kill(1)
  await made.pool.kill(2)
  expect(made.pool.statistics.workers).toBe(2)
  await until(() => made.pool.statistics.started === 4)
  const { served } = made.pool.statistics
  let jobs = 0
  await until(() => {
    for (let i = 0; i < 2000; i++, jobs++) share(made, program)
    return made.pool.statistics.served > served
  })
  expect(done(made)).toEqual(Array.from({ length: parts }, () => jobs))
})

test('workers that end again and again are given up, and the work is done without them', async () => {
  const made = setup(1)
  const program = made.pool.addProgram(made.module)
  for (let i = 0; i < 20 && made.pool.statistics.workers > 0; i++) await made.pool.kill(1)
  expect(made.pool.statistics.workers).toBe(0)
  share(made, program)
  expect(done(made)).toEqual(Array.from({ length: parts }, () => 1))
})

test('a part that nobody finishes is given up, and then there is one thread', () => {
  const made = setup(1)
  poolSettings.patienceMilliseconds = 30
  const { begin, claim, finish, join } = made.pool.exports
  const program = made.pool.addProgram(made.module)
  // The worker has not begun by now: this thread takes all parts, and leaves one undone as if it had been the other.
  begin(program, frame, 0, 2, 0)
  claim()
  claim()
  finish()
  expect(join).toThrow(LostWorkerError)
  expect(made.pool.statistics.workers).toBe(0)
  share(made, program)
  expect(done(made)).toEqual(Array.from({ length: parts }, () => 1))
})

test('numbers of programs that have been dropped are used again', async () => {
  const made = setup(1)
  const first = made.pool.addProgram(made.module)
  made.pool.dropProgram(first)
  made.pool.dropProgram(first)
  const again = made.pool.addProgram(made.module)
  expect(again).toBe(first)
  expect(made.pool.addProgram(made.module)).not.toBe(first)
  let jobs = 0
  await until(() => {
    for (let i = 0; i < 2000; i++, jobs++) share(made, again)
    return made.pool.statistics.served > 0
  })
  expect(done(made)).toEqual(Array.from({ length: parts }, () => jobs))
})
