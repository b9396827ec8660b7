/**
 * Where each buffer of a program lies: the part that can be decided before sizes are known.
 *
 * Constants and variables have memory of their own. All other buffers are put into *blocks* of arena memory, each
 * alive from its first to its last use; layout.ts then gives blocks addresses. Two rules let buffers share storage:
 *
 * - A value that is committed to a variable is computed in the variable's storage when nobody can tell: nothing reads
 *   the old content after the producing step begins (that step itself may, element by element), nothing between it
 *   and the commit can throw or call the host, and nothing changes the variable again while the value is still read.
 * - A step may write its result over an operand that dies there, if it reads each element before it stores it.
 *
 * Commits done in place disappear from the program; those that remain are copies.
 */
import { byteSize } from '../dtype.ts'
import type { ProgramBuffer, ProgramSpec, Step } from '../program.ts'
import { multiplySizes, type Size, sizesEqual } from '../size.ts'
import { joinSteps } from '../join/join-steps.ts'
import { hasChecks, mayStop } from '../steps.ts'
import { type Access, programAccess } from './access.ts'
import { carryInPlace } from './carry.ts'
import { isFound } from './found.ts'
import { overwritingStep } from './overwriting-step.ts'
import { preserveOldValues } from './preserve.ts'

/** Arena memory shared by buffers of equal size that are not alive at the same time. */
export interface Block {
  readonly buffers: readonly number[]
  readonly bytes: Size
  /** Steps of its first write and its last read: −1 for inputs, the number of steps for outputs. */
  readonly start: number
  readonly end: number
}

/** What a buffer's address is derived from. */
export type Place =
  | { readonly kind: 'arena'; readonly block: number }
  /** The storage of the call's `variables[index]`. */
  | { readonly kind: 'variable'; readonly index: number }
  | { readonly kind: 'constant' }
  /** Memory of its own, once its size is known. */
  | { readonly kind: 'found' }
  /** Nobody uses it. */
  | { readonly kind: 'nowhere' }

/** The decisions for one program. */
export interface MemoryPlan {
  /** The program as it is to be run: with copies of old values, without the commits done in place. */
  readonly spec: ProgramSpec
  /** One per buffer of `spec`. */
  readonly places: readonly Place[]
  readonly blocks: readonly Block[]
  /** Names of the variables' buffers whose commits are done in place, one per commit. */
  readonly inPlaceCommits: readonly string[]
}

/** Plans a program. */
export function planMemory(original: ProgramSpec): MemoryPlan {
  return new Planner(preserveOldValues(joinSteps(carryInPlace(original)))).plan()
}

/** Bytes of a buffer. */
export function bufferBytes(buffer: ProgramBuffer): Size {
  return multiplySizes(buffer.elements, byteSize(buffer.dtype))
}

class Planner {
  readonly #spec: ProgramSpec
  readonly #steps: Step[]
  readonly #access: readonly Access[]
  /** Steps that write or read each buffer, in order; the number of steps stands for being an output. */
  readonly #writers: readonly number[][]
  readonly #readers: readonly number[][]
  /** The variable's buffer in whose storage a temporary lies. */
  readonly #inVariable = new Map<number, number>()
  /** The temporaries that lie in each variable. */
  readonly #inside = new Map<number, number[]>()
  /** For each step, the next from it on that may stop, and the next of these that is more than a check. */
  readonly #nextStop: Int32Array
  readonly #nextHardStop: Int32Array
  readonly #droppedCommits = new Set<number>()
  readonly #inPlaceCommits: string[] = []

  constructor(spec: ProgramSpec) {
    this.#spec = spec
    this.#steps = [...spec.steps]
    this.#access = programAccess(spec)
    this.#writers = spec.buffers.map(() => [])
    this.#readers = spec.buffers.map(() => [])
    this.#access.forEach(({ reads, writes }, at) => {
      for (const buffer of reads) this.#readers[buffer]?.push(at)
      for (const buffer of writes) this.#writers[buffer]?.push(at)
    })
    for (const buffer of new Set(spec.outputs)) this.#readers[buffer]?.push(spec.steps.length)
    const stops = spec.steps.map(mayStop)
    this.#nextStop = nextOf(stops)
    this.#nextHardStop = nextOf(
      stops.map((stop, at) => stop && spec.steps[at]?.kind !== 'check' && spec.steps[at]?.kind !== 'commit'),
    )
  }

  plan(): MemoryPlan {
    this.#spec.steps.forEach((step, at) => {
      if (step.kind === 'commit') this.#tryCommitInPlace(at, step.variable, step.from)
    })
    const blockOf = this.#makeBlocks()
    const places = this.#spec.buffers.map((buffer, i): Place => {
      const variable = this.#inVariable.get(i)
      const { storage } = variable === undefined ? buffer : (this.#spec.buffers[variable] ?? buffer)
      if (storage.kind === 'variable') return { kind: 'variable', index: storage.index }
      if (storage.kind === 'constant') return { kind: 'constant' }
      const block = blockOf.ids[i]
      if (isFound(this.#spec, buffer.elements)) return { kind: 'found' }
      return block === undefined ? { kind: 'nowhere' } : { kind: 'arena', block }
    })
    return {
      spec: { ...this.#spec, steps: this.#steps.filter((_, at) => !this.#droppedCommits.has(at)) },
      places,
      blocks: blockOf.blocks,
      inPlaceCommits: this.#inPlaceCommits,
    }
  }

  #lastRead(buffer: number): number {
    return this.#readers[buffer]?.at(-1) ?? -1
  }

  #tryCommitInPlace(commit: number, variable: number, from: number): void {
    const target = this.#spec.buffers[variable]
    const value = this.#spec.buffers[from]
    const [producer, ...others] = this.#writers[from] ?? []
    if (
      target?.storage.kind !== 'variable' ||
      target.storage.isCell === true ||
      value?.storage.kind !== 'temporary' ||
      this.#inVariable.has(from)
    )
      return
    if (value.dtype !== target.dtype || sizesEqual(value.elements, target.elements) !== true) return
    if (producer === undefined || others.length > 0 || producer >= commit) return
    const step = this.#steps[producer]
    if ((step?.kind !== 'kernel' && step?.kind !== 'gemm') || hasChecks(step)) return

    // What may throw must find the variable as it was; another commit would replace the value made here.
    if ((this.#nextStop[producer + 1] ?? commit) < commit) return
    if (firstAfter(this.#writers[variable], producer) < commit) return
    if (firstAfter(this.#readers[variable], producer) < commit) return
    // Values that earlier commits left in the same storage are old content, too.
    const inside = this.#inside.get(variable) ?? []
    if (inside.some((buffer) => this.#lastRead(buffer) > producer)) return
    const old = [variable, ...inside]
    const changed = Math.min(
      firstAfter(this.#writers[variable], commit),
      this.#nextHardStop[commit + 1] ?? this.#steps.length,
    )
    if (changed < this.#steps.length && this.#lastRead(from) > changed) return

    const read = new Set(old.filter((buffer) => this.#access[producer]?.reads.has(buffer)))
    const overwritten = overwritingStep(step, read, from)
    if (overwritten === undefined) return
    this.#steps[producer] = overwritten
    this.#inVariable.set(from, variable)
    this.#inside.set(variable, [...inside, from])
    this.#droppedCommits.add(commit)
    this.#inPlaceCommits.push(target.name)
  }

  #makeBlocks(): { readonly ids: readonly (number | undefined)[]; readonly blocks: readonly Block[] } {
    const ids: (number | undefined)[] = this.#spec.buffers.map(() => undefined)
    const blocks: { buffers: number[]; bytes: Size; start: number; end: number }[] = []
    this.#spec.buffers.forEach((buffer, i) => {
      const used = [...(this.#writers[i] ?? []), ...(this.#readers[i] ?? [])]
      const { kind } = buffer.storage
      if (isFound(this.#spec, buffer.elements)) return
      if (used.length === 0 || (kind !== 'input' && kind !== 'temporary') || this.#inVariable.has(i)) return
      ids[i] = blocks.length
      blocks.push({
        buffers: [i],
        bytes: bufferBytes(buffer),
        start: kind === 'input' ? -1 : Math.min(...used),
        end: Math.max(...used),
      })
    })
    const merged = new Set<number>()
    this.#steps.forEach((step, at) => {
      if (step.kind !== 'kernel' && step.kind !== 'gemm') return
      const taken = new Set<number>()
      for (const result of this.#access[at]?.writes ?? []) {
        const own = ids[result]
        if (own === undefined || blocks[own]?.start !== at) continue
        for (const operand of this.#access[at]?.reads ?? []) {
          const home = ids[operand]
          const block = home === undefined ? undefined : blocks[home]
          if (
            home === undefined ||
            block === undefined ||
            home === own ||
            taken.has(home) ||
            block.end !== at ||
            block.start >= at
          )
            continue
          if (!this.#sameSize(operand, result)) continue
          const current = this.#steps[at]
          if (current?.kind !== 'kernel' && current?.kind !== 'gemm') continue
          const overwritten = overwritingStep(current, new Set([operand]), result)
          if (overwritten === undefined) continue
          this.#steps[at] = overwritten
          taken.add(home)
          merged.add(own)
          block.buffers.push(result)
          block.end = Math.max(block.end, blocks[own]?.end ?? at)
          ids[result] = home
          break
        }
      }
    })
    const kept = blocks.map((_, i) => i).filter((i) => !merged.has(i))
    const renumbered = new Map(kept.map((old, i) => [old, i]))
    return {
      ids: ids.map((id) => (id === undefined ? undefined : renumbered.get(id))),
      blocks: kept.flatMap((i) => blocks[i] ?? []),
    }
  }

  #sameSize(i: number, j: number): boolean {
    const [x, y] = [this.#spec.buffers[i], this.#spec.buffers[j]]
    return (
      x !== undefined &&
      y !== undefined &&
      byteSize(x.dtype) === byteSize(y.dtype) &&
      sizesEqual(x.elements, y.elements) === true
    )
  }
}

/** For each place of a list, and the one after it, the next place from there on that holds true; else the length. */
function nextOf(flags: readonly boolean[]): Int32Array {
  const next = new Int32Array(flags.length + 1).fill(flags.length)
  for (let at = flags.length - 1; at >= 0; at--) next[at] = flags[at] === true ? at : (next[at + 1] ?? 0)
  return next
}

/** The first of the ascending numbers that is greater than `least`; infinity when none is. */
function firstAfter(numbers: readonly number[] | undefined, least: number): number {
  return numbers?.find((number) => number > least) ?? Infinity
}
