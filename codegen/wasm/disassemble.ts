/**
 * WebAssembly bytes as text, for people.
 */
import { disassembleElsewhere } from '../cache/other-thread.ts'
import { binaryen, isBinaryenLoaded } from './binaryen.ts'

/** The text format of a module. */
export function disassemble(bytes: Uint8Array): string {
  if (!isBinaryenLoaded()) return disassembleElsewhere(bytes)
  const module = binaryen.readBinary(bytes)
  try {
    return module.emitText()
  } finally {
    module.dispose()
  }
}
