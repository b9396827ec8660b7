/**
 * Takes binaryen's one file apart, for codegen/wasm/load-binaryen.ts: `tsx scripts/split-binaryen.ts [folder]`.
 *
 * The file holds its wasm as a template literal in which each character is a byte. The literal becomes a file of its own,
 * and in its place the JavaScript reads that file. The result is tried before it is left there; nothing is done when the
 * folder has the parts of this version already.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'

/** Where sources find the parts; the build makes them for the published files. */
export const partsForSources: string = fileURLToPath(
  new URL('../codegen/wasm/split-binaryen/', import.meta.url),
)

/** Leaves `index.js`, `binaryen.wasm`, the license and a package.json with the version in `folder`. */
export async function splitBinaryen(folder: string): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('binaryen/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  if (versionIn(folder) === version) return
  const source = readFileSync(join(dirname(manifest), 'index.js'), 'utf8')
  const { javascript, wasm } = takeApart(source)
  // Made elsewhere and then moved: several processes may come here at once.
  const beside = `${folder.replace(/[\\/]$/, '')}.${process.pid}`
  mkdirSync(beside, { recursive: true })
  writeFileSync(join(beside, 'index.js'), javascript)
  writeFileSync(join(beside, 'binaryen.wasm'), wasm)
  copyFileSync(join(dirname(manifest), 'LICENSE'), join(beside, 'LICENSE'))
  writeFileSync(join(beside, 'package.json'), `${JSON.stringify({ type: 'module', version })}\n`)
  const { default: binaryen } = (await import(pathToFileURL(join(beside, 'index.js')).href)) as {
    readonly default: { readonly Module: new () => { dispose: () => void } }
  }
  new binaryen.Module().dispose()
  rmSync(folder, { recursive: true, force: true })
  try {
    renameSync(beside, folder)
  } catch (error) {
    rmSync(beside, { recursive: true, force: true })
    if (versionIn(folder) !== version) throw error
  }
}

function versionIn(folder: string): string | undefined {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: string }).version
}

function takeApart(source: string): { readonly javascript: string; readonly wasm: Uint8Array } {
  // The decoding function is called with the literal: decode(`\0asm…`).
  const call = /[\w$]+\(`\\0asm/.exec(source)
  if (call === null) throw new Error('binaryen holds its wasm in another way than before')
  const start = call.index + call[0].indexOf('`')
  let end = start + 1
  while (end < source.length && source[end] !== '`') end += source[end] === '\\' ? 2 : 1
  const text: unknown = runInNewContext(source.slice(start, end + 1))
  if (typeof text !== 'string' || source[end + 1] !== ')')
    throw new Error('the literal does not end as before')
  // Bytes are characters up to 255; a character above stands for 0.
  const wasm = Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0)
    return (~code >> 8) & code
  })
  if (!WebAssembly.validate(wasm)) throw new Error('the literal is no wasm module')
  const reading =
    "process.getBuiltinModule('node:fs').readFileSync(new URL('./binaryen.wasm',import.meta.url))"
  return { javascript: `${source.slice(0, call.index)}${reading}${source.slice(end + 2)}`, wasm }
}

if (process.argv[1] !== undefined && basename(process.argv[1]) === basename(fileURLToPath(import.meta.url)))
  await splitBinaryen(process.argv[2] ?? partsForSources)
