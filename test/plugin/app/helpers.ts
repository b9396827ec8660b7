// Helpers that mention tracemill in a type only, which is gone when the plugin sees them.
import type { Tensor } from 'tracemill'

/** Halves `x` until its squares sum to at most `limit`. */
export function shrink(x: Tensor, limit: number): Tensor {
  let halvings = 0
  while (x.square().sum().greater(limit)) {
    x = x.mul(0.5)
    halvings++
  }
  // Comments survive where nothing was rewritten.
  return halvings === 0 ? x : x.add(halvings)
}
