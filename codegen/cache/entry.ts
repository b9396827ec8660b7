/**
 * An entry of the cache as bytes: a header, the whole key, the module.
 *
 *     "tracemill cache\n"                      16 bytes
 *     bytes of the key, bytes of the module    2 × 4 bytes, little-endian
 *     checksum of all that follows             16 bytes, hexadecimal
 *     key (UTF-8), module
 *
 * What is cut off, flipped, of another format or about another program is told from what is right, and is as good as
 * no entry.
 */
import { hashBytes } from './hash.ts'

const mark = 'tracemill cache\n'
const headerBytes = 40
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The entry for a program. */
export function encodeEntry(key: string, module: Uint8Array): Uint8Array<ArrayBuffer> {
  const keyBytes = encoder.encode(key)
  const entry = new Uint8Array(headerBytes + keyBytes.length + module.length)
  entry.set(keyBytes, headerBytes)
  entry.set(module, headerBytes + keyBytes.length)
  encoder.encodeInto(mark, entry)
  const header = new DataView(entry.buffer)
  header.setUint32(16, keyBytes.length, true)
  header.setUint32(20, module.length, true)
  encoder.encodeInto(hashBytes(entry.subarray(headerBytes)), entry.subarray(24, headerBytes))
  return entry
}

/** The module in an entry, if the entry is whole and for this key. */
export function decodeEntry(entry: Uint8Array, key: string): Uint8Array<ArrayBuffer> | undefined {
  if (entry.length < headerBytes || textAt(entry, 0, 16) !== mark) return undefined
  const header = new DataView(entry.buffer, entry.byteOffset, entry.byteLength)
  const keyEnd = headerBytes + header.getUint32(16, true)
  if (keyEnd + header.getUint32(20, true) !== entry.length) return undefined
  if (textAt(entry, 24, headerBytes) !== hashBytes(entry.subarray(headerBytes))) return undefined
  return textAt(entry, headerBytes, keyEnd) === key ? entry.slice(keyEnd) : undefined
}

function textAt(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to))
}
