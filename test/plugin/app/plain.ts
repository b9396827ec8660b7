// What `model.ts` computes, in plain JavaScript on numbers.

let best = 100
export function keepBest(loss: number): number {
  if (loss >= best) return best
  best = loss
  return -loss
}

export function count(x: number): number {
  let steps = 0
  for (; steps < 50 && x <= 100; steps++) {
    x += steps
    x *= x > 10 ? 3 : 2
  }
  return x + steps
}

function shrink(x: readonly number[], limit: number): number[] {
  let halvings = 0
  let values = [...x]
  while (values.reduce((sum, value) => sum + value * value, 0) > limit) {
    values = values.map((value) => value / 2)
    halvings++
  }
  return values.map((value) => value + halvings)
}

export class Model {
  weight: number[] = [1, -2, 3]
  calls = 0

  step(x: readonly number[]): number {
    const y = shrink(
      x.map((value, i) => value * (this.weight[i] ?? 0)),
      10,
    )
    const sum = y.reduce((all, value) => all + value, 0)
    if (sum < 0) {
      if (this.calls > 0) this.weight = this.weight.map((value) => -value)
      this.calls++
    }
    return y.filter((value) => value >= 0).reduce((all, value) => all + value, 0)
  }

  sign(x: number): number {
    return x === 0 ? 1 : Math.abs(x)
  }
}

export function collatz(n: number): number {
  let steps = 0
  for (; n > 1; steps++) n = n % 2 === 0 ? n / 2 : n * 3 + 1
  return steps
}
