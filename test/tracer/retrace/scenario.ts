// A traced function that is all told and never run: calls with given arguments, graphs and times, on an injected clock.
import { afterEach, beforeEach } from 'vitest'
import type { Graph } from '../../../tracer/ir/graph.ts'
import { parseGraph } from '../../../tracer/ir/parse.ts'
import { type Entry, signatureOf } from '../../../tracer/trace/argument.ts'
import { TensorSpec } from '../../../tracer/trace/spec.ts'
import type { LedgerOptions, TraceEvent } from '../../../tracer/trace/retrace/event.ts'
import { RetraceLedger } from '../../../tracer/trace/retrace/ledger.ts'
import { plainText, type Retrace } from '../../../tracer/trace/retrace/message.ts'
import { redirectRetraces, replaceClock } from '../../../tracer/trace/retrace/output.ts'

/** Messages shown in the current test. */
export const shown: string[] = []
const undo: (() => void)[] = []
let time = 0
/** Every scenario has a source of its own: those of one source count as one function made again. */
let sources = 0

beforeEach(() => {
  shown.length = 0
  time = 1000
  undo.push(
    redirectRetraces((message) => void shown.push(plainText(message))),
    replaceClock(() => time),
  )
})
afterEach(() => {
  for (const end of undo.splice(0)) end()
})

export function spec(...shape: number[]): TensorSpec {
  return new TensorSpec(shape)
}

/** `y = x * constant`, for a vector of a size. */
export function graphOf(size: number, constant: number, op = 'mul'): Graph {
  return parseGraph(
    `function @f(%x: f32[${size}]) -> f32[${size}]\n{\n  %0: f32[] = constant ${constant}\n  %1: f32[${size}] = ${op} %x, %0\n  return %1\n}`,
  )
}

export type Told = Partial<Omit<TraceEvent, 'signature'>>

/** A function whose traces are told to a ledger. */
export class Scenario {
  readonly ledger: RetraceLedger
  readonly names: readonly string[]
  #held = 0

  constructor(names: readonly string[], options: Partial<LedgerOptions> = {}) {
    this.names = names
    this.ledger = new RetraceLedger({
      name: 'step',
      definedAt: 'train.ts:14:23',
      sourceText: `(x) => ${sources++}`,
      ...options,
    })
  }

  /** A call that traces. The first one is a first trace unless told otherwise; each takes 4 ms unless told otherwise. */
  trace(args: readonly unknown[], told: Told = {}, receiver?: { readonly self: unknown }): void {
    this.entries(signatureOf(args, this.names, receiver).entries, told)
  }

  entries(entries: readonly Entry[], told: Told = {}): void {
    const milliseconds = told.milliseconds ?? { trace: 1, compile: 2, assemble: 1 }
    time += milliseconds.trace + milliseconds.compile + (milliseconds.assemble ?? 0)
    const kind = told.kind ?? (this.#held === 0 ? 'first' : 'retrace')
    this.#held++
    const signature = { entries }
    this.ledger.traced({
      callSite: 'train.ts:41:7',
      graph: graphOf(3, 2),
      wasmBytes: 2048,
      held: this.#held,
      ...told,
      kind,
      signature,
      milliseconds,
    })
    this.ledger.called()
  }

  /** Calls that find their trace, each of `milliseconds`. */
  hit(times: number, milliseconds: number): void {
    for (let i = 0; i < times; i++) this.ledger.called(milliseconds)
  }

  /** The only cause. */
  get cause(): Retrace {
    const [cause, ...others] = this.ledger.ownCauses()
    if (cause === undefined || others.length > 0) throw new Error(`${others.length + 1} causes or none`)
    return cause
  }
}

/** Path, kind and first remedy of every path of a cause. */
export function told(cause: Retrace): { paths: string[]; fix: string[] } {
  return {
    paths: cause.paths.map(({ path, kind }) => `${path}: ${kind}`),
    fix: cause.fixes.map(({ text }) => text),
  }
}
