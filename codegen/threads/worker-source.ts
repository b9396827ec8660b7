/**
 * What a worker runs, as text: so it needs no file that a bundler would have to find, and loads nothing.
 *
 * It gets a message with the memory and the modules that all programs share, then one per program, and between messages
 * runs the pool's loop (pool-module.ts), which returns when there is mail. It answers nothing: what there is to say
 * stands in shared memory.
 */
import { doneWord, failedWord, mailWords, readyWord } from './control.ts'

export const workerSource: string = `'use strict'
const inNode = typeof require === 'function'
let received = 0, thread = 0, memory, words, table, pool, shared
const refuse = () => { throw new Error('code of a part called outside') }
const importsOf = (module) => {
  const imports = {}
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const known = from === 'env' && name === 'memory' ? memory : shared[from] && shared[from][name]
    ;(imports[from] ||= {})[name] = known || (kind === 'global' ? new WebAssembly.Global({ value: 'i32', mutable: true }, 0) : refuse)
  }
  return imports
}
const receive = (message) => {
  received++
  if (message.memory) {
    ({ memory, thread } = message)
    words = new Int32Array(memory.buffer, 0, 256)
    table = new WebAssembly.Table({ initial: 256, element: 'anyfunc' })
    pool = new WebAssembly.Instance(message.pool, { env: { memory, table, waited: refuse } }).exports
    shared = {}
    Atomics.add(words, ${readyWord / 4}, 1)
  }
  for (const name of Object.keys(message.kernels || {}))
    shared[name] = new WebAssembly.Instance(message.kernels[name], { env: { memory } }).exports
  for (const id of message.dropped || []) if (id < table.length) table.set(id, null)
  for (const [id, module] of message.programs || []) {
    while (table.length <= id) table.grow(table.length)
    table.set(id, new WebAssembly.Instance(module, importsOf(module)).exports.work)
  }
  while (received === Atomics.load(words, ${mailWords / 4} + thread))
    try {
      pool.serve(thread, received)
    } catch (error) {
      Atomics.store(words, ${failedWord / 4}, 1)
      Atomics.add(words, ${doneWord / 4}, 1)
    }
}
if (inNode) require('node:worker_threads').parentPort.on('message', receive)
else self.onmessage = (event) => receive(event.data)
`
