/** Files in Node. What needs the file system loads it when it is called, so that browsers never see it. */
import type * as FileSystem from 'node:fs/promises'
import { ValueError } from '../../codegen/errors.ts'

async function fileSystem(op: string): Promise<typeof FileSystem> {
  if (typeof process === 'undefined' || process.versions?.node === undefined)
    throw new ValueError({
      op,
      problem: 'there is no file system here',
      fix: 'use io.encodeCheckpoint and io.restoreCheckpoint with bytes: fetch, IndexedDB, a download.',
    })
  return import('node:fs/promises')
}

/** All bytes of a file. */
export async function readFile(path: string | URL): Promise<Uint8Array> {
  const { readFile: read } = await fileSystem('io.loadCheckpoint')
  return read(path)
}

/** Replaces a file as a whole: written beside it, flushed to the disk, and then renamed. */
export async function replaceFile(path: string | URL, bytes: Uint8Array): Promise<void> {
  const files = await fileSystem('io.saveCheckpoint')
  const { fileURLToPath } = await import('node:url')
  const target = typeof path === 'string' ? path : fileURLToPath(path)
  const beside = `${target}.${process.pid}.${Date.now()}.partial`
  try {
    const handle = await files.open(beside, 'wx')
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.rename(beside, target)
  } catch (error) {
    await files.rm(beside, { force: true })
    throw error
  }
}
