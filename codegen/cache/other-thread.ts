/**
 * Compiling in another thread, for a process that has not loaded binaryen because it expected to find every program in
 * the cache.
 *
 * A call of a function cannot wait for an import, but it can wait for a thread: a worker loads binaryen (cache/worker.ts),
 * gets the program as a message and wakes this thread, which sleeps meanwhile, when its answer is there to be
 * taken. The worker stays for the programs to come; it does not keep the process alive.
 */
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { ProgramSpec } from '../program.ts'
import { nodeModules } from './node-modules.ts'
import { type Answer, type Question, withoutData, words } from './questions.ts'

/** By a name of its own: bundlers take `new URL('…', import.meta.url)` for a file to copy. */
const thisFile: string = import.meta.url
const isSource = thisFile.endsWith('.ts')
const workerFile = new URL(isSource ? './worker.ts' : './worker.js', thisFile)

/** Longer than a thread takes to start, and than any program takes, on a busy machine as well. */
const mostMillisecondsToStart = 10_000
const mostMilliseconds = 60_000

interface OtherThread {
  readonly ask: (question: Question) => Answer
}

let thread: OtherThread | undefined

/** Whether there is a worker to start; bundlers leave it behind. */
export function canCompileElsewhere(): boolean {
  return workerFile.protocol === 'file:' && nodeModules?.fs.existsSync(workerFile) === true
}

/** The module of a program with these optimised kernels. */
export function assembleElsewhere(
  spec: ProgramSpec,
  kernels: readonly Kernel[],
  relaxed: boolean,
): Uint8Array<ArrayBuffer> {
  const answer = ask({ kind: 'assemble', spec: withoutData(spec), kernels, relaxed })
  if (answer.kind !== 'bytes') throw new InternalError(`the worker gave ${answer.kind} for a program`)
  return answer.bytes
}

/** The text format of a module. */
export function disassembleElsewhere(bytes: Uint8Array): string {
  const answer = ask({ kind: 'disassemble', bytes })
  if (answer.kind !== 'text') throw new InternalError(`the worker gave ${answer.kind} for a module`)
  return answer.text
}

function ask(question: Question): Answer {
  thread ??= start()
  const answer = thread.ask(question)
  if (answer.kind === 'ended') {
    thread = undefined
    throw new InternalError(
      `a program is not in the compile cache, and the thread that compiles it ${answer.how}. Without TRACEMILL_CACHE in the environment programs are compiled in this thread`,
    )
  }
  if (answer.kind === 'error') throw new InternalError(`the thread that compiles failed: ${answer.message}`)
  return answer
}

function start(): OtherThread {
  if (nodeModules === undefined) throw new InternalError('there are no threads to compile in here')
  const { MessageChannel, receiveMessageOnPort, Worker } = nodeModules.threads
  const state = new Int32Array(new SharedArrayBuffer(8))
  const { port1: port, port2: other } = new MessageChannel()
  const worker = new Worker(workerFile, {
    workerData: { port: other, state },
    transferList: [other],
    // The worker is what loads binaryen.
    env: { ...process.env, TRACEMILL_CACHE: '' },
    // Loaders of the program have nothing to do there, unless they load the library's own sources.
    ...(isSource ? {} : { execArgv: [] }),
  })
  worker.unref()
  // What goes wrong is told by the answer; without a listener it would end the process as well.
  worker.on('error', () => {})
  const end = (how: string): Answer => {
    void worker.terminate()
    port.close()
    return { kind: 'ended', how }
  }
  return {
    ask: (question) => {
      if (Atomics.load(state, 0) === words.ended) return end('has ended')
      Atomics.store(state, 0, words.asked)
      port.postMessage(question)
      if (Atomics.wait(state, 1, 0, mostMillisecondsToStart) === 'timed-out') return end('does not start')
      Atomics.wait(state, 0, words.asked, mostMilliseconds)
      const received = receiveMessageOnPort(port) as { readonly message: Answer } | undefined
      if (received !== undefined) return received.message
      return end(Atomics.load(state, 0) === words.ended ? 'has ended' : 'does not answer')
    },
  }
}
