// What vector code looks like for the usual kernels, and which loops stay as they are.
import { describe, expect, it } from 'vitest'
import { type Expr, ExprPool } from '../../../codegen/expr.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { collapseLoops } from '../../../codegen/passes/collapse.ts'
import { inlineIndices } from '../../../codegen/passes/inline-indices.ts'
import { unrollLoops } from '../../../codegen/passes/unroll.ts'
import { vectorizeLoops } from '../../../codegen/passes/vectorize.ts'
import { schedule } from '../../../codegen/schedule.ts'
import { multiplySizes, sizeName } from '../../../codegen/size.ts'
import { printKernel } from '../../../codegen/text/print.ts'

const n0 = sizeName('n0')

function vectorized(pool: ExprPool, kernel: Kernel): string {
  const passes = [inlineIndices, collapseLoops, vectorizeLoops, unrollLoops]
  return `\n${printKernel(passes.reduce((current, pass) => pass(pool, current), kernel))}`
}

/** The statements of a vectorised kernel as trimmed lines. */
function lines(pool: ExprPool, kernel: Kernel): readonly string[] {
  return vectorized(pool, kernel)
    .split('\n')
    .map((line) => line.trim())
}

describe('vectorised kernels', () => {
  it('add two vectors: two vectors at a time, then one, then elements', () => {
    const pool = new ExprPool()
    const i = pool.axis('i', n0)
    const [x, y, z] = ['x', 'y', 'z'].map((name) => pool.buffer(name, 'float32', n0))
    if (x === undefined || y === undefined || z === undefined) throw new Error('no buffers')
    const at = pool.index(i)
    const value = pool.binary('add', pool.load(x, at), pool.load(y, at))
    expect(vectorized(pool, schedule(pool, 'add', [{ buffer: z, axes: [i], index: at, value }]))).toBe(`
kernel @add(%x: f32[n0], %y: f32[n0], %z: f32[n0]) sizes (n0) {
  let t0: i32 = 8*floorDiv(n0,8)
  let t1: i32 = 4*floorDiv(n0,4)
  for i in 0..n0 step 8 {
    let t2: f32x4 = load4 x[i]
    let t3: f32x4 = load4 y[i]
    let t4: f32x4 = load4 x[i + 4]
    let t5: f32x4 = load4 y[i + 4]
    let t6: f32x4 = add(t2, t3)
    let t7: f32x4 = add(t4, t5)
    store4 z[i] = t6
    store4 z[i + 4] = t7
  }
  for i in t0..n0 step 4 {
    store4 z[i] = add(load4 x[i], load4 y[i])
  }
  for i in t1..n0 {
    store z[i] = add(load x[i], load y[i])
  }
}
`)
  })

  it.each([
    [200, 8, ['let', 'let', 'sto', 'sto']],
    [400, 4, ['sto']],
  ])('a chain of %i operations: steps of %i elements', (operations, step, order) => {
    const pool = new ExprPool()
    const i = pool.axis('i', 1024)
    const [x, z] = [pool.buffer('x', 'float32', 1024), pool.buffer('z', 'float32', 1024)]
    const at = pool.index(i)
    let value: Expr = pool.load(x, at)
    for (let n = 0; n < operations / 2; n++)
      value = pool.binary('add', pool.binary('mul', value, value), pool.const('float32', n))
    const written = lines(pool, schedule(pool, 'chain', [{ buffer: z, axes: [i], index: at, value }]))
    expect(written).toContain(`for i in 0..1024 step ${step} {`)
    // The loads of a pair stand before all arithmetic, its stores behind it.
    const kinds = written.flatMap((line) => /^let .* = load4|^store4/.exec(line)?.[0].slice(0, 3) ?? [])
    expect(kinds).toEqual(order)
  })

  it('add dense matrices: one loop without a rest when the element count is a multiple', () => {
    const pool = new ExprPool()
    const [i, j] = [pool.axis('i', n0), pool.axis('j', 128)]
    const x = pool.buffer('x', 'float32', multiplySizes(n0, 128))
    const z = pool.buffer('z', 'float32', multiplySizes(n0, 128))
    const at = pool.offset([pool.index(i), pool.index(j)], [n0, 128])
    const value = pool.binary('add', pool.load(x, at), pool.const('float32', 1))
    expect(vectorized(pool, schedule(pool, 'add', [{ buffer: z, axes: [i, j], index: at, value }]))).toBe(`
kernel @add(%x: f32[128*n0], %z: f32[128*n0]) sizes (n0) {
  for i in 0..128*n0 step 8 {
    let t0: f32x4 = load4 x[i]
    let t1: f32x4 = load4 x[i + 4]
    let t2: f32x4 = add(t0, splat4(1.0))
    let t3: f32x4 = add(t1, splat4(1.0))
    store4 z[i] = t2
    store4 z[i + 4] = t3
  }
}
`)
  })

  it('row softmax (without the exponential): every loop over the columns by itself', () => {
    const pool = new ExprPool()
    const [i, j, k, l] = [pool.axis('i', n0), pool.axis('j', 12), pool.axis('k', 12), pool.axis('l', 12)]
    const x = pool.buffer('x', 'float32', multiplySizes(n0, 12))
    const y = pool.buffer('y', 'float32', multiplySizes(n0, 12))
    const offset = (column: Expr): Expr => pool.offset([pool.index(i), column], [n0, 12])
    const most = pool.reduce('max', [k], pool.load(x, offset(pool.index(k))))
    const shifted = (column: Expr): Expr => pool.binary('sub', pool.load(x, offset(column)), most)
    const total = pool.reduce('sum', [l], shifted(pool.index(l)))
    const value = pool.binary('div', shifted(pool.index(j)), total)
    const kernel = schedule(pool, 'rows', [{ buffer: y, axes: [i, j], index: offset(pool.index(j)), value }])
    expect(vectorized(pool, kernel)).toBe(`
kernel @rows(%x: f32[12*n0], %y: f32[12*n0]) sizes (n0) {
  for i in 0..n0 {
    var s0: f32 = -inf
    var s1: f32x4 = splat4(-inf)
    var s2: f32x4 = splat4(-inf)
    s1 = max(s1, load4 x[12*i])
    s2 = max(s2, load4 x[12*i + 4])
    s1 = max(s1, load4 x[12*i + 8])
    s0 = max(s0, horizontal.max(max(s1, s2)))
    var s3: f32 = 0.0
    let t0: f32x4 = splat4(s0)
    var s4: f32x4 = splat4(0.0)
    var s5: f32x4 = splat4(0.0)
    s4 = add(s4, sub(load4 x[12*i], t0))
    s5 = add(s5, sub(load4 x[12*i + 4], t0))
    s4 = add(s4, sub(load4 x[12*i + 8], t0))
    s3 = add(s3, horizontal.sum(add(s4, s5)))
    let t1: f32x4 = splat4(s0)
    let t2: f32x4 = splat4(s3)
    let t3: f32x4 = load4 x[12*i]
    let t4: f32x4 = load4 x[12*i + 4]
    let t5: f32x4 = div(sub(t3, t1), t2)
    let t6: f32x4 = div(sub(t4, t1), t2)
    store4 y[12*i] = t5
    store4 y[12*i + 4] = t6
    store4 y[12*i + 8] = div(sub(load4 x[12*i + 8], t1), t2)
  }
}
`)
  })

  it('column sum: vectors of columns, the loop over the rows inside', () => {
    const pool = new ExprPool()
    const [j, k] = [pool.axis('j', 22), pool.axis('k', n0)]
    const x = pool.buffer('x', 'float32', multiplySizes(n0, 22))
    const y = pool.buffer('y', 'float32', 22)
    const value = pool.reduce('sum', [k], pool.load(x, pool.offset([pool.index(k), pool.index(j)], [n0, 22])))
    const kernel = schedule(pool, 'columns', [{ buffer: y, axes: [j], index: pool.index(j), value }])
    expect(vectorized(pool, kernel)).toBe(`
kernel @columns(%x: f32[22*n0], %y: f32[22]) sizes (n0) {
  var s0: f32x4 = splat4(0.0)
  var s1: f32x4 = splat4(0.0)
  var s2: f32x4 = splat4(0.0)
  var s3: f32x4 = splat4(0.0)
  for k in 0..n0 {
    s0 = add(s0, load4 x[22*k])
    s1 = add(s1, load4 x[22*k + 4])
    s2 = add(s2, load4 x[22*k + 8])
    s3 = add(s3, load4 x[22*k + 12])
  }
  store4 y[0] = s0
  store4 y[4] = s1
  store4 y[8] = s2
  store4 y[12] = s3
  var s4: f32x4 = splat4(0.0)
  for k in 0..n0 {
    s4 = add(s4, load4 x[22*k + 16])
  }
  store4 y[16] = s4
  for j in 20..22 {
    var s5: f32 = 0.0
    for k in 0..n0 {
      s5 = add(s5, load x[j + 22*k])
    }
    store y[j] = s5
  }
}
`)
  })

  it('small product: a row of the result in registers', () => {
    const pool = new ExprPool()
    const [i, j, k] = [pool.axis('i', 32), pool.axis('j', 8), pool.axis('k', 2)]
    const [x, w, y] = [
      pool.buffer('x', 'float32', 64),
      pool.buffer('w', 'float32', 16),
      pool.buffer('y', 'float32', 256),
    ]
    const left = pool.load(x, pool.offset([pool.index(i), pool.index(k)], [32, 2]))
    const right = pool.load(w, pool.offset([pool.index(k), pool.index(j)], [2, 8]))
    const index = pool.offset([pool.index(i), pool.index(j)], [32, 8])
    const value = pool.reduce('sum', [k], pool.binary('mul', left, right))
    expect(vectorized(pool, schedule(pool, 'product', [{ buffer: y, axes: [i, j], index, value }]))).toBe(`
kernel @product(%x: f32[64], %w: f32[16], %y: f32[256]) {
  for i in 0..32 {
    var s0: f32x4 = splat4(0.0)
    var s1: f32x4 = splat4(0.0)
    let t0: f32x4 = splat4(load x[2*i])
    s0 = add(s0, mul(t0, load4 w[0]))
    s1 = add(s1, mul(t0, load4 w[4]))
    let t1: f32x4 = splat4(load x[2*i + 1])
    s0 = add(s0, mul(t1, load4 w[8]))
    s1 = add(s1, mul(t1, load4 w[12]))
    store4 y[8*i] = s0
    store4 y[8*i + 4] = s1
  }
}
`)
  })

  it('float64 sum: four accumulators of two lanes', () => {
    const pool = new ExprPool()
    const k = pool.axis('k', n0)
    const [x, y] = [pool.buffer('x', 'float64', n0), pool.buffer('y', 'float64', 1)]
    const value = pool.reduce('sum', [k], pool.load(x, pool.index(k)))
    const kernel = schedule(pool, 'sum', [{ buffer: y, axes: [], index: pool.const('int32', 0), value }])
    expect(vectorized(pool, kernel)).toBe(`
kernel @sum(%x: f64[n0], %y: f64[1]) sizes (n0) {
  let t0: i32 = 8*floorDiv(n0,8)
  let t1: i32 = 2*floorDiv(n0,2)
  var s0: f64 = 0.0d
  var s1: f64x2 = splat2(0.0d)
  var s2: f64x2 = splat2(0.0d)
  var s3: f64x2 = splat2(0.0d)
  var s4: f64x2 = splat2(0.0d)
  for k in 0..n0 step 8 {
    s1 = add(s1, load2 x[k])
    s2 = add(s2, load2 x[k + 2])
    s3 = add(s3, load2 x[k + 4])
    s4 = add(s4, load2 x[k + 6])
  }
  for k in t0..n0 step 2 {
    s1 = add(s1, load2 x[k])
  }
  s0 = add(s0, horizontal.sum(add(add(s1, s3), add(s2, s4))))
  for k in t1..n0 {
    s0 = add(s0, load x[k])
  }
  store y[0] = s0
}
`)
  })

  it('a load that is valid only under its select stays under it', () => {
    const pool = new ExprPool()
    const i = pool.axis('i', 64)
    const [x, y] = [pool.buffer('x', 'float32', 63), pool.buffer('y', 'float32', 64)]
    const inside = pool.compare('gt', pool.index(i), pool.const('int32', 0))
    const value = pool.select(
      inside,
      pool.load(x, pool.indexAdd(pool.index(i), -1)),
      pool.const('float32', 0),
    )
    const text = lines(pool, schedule(pool, 'pad', [{ buffer: y, axes: [i], index: pool.index(i), value }]))
    expect(text).toContain('let t0: f32x4 = select(gt(ramp4(i, 1), splat4(0)), load4 x[i - 1], splat4(0.0))')
    expect(text.filter((line) => line.startsWith('let') && line.includes('= load'))).toEqual([])
  })

  it('a loop-invariant load is splatted once, before the loop', () => {
    const pool = new ExprPool()
    const [i, j] = [pool.axis('i', n0), pool.axis('j', 64)]
    const [x, s, y] = [
      pool.buffer('x', 'float32', 64),
      pool.buffer('s', 'float32', n0),
      pool.buffer('y', 'float32', multiplySizes(n0, 64)),
    ]
    const value = pool.binary('mul', pool.load(x, pool.index(j)), pool.load(s, pool.index(i)))
    const index = pool.offset([pool.index(i), pool.index(j)], [n0, 64])
    const text = lines(pool, schedule(pool, 'outer', [{ buffer: y, axes: [i, j], index, value }]))
    const splat = text.findIndex((line) => /^let t\d: f32x4 = splat4\(t\d\)$/.test(line))
    expect(splat).toBeGreaterThan(text.indexOf('for i in 0..n0 {'))
    expect(splat).toBeLessThan(text.indexOf('for j in 0..64 step 8 {'))
  })
})

describe('loops that stay scalar', () => {
  /** The kernel that stores `value(i)` to y[index(i)] for i in 0…15, vectorised. */
  function elementwise(
    dtype: 'float32' | 'int32' | 'float64',
    value: (pool: ExprPool, i: Expr) => Expr,
    index: (pool: ExprPool, i: Expr) => Expr = (_, i) => i,
  ): readonly string[] {
    const pool = new ExprPool()
    const i = pool.axis('i', 64)
    const y = pool.buffer('y', dtype, 512)
    return lines(
      pool,
      schedule(pool, 'k', [
        { buffer: y, axes: [i], index: index(pool, pool.index(i)), value: value(pool, pool.index(i)) },
      ]),
    )
  }
  const scalarLoop = 'for i in 0..64 {'
  const vectorLoop = 'for i in 0..64 step 8 {'

  it('stores that are not adjacent', () => {
    const stored = (pool: ExprPool): Expr =>
      pool.load(pool.buffer('x', 'float32', 64), pool.const('int32', 0))
    expect(elementwise('float32', stored, (pool, i) => pool.indexScale(i, 3))).toContain(scalarLoop)
    expect(elementwise('float32', stored)).toContain(vectorLoop)
  })

  it('gathers with little to do, but not those with much', () => {
    const gathered = (pool: ExprPool, i: Expr, operations: number): Expr => {
      let value = pool.load(pool.buffer('x', 'float32', 640), pool.indexScale(i, 7))
      for (let k = 0; k < operations; k++) value = pool.binary('mul', value, pool.const('float32', k + 2))
      return value
    }
    expect(elementwise('float32', (pool, i) => gathered(pool, i, 1))).toContain(scalarLoop)
    expect(elementwise('float32', (pool, i) => gathered(pool, i, 8))).toContain(vectorLoop)
  })

  it('operations without a vector form', () => {
    expect(
      elementwise('int32', (pool, i) =>
        pool.binary('idiv', pool.binary('mul', i, i), pool.const('int32', 3)),
      ),
    ).toContain(scalarLoop)
    expect(elementwise('float32', (pool, i) => pool.unary('exp', pool.convert(i, 'float32')))).toContain(
      scalarLoop,
    )
    expect(
      elementwise('int32', (pool, i) => pool.binary('shl', i, pool.binary('and', i, pool.const('int32', 3)))),
    ).toContain(scalarLoop)
    expect(elementwise('int32', (pool, i) => pool.binary('shl', i, pool.const('int32', 3)))).toContain(
      vectorLoop,
    )
  })

  it('a buffer read at another place than it is written', () => {
    const pool = new ExprPool()
    const i = pool.axis('i', 64)
    const y = pool.buffer('y', 'float32', 128)
    const at = pool.index(i)
    const roots = (read: Expr): readonly string[] =>
      lines(
        pool,
        schedule(pool, 'k', [
          { buffer: y, axes: [i], index: at, value: pool.unary('neg', pool.load(y, read)) },
        ]),
      )
    expect(roots(at)).toContain(vectorLoop)
    expect(roots(pool.indexAdd(at, 1))).toContain(scalarLoop)
  })

  it('the search for the index of an extreme', () => {
    const pool = new ExprPool()
    const k = pool.axis('k', 64)
    const [x, y] = [pool.buffer('x', 'float32', 64), pool.buffer('y', 'int32', 1)]
    const value = pool.argReduce('max', k, pool.load(x, pool.index(k)))
    const text = lines(
      pool,
      schedule(pool, 'best', [{ buffer: y, axes: [], index: pool.const('int32', 0), value }]),
    )
    expect(text).toContain('for k in 0..64 {')
  })
})
