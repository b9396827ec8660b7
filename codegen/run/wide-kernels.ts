/**
 * The matrix product's and the convolution's modules for wide vectors, with tiles of 16 columns. They are generated when
 * they are first needed, not ahead of time: few processes use them, and the self-test has seen to it that binaryen is there.
 */
import { buildConvModule } from '../runtime-kernels/conv.ts'
import { buildGemmModule } from '../runtime-kernels/gemm.ts'

const builders = { gemm: buildGemmModule, conv: buildConvModule } as const
const built = new Map<string, Uint8Array<ArrayBuffer>>()

/** The bytes of a module for wide vectors. */
export function wideKernels(name: 'gemm' | 'conv', relaxed: boolean): Uint8Array<ArrayBuffer> {
  const key = `${name} ${relaxed}`
  let bytes = built.get(key)
  if (bytes === undefined) {
    bytes = builders[name]({ relaxed, wide: true })
    built.set(key, bytes)
  }
  return bytes
}
