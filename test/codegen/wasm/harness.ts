// Runs a kernel as wasm on typed arrays, and compares it bit for bit with the interpreter.
import { expect } from 'vitest'
import type { TypedArray } from '../../../codegen/dtype.ts'
import { interpretKernel } from '../../../codegen/interpret.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { binaryen, WasmModule } from '../../../codegen/wasm/binaryen.ts'
import { emitKernel } from '../../../codegen/wasm/emit-kernel.ts'
import { hostMath } from '../../../codegen/wasm/host-math.ts'
import { importHostMath } from '../../../codegen/wasm/host-imports.ts'
import { features } from '../../../codegen/wasm/features.ts'

export const memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 256 })

/** What a `fail` statement of compiled code throws here. */
export class KernelFailure extends Error {
  readonly id: number
  readonly value: number
  constructor(id: number, value: number) {
    super(`check ${id} failed with ${value}`)
    this.id = id
    this.value = value
  }
}

export type KernelCall = (...parameters: readonly number[]) => void

/** The kernel as a function of addresses and sizes. */
export function compileKernel(kernel: Kernel, relaxed: boolean): KernelCall {
  const module = new WasmModule()
  module.importMemory()
  importHostMath(module, [kernel])
  const ints = binaryen.createType([binaryen.i32, binaryen.i32])
  module.addFunctionImport('fail', 'env', 'fail', ints, binaryen.none)
  emitKernel(module, 'k0', kernel, { relaxed })
  module.addFunctionExport('k0', 'k0')
  const compiled = new WebAssembly.Module(module.emit({ validate: true }))
  const fail = (id: number, value: number): never => {
    throw new KernelFailure(id, value)
  }
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, fail }, math: hostMath })
  return exports['k0'] as KernelCall
}

/** Runs the kernel as wasm; `data` is copied to memory, and back afterwards. Returns what the buffers hold then. */
export function runWasm(
  kernel: Kernel,
  data: readonly TypedArray[],
  sizes: ReadonlyMap<string, number>,
  relaxed = false,
): TypedArray[] {
  const call = compileKernel(kernel, relaxed)
  let address = 1024
  const addresses = data.map((array) => {
    const at = address
    new Uint8Array(memory.buffer, at, array.byteLength).set(bytesOf(array))
    address += Math.ceil(array.byteLength / 16) * 16 + 32
    return at
  })
  call(...addresses, ...kernel.sizes.map((name) => sizes.get(name) ?? 0))
  return data.map((array, i) => {
    const result = array.slice()
    bytesOf(result).set(new Uint8Array(memory.buffer, addresses[i] ?? 0, array.byteLength))
    return result
  })
}

function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Which variants this engine can run. */
export const variants: readonly boolean[] = features.relaxedSimd ? [false, true] : [false]

/**
 * Expects wasm and interpreter to leave the same bits in every buffer (any NaN equals any other). `zeroSigns: false`
 * also lets −0 equal 0, for max and min.
 */
export function expectSame(
  kernel: Kernel,
  data: readonly TypedArray[],
  sizes: ReadonlyMap<string, number> = new Map(),
  options: { readonly zeroSigns: boolean } = { zeroSigns: true },
): TypedArray[] {
  let expected: TypedArray[] = []
  for (const relaxed of variants) {
    expected = data.map((array) => array.slice())
    interpretKernel(kernel, expected, sizes, { relaxed })
    const actual = runWasm(kernel, data, sizes, relaxed)
    const plain = (array: TypedArray | undefined): number[] =>
      Array.from(array ?? [], (value) => (options.zeroSigns || value !== 0 ? value : 0))
    const named = (arrays: readonly TypedArray[]): unknown[] =>
      kernel.buffers.map((buffer, i) => [buffer.name, plain(arrays[i])])
    expect(named(actual)).toEqual(named(expected))
  }
  return expected
}
