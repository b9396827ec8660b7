/**
 * The few error classes a user can meet, and the one layout their messages have:
 *
 *     ShapeError: matMul: contracted sizes differ
 *       a  f32[n0,784]  axis 1 is 784
 *       b  f32[512,10]  axis 0 is 512
 *       at model.ts:41:14, while tracing trainStep(x, y)
 *       Fix: transpose b, or contract another axis.
 *
 * The layers below the tracer do not know the user's line or the function being traced, so whoever does installs a
 * `describeSite` once; the layout itself is made here and nowhere else.
 */

/** The parts of a message; `rows` are operand lines, printed in columns. */
export interface Complaint {
  /** The op or API that complains, as the user spells it: `matMul`, `tf.tensor`, `assign`. */
  readonly op: string
  /** What is wrong, one clause without a full stop. */
  readonly problem: string
  /** Operand rows: name, type, remark. */
  readonly rows?: readonly (readonly string[])[]
  /** What to do about it, one sentence. */
  readonly fix?: string
  /** Overrides the call site found on the stack (`file:line:column`). */
  readonly site?: string
}

let describeSite: () => string | undefined = () => undefined

/** Installs the function that names the user's line and the trace in progress for the `at` row of every message. */
export function installSiteDescription(describe: () => string | undefined): void {
  describeSite = describe
}

/** Lays out a complaint as text. */
export function layout(complaint: Complaint): string {
  const lines = [`${complaint.op}: ${complaint.problem}`]
  const rows = complaint.rows ?? []
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  for (const row of rows)
    lines.push(`  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
  const site = complaint.site ?? describeSite()
  if (site !== undefined) lines.push(`  at ${site}`)
  if (complaint.fix !== undefined) lines.push(`  Fix: ${complaint.fix}`)
  return lines.join('\n')
}

/** Base class of every error this library throws on purpose. */
export class TracemillError extends Error {
  constructor(complaint: Complaint | string, options?: ErrorOptions) {
    super(typeof complaint === 'string' ? complaint : layout(complaint), options)
    this.name = new.target.name
  }
}

/** Shapes that do not fit: `matMul(ones([2, 3]), ones([4, 5]))`. Fix: transpose, reshape or slice an operand. */
export class ShapeError extends TracemillError {
  override name = 'ShapeError'
}

/** Dtypes that do not fit: `add(tensor([1], 'int32'), tensor([1.5]))`. Fix: `cast` one operand. */
export class DTypeError extends TracemillError {
  override name = 'DTypeError'
}

/** A value out of range, or of the wrong kind: ragged arrays, a gather index past the end, a non-integer into int32. */
export class ValueError extends TracemillError {
  override name = 'ValueError'
}

/** Something that cannot be done while tracing: reading a symbolic tensor, using it outside its trace. */
export class TraceError extends TracemillError {
  override name = 'TraceError'
}

/** Arguments that do not fit a function's signature. */
export class SignatureError extends TracemillError {
  override name = 'SignatureError'
}

/** A tape asked for what it cannot give: a second gradient of a non-persistent tape. */
export class GradientError extends TracemillError {
  override name = 'GradientError'
}

/** A run-time check failed inside a compiled program: `tf.assert`, an index out of range, an integer division by 0. */
export class CheckError extends TracemillError {
  override name = 'CheckError'
}

/** A fault of this library. The message carries the graph or kernel to attach to a report. */
export class InternalError extends TracemillError {
  override name = 'InternalError'
  constructor(what: string, text?: string, options?: ErrorOptions) {
    super(
      `${what}\n  This is a bug in tracemill, not in your program. Please report it with this text.${text === undefined ? '' : `\n${text}`}`,
      options,
    )
  }
}
