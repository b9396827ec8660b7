/**
 * Starting and stopping workers, in Node and in pages that may share memory.
 */
import type * as Threads from 'node:worker_threads'
import { nodeModules } from '../cache/node-modules.ts'
import { workerSource } from './worker-source.ts'

/** A started worker. */
export interface Peer {
  readonly post: (message: object) => void
  /** Resolves when it has ended; in a page that is at once. */
  readonly end: () => Promise<void>
}

/** Whether this process may have several threads on one memory. */
export function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false
  return nodeModules !== undefined || (typeof Worker === 'function' && globalThis.crossOriginIsolated)
}

/** How many threads the machine runs at once. */
export function hardwareThreads(): number {
  if (nodeModules !== undefined) return process.getBuiltinModule('node:os').availableParallelism()
  return globalThis.navigator?.hardwareConcurrency ?? 1
}

/** Starts a worker; `ended` is called if it ends without having been asked to. */
export function startPeer(ended: () => void): Peer {
  return nodeModules === undefined ? startInPage(ended) : startInNode(nodeModules.threads, ended)
}

function startInNode(threads: typeof Threads, ended: () => void): Peer {
  // What the program was started with (loaders, an inspector) is nothing to a worker that loads nothing.
  const worker = new threads.Worker(workerSource, { eval: true, execArgv: [], name: 'tracemill' })
  worker.unref()
  let asked = false
  // Without a listener an error would end the process.
  worker.on('error', () => {})
  worker.on('exit', () => {
    if (!asked) ended()
  })
  return {
    post: (message) => worker.postMessage(message),
    end: async () => {
      asked = true
      await worker.terminate()
    },
  }
}

function startInPage(ended: () => void): Peer {
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }))
  const worker = new Worker(url, { name: 'tracemill' })
  worker.addEventListener('error', (event) => {
    event.preventDefault()
    ended()
  })
  return {
    post: (message) => worker.postMessage(message),
    end: () => {
      worker.terminate()
      URL.revokeObjectURL(url)
      return Promise.resolve()
    },
  }
}
