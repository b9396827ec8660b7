/**
 * A module that imports the memory, made to import a shared one.
 *
 * Whether a memory is shared is part of its type, so that code for one kind does not link with the other; but it is two
 * bytes in the list of imports, and the code is the same. So there is one generator and one cache for both: a module is
 * changed before it is compiled. `0x00 minimum` becomes `0x03 minimum maximum`.
 */
import { InternalError } from '../errors.ts'

const importSection = 2
const memoryKind = 2
const maximumPages = 65536

class Reader {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0
  }

  number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  skipLimits(): void {
    const flags = this.byte()
    this.number()
    if ((flags & 1) !== 0) this.number()
  }
}

function encoded(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** The module with its imported memory shared. */
export function withSharedMemory(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const reader = new Reader(bytes, 8)
  while (reader.at < bytes.length) {
    const start = reader.at
    const id = reader.byte()
    const size = reader.number()
    const end = reader.at + size
    if (id === importSection) {
      const body = reader.at
      const [from, to, limits] = sharedLimits(reader)
      const changed = size + limits.length - (to - from)
      return concatenated(
        bytes.subarray(0, start),
        Uint8Array.from([importSection, ...encoded(changed)]),
        bytes.subarray(body, from),
        Uint8Array.from(limits),
        bytes.subarray(to),
      )
    }
    reader.at = end
  }
  throw new InternalError('a module has no imports to share')
}

/** Where the limits of the memory are, and what they become. */
function sharedLimits(reader: Reader): readonly [from: number, to: number, limits: readonly number[]] {
  const count = reader.number()
  for (let i = 0; i < count; i++) {
    // The names of a module and of what it exports.
    for (let name = 0; name < 2; name++) {
      const length = reader.number()
      reader.at += length
    }
    const kind = reader.byte()
    if (kind === memoryKind) {
      const from = reader.at
      const flags = reader.byte()
      const minimum = reader.number()
      if ((flags & 1) !== 0) reader.number()
      return [from, reader.at, [3, ...encoded(minimum), ...encoded(maximumPages)]]
    }
    if (kind === 0) reader.number()
    else if (kind === 1) {
      reader.byte()
      reader.skipLimits()
    } else reader.at += 2
  }
  throw new InternalError('a module imports no memory')
}

function concatenated(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
