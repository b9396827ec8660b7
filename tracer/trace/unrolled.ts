/**
 * Loops of JavaScript that make very many ops: each iteration is compiled by itself, which takes long, where a loop on a
 * tensor would be compiled once.
 */

/** So many of one op from one place in the source can hardly be anything else. */
const many = 1000

/** What a loop over many Variables makes, and what other ops bring with them, says nothing. */
const uncounted = new Set(['read', 'assign', 'constant', 'captured', 'broadcast', 'reshape'])

/** What is told of one trace. */
export class Unrolled {
  readonly #counts = new Map<string, number>()
  #told = false

  /** A node has been recorded. Warns when it is one too many, once. */
  record(op: string, source: string | undefined, name: string): void {
    if (source === undefined || this.#told || uncounted.has(op)) return
    const key = `${op} ${source}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    if (count < many) return
    this.#told = true
    console.warn(
      `tf.function ${name}: a loop at ${source} has made ${many} ops ${op} in the trace, since JavaScript decides how often it runs, and every one is compiled. Let a tensor decide, as in for (const i of tf.range(n)), and it becomes one loop of the program.`,
    )
  }
}
