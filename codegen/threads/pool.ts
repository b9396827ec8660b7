/**
 * The workers of the process, and what they have been sent.
 *
 * A program's module is sent to them when one of its steps is first worth sharing. Main waits for no worker: one that has
 * not read its mail yet takes no part in anything. A worker that ends is replaced, a few times; then there is one fewer.
 * Should one end in the middle of a part, that part is lost: whoever waits for it gives up after a while, with an
 * error, and from then on there is one thread.
 */
import { bytesOfBase64 } from '../base64.ts'
import { TracemillError } from '../errors.ts'
import { mailWords, readyWord, servedWord } from './control.ts'
import { poolBytes } from './pool-bytes.ts'
import { type Peer, startPeer } from './workers.ts'

/** The functions of pool-module.ts that the main thread calls; they are wasm exports. */
export interface PoolExports {
  readonly begin: (program: number, frame: number, step: number, parts: number, cost: number) => void
  readonly claim: () => number
  readonly finish: () => void
  readonly join: () => void
  readonly abandon: () => void
}

interface Member {
  readonly thread: number
  peer: Peer
  sent: number
}

/** Workers that ended are replaced so many times. */
const mostReplacements = 8

/** Settings for tests. */
export const poolSettings: { patienceMilliseconds: number; workers: number | undefined } = {
  /** How long a part that a worker has begun is waited for, once nothing else is left. */
  patienceMilliseconds: 120_000,
  /** How many workers to start; undefined: as many as the machine has processors for. */
  workers: undefined,
}

export class Pool {
  /** The number of threads that work is cut for, the main thread included. */
  readonly threads: number
  readonly exports: PoolExports
  readonly #memory: WebAssembly.Memory
  readonly #words: Int32Array
  readonly #module: WebAssembly.Module
  readonly #members = new Map<number, Member>()
  readonly #programs = new Map<number, WebAssembly.Module>()
  readonly #kernels: Record<string, WebAssembly.Module> = {}
  readonly #freed: number[] = []
  #dropped: number[] = []
  #replacements = 0
  #nextProgram = 1
  #waitingFor = -1
  #waitingSince = 0

  constructor(memory: WebAssembly.Memory, threads: number, workers: number) {
    this.threads = threads
    this.#memory = memory
    this.#words = new Int32Array(memory.buffer, 0, 256)
    this.#module = new WebAssembly.Module(bytesOfBase64(poolBytes))
    const waited = (job: number): void => this.#waited(job)
    const table = new WebAssembly.Table({ initial: 0, element: 'anyfunc' })
    const { exports } = new WebAssembly.Instance(this.#module, { env: { memory, table, waited } })
    this.exports = {
      begin: exports['begin'] as PoolExports['begin'],
      claim: exports['claim'] as PoolExports['claim'],
      finish: exports['finish'] as PoolExports['finish'],
      join: exports['join'] as PoolExports['join'],
      abandon: exports['abandon'] as PoolExports['abandon'],
    }
    for (let thread = 1; thread <= workers; thread++) this.#start(thread)
  }

  /** Workers there are, those that have started, and parts they have done. */
  get statistics(): { readonly workers: number; readonly started: number; readonly served: number } {
    return {
      workers: this.#members.size,
      started: Atomics.load(this.#words, readyWord / 4),
      served: Atomics.load(this.#words, servedWord / 4),
    }
  }

  /** Makes a module of functions known that programs import under `name`. */
  addKernels(name: string, module: WebAssembly.Module): void {
    this.#kernels[name] = module
    this.#tell({ kernels: { [name]: module } })
  }

  /** Makes a program known to the workers; returns its number. */
  addProgram(module: WebAssembly.Module): number {
    const id = this.#freed.pop() ?? this.#nextProgram++
    this.#programs.set(id, module)
    const dropped = this.#dropped
    this.#dropped = []
    this.#tell({ dropped, programs: [[id, module]] })
    return id
  }

  /** The program will not run again. Workers forget it when they next hear of another. */
  dropProgram(id: number): void {
    if (!this.#programs.delete(id)) return
    this.#freed.push(id)
    this.#dropped.push(id)
  }

  /** Ends all workers. Resolves when they have ended. */
  async end(): Promise<void> {
    const members = [...this.#members.values()]
    this.#members.clear()
    await Promise.all(members.map(({ peer }) => peer.end()))
  }

  /** Ends one worker as if it had died, for tests. */
  async kill(thread: number): Promise<void> {
    const member = this.#members.get(thread)
    await member?.peer.end()
    if (member !== undefined) this.#ended(member)
  }

  #start(thread: number): void {
    Atomics.store(this.#words, mailWords / 4 + thread, 0)
    try {
      const member: Member = { thread, sent: 0, peer: startPeer(() => this.#ended(member)) }
      this.#members.set(thread, member)
      const [memory, pool, kernels] = [this.#memory, this.#module, this.#kernels]
      this.#send(member, { thread, memory, pool, kernels, programs: [...this.#programs] })
    } catch {
      // No worker may be started here: there is one thread fewer.
      this.#members.delete(thread)
    }
  }

  #ended(member: Member): void {
    if (this.#members.get(member.thread) !== member) return
    this.#members.delete(member.thread)
    if (this.#replacements++ < mostReplacements) this.#start(member.thread)
  }

  #tell(message: object): void {
    for (const member of this.#members.values()) this.#send(member, message)
  }

  /** Workers look for mail between jobs, and the next job that wakes them lets them look. */
  #send(member: Member, message: object): void {
    member.peer.post(message)
    Atomics.store(this.#words, mailWords / 4 + member.thread, ++member.sent)
  }

  /** A job has been waited for for a while. */
  #waited(job: number): void {
    const now = performance.now()
    if (job !== this.#waitingFor) {
      this.#waitingFor = job
      this.#waitingSince = now
    }
    if (now - this.#waitingSince < poolSettings.patienceMilliseconds) return
    void this.end()
    throw new LostWorkerError()
  }
}

/** A worker has ended in the middle of its work. */
export class LostWorkerError extends TracemillError {
  override name = 'LostWorkerError'
  constructor() {
    super({
      op: 'threads',
      problem:
        'a worker thread has ended, or does not go on, in the middle of a step: what the call wrote is incomplete',
      fix: 'call again with what you have saved; from now on this process computes in one thread.',
    })
  }
}
