/**
 * Whether a file is the one that Node was asked to run, rather than imported by another.
 */
import { existsSync, realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** Pass it `import.meta.url`. */
export function isMain(url: string): boolean {
  const script = process.argv[1]
  return script !== undefined && existsSync(script) && pathToFileURL(realpathSync(script)).href === url
}
