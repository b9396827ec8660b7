/**
 * A 64-bit hash of bytes, for names and checksums. It finds accidents; nothing depends on it against intent, since an
 * entry is used only when all of its key is the same.
 *
 * Two sums of 32 bits run side by side, each multiplied by its own odd constant after every byte pair of exclusive-or,
 * and are mixed into each other at the end, so that a change anywhere shows in all 16 digits.
 */

/** 16 hexadecimal digits. */
export function hashBytes(bytes: Uint8Array): string {
  let first = 0x9e3779b9 ^ bytes.length
  let second = 0x85ebca6b
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    first = Math.imul(first ^ byte, 0x01000193)
    second = Math.imul(second ^ byte, 0x5bd1e995)
    second ^= second >>> 15
  }
  first = mixed(first ^ (second >>> 7))
  second = mixed(second ^ first)
  return digits(first) + digits(second)
}

/** The hash of a text. */
export function hashText(text: string): string {
  return hashBytes(new TextEncoder().encode(text))
}

function mixed(x: number): number {
  let bits = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b)
  return bits ^ (bits >>> 16)
}

function digits(x: number): string {
  return (x >>> 0).toString(16).padStart(8, '0')
}
