/**
 * Starts the processes of a workload, lets them run in turn, and takes medians.
 *
 * All timings are of compiled JavaScript, the library's own included, run by this very Node without flags.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { Grown, Ready, Reply, Request, Timed } from './messages.ts'
import type { Contestant, Workload } from './workloads/list.ts'

/** How long things take. */
export interface Effort {
  readonly warmMs: number
  readonly batches: number
  readonly batchMs: number
  readonly starts: number
  readonly memorySteps: number
}

export interface Row {
  readonly workload: string
  readonly peer: string
  readonly variant: string
  readonly threads: number
  readonly node: string
  readonly firstMs: number
  readonly secondMs: number
  readonly medianMs: number
  /** The fastest batch: a machine that does other things besides slows the median more. */
  readonly bestMs: number
  /** The loss after twenty steps. */
  readonly loss?: number
  /** For workloads about memory, in place of times. */
  readonly growth?: Grown
  /** What went wrong; the figures are NaN then. */
  readonly error?: string
}

/** The largest difference between two libraries' losses that still counts as the same. */
const lossTolerance = 1e-4

class Runner {
  readonly contestant: Contestant
  readonly #child: ChildProcess
  readonly #exit: Promise<Reply>

  constructor(script: string, workload: string, contestant: Contestant) {
    this.contestant = contestant
    this.#child = fork(
      script,
      ['--contestant', workload, contestant.peer, contestant.variant, `${contestant.threads ?? 1}`],
      {
        execArgv: [],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      },
    )
    this.#exit = new Promise((resolve) =>
      this.#child.once('exit', (code, signal) =>
        resolve({ kind: 'failed', message: `the process ended (${signal ?? code})` }),
      ),
    )
  }

  async ready(): Promise<Ready> {
    const reply = await this.#reply()
    if (reply.kind !== 'ready') throw new Error(`${reply.kind} came before ready`)
    return reply
  }

  async ask(request: Request): Promise<Timed | Grown> {
    const answered = this.#reply()
    this.#child.send(request)
    const reply = await answered
    if (reply.kind === 'ready') throw new Error('ready came twice')
    return reply
  }

  async time(request: Request): Promise<number> {
    const reply = await this.ask(request)
    if (reply.kind !== 'timed') throw new Error(`${reply.kind} is not a time`)
    return reply.nanosecondsPerStep / 1e6
  }

  stop(): void {
    this.#child.kill()
  }

  async #reply(): Promise<Exclude<Reply, { readonly kind: 'failed' }>> {
    const message = new Promise<Reply>((resolve) =>
      this.#child.once('message', (reply) => resolve(reply as Reply)),
    )
    const reply = await Promise.race([message, this.#exit])
    if (reply.kind === 'failed') throw new Error(reply.message)
    return reply
  }
}

/** The middle value; the mean of the two in the middle for an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

function row(workload: Workload, { peer, variant, threads }: Contestant, figures: Partial<Row>): Row {
  const none = Number.NaN
  return {
    workload: workload.name,
    peer,
    variant,
    threads: threads ?? 1,
    node: process.version,
    firstMs: none,
    secondMs: none,
    medianMs: none,
    bestMs: none,
    ...figures,
  }
}

/** Measures all contestants of a workload; one that fails gives a row that says so. */
export function measure(
  script: string,
  workload: Workload,
  contestants: readonly Contestant[],
  effort: Effort,
): Promise<readonly Row[]> {
  switch (workload.kind) {
    case 'steps':
      return measureSteps(script, workload, contestants, effort)
    case 'start':
      return measureStarts(script, workload, contestants, effort)
    case 'memory':
      return measureMemory(script, workload, contestants, effort)
  }
}

async function measureSteps(
  script: string,
  workload: Workload,
  contestants: readonly Contestant[],
  effort: Effort,
): Promise<readonly Row[]> {
  interface Entry {
    readonly runner: Runner
    ready?: Ready
    steps: number
    readonly times: number[]
    error?: string
  }
  const entries: Entry[] = []
  const attempt = async (entry: Entry, act: () => Promise<void>): Promise<void> => {
    if (entry.error !== undefined) return
    try {
      await act()
    } catch (error) {
      entry.error = error instanceof Error ? error.message : String(error)
    }
  }
  try {
    // One after the other: first steps are timed too, and must not share the processor with another's start.
    for (const contestant of contestants) {
      const entry: Entry = { runner: new Runner(script, workload.name, contestant), steps: 1, times: [] }
      entries.push(entry)
      await attempt(entry, async () => {
        entry.ready = await entry.runner.ready()
        const step = await entry.runner.time({ kind: 'warm', milliseconds: effort.warmMs })
        entry.steps = Math.max(1, Math.round(effort.batchMs / step))
      })
    }
    for (let batch = 0; batch < effort.batches; batch++)
      for (const entry of entries)
        await attempt(entry, async () => {
          entry.times.push(await entry.runner.time({ kind: 'batch', steps: entry.steps }))
        })
  } finally {
    for (const { runner } of entries) runner.stop()
  }
  const reference = workload.loss
    ? entries.find(({ ready }) => ready !== undefined)?.ready?.losses
    : undefined
  return entries.map(({ runner, ready, times, error }) => {
    const differs = reference === undefined ? undefined : lossDifference(reference, ready?.losses ?? [])
    const loss = workload.loss ? ready?.losses.at(-1) : undefined
    const problem = error ?? differs
    return row(workload, runner.contestant, {
      ...(ready === undefined ? {} : { firstMs: ready.firstMs, secondMs: ready.secondMs }),
      ...(error === undefined ? { medianMs: median(times), bestMs: Math.min(...times) } : {}),
      ...(loss === undefined ? {} : { loss }),
      ...(problem === undefined ? {} : { error: problem }),
    })
  })
}

/** Where two libraries' losses part, in words; undefined when they do not. */
function lossDifference(reference: readonly number[], losses: readonly number[]): string | undefined {
  const at = reference.findIndex(
    (loss, i) => !(Math.abs(loss - (losses[i] ?? Number.NaN)) <= lossTolerance * Math.max(1, Math.abs(loss))),
  )
  return at < 0 ? undefined : `the loss of step ${at + 1} is ${losses[at]}, not ${reference[at]}`
}

async function measureStarts(
  script: string,
  workload: Workload,
  contestants: readonly Contestant[],
  effort: Effort,
): Promise<readonly Row[]> {
  const times = contestants.map((): number[] => [])
  const errors = new Map<number, string>()
  const cache = join(mkdtempSync(join(tmpdir(), 'tracemill-bench-')), 'cache')
  for (const contestant of contestants)
    if (contestant.variant === 'warm cache') await startTime(script, contestant, cache)
  for (let round = 0; round < effort.starts; round++)
    for (const [i, contestant] of contestants.entries()) {
      if (errors.has(i)) continue
      const time = await startTime(script, contestant, cache)
      if (time === undefined) errors.set(i, 'the process failed')
      else times[i]?.push(time)
    }
  rmSync(dirname(cache), { recursive: true, force: true })
  return contestants.map((contestant, i) => {
    const own = times[i] ?? []
    const error = errors.get(i)
    return row(workload, contestant, {
      firstMs: own[0] ?? Number.NaN,
      secondMs: own[1] ?? Number.NaN,
      ...(error === undefined ? { medianMs: median(own), bestMs: Math.min(...own) } : { error }),
    })
  })
}

/** Milliseconds from before the process exists until it says that its first step is done. */
function startTime(
  script: string,
  { peer, variant }: Contestant,
  cache: string,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const start = performance.now()
    let time: number | undefined
    const child = spawn(process.execPath, [script, '--first-step', peer, variant], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TRACEMILL_CACHE: variant === 'warm cache' ? cache : '' },
    })
    child.stdout.on('data', (text: Buffer) => {
      if (text.toString().includes('done')) time ??= performance.now() - start
    })
    child.once('exit', () => resolve(time))
  })
}

async function measureMemory(
  script: string,
  workload: Workload,
  contestants: readonly Contestant[],
  effort: Effort,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const contestant of contestants) {
    const runner = new Runner(script, workload.name, contestant)
    try {
      const { firstMs, secondMs } = await runner.ready()
      const steps = workload.name === 'memory-steps' ? effort.memorySteps : effort.memorySteps * 10
      const growth = await runner.ask({ kind: 'memory', steps })
      rows.push(
        row(
          workload,
          contestant,
          growth.kind === 'grown' ? { firstMs, secondMs, growth } : { error: 'no answer' },
        ),
      )
    } catch (error) {
      rows.push(row(workload, contestant, { error: error instanceof Error ? error.message : String(error) }))
    } finally {
      runner.stop()
    }
  }
  return rows
}
