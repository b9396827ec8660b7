/**
 * The frame table: 32-bit fields in memory that say where everything is in a call of a program, and code that reads them.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import { byteSize } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { ProgramSpec } from '../program.ts'
import { multiplySizes, type Size } from '../size.ts'
import { emitSize } from './emit-size.ts'

/** Byte offsets of the fields of a frame table. */
export interface FrameLayout {
  /** Total size of the table. */
  readonly bytes: number
  /** The address of each program buffer. */
  readonly buffers: readonly number[]
  /** The value of each size, in the order of `spec.sizes`, then `spec.found`. */
  readonly sizes: readonly number[]
  /** The address of the matrix product's scratch memory (`gemmScratchBytes`); used by programs with gemm steps. */
  readonly scratch: number
  /** Three fields: the address of the records' memory, the bytes of it that are used, and those that there are. */
  readonly records: number
}

/** The names of the sizes that have a field. */
function sizeFields(spec: ProgramSpec): readonly string[] {
  return [...spec.sizes, ...(spec.found ?? [])]
}

/** The offset of the field of a size. */
export function sizeOffset(spec: ProgramSpec, layout: FrameLayout, name: string): number | undefined {
  return layout.sizes[sizeFields(spec).indexOf(name)]
}

/** The frame table of a program. */
export function frameLayout(spec: ProgramSpec): FrameLayout {
  const sizes = sizeFields(spec)
  const fields = spec.buffers.length + sizes.length
  return {
    bytes: 4 * (fields + 4),
    buffers: spec.buffers.map((_, i) => 4 * i),
    sizes: sizes.map((_, i) => 4 * (spec.buffers.length + i)),
    scratch: 4 * fields,
    records: 4 * (fields + 1),
  }
}

/** Makes code that reads the frame table in functions whose parameter 0 is its address. */
export class FrameReader {
  readonly module: WasmModule
  readonly layout: FrameLayout
  readonly #spec: ProgramSpec

  constructor(module: WasmModule, spec: ProgramSpec, layout: FrameLayout) {
    this.module = module
    this.layout = layout
    this.#spec = spec
  }

  frame(): ExpressionRef {
    return this.module.local.get(0, binaryen.i32)
  }

  /** The field at a byte offset. */
  field(offset: number | undefined): ExpressionRef {
    if (offset === undefined)
      throw new InternalError(`program ${this.#spec.name} refers to a field it does not have`)
    return this.module.i32.load(offset, 4, this.frame())
  }

  /** The address of a program buffer. */
  address(buffer: number): ExpressionRef {
    return this.field(this.layout.buffers[buffer])
  }

  /** How many bytes a program buffer has. */
  bufferBytes(buffer: number): Size {
    const { elements, dtype } = this.#spec.buffers[buffer] ?? {}
    if (elements === undefined || dtype === undefined)
      throw new InternalError(`program ${this.#spec.name} has no buffer ${buffer}`)
    return multiplySizes(elements, byteSize(dtype))
  }

  /** The value of a size name. */
  sizeField(name: string): ExpressionRef {
    return this.field(sizeOffset(this.#spec, this.layout, name))
  }

  /** The value of a size; `local` gives a fresh i32 local. */
  size(size: Size, local: () => number): ExpressionRef {
    return emitSize(this.module, size, (name) => this.sizeField(name), local)
  }
}
