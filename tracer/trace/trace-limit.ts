/** The error for one trace more than `maxTraces` allows: what differs from the nearest trace, and what to do about it. */
import { SignatureError } from '../../codegen/errors.ts'
import type { Signature } from './argument.ts'
import { differencesBetween, modeChanges, nearest, notesOn, type Remembered } from './retrace/difference.ts'
import { tracingModes } from './modes.ts'

export function tooManyTraces(
  name: string,
  held: readonly Signature[],
  wanted: Signature,
  definedAt: string | undefined,
): SignatureError {
  const remember = ({ entries, modes }: Signature): Remembered => ({
    entries,
    // Which settings an earlier trace had is known only where they are the same.
    mode: modes === wanted.modes ? tracingModes() : {},
    notes: notesOn(entries),
  })
  const now = remember(wanted)
  const before = nearest(held.map(remember), now)
  const changes =
    before === undefined
      ? []
      : [
          ...differencesBetween(before, now).map(({ path, before: x, after: y }) => ({
            path,
            before: x?.text,
            after: y?.text,
          })),
          ...modeChanges(before.mode, now.mode),
        ]
  return new SignatureError({
    op: name,
    problem: `it holds ${held.length} trace${held.length === 1 ? '' : 's'}, which is its maxTraces, and this call needs another${definedAt === undefined ? '' : `; defined at ${definedAt}`}`,
    rows: changes.map(({ path, before: x, after: y }) => [path, `${x ?? 'absent'} → ${y ?? 'absent'}`]),
    fix: 'pass what varies as a tensor, give an inputSignature with null for sizes that vary or { reduceRetracing: true }, or raise maxTraces; f.clearCache() starts anew.',
  })
}
