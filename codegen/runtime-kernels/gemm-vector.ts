/**
 * Products with a vector: one row of A, or one column of B. They are bound by the loads of the matrix, each of whose
 * elements is used once, so nothing is packed and no tile is split off: the sums of many results run side by side, to
 * hide the latency of an addition, while the matrix is read once.
 *
 *     vectorTimesRows(a, aStep, b, bRow, c, init, initStep, depth, columns, clamp)        the columns of B are adjacent
 *     vectorTimesLongRows(the same)                                                       and there are many of them
 *     vectorTimesColumns(a, b, bColumn, c, init, initStep, depth, columns, clamp)         its rows are, and a's elements
 *
 * All add `sum over k of a[k]·B[k,j]` to `init[j]` (`initStep` 4 bytes, or 0 for one start value) and write `c[j]`. The
 * first two sum over k in order, like a tile; the last in four lanes that are added up at the end.
 *
 * Between groups of loads stands a branch that is never taken, for the reason given in tile.ts.
 */
import { binaryen, type ExpressionRef, type WasmModule } from '../wasm/binaryen.ts'
import type { Local } from './function-builder.ts'
import { VectorProduct } from './vector-product.ts'

/** Defines the functions. */
export function defineVectorProducts(module: WasmModule, relaxed: boolean): void {
  new VectorTimesRows(module, relaxed).define()
  new VectorTimesLongRows(module, relaxed).define()
  new VectorTimesColumns(module, relaxed).define()
}

/** The parameters of the functions that go down or along rows. */
class RowProduct extends VectorProduct {
  readonly a: Local = this.f.parameter()
  readonly aStep: Local = this.f.parameter()
  readonly b: Local = this.f.parameter()
  readonly bRow: Local = this.f.parameter()
  readonly c: Local = this.f.parameter()
  readonly init: Local = this.f.parameter()
  readonly initStep: Local = this.f.parameter()
  readonly depth: Local = this.f.parameter()
  readonly columns: Local = this.f.parameter()
  readonly clamp: Local = this.f.parameter()
}

/** Keeps up to 32 results in registers and goes down the rows for them. */
class VectorTimesRows extends RowProduct {
  readonly #element: Local = this.f.local()
  readonly #row: Local = this.f.local()
  readonly #count: Local = this.f.local()
  readonly #splat: Local = this.f.vector()
  readonly #sums: readonly Local[] = this.f.vectors(8)

  define(): void {
    const columns = this.columns
    this.f.define('vectorTimesRows', [
      this.whileLeft(columns, 32, this.#results(32)),
      ...[16, 8, 4, 2, 1].map((count) => this.whileLeft(columns, count, this.#results(count))),
    ])
  }

  /** A multiple of four results, or two or one in a vector that has room for more. */
  #results(count: number): ExpressionRef[] {
    const { f } = this
    const { module } = f
    const { v128 } = module
    const sums = this.#sums.slice(0, Math.ceil(count / 4))
    const load = (address: Local, j: number): ExpressionRef => {
      if (count === 1) return v128.load32_zero(0, 4, address.get())
      return count === 2 ? v128.load64_zero(0, 4, address.get()) : v128.load(16 * j, 4, address.get())
    }
    const store = (sum: Local, j: number): ExpressionRef => {
      if (count === 1) return v128.store32_lane(0, 4, 0, this.c.get(), sum.get())
      return count === 2
        ? v128.store64_lane(0, 4, 0, this.c.get(), sum.get())
        : v128.store(16 * j, 4, this.c.get(), sum.get())
    }
    const done = f.label()
    const again = f.label()
    const row: ExpressionRef[] = [this.#splat.set(v128.load32_splat(0, 4, this.#element.get()))]
    sums.forEach((sum, j) => {
      row.push(sum.set(this.multiplyAdd(this.#splat.get(), load(this.#row, j), sum.get())))
      if (j === 3 && sums.length > 4) row.push(this.fence(done, this.#count))
    })
    row.push(
      this.#row.advance(this.bRow.get()),
      this.#element.advance(this.aStep.get()),
      this.#count.advanceBy(-1),
      module.br_if(again, this.#count.get()),
    )
    return [
      this.#element.set(this.a.get()),
      this.#row.set(this.b.get()),
      this.#count.set(this.depth.get()),
      ...sums.map((sum, j) => this.start(sum, this.init, this.initStep, load(this.init, j))),
      f.when(this.#count.get(), [module.block(done, [module.loop(again, f.block(row))])]),
      this.clamped(this.clamp, sums, this.#splat),
      ...sums.map(store),
      this.b.advanceBy(4 * count),
      ...this.nextResults(this.init, this.initStep, this.c, this.columns, count),
    ]
  }
}

/** Goes along the rows, four at a time, whose products it adds to the results in memory: rows are read as they lie. */
class VectorTimesLongRows extends RowProduct {
  readonly #rows: readonly Local[] = Array.from({ length: 4 }, () => this.f.local(binaryen.i32))
  readonly #target: Local = this.f.local()
  readonly #left: Local = this.f.local()
  readonly #splats: readonly Local[] = this.f.vectors(4)
  readonly #sums: readonly Local[] = this.f.vectors(2)

  define(): void {
    this.f.define('vectorTimesLongRows', [
      ...this.#startValues(),
      this.whileLeft(this.depth, 4, this.#addRows(4)),
      this.whileLeft(this.depth, 1, this.#addRows(1)),
      this.f.when(this.clamp.get(), this.#clampResults()),
    ])
  }

  /** Something for each result, by vectors and then one by one; `target` is the address of its first. */
  #alongResults(
    vectors: readonly number[],
    begin: readonly ExpressionRef[],
    each: (count: number) => readonly ExpressionRef[],
  ): ExpressionRef[] {
    const step = (count: number): ExpressionRef =>
      this.whileLeft(this.#left, count, [
        ...each(count),
        this.#target.advanceBy(4 * count),
        this.#left.advanceBy(-count),
      ])
    return [
      this.#target.set(this.c.get()),
      this.#left.set(this.columns.get()),
      ...begin,
      ...vectors.map((count) => step(4 * count)),
      step(1),
    ]
  }

  #load(address: Local, count: number, offset = 0): ExpressionRef {
    const { v128 } = this.f.module
    return count === 1 ? v128.load32_zero(offset, 4, address.get()) : v128.load(offset, 4, address.get())
  }

  #store(sum: Local, count: number, offset = 0): ExpressionRef {
    const { v128 } = this.f.module
    return count === 1
      ? v128.store32_lane(offset, 4, 0, this.#target.get(), sum.get())
      : v128.store(offset, 4, this.#target.get(), sum.get())
  }

  #startValues(): ExpressionRef[] {
    const { f } = this
    const [sum] = this.#sums as readonly [Local]
    return this.#alongResults([1], [], (count) => [
      this.start(sum, this.init, this.initStep, this.#load(this.init, count)),
      this.#store(sum, count),
      this.init.advance(f.module.i32.mul(this.initStep.get(), f.constant(count))),
    ])
  }

  /** Adds the products of `count` rows to the results. */
  #addRows(count: number): ExpressionRef[] {
    const { f } = this
    const { v128 } = f.module
    const rows = this.#rows.slice(0, count)
    const splats = this.#splats.slice(0, count)
    const begin = rows.flatMap((row, i) => [
      row.set(this.b.get()),
      (splats[i] as Local).set(v128.load32_splat(0, 4, this.a.get())),
      this.a.advance(this.aStep.get()),
      this.b.advance(this.bRow.get()),
    ])
    const add = (results: number): ExpressionRef[] => {
      const sums = this.#sums.slice(0, Math.ceil(results / 4))
      return [
        ...sums.map((sum, j) => sum.set(this.#load(this.#target, results, 16 * j))),
        ...rows.flatMap((row, i) =>
          sums.map((sum, j) =>
            sum.set(
              this.multiplyAdd((splats[i] as Local).get(), this.#load(row, results, 16 * j), sum.get()),
            ),
          ),
        ),
        ...sums.map((sum, j) => this.#store(sum, results, 16 * j)),
        ...rows.map((row) => row.advanceBy(4 * results)),
      ]
    }
    return [...this.#alongResults([2, 1], begin, add), this.depth.advanceBy(-count)]
  }

  #clampResults(): ExpressionRef[] {
    const [x, zero] = this.#sums as readonly [Local, Local]
    return this.#alongResults([1], [], (count) => [
      x.set(this.#load(this.#target, count)),
      this.clamped(this.clamp, [x], zero),
      this.#store(x, count),
    ])
  }
}

/** Goes down eight columns at once. */
class VectorTimesColumns extends VectorProduct {
  readonly #a: Local = this.f.parameter()
  readonly #b: Local = this.f.parameter()
  readonly #bColumn: Local = this.f.parameter()
  readonly #c: Local = this.f.parameter()
  readonly #init: Local = this.f.parameter()
  readonly #initStep: Local = this.f.parameter()
  readonly #depth: Local = this.f.parameter()
  readonly #columns: Local = this.f.parameter()
  readonly #clamp: Local = this.f.parameter()
  readonly #element: Local = this.f.local()
  readonly #count: Local = this.f.local()
  readonly #pointers: readonly Local[] = Array.from({ length: 8 }, () => this.f.local(binaryen.i32))
  readonly #part: Local = this.f.vector()
  readonly #sums: readonly Local[] = this.f.vectors(8)

  define(): void {
    this.f.define(
      'vectorTimesColumns',
      [8, 4, 1].map((width) => this.whileLeft(this.#columns, width, this.#columnsAt(width))),
    )
  }

  #columnsAt(width: number): ExpressionRef[] {
    const { f } = this
    const { module } = f
    const { i32, v128 } = module
    const pointers = this.#pointers.slice(0, width)
    const sums = this.#sums.slice(0, width)
    const quarters = this.#sumOver(pointers, sums, 16, (address) => v128.load(0, 4, address.get()))
    const rest = this.#sumOver(pointers, sums, 4, (address) => v128.load32_zero(0, 4, address.get()))
    const vectors = width === 1 ? [this.#addedLanes(sums[0] as Local)] : []
    const totals = width === 1 ? [] : [0, 4].slice(0, width / 4).map((from) => sums.slice(from, from + 4))
    return [
      this.#element.set(this.#a.get()),
      ...pointers.map((pointer, j) => {
        const previous = pointers[j - 1]
        return pointer.set(
          previous === undefined ? this.#b.get() : i32.add(previous.get(), this.#bColumn.get()),
        )
      }),
      ...sums.map((sum) => sum.set(v128.const(new Uint8Array(16)))),
      this.#count.set(i32.shr_u(this.#depth.get(), f.constant(2))),
      f.when(this.#count.get(), [quarters]),
      this.#count.set(i32.and(this.#depth.get(), f.constant(3))),
      f.when(this.#count.get(), [rest]),
      this.#b.advance(i32.mul(this.#bColumn.get(), f.constant(width))),
      ...vectors,
      ...totals.map((four) => this.#transposedSum(four)),
      ...(width === 1
        ? this.#storeOne(sums[0] as Local)
        : totals.flatMap((four, at) => this.#storeFour(four[0] as Local, at))),
      ...this.nextResults(this.#init, this.#initStep, this.#c, this.#columns, width),
    ]
  }

  /** Adds the products of `count` groups of elements, `bytes` bytes each, to the sums lane by lane. */
  #sumOver(
    pointers: readonly Local[],
    sums: readonly Local[],
    bytes: number,
    load: (address: Local) => ExpressionRef,
  ): ExpressionRef {
    const { f } = this
    const { module } = f
    const done = f.label()
    const again = f.label()
    const body: ExpressionRef[] = [this.#part.set(load(this.#element))]
    sums.forEach((sum, j) => {
      const pointer = pointers[j] as Local
      body.push(
        sum.set(this.multiplyAdd(this.#part.get(), load(pointer), sum.get())),
        pointer.advanceBy(bytes),
      )
      if (j === 3 && sums.length > 4) body.push(this.fence(done, this.#count))
    })
    body.push(
      this.#element.advanceBy(bytes),
      this.#count.advanceBy(-1),
      module.br_if(again, this.#count.get()),
    )
    return module.block(done, [module.loop(again, f.block(body))])
  }

  /** `first` becomes the vector of the sums of the lanes of four vectors. */
  #transposedSum([p, q, r, s]: readonly Local[]): ExpressionRef {
    const { f } = this
    if (p === undefined || q === undefined || r === undefined || s === undefined)
      throw new Error('four vectors are added up at a time')
    const even = [0, 1, 4, 5]
    const odd = [2, 3, 6, 7]
    const pair = (x: Local, y: Local): ExpressionRef => this.#addShuffled(x, y, [0, 4, 1, 5], [2, 6, 3, 7])
    return f.block([p.set(pair(p, q)), r.set(pair(r, s)), p.set(this.#addShuffled(p, r, even, odd))])
  }

  #addShuffled(x: Local, y: Local, first: readonly number[], second: readonly number[]): ExpressionRef {
    const { module } = this.f
    const shuffle = (lanes: readonly number[]): ExpressionRef =>
      module.i8x16.shuffle(
        x.get(),
        y.get(),
        lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
      )
    return module.f32x4.add(shuffle(first), shuffle(second))
  }

  /** All lanes of the vector become the sum of its lanes. */
  #addedLanes(x: Local): ExpressionRef {
    return this.f.block([
      x.set(this.#addShuffled(x, x, [0, 1, 0, 1], [2, 3, 2, 3])),
      x.set(this.#addShuffled(x, x, [0, 0, 0, 0], [1, 1, 1, 1])),
    ])
  }

  #storeFour(sums: Local, at: number): ExpressionRef[] {
    const { v128, f32x4 } = this.f.module
    return [
      this.start(this.#part, this.#init, this.#initStep, v128.load(16 * at, 4, this.#init.get())),
      sums.set(f32x4.add(this.#part.get(), sums.get())),
      this.clamped(this.#clamp, [sums], this.#part),
      v128.store(16 * at, 4, this.#c.get(), sums.get()),
    ]
  }

  #storeOne(sum: Local): ExpressionRef[] {
    const { v128, f32x4 } = this.f.module
    return [
      sum.set(f32x4.add(v128.load32_splat(0, 4, this.#init.get()), sum.get())),
      this.clamped(this.#clamp, [sum], this.#part),
      v128.store32_lane(0, 4, 0, this.#c.get(), sum.get()),
    ]
  }
}
