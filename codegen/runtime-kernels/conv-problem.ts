/**
 * What the functions of the convolution share: the layout of the scratch memory, and the module's globals, which hold what
 * is the same for all tiles of a convolution (see gemm-problem.ts for why these are globals).
 */
import { binaryen, type ExpressionRef, type WasmModule } from '../wasm/binaryen.ts'
import { convHeadFloats, convParameters, type ConvOperands } from './conv-parameters.ts'
import type { FunctionBuilder, Local } from './function-builder.ts'
import { panelRowBytes } from './gemm-problem.ts'

/** Scratch memory: an edge tile (at most 6 rows of a panel), a line of zeros, then panels and a padded image. */
export const tileOffset = 0
export const zeroOffset: number = 6 * panelRowBytes
export const panelsOffset: number = convHeadFloats * 4

const globals = [
  // Elements summed in a row, how many such runs there are in a row of taps, and how many rows of taps.
  'run',
  'taps',
  'tapRows',
  // Bytes from the end of a run to the next one, and from the end of a row of taps to the next one.
  'tapJump',
  'tapRowJump',
  // Bytes between the input elements of neighbouring rows of a tile, and, walking columns, of neighbours in a run.
  'aRow',
  'aStep',
  // Bytes between rows of a tile in the result and in what accumulators start from.
  'cRow',
  'initRow',
  // The same for the tile being computed, which may pass through the edge tile.
  'loadRow',
  'storeRow',
  // Bytes from one panel's start values to the next one's.
  'initPanel',
  // Whether results end with max(x, 0).
  'clamp',
  'scratch',
  // Columns of the last panel when they are neither 4 nor 8.
  'raggedColumns',
  // Bytes of a panel.
  'panelBytes',
  // Rows of results in an image: how many, and bytes between them in input and result; elements of a row.
  'lines',
  'aLine',
  'cLine',
  'lineElements',
  // The padded image: bytes of a pixel, first source and target byte, rows and pixels to copy, and steps between them.
  'pixelBytes',
  'sourceStart',
  'targetStart',
  'copyRows',
  'copyPixels',
  'sourceRow',
  'sourcePixel',
  'targetRow',
  'targetPixel',
] as const

/** The name of a global of the convolution's module. */
export type ConvGlobal = (typeof globals)[number]

export function defineConvGlobals(module: WasmModule): void {
  for (const name of globals) module.addGlobal(name, binaryen.i32, true, module.i32.const(0))
}

export function get(module: WasmModule, name: ConvGlobal): ExpressionRef {
  return module.global.get(name, binaryen.i32)
}

export function set(module: WasmModule, name: ConvGlobal, value: ExpressionRef): ExpressionRef {
  return module.global.set(name, value)
}

/** The function's parameters. */
export function parametersOf(f: FunctionBuilder): ConvOperands<Local> {
  return Object.fromEntries(convParameters.map((name) => [name, f.parameter()])) as ConvOperands<Local>
}
