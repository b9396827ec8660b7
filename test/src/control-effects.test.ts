// What branches and loops do besides computing: what was assigned before a failure stays, and host calls in them see and
// change Variables. Expected values are what the same JavaScript does step by step.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const int32 = (value: number): tf.Tensor => tf.scalar(value, 'int32')
/** The result, or the name of what was thrown. */
function attempt(run: () => unknown): unknown {
  try {
    const result = run()
    return result instanceof tf.Tensor ? result.array() : result
  } catch (error) {
    return error instanceof Error ? error.name : error
  }
}
/** A loop over an int32 counter, for what the body does. */
const repeat = (n: tf.Tensor | number, body: (i: tf.Tensor) => unknown): unknown =>
  tf.whileLoop(
    (i: tf.Tensor) => i.less(n),
    (i: tf.Tensor) => (body(i), [i.add(1)]),
    [int32(0)],
  )

describe('what was assigned before a failure stays', () => {
  it('in a branch', () => {
    const v = tf.variable(0)
    const f = tf.function((p: tf.Tensor) => {
      tf.cond(
        p,
        () => {
          v.assignAdd(1)
          tf.assert(p.logicalNot())
          v.assignAdd(10)
        },
        () => undefined,
      )
      return v.value()
    })
    expect(attempt(() => f(tf.scalar(true)))).toBe('CheckError')
    expect(v.value().item()).toBe(1)
    expect(attempt(() => f(tf.scalar(false)))).toBe(1)
  })

  it('in a loop: what iterations before assigned, and this one before the check', () => {
    const v = tf.variable(0)
    const f = tf.function((n: tf.Tensor) => {
      v.assignAdd(100)
      repeat(10, (i) => {
        v.assignAdd(1)
        tf.assert(i.less(n))
        v.assignAdd(10)
      })
      return v.value()
    })
    expect(attempt(() => f(int32(2)))).toBe('CheckError')
    expect(v.value().item()).toBe(123)
    expect(attempt(() => f(int32(20)))).toBe(333)
  })

  it('in a condition', () => {
    const v = tf.variable(0)
    const f = tf.function((n: tf.Tensor) => {
      tf.whileLoop(
        (i: tf.Tensor) => (tf.assert(i.less(n)), i.less(10)),
        (i: tf.Tensor) => (v.assignAdd(1), [i.add(1)]),
        [int32(0)],
      )
    })
    expect(attempt(() => f(int32(3)))).toBe('CheckError')
    expect(v.value().item()).toBe(3)
  })

  it('in a branch of a loop, of several variables', () => {
    const v = tf.variable(0)
    const w = tf.variable([0, 0])
    const f = tf.function((n: tf.Tensor) => {
      w.assign(w.value().add(5))
      repeat(10, (i) => {
        v.assignAdd(1)
        tf.cond(
          i.greater(1),
          () => {
            w.assign(w.value().mul(2))
            tf.assert(i.less(n))
            w.assign(w.value().add(1))
          },
          () => undefined,
        )
      })
    })
    expect(attempt(() => f(int32(4)))).toBe('CheckError')
    expect(v.value().item()).toBe(5)
    expect(w.value().array()).toEqual([46, 46])
  })

  it('before an op that fails', () => {
    const v = tf.variable([1, 2, 3])
    const f = tf.function(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i: tf.Tensor) => i.less(n),
          (i: tf.Tensor, sum: tf.Tensor) => {
            v.assign(v.value().add(1))
            return [i.add(1), sum.add(tf.gather(v.value(), i))]
          },
          [int32(0), tf.scalar(0)] as const,
        )[1],
    )
    expect(attempt(() => f(int32(3)))).toBe(12)
    expect(attempt(() => f(int32(5)))).toBe('CheckError')
    expect(v.value().array()).toEqual([8, 9, 10])
  })

  it('and the content before is what was read before', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((n: tf.Tensor) => {
      const before = v.value()
      repeat(n, (i) => {
        v.assign(v.value().add(1))
        tf.assert(i.less(5))
      })
      return [before, v.value()]
    })
    expect(f(int32(3)).map((x) => x.array())).toEqual([
      [1, 2],
      [4, 5],
    ])
    const g = tf.function((n: tf.Tensor) => {
      const before = v.value()
      repeat(n, (i) => {
        v.assign(v.value().add(1))
        tf.assert(i.less(5))
      })
      v.assign(before)
      return v.value()
    })
    expect(g(int32(3)).array()).toEqual([4, 5])
    expect(v.value().array()).toEqual([4, 5])
  })

  it('through a traced function that is called in the trace, whatever its variables are called', () => {
    const [v, u] = [tf.variable(0, { name: 'v' }), tf.variable(0, { name: 'v' })]
    const inner = tf.function((n: tf.Tensor) => {
      tf.cond(
        n.greater(0),
        () => {
          v.assignAdd(1)
          tf.assert(n.less(5))
        },
        () => undefined,
      )
      return v.value()
    })
    const f = tf.function((n: tf.Tensor) => {
      u.assignAdd(1)
      const result = inner(n)
      u.assignAdd(1)
      return result.add(u)
    })
    expect(attempt(() => f(tf.scalar(1)))).toBe(3)
    expect(attempt(() => f(tf.scalar(9)))).toBe('CheckError')
    expect([v.value().item(), u.value().item()]).toEqual([2, 3])
  })

  it('costs nothing where nothing can fail: the variable is stored once, at the end', () => {
    const v = tf.variable([0, 0])
    const f = tf.function((n: tf.Tensor) => void repeat(n, () => v.assign(v.value().add(1))))
    f(int32(4))
    expect(v.value().array()).toEqual([4, 4])
    expect(tf.debug.show(f, 'fused').match(/commit/g)).toHaveLength(1)
    expect(tf.debug.show(f, 'fused')).not.toMatch(/assign/)
  })
})

describe('a host call in a branch or loop sees and changes variables', () => {
  it('in every iteration', () => {
    const v = tf.variable(1)
    const seen: number[] = []
    const f = tf.function(
      (n: tf.Tensor) =>
        tf.whileLoop(
          (i: tf.Tensor) => i.less(n),
          (i: tf.Tensor, sum: tf.Tensor) => {
            v.assign(v.value().mul(2))
            tf.hostCall(() => {
              seen.push(v.value().item())
              v.assignAdd(1)
            }, [])
            return [i.add(1), sum.add(v)]
          },
          [int32(0), tf.scalar(0)] as const,
        )[1],
    )
    expect(f(int32(3)).item()).toBe(25)
    expect(seen).toEqual([2, 6, 14])
    expect(v.value().item()).toBe(15)
  })

  it('before and after assignments, also of no iteration', () => {
    const v = tf.variable(1)
    const f = tf.function((n: tf.Tensor) => {
      v.assign(3)
      repeat(n, () => {
        tf.hostCall(() => void v.assignAdd(1), [])
        v.assign(v.value().mul(2))
      })
      return v.value()
    })
    expect(f(int32(2)).item()).toBe(18)
    expect(v.value().item()).toBe(18)
    expect(f(int32(0)).item()).toBe(3)
  })

  it('in one branch, while the other assigns', () => {
    const v = tf.variable(1)
    const f = tf.function((p: tf.Tensor) => {
      const before = v.value()
      const result = tf.cond(
        p,
        () => {
          v.assignAdd(1)
          tf.hostCall(() => void v.assign(v.value().mul(10)), [])
          v.assignAdd(1)
          return v.value()
        },
        () => {
          v.assign(7)
          return v.value()
        },
      )
      return [before, result, v.value()]
    })
    expect(f(tf.scalar(true)).map((x) => x.item())).toEqual([1, 21, 21])
    expect(f(tf.scalar(false)).map((x) => x.item())).toEqual([21, 7, 7])
    expect(v.value().item()).toBe(7)
  })

  it('in a branch of a loop', () => {
    const v = tf.variable(1)
    const f = tf.function((n: tf.Tensor) => {
      repeat(n, (i) => {
        v.assignAdd(1)
        tf.cond(
          i.equal(1),
          () => tf.hostCall(() => void v.assign(v.value().mul(10)), []),
          () => void v.assignAdd(100),
        )
        v.assignAdd(1)
      })
      return v.value()
    })
    // 1 → 2, 102, 103 → 104, 1040, 1041 → 1042, 1142, 1143
    expect(f(int32(3)).item()).toBe(1143)
    expect(v.value().item()).toBe(1143)
  })

  it('in a condition', () => {
    const v = tf.variable(0)
    const f = tf.function(() => {
      tf.whileLoop(
        () => {
          tf.hostCall(() => void v.assignAdd(1), [])
          return v.value().less(10)
        },
        (i: tf.Tensor) => (v.assignAdd(2), [i.add(1)]),
        [int32(0)],
      )
      return v.value()
    })
    expect(f().item()).toBe(10)
  })

  it('in what mapFn applies', () => {
    const v = tf.variable(1)
    const f = tf.function((x: tf.Tensor) =>
      tf.mapFn((e: tf.Tensor) => {
        v.assignAdd(e)
        return tf.hostCall(() => v.value().mul(2), [], tf.spec([])).add(v)
      }, x),
    )
    expect(f(tf.tensor([1, 2, 3])).array()).toEqual([6, 12, 21])
    expect(v.value().item()).toBe(7)
  })

  it('but a variable that it may have assigned is no size any more', () => {
    const n = tf.variable(2, { dtype: 'int32' })
    const f = tf.function((p: tf.Tensor) =>
      tf.cond(
        p,
        () => {
          tf.hostCall(() => void n.assign(5), [])
          return tf.ones([n]).sum()
        },
        () => tf.scalar(0),
      ),
    )
    expect(() => f(tf.scalar(true))).toThrow(/used as a size after a host call/)
  })

  it('but its gradient cannot follow what the host may have assigned', () => {
    const v = tf.variable(2)
    const f = tf.function(
      (x: tf.Tensor) =>
        tf.whileLoop(
          (i: tf.Tensor) => i.less(2),
          (i: tf.Tensor, y: tf.Tensor) => {
            tf.hostCall(() => undefined, [])
            return [i.add(1), y.mul(v)]
          },
          [int32(0), x] as const,
        )[1],
    )
    expect(f(tf.scalar(3)).item()).toBe(12)
    expect(() => tf.grad(f)(tf.scalar(3))).toThrow('which the host may have assigned')
  })
})
