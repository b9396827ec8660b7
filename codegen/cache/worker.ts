/**
 * The thread that compiles for one that has not loaded binaryen (other-thread.ts). Whatever ends it, also while it is
 * still loading, is told to the thread that waits.
 */
import { type MessagePort, workerData } from 'node:worker_threads'
import { type Answer, type Question, reviveSizes, words } from './questions.ts'

const { port, state } = workerData as { readonly port: MessagePort; readonly state: Int32Array }

function say(word: number): void {
  Atomics.store(state, 0, word)
  Atomics.notify(state, 0)
}

process.on('exit', () => say(words.ended))
Atomics.store(state, 1, 1)
Atomics.notify(state, 1)

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Loaded here and not above, so that a failure is answered. */
async function load(): Promise<(question: Question) => Answer> {
  const { assembleProgram } = await import('../wasm/assemble.ts')
  const { disassemble } = await import('../wasm/disassemble.ts')
  return (question) => {
    if (question.kind === 'disassemble') return { kind: 'text', text: disassemble(question.bytes) }
    reviveSizes(question)
    const { spec, kernels, relaxed } = question
    return { kind: 'bytes', bytes: assembleProgram(spec, kernels, { relaxed }).bytes }
  }
}

const loaded = load()
loaded.catch(() => undefined)

async function answer(question: Question): Promise<void> {
  let reply: Answer
  try {
    reply = (await loaded)(question)
  } catch (error) {
    reply = { kind: 'error', message: messageOf(error) }
  }
  port.postMessage(reply)
  say(words.answered)
}

port.on('message', (question: Question) => void answer(question))
