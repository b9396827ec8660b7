/**
 * Whether modules are compiled for vectors of 256 bits, and the mark that tells such modules.
 *
 * V8 can join two neighbouring vectors of 128 bits to one of 256 when it optimises a module (its flag
 * `--experimental-wasm-revectorize`). It shares the code of modules with equal bytes; so those that are to be compiled in
 * another way get a section without meaning, which makes their bytes differ.
 */
let wide = false

export function isWide(): boolean {
  return wide
}

export function setWide(on: boolean): void {
  wide = on
}

/** A section of its own: kind, size, and its name as length and letters. */
const mark = Uint8Array.from([0, 5, 4, ...new TextEncoder().encode('wide')])

/** The module as it is to be compiled. */
export function markedBytes(
  bytes: Uint8Array<ArrayBuffer>,
  isMarked: boolean = wide,
): Uint8Array<ArrayBuffer> {
  if (!isMarked) return bytes
  const marked = new Uint8Array(bytes.length + mark.length)
  marked.set(bytes)
  marked.set(mark, bytes.length)
  return marked
}
