/**
 * Which code generator made an entry: the version of the library, and the files it is loaded from, by name, size and
 * time, so that a change to them while the version stays the same is noticed too. What a bundler has put elsewhere is
 * one file; in a page it is known by its address.
 */
import { hashText } from './hash.ts'
import { nodeModules } from './node-modules.ts'

/** The version in package.json. */
export const version = '0.1.0'

/** By a name of its own: bundlers take `new URL('…', import.meta.url)` for a file to copy. */
const thisFile: string = import.meta.url

/** 16 hexadecimal digits. */
export function fingerprint(): string {
  return hashText(`${version}\n${filesText()}`)
}

function filesText(): string {
  if (nodeModules === undefined || !thisFile.startsWith('file:')) return thisFile
  const { fs, path } = nodeModules
  const file = process.getBuiltinModule('node:url').fileURLToPath(thisFile)
  const describe = (place: string, name: string): string => {
    const { size, mtimeMs } = fs.statSync(place)
    return `${name} ${size} ${mtimeMs}`
  }
  try {
    const isBundled = !/[\\/]codegen[\\/]cache[\\/]fingerprint\.[jt]s$/.test(file)
    if (isBundled) return describe(file, path.basename(file))
    const folder = path.dirname(path.dirname(file))
    const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return names
      .filter((name) => /(?<!\.d)\.[jt]s$/.test(name))
      .sort()
      .map((name) => describe(path.join(folder, name), name))
      .join('\n')
  } catch {
    return thisFile
  }
}
