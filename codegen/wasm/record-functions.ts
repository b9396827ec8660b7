/**
 * Records in compiled code: a function per push step (`push0`, …) and per pop step (`pop0`, …), each of the frame.
 *
 * The records of a call lie in one area, one after the other: the name of the record before it (a float64, 0 for none),
 * then what it keeps, and its own name is its offset in the area. run/records.ts owns the area and does the rest: it
 * makes it larger, and pops what is no plain record, namely the empty chain and sums of chains, which have −∞ in place of
 * the first name. So a loop that has found its memory in place calls nothing outside.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { PopStep, ProgramSpec, PushStep, Step } from '../program.ts'
import { addSizes, type Size } from '../size.ts'
import { allSteps } from '../steps.ts'
import { type FrameLayout, FrameReader } from './frame.ts'

/** Bytes before what a record keeps. */
export const recordHeaderBytes = 8
/** Up to so many bytes are copied without a loop. */
const unrolledBytes = 512

/** Defines the functions for the steps of a program, and imports what they call. */
export function defineRecordFunctions(module: WasmModule, spec: ProgramSpec, layout: FrameLayout): void {
  const steps = allSteps(spec.steps)
  const { none, i32 } = binaryen
  const needs = (kind: Step['kind']): boolean => steps.some((step) => step.kind === kind)
  if (needs('push')) module.addFunctionImport('grow', 'env', 'grow', i32, none)
  if (needs('pop')) module.addFunctionImport('pop', 'env', 'pop', i32, none)
  for (const step of steps)
    if (step.kind === 'push' || step.kind === 'pop') new RecordFunction(module, spec, layout).define(step)
}

class RecordFunction {
  readonly #reader: FrameReader
  #locals = 0

  constructor(module: WasmModule, spec: ProgramSpec, layout: FrameLayout) {
    this.#reader = new FrameReader(module, spec, layout)
  }

  define(step: PushStep | PopStep): void {
    const { module } = this.#reader
    const { i32, none } = binaryen
    const body = module.block(null, step.kind === 'push' ? this.#push(step) : this.#pop(step), none)
    const locals = Array.from({ length: this.#locals }, () => i32)
    module.addFunction(`${step.kind}${step.id}`, binaryen.createType([i32]), none, locals, body)
  }

  /** A new i32 local: after the parameter, so 1 and up. */
  readonly #local = (): number => 1 + this.#locals++

  #get(local: number): ExpressionRef {
    return this.#reader.module.local.get(local, binaryen.i32)
  }

  #push(step: PushStep): ExpressionRef[] {
    const { module, layout } = this.#reader
    const { i32, f64, local } = module
    const [area, used, capacity] = [layout.records, layout.records + 4, layout.records + 8]
    const [name, end, record] = [this.#local(), this.#local(), this.#local()]
    const kept = step.values.reduce<Size>((sum, buffer) => addSizes(sum, this.#reader.bufferBytes(buffer)), 0)
    const bytes = this.#reader.size(addSizes(kept, recordHeaderBytes + 7), this.#local)
    const full = i32.gt_u(this.#get(end), this.#reader.field(capacity))
    return [
      local.set(name, this.#reader.field(used)),
      local.set(end, i32.add(this.#get(name), i32.and(bytes, i32.const(-8)))),
      module.if(full, module.call('grow', [this.#get(end)], binaryen.none)),
      local.set(record, i32.add(this.#reader.field(area), this.#get(name))),
      f64.store(0, 8, this.#get(record), f64.load(0, 8, this.#reader.address(step.record))),
      i32.store(used, 4, this.#reader.frame(), this.#get(end)),
      ...this.#pieces(step.values, record, (at, piece) => [this.#reader.address(piece), at]),
      f64.store(0, 8, this.#reader.address(step.result), f64.convert_u.i32(this.#get(name))),
    ]
  }

  #pop(step: PopStep): ExpressionRef[] {
    const { module, layout } = this.#reader
    const { i32, f64, local } = module
    const record = this.#local()
    const name = (): ExpressionRef => f64.load(0, 8, this.#reader.address(step.record))
    const before = (): ExpressionRef => f64.load(0, 8, this.#get(record))
    const isPlain = module.if(
      f64.eq(name(), f64.const(0)),
      i32.const(0),
      module.block(
        null,
        [
          local.set(record, i32.add(this.#reader.field(layout.records), i32.trunc_u_sat.f64(name()))),
          f64.ne(before(), f64.const(-Infinity)),
        ],
        binaryen.i32,
      ),
    )
    const take = module.block(
      null,
      [
        // The name comes first: it may lie where the result does.
        f64.store(0, 8, this.#reader.address(step.result), before()),
        ...this.#pieces(step.values, record, (at, piece) => [at, this.#reader.address(piece)]),
      ],
      binaryen.none,
    )
    return [module.if(isPlain, take, module.call('pop', [i32.const(step.id)], binaryen.none))]
  }

  /** Copies what a record keeps; `ends` says from where to where, given the place in the record. */
  #pieces(
    values: readonly number[],
    record: number,
    ends: (at: ExpressionRef, buffer: number) => readonly [from: ExpressionRef, to: ExpressionRef],
  ): ExpressionRef[] {
    const { module } = this.#reader
    const { i32 } = module
    const copies: ExpressionRef[] = []
    let before: Size = recordHeaderBytes
    for (const buffer of values) {
      const bytes = this.#reader.bufferBytes(buffer)
      const offset = before
      const [from, to] = [this.#local(), this.#local()]
      const at = i32.add(this.#get(record), this.#reader.size(offset, this.#local))
      const [source, target] = ends(at, buffer)
      copies.push(
        module.local.set(from, source),
        module.local.set(to, target),
        ...(typeof bytes === 'number' && bytes <= unrolledBytes
          ? this.#unrolledCopy(from, to, bytes)
          : [module.memory.copy(this.#get(to), this.#get(from), this.#reader.size(bytes, this.#local))]),
      )
      before = addSizes(before, bytes)
    }
    return copies
  }

  #unrolledCopy(from: number, to: number, bytes: number): ExpressionRef[] {
    const { v128, i64, i32 } = this.#reader.module
    const copies: ExpressionRef[] = []
    let at = 0
    const copy = (width: number, make: (at: number) => ExpressionRef): void => {
      for (; at + width <= bytes; at += width) copies.push(make(at))
    }
    const [source, target] = [(): ExpressionRef => this.#get(from), (): ExpressionRef => this.#get(to)]
    copy(16, (i) => v128.store(i, 1, target(), v128.load(i, 1, source())))
    copy(8, (i) => i64.store(i, 1, target(), i64.load(i, 1, source())))
    copy(4, (i) => i32.store(i, 1, target(), i32.load(i, 1, source())))
    copy(1, (i) => i32.store8(i, 1, target(), i32.load8_u(i, 1, source())))
    return copies
  }
}
