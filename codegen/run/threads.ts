/**
 * How many threads programs run in, and the change from one number to another.
 *
 * Threads need a memory that is shared, and code is for one kind of memory or the other. So a change puts a new memory in
 * the place of the old one: what slots hold moves out of it first and comes back when it is next used; programs are
 * compiled again from what they were lowered to, each when it is next called. Nothing is traced again.
 */
import { TraceError, ValueError } from '../errors.ts'
import type { ProgramSpec, Step } from '../program.ts'
import { addSizes, multiplySizes } from '../size.ts'
import { allSteps, mapInside } from '../steps.ts'
import { currentPool, setCurrentPool } from '../threads/current-pool.ts'
import { mostThreads } from '../threads/control.ts'
import { Pool, poolSettings } from '../threads/pool.ts'
import { canSplit } from '../threads/split-kernel.ts'
import { canShareMemory, hardwareThreads } from '../threads/workers.ts'
import { arenaDepth, forgetArena } from './arena.ts'
import { makeSharedMemory, replaceMemory } from './heap.ts'
import { type MemoryPlan, planMemory } from './plan.ts'
import { forgetRuntimeKernels } from './runtime-kernels.ts'
import { evictSlots } from './slots.ts'

/** The number of threads that work is cut for. */
export function threadCount(): number {
  return currentPool()?.threads ?? 1
}

/**
 * Changes the number of threads; returns the number there is then: 1 where memory cannot be shared.
 *
 * @throws TraceError while a program runs
 */
export function setThreadCount(wanted: number | 'auto'): number {
  if (wanted !== 'auto' && (!Number.isInteger(wanted) || wanted < 1 || wanted > mostThreads))
    throw new ValueError({
      op: 'config.setThreads',
      problem: `${String(wanted)} is not a number of threads`,
      fix: `pass a whole number from 1 to ${mostThreads}, or 'auto'.`,
    })
  if (arenaDepth() > 0)
    throw new TraceError({
      op: 'config.setThreads',
      problem: 'the number of threads cannot change while a function runs or waits for a callback',
      fix: 'call it before or after, outside of all calls.',
    })
  const hardware = hardwareThreads()
  const count = !canShareMemory() ? 1 : wanted === 'auto' ? Math.min(hardware, mostThreads) : wanted
  if (count === threadCount()) return count
  replaceAll(count, hardware)
  return threadCount()
}

/** Begins anew with a memory of the same kind, so that everything is compiled again. */
export function renewMemory(): void {
  replaceAll(threadCount(), hardwareThreads())
}

/** Begins anew with a memory for so many threads, or for one if that cannot be had. */
function replaceAll(count: number, hardware: number): void {
  const shared = count > 1 ? makeSharedMemory() : undefined
  evictSlots()
  void currentPool()?.end()
  setCurrentPool(undefined)
  replaceMemory(shared)
  forgetArena()
  forgetRuntimeKernels()
  if (shared === undefined) return
  // There may be fewer than work is cut for, and never more: each has scratch memory by its number.
  const workers = Math.min(count, (poolSettings.workers ?? hardware - 1) + 1) - 1
  setCurrentPool(new Pool(shared.made, count, workers))
}

/** Room so that every thread's share begins on a cache line. */
const lineFloats = 16

/** The memory plan of a program for the threads there are. */
export function planForThreads(spec: ProgramSpec): MemoryPlan {
  const threads = threadCount()
  if (threads === 1) return planMemory(spec)
  const scratch = new Set(
    allSteps(spec.steps).flatMap((step) => (step.kind === 'conv' ? [step.scratch] : [])),
  )
  const buffers = spec.buffers.map((buffer, i) =>
    scratch.has(i)
      ? { ...buffer, elements: multiplySizes(addSizes(buffer.elements, lineFloats), threads) }
      : buffer,
  )
  const plan = planMemory({ ...spec, buffers })
  const mark = (step: Step): Step =>
    step.kind === 'kernel' && canSplit(step)
      ? { ...step, split: true }
      : mapInside(step, (steps) => steps.map(mark))
  return { ...plan, spec: { ...plan.spec, threads, steps: plan.spec.steps.map(mark) } }
}

/** After a trap in compiled code: waits until no thread works on what it was about. */
export function abandonParts(): void {
  currentPool()?.exports.abandon()
}
