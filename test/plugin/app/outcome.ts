// Runs both programs and compares: what a page or a process leaves as JSON.
import * as tf from 'tracemill'
import * as staged from './model.ts'
import * as plain from './plain.ts'

/** What a run found. */
export interface Outcome {
  /** The results of the staged program. */
  readonly staged: unknown
  /** The results of its plain twin. */
  readonly plain: unknown
  /** How often a function was traced that was called with scalars only. */
  readonly traces: number
  /** What the program that cannot be traced is told. */
  readonly message: string
  /** Where the error came from that was thrown. */
  readonly stack: string
}

function thrownBy(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  return new Error('nothing was thrown')
}

export async function outcome(): Promise<Outcome> {
  const model = new staged.Model()
  const twin = new plain.Model()
  const numbers = (value: unknown): unknown => (value instanceof tf.Tensor ? value.array() : value)
  const losses = [7, 9, 3, 3, -1]
  const inputs = [
    [1, 1, 1],
    [-1, 2, -3],
    [-1, 2, -1],
    [0.5, 1, -4],
    [-1, 2, -1],
    [1, 1, 1],
  ]
  return {
    staged: [
      losses.map((loss) => numbers(staged.keepBest(tf.scalar(loss)))),
      [1, 30, 500].map((x) => numbers(staged.count(tf.scalar(x)))),
      inputs.map((x) => numbers(model.step(tf.tensor(x)))),
      model.weight.array(),
      [2, 0, -3].map((x) => numbers(model.sign(tf.scalar(x)))),
      numbers(await staged.later(27)),
    ],
    plain: [
      losses.map((loss) => plain.keepBest(loss)),
      [1, 30, 500].map((x) => plain.count(x)),
      inputs.map((x) => twin.step(x)),
      twin.weight,
      [2, 0, -3].map((x) => twin.sign(x)),
      plain.collatz(27),
    ],
    traces: (staged.count as object as { readonly traceCount: number }).traceCount,
    message: thrownBy(() => staged.mistaken(tf.tensor([1, 2]))).message,
    stack: thrownBy(() => model.explode(true)).stack ?? '',
  }
}
