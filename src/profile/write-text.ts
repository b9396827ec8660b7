/** Writes a text to a file, in Node; the file system is loaded when it is wanted. */
import { ValueError } from '../../codegen/errors.ts'
import { nodeModules } from '../../codegen/cache/node-modules.ts'

export function writeText(path: string, text: string): void {
  if (nodeModules === undefined)
    throw new ValueError({
      op: 'profile',
      problem: `there is no file system here to write ${path} to`,
      fix: 'leave `trace` out, and offer what the profile’s chromeTrace() returns as a download.',
    })
  nodeModules.fs.writeFileSync(path, text)
}
