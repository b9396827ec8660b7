/**
 * The line in the console when a function is traced again: which function, which argument, old → new, how long it took.
 *
 * The new signature is compared with the nearest earlier one, which is that with the fewest differing paths.
 */
import { SignatureError } from '../../codegen/errors.ts'
import type { Signature } from './argument.ts'
import { userSite } from './source.ts'

/** A path whose type differs from the nearest earlier trace's; undefined where it was absent. */
export interface Difference {
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** The differing paths against the nearest of the earlier signatures. */
export function nearestDifferences(earlier: readonly Signature[], now: Signature): readonly Difference[] {
  let best: readonly Difference[] | undefined
  for (const signature of earlier.toReversed()) {
    const found = differences(signature, now)
    if (best === undefined || found.length < best.length) best = found
  }
  return best ?? []
}

function differences(before: Signature, after: Signature): readonly Difference[] {
  const old = new Map(before.entries.map(({ path, text }) => [path, text]))
  const fresh = new Map(after.entries.map(({ path, text }) => [path, text]))
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((path) => old.get(path) !== fresh.get(path))
    .map((path) => ({ path, before: old.get(path), after: fresh.get(path) }))
}

/** Reports a retrace as asked: a console line, nothing, or a SignatureError. */
export function reportRetrace(
  who: { readonly name: string; readonly definedAt: string | undefined; readonly traceCount: number },
  earlier: readonly Signature[],
  now: Signature,
  milliseconds: number,
  mode: 'warn' | 'off' | 'error',
): void {
  if (mode === 'off') return
  const changes = nearestDifferences(earlier, now).map(
    ({ path, before, after }) => `${path} ${before ?? 'absent'} → ${after ?? 'absent'}`,
  )
  const site = userSite()
  const where = who.definedAt === undefined ? '' : ` (defined at ${who.definedAt})`
  const what = changes.length === 0 ? 'sizes that its trace took to be equal are not' : changes.join(', ')
  if (mode === 'error')
    throw new SignatureError({
      op: `tf.function ${who.name}`,
      problem: `it would be traced again${where}: ${what}`,
      fix: 'keep the argument types the same, or give an inputSignature with null for sizes that vary.',
    })
  console.warn(
    `tf.function ${who.name}${where} was traced again, trace ${who.traceCount + 1}, ${milliseconds.toFixed(1)} ms: ${what}${site === undefined ? '' : `, called from ${site}`}`,
  )
}
