/**
 * Functions JavaScript lacks, in float64, for ops that reach the interpreter before they are expanded into arithmetic.
 */

/**
 * The error function. Below 3 the all-positive series erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!; above it the
 * continued fraction of erfc (Abramowitz and Stegun, 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) return x
  const magnitude = Math.abs(x)
  if (magnitude > 6) return Math.sign(x)
  const square = magnitude * magnitude
  let result: number
  if (magnitude < 3) {
    let term = magnitude
    let sum = 0
    for (let n = 1; sum + term !== sum; n++) {
      sum += term
      term *= (2 * square) / (2 * n + 1)
    }
    result = (2 / Math.sqrt(Math.PI)) * Math.exp(-square) * sum
  } else {
    let fraction = magnitude
    for (let k = 60; k > 0; k--) fraction = magnitude + k / 2 / fraction
    result = 1 - Math.exp(-square) / (Math.sqrt(Math.PI) * fraction)
  }
  return x < 0 ? -result : result
}

/** 1 / (1 + e^(−x)). */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** x to the power y in wrapping 32-bit arithmetic. A negative power is the truncated quotient: 0, but for x = ±1. */
export function powerInt(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0
  let result = 1
  let base = x
  for (let rest = y; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, base)
    base = Math.imul(base, base)
  }
  return result
}
