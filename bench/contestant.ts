/**
 * A process that runs one workload in one library, as it is told over the channel to its parent.
 */
import type { Reply, Request } from './messages.ts'
import type { Prepare, Runner } from './peers/runner.ts'

/** Steps whose losses are compared. */
const comparedSteps = 20

async function runnerFor(
  workload: string,
  peer: string,
  variant: string,
  module: string = `./peers/${peer}.ts`,
): Promise<Runner> {
  const { prepare } = (await import(module)) as { readonly prepare: Prepare }
  return prepare(workload, variant)
}

async function timed(runner: Runner, steps: number): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < steps; i++) {
    const pending = runner.step()
    if (pending !== undefined) await pending
  }
  await runner.finish?.()
  return performance.now() - start
}

async function warm(runner: Runner, milliseconds: number): Promise<Reply> {
  const start = performance.now()
  let steps = 1
  let last = 0
  while (performance.now() - start < milliseconds) {
    last = (await timed(runner, steps)) / steps
    // Rounds of about a tenth of the time.
    steps = Math.max(1, Math.min(steps * 8, Math.floor(milliseconds / 10 / last)))
  }
  return { kind: 'timed', nanosecondsPerStep: last * 1e6 }
}

async function grow(runner: Runner, steps: number): Promise<Reply> {
  // Loaded here: the other libraries' processes need not start with it.
  const { memoryStatistics } = await import('../codegen/run/memory.ts')
  await timed(runner, Math.floor(steps / 10))
  const before = { ...memoryStatistics(), ...process.memoryUsage() }
  await timed(runner, steps - Math.floor(steps / 10))
  const after = { ...memoryStatistics(), ...process.memoryUsage() }
  return {
    kind: 'grown',
    steps,
    wasmReserved: after.bytesReserved - before.bytesReserved,
    wasmInUse: after.bytesInUse - before.bytesInUse,
    wasmAllocations: after.allocations - before.allocations,
    arrayBuffers: after.arrayBuffers - before.arrayBuffers,
    residentSet: after.rss - before.rss,
  }
}

function answer(runner: Runner, request: Request): Promise<Reply> {
  switch (request.kind) {
    case 'warm':
      return warm(runner, request.milliseconds)
    case 'batch':
      return timed(runner, request.steps).then((time) => ({
        kind: 'timed',
        nanosecondsPerStep: (time * 1e6) / request.steps,
      }))
    case 'memory':
      return grow(runner, request.steps)
  }
}

/** Only the library itself has a setting for this. */
async function useThreads(count: number): Promise<void> {
  const { config } = await import('../src/index.ts')
  config.setThreads(count)
}

/** Runs the workload's first steps, then serves the parent's requests until it disconnects. */
export async function contest(
  workload: string,
  peer: string,
  variant: string,
  threads: number,
): Promise<void> {
  const send = (reply: Reply): void => void process.send?.(reply)
  const failed = (error: unknown): void =>
    send({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  try {
    if (threads > 1) await useThreads(threads)
    const runner = await runnerFor(workload, peer, variant)
    const firstMs = await timed(runner, 1)
    const losses = runner.loss === undefined ? [] : [runner.loss()]
    const secondMs = await timed(runner, 1)
    for (let i = 1; runner.loss !== undefined && i < comparedSteps; i++) {
      losses.push(runner.loss())
      if (i + 1 < comparedSteps) await timed(runner, 1)
    }
    process.on('message', (request: Request) => {
      answer(runner, request).then(send, failed)
    })
    send({ kind: 'ready', firstMs, secondMs, losses })
  } catch (error) {
    failed(error)
  }
}

/** One step in this process, then a line on the standard output. */
export async function firstStep(peer: string, variant: string): Promise<void> {
  // Other libraries are published as few files, and so is this one.
  const module = peer === 'tracemill' ? '../node/tracemill-start.js' : undefined
  const runner = await runnerFor('start', peer, variant === 'warm cache' ? 'traced' : variant, module)
  await runner.step()
  await runner.finish?.()
  process.stdout.write('done\n', () => process.exit(0))
}
