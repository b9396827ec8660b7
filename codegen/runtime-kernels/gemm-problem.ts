/**
 * What the functions of the matrix product share: tile sizes, the layout of the scratch memory, and the module's
 * globals. The strides of the product in progress live in wasm globals rather than in parameters, because a call
 * with more than five arguments passes the rest through the stack, and the micro-kernel is called for every tile.
 * A product never calls back into the host and every thread has its own instance, so nothing can change them midway.
 */
import { binaryen, type ExpressionRef, type WasmModule } from '../wasm/binaryen.ts'

/** Columns of C per panel of B: two vectors. */
export const panelColumns = 8
/** Bytes from one row of a packed panel to the next. */
export const panelRowBytes: number = panelColumns * 4
/** Depth of a packed block: a panel of 256 x 8 floats is 8 KB and stays in the first-level cache. */
export const depthBlock = 256
/** Columns of a packed block: 256 x 512 floats are 512 KB and stay in the second-level cache. */
export const columnBlock = 512

/**
 * Rows of C per tile. With fused multiply-add 6 x 2 accumulators, two vectors of B and one splat of A fill 15
 * registers; without it the product needs a register of its own.
 */
export function tileRows(relaxed: boolean): number {
  return relaxed ? 6 : 5
}

/** Scratch memory: an edge tile (at most 6 rows of a panel), a line of zeros, a strip of A, the panels of B. */
export const tileOffset = 0
export const zeroOffset: number = 6 * panelRowBytes
export const stripOffset: number = zeroOffset + 2 * panelRowBytes
export const panelsOffset: number = stripOffset + depthBlock * panelRowBytes
/** Bytes of scratch memory a matrix product needs, whatever its size. */
export const gemmScratchBytes: number = panelsOffset + depthBlock * columnBlock * 4

const names = [
  // Bytes between neighbours, as given by the caller.
  'aRow',
  'aColumn',
  'bRow',
  'bColumn',
  'cRow',
  // Where accumulators start: the caller's init, a line of zeros (both strides 0), or C itself after the first block.
  'initRow',
  'initColumn',
  // Bytes from one k to the next in the strip of A in use, where that is not 4: packed, or A as it lies.
  'aStep',
  // Bytes from one row of a panel to the next, and from one panel to the next: packed, or B as it lies.
  'panelRow',
  'panelStep',
  // Bytes between the rows of the tile being loaded and stored: init and C, or the edge tile.
  'loadRow',
  'storeRow',
  // Whether this block is the last and ends with max(x, 0).
  'clamp',
  // Address of the scratch memory.
  'scratch',
] as const

/** The name of a global of the matrix product's module. */
export type GlobalName = (typeof names)[number]

export function defineGlobals(module: WasmModule): void {
  for (const name of names) module.addGlobal(name, binaryen.i32, true, module.i32.const(0))
}

export function getGlobal(module: WasmModule, name: GlobalName): ExpressionRef {
  return module.global.get(name, binaryen.i32)
}

export function setGlobal(module: WasmModule, name: GlobalName, value: ExpressionRef): ExpressionRef {
  return module.global.set(name, value)
}
