// Numbers that are the same for every library: a 32-bit generator (Marsaglia's xorshift, shifts 13, 17, 5).

/** Numbers in [0, 1) that depend on `seed` (not 0) alone. */
export function generator(seed: number): () => number {
  let state = seed | 0
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** `count` numbers spread evenly over [−scale, scale). */
export function uniform(next: () => number, count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, () => (2 * next() - 1) * scale)
}
