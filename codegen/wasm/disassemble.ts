/**
 * WebAssembly bytes as text, for people.
 */
import { binaryen } from './binaryen.ts'

/** The text format of a module. */
export function disassemble(bytes: Uint8Array): string {
  const module = binaryen.readBinary(bytes)
  try {
    return module.emitText()
  } finally {
    module.dispose()
  }
}
