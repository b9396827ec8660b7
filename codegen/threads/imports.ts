/** What a program with shared steps imports: the pool's functions, and its own number there. */
import type { Pool } from './pool.ts'

/**
 * The imports of a program whose module is `module`. `enlisted` is given what makes the pool forget the program, once it
 * has been made known to the workers; that is when it first has a step worth sharing.
 */
export function threadImports(
  pool: Pool,
  module: WebAssembly.Module,
  enlisted: (forget: () => void) => void,
): WebAssembly.ModuleImports {
  const program = new WebAssembly.Global({ value: 'i32', mutable: true }, 0)
  const { begin, claim, finish, join } = pool.exports
  const enlist = (): void => {
    const id = pool.addProgram(module)
    program.value = id
    enlisted(() => pool.dropProgram(id))
  }
  return { begin, claim, finish, join, enlist, program }
}
