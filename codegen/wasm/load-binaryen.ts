/**
 * Loading binaryen.
 *
 * binaryen is published as one file of 15 MB: 180 KB of JavaScript around a string that holds its wasm. Reading that
 * string costs an engine 200 ms at every start, and whatever looks at sources (a loader, a debugger) pays for it again.
 * So the build takes the file apart (scripts/split-binaryen.ts) and leaves the two parts beside this module, where Node
 * finds them. Elsewhere, and where they are missing, binaryen is imported as it is.
 */
import type Binaryen from 'binaryen'

/** By a name of its own: bundlers take `new URL('…', import.meta.url)` for a file to copy. */
const thisFile: string = import.meta.url

/** The parts, if they have been made. */
async function loadParts(): Promise<typeof Binaryen | undefined> {
  const { existsSync } = process.getBuiltinModule('node:fs')
  const parts = new URL('./split-binaryen/index.js', thisFile)
  if (parts.protocol !== 'file:' || !existsSync(parts)) return undefined
  const { default: binaryen } = (await import(/* @vite-ignore */ parts.href)) as {
    readonly default: typeof Binaryen
  }
  return binaryen
}

function inNode(): boolean {
  return typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'
}

/** binaryen, ready for use. */
export async function loadBinaryen(): Promise<typeof Binaryen> {
  return (inNode() ? await loadParts() : undefined) ?? (await import('binaryen')).default
}
