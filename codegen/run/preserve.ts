/**
 * Saves the old content of variables that is needed after it has been replaced.
 *
 * In a program a variable's buffer stands for one value: the content when the call began, or since the last host call
 * that may have changed it. Commits do not change what it stands for; the new content has the name of the buffer it
 * came from. Where the old value is still read after a commit, or returned, this pass copies it to a temporary first
 * and lets the readers use that. The copy is made before the step that computes the new content, so that this step
 * may then work in place.
 */
import type { CommitStep, ProgramBuffer, ProgramSpec, Step } from '../program.ts'
import { type Access, programAccess } from './access.ts'
import { withReads } from './rename.ts'

/** One value of a variable's buffer: what it stands for from step `from` on, until before step `to`. */
interface Version {
  readonly from: number
  readonly to: number
}

/** The program with the copies; the same object when none are needed. */
export function preserveOldValues(spec: ProgramSpec): ProgramSpec {
  let result = spec
  for (const variable of wantedLater(spec)) {
    const storage = spec.buffers[variable]?.storage
    if (storage?.kind === 'variable' && storage.isCell !== true) result = preserveVariable(result, variable)
  }
  return result
}

/** What is committed to and then read, or returned, before the host may have changed it: in the order of first commits. */
function wantedLater(spec: ProgramSpec): readonly number[] {
  const committed = new Set<number>()
  const replaced = new Set<number>()
  const wanted = new Set<number>()
  const read = (buffer: number): void => {
    if (replaced.has(buffer)) wanted.add(buffer)
  }
  programAccess(spec).forEach(({ reads, writes }, at) => {
    reads.forEach(read)
    const step = spec.steps[at]
    if (step?.kind === 'commit') {
      committed.add(step.variable)
      replaced.add(step.variable)
    } else for (const buffer of writes) replaced.delete(buffer)
  })
  spec.outputs.forEach(read)
  return [...committed].filter((buffer) => wanted.has(buffer))
}

function preserveVariable(spec: ProgramSpec, variable: number): ProgramSpec {
  const access = programAccess(spec)
  let current = spec
  // From the last version to the first, so that the steps inserted do not move those still to be looked at.
  for (const version of versionsOf(spec, access, variable).reverse()) {
    const commit = spec.steps.findIndex(
      (step, at) => at >= version.from && at < version.to && isCommitTo(step, variable),
    )
    if (commit < 0) continue
    const readLater =
      access.some(({ reads }, at) => at > commit && at < version.to && reads.has(variable)) ||
      (version.to > spec.steps.length && spec.outputs.includes(variable))
    if (readLater) current = save(current, variable, version, copyPosition(spec, access, version, commit))
  }
  return current
}

function isCommitTo(step: Step, variable: number): step is CommitStep {
  return step.kind === 'commit' && step.variable === variable
}

/** A host call reads the old value and may leave a new one. The last version includes the outputs, "step" n. */
function versionsOf(spec: ProgramSpec, access: readonly Access[], variable: number): Version[] {
  const versions: Version[] = []
  let from = 0
  spec.steps.forEach((step, at) => {
    if (step.kind === 'commit' || access[at]?.writes.has(variable) !== true) return
    versions.push({ from, to: at + 1 })
    from = at + 1
  })
  versions.push({ from, to: spec.steps.length + 1 })
  return versions
}

/** Before the step that makes the committed value, if it is in the version and nothing lies between that may throw. */
function copyPosition(
  spec: ProgramSpec,
  access: readonly Access[],
  version: Version,
  commit: number,
): number {
  const step = spec.steps[commit]
  if (step?.kind !== 'commit') return commit
  const producer = access.findIndex(({ writes }) => writes.has(step.from))
  return producer >= version.from && producer < commit ? producer : commit
}

function save(spec: ProgramSpec, variable: number, version: Version, position: number): ProgramSpec {
  const original = spec.buffers[variable] as ProgramBuffer
  const saved = spec.buffers.length
  const rename = (buffer: number): number => (buffer === variable ? saved : buffer)
  const steps: Step[] = []
  spec.steps.forEach((step, at) => {
    if (at === position) steps.push({ kind: 'commit', variable: saved, from: variable })
    steps.push(at >= position && at < version.to ? withReads(step, rename) : step)
  })
  return {
    ...spec,
    buffers: [...spec.buffers, { ...original, name: `${original.name}_old`, storage: { kind: 'temporary' } }],
    steps,
    outputs: version.to > spec.steps.length ? spec.outputs.map(rename) : spec.outputs,
  }
}
