// Reductions beyond the goldens: dtypes, axes that do not exist, norms of any order.
import { describe, expect, it } from 'vitest'
import { any, clipByValue, floorDiv, mean, mod, moments, norm, sum, tensor } from '../../src/index.ts'

describe('reductions', () => {
  it('refuse the wrong dtype and axes that do not exist or repeat', () => {
    expect(() => sum(tensor([true]))).toThrow(/bool/)
    expect(() => any(tensor([1]))).toThrow(/float32/)
    expect(() => sum(tensor([1]), 1)).toThrow(/axis 1/)
    expect(() => sum(tensor([[1]]), [0, -2])).toThrow(/twice/)
  })

  it('over no axes give the tensor itself', () => {
    expect(sum(tensor([1, 2]), []).array()).toEqual([1, 2])
    expect(mean(tensor([1, 2]), []).array()).toEqual([1, 2])
  })

  it('mean of integers truncates toward zero', () => {
    expect(mean(tensor([-1, -2], 'int32')).item()).toBe(-1)
    expect(mean(tensor([1, 2], 'int32')).item()).toBe(1)
    const bytes = mean(tensor(new Uint8Array(300).fill(200)))
    expect([bytes.dtype, bytes.item()]).toEqual(['uint8', 200])
  })

  it('moments are mean and variance', () => {
    const { mean: centre, variance } = moments(
      [
        [1, 3],
        [2, 8],
      ],
      1,
    )
    expect(centre.array()).toEqual([2, 5])
    expect(variance.array()).toEqual([1, 9])
  })

  it('norm takes any order but 0', () => {
    expect(norm([3, -4]).item()).toBe(5)
    expect(norm([3, -4], -Infinity).item()).toBe(3)
    expect(norm([1, -2], 3).item()).toBeCloseTo(9 ** (1 / 3), 5)
    expect(() => norm([1], 0)).toThrow(/no order/)
  })
})

describe('integers', () => {
  it('divide and take remainders toward minus infinity', () => {
    for (let x = -7; x <= 7; x++)
      for (const y of [-3, -2, -1, 1, 2, 3]) {
        const [a, b] = [tensor(x, 'int32'), tensor(y, 'int32')]
        expect(floorDiv(a, b).item()).toBe(Math.floor(x / y) + 0)
        expect(mod(a, b).item() + 0).toBe(x - y * Math.floor(x / y) + 0)
      }
    expect(() => floorDiv(tensor(1, 'int32'), 0).data()).toThrow(/division by 0/)
  })
})

describe('clipByValue', () => {
  it('refuses bounds in the wrong order', () => {
    expect(() => clipByValue([1], 2, 1)).toThrow(/the lower bound 2 is above the upper bound 1/)
  })
})
