/**
 * Random choices of a shuffle: the n-th number of a seed and a stream is a hash of the three, so that iterations need no
 * state in common. The hash mixes bits with the final step of MurmurHash3 (Austin Appleby, public domain).
 */
import { globalGenerator } from '../random/generator.ts'

function mixBits(integer: number): number {
  let bits = (integer + 0x9e3779b9) | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

/** Gives integers from 0 to before `count`, uniformly. */
export type Chooser = (count: number) => number

export function chooser(seed: number, stream: number): Chooser {
  const key = mixBits(mixBits(mixBits(seed | 0) + Math.floor(seed / 2 ** 32)) + stream)
  let n = 0
  const word = (): number => mixBits(key + mixBits(n++)) >>> 0
  // 53 bits, as many as a number has.
  return (count) => Math.floor((((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53) * count)
}

/** 0 … count − 1 in random order (Fisher and Yates). */
export function randomOrder(count: number, choose: Chooser): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = choose(i + 1)
    const kept = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = kept
  }
  return order
}

/** A seed from the sequence that `tf.random` shares, so that `setSeed` makes shuffles repeat. */
export function sharedSeed(): number {
  return globalGenerator().bits([1]).item()
}
