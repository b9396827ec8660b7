/**
 * Saves the old content of variables that is needed after it has been replaced.
 *
 * In a program a variable's buffer stands for one value: the content when the call began, or since the last host call
 * that may have changed it. Commits do not change what it stands for; the new content has the name of the buffer it
 * came from. Where the old value is still read after a commit, or returned, this pass copies it to a temporary first
 * and lets the readers use that. The copy is made before the step that computes the new content, so that this step
 * may then work in place.
 */
import type { ProgramBuffer, ProgramSpec, Step } from '../program.ts'
import { programAccess } from './access.ts'
import { withReads } from './rename.ts'

/** One value of a variable's buffer: what it stands for from step `from` on, until before step `to`. */
interface Version {
  readonly from: number
  readonly to: number
}

/** A copy of an old value: made before step `position`, and read instead of the variable until before step `to`. */
interface Copy {
  readonly variable: number
  readonly position: number
  /** The copy of the same position that it is made before, if that matters. */
  readonly before?: Copy
  readonly to: number
  /** The buffer it is made in. */
  readonly saved: number
}

/** The steps, in order, that use each buffer. */
interface Uses {
  readonly reads: ReadonlyMap<number, readonly number[]>
  /** Commits to it. */
  readonly commits: ReadonlyMap<number, readonly number[]>
  /** Other steps that write it. */
  readonly writes: ReadonlyMap<number, readonly number[]>
}

/** The program with the copies; the same object when none are needed. */
export function preserveOldValues(spec: ProgramSpec): ProgramSpec {
  const uses = usesOf(spec)
  const outputs = new Set(spec.outputs)
  const copies: Copy[] = []
  for (const variable of uses.commits.keys()) {
    const storage = spec.buffers[variable]?.storage
    if (storage?.kind !== 'variable' || storage.isCell === true) continue
    for (const version of versionsOf(spec, uses, variable).reverse()) {
      const isInside = (at: number): boolean => at >= version.from && at < version.to
      const commit = uses.commits.get(variable)?.find(isInside)
      if (commit === undefined) continue
      const readLater =
        uses.reads.get(variable)?.some((at) => at > commit && at < version.to) === true ||
        (version.to > spec.steps.length && outputs.has(variable))
      if (!readLater) continue
      const place = copyPlace(spec, uses, copies, version, commit)
      copies.push({ variable, ...place, to: version.to, saved: spec.buffers.length + copies.length })
    }
  }
  return copies.length === 0 ? spec : withCopies(spec, copies)
}

/** Adds to the list under a key. */
function add<Item>(lists: Map<number, Item[]>, key: number, item: Item): void {
  const known = lists.get(key)
  if (known === undefined) lists.set(key, [item])
  else known.push(item)
}

function usesOf(spec: ProgramSpec): Uses {
  const uses = {
    reads: new Map<number, number[]>(),
    commits: new Map<number, number[]>(),
    writes: new Map<number, number[]>(),
  }
  programAccess(spec).forEach(({ reads, writes }, at) => {
    for (const buffer of reads) add(uses.reads, buffer, at)
    for (const buffer of writes)
      add(spec.steps[at]?.kind === 'commit' ? uses.commits : uses.writes, buffer, at)
  })
  return uses
}

/** A host call reads the old value and may leave a new one. The last version includes the outputs, "step" n. */
function versionsOf(spec: ProgramSpec, uses: Uses, variable: number): Version[] {
  const ends = [...(uses.writes.get(variable) ?? []).map((at) => at + 1), spec.steps.length + 1]
  return ends.map((to, i) => ({ from: ends[i - 1] ?? 0, to }))
}

/**
 * Before the step that makes the committed value, if it is in the version and nothing lies between that may throw. Where
 * that value is the old one of another variable, its copy is what makes it.
 */
function copyPlace(
  spec: ProgramSpec,
  uses: Uses,
  copies: readonly Copy[],
  version: Version,
  commit: number,
): Pick<Copy, 'position' | 'before'> {
  const step = spec.steps[commit]
  if (step?.kind !== 'commit') return { position: commit }
  const before = uses.commits.has(step.from)
    ? copies.find(({ variable, position, to }) => variable === step.from && position <= commit && commit < to)
    : undefined
  if (before !== undefined)
    return before.position >= version.from ? { position: before.position, before } : { position: commit }
  const producer = Math.min(
    uses.writes.get(step.from)?.[0] ?? Infinity,
    uses.commits.get(step.from)?.[0] ?? Infinity,
  )
  return { position: producer >= version.from && producer < commit ? producer : commit }
}

function withCopies(spec: ProgramSpec, copies: readonly Copy[]): ProgramSpec {
  /** The copies that stand for variables at the present step. */
  const active = new Map<number, Copy>()
  const rename = (buffer: number): number => active.get(buffer)?.saved ?? buffer
  const begins = new Map<number, Copy[]>()
  const ends = new Map<number, Copy[]>()
  for (const copy of copies) {
    const together = begins.get(copy.position) ?? []
    const at = copy.before === undefined ? together.length : together.indexOf(copy.before)
    begins.set(copy.position, together.toSpliced(at, 0, copy))
    add(ends, copy.to, copy)
  }
  const steps: Step[] = []
  // Past the last step are the outputs.
  for (let at = 0; at <= spec.steps.length; at++) {
    for (const copy of ends.get(at) ?? []) active.delete(copy.variable)
    for (const copy of begins.get(at) ?? []) {
      steps.push({ kind: 'commit', variable: copy.saved, from: copy.variable })
      active.set(copy.variable, copy)
    }
    const step = spec.steps[at]
    if (step !== undefined) steps.push(active.size > 0 ? withReads(step, rename) : step)
  }
  return {
    ...spec,
    buffers: [
      ...spec.buffers,
      ...copies.map(({ variable }) => savedBuffer(spec.buffers[variable] as ProgramBuffer)),
    ],
    steps,
    outputs: spec.outputs.map(rename),
  }
}

function savedBuffer(original: ProgramBuffer): ProgramBuffer {
  return { ...original, name: `${original.name}_old`, storage: { kind: 'temporary' } }
}
