/**
 * Loops that read along one axis and write along another.
 *
 * In a transpose the innermost loop stores neighbours but loads elements that lie far apart; those loads are neighbours
 * along a loop further out. Such a nest is worked through in blocks: as many vectors are loaded along the outer axis as a
 * vector has lanes, transposed in registers by interleaving, and from then on they are vectors along the inner axis like
 * all others, whatever else is computed from them. A block is four vectors wide where that is little code, so that every
 * line of the result is written at once.
 *
 * The loops over blocks take turns so that one side is walked through in order and the other a few lines at a time.
 * What is left over at the edges are loops over single elements.
 */
import { InternalError } from '../errors.ts'
import { type Axis, type Expr, type ExprPool, type LoadExpr, type Local, operandsOf } from '../expr.ts'
import type { Loop, Statement } from '../kernel.ts'
import { floorDivideSizes, multiplySizes, type Size, sizesEqual } from '../size.ts'
import { copyStatements, expressionCopier, isWholeLoop, nodesOfStatements, storesOf } from './rewrite.ts'
import { planVectorLoop, strideOf, type VectorPlan } from './vector-analysis.ts'

export interface TransposePlan {
  /** The loops of the nest but for the two, outermost first. */
  readonly around: readonly Loop[]
  /** The loop along which loads are neighbours. */
  readonly across: Loop
  /** The innermost loop, along which stores are. */
  readonly along: Loop
  readonly vector: VectorPlan
  /** The loads that are neighbours along `across`. */
  readonly turned: ReadonlySet<LoadExpr>
}

/** The plan for a nest that starts with `loop`, or undefined when nothing in it is transposed. */
export function planTranspose(
  pool: ExprPool,
  loop: Loop,
  declared: ReadonlySet<Local>,
): TransposePlan | undefined {
  const nest: Loop[] = []
  for (let at: Statement | undefined = loop; at?.kind === 'loop';) {
    if (!isWholeLoop(pool, at)) return undefined
    nest.push(at)
    at = at.body.length === 1 ? at.body[0] : undefined
  }
  const along = nest.pop()
  if (along === undefined || nest.length === 0) return undefined
  if (along.body.some(({ kind }) => kind !== 'let' && kind !== 'store')) return undefined
  if (!storesEverywhere(along, [...nest, along])) return undefined
  const turned = new Set<LoadExpr>()
  let across: Loop | undefined
  for (const node of nodesOfStatements(along.body)) {
    if (node.kind !== 'load') continue
    const stride = strideAlong(node.index, along.axis)
    if (stride === 0 || stride === 1) continue
    if (stride === undefined) return undefined
    const side = nest.find(({ axis }) => strideAlong(node.index, axis) === 1)
    if (side === undefined || (across !== undefined && side !== across)) return undefined
    across = side
    turned.add(node)
  }
  if (across === undefined) return undefined
  const vector = planVectorLoop(pool, along, declared, (load) => turned.has(load))
  if (vector === undefined || vector.gathers > 0 || vector.guarded.size > 0) return undefined
  const { extent } = across.axis
  if (typeof extent === 'number' && extent < vector.lanes) return undefined
  return { around: nest.filter((other) => other !== across), across, along, vector, turned }
}

/** The stride of an index along an axis; undefined when it is not simply a multiple of it. */
function strideAlong(index: Expr, axis: Axis): Size | undefined {
  return strideOf(index, axis, (expr) => expr.axes.includes(axis))
}

/** True when each buffer is stored to at one index, which differs from iteration to iteration of the nest. */
function storesEverywhere(along: Loop, nest: readonly Loop[]): boolean {
  const stores = storesOf(along.body)
  for (const [buffer, indices] of stores)
    for (const index of indices) {
      if (indices.size > 1 || nest.some(({ axis }) => !index.axes.includes(axis))) return false
      for (const node of nodesOfStatements(along.body))
        if (node.kind === 'load' && node.buffer === buffer && node.index !== index) return false
    }
  return stores.size > 0
}

/** Most vector operations in a block. */
const mostOperations = 96
/** So many columns are gone through within each block of rows: what is written then lies together. */
const fewColumns = 64

/** The loops over blocks, and those over what is left. `end` gives the index at which the next loop of a chain starts. */
export function writeTransposed(
  pool: ExprPool,
  plan: TransposePlan,
  declared: ReadonlySet<Local>,
  end: (size: Size) => Expr,
): readonly Statement[] {
  const { across, along, around, vector } = plan
  const { lanes } = vector
  const wholeRows = multiplySizes(lanes, floorDivideSizes(across.axis.extent, lanes))
  const columns = along.axis.extent
  const loops: Statement[] = []
  const blocks: { readonly from: Size; readonly to: Size; readonly count: number }[] = []
  let reached: Size = 0
  for (const count of [4, 2, 1]) {
    if (count > 1 && (vector.operations + 1) * count * lanes > mostOperations) continue
    if (count === 2 && blocks.length > 0) continue
    const step = lanes * count
    const to = multiplySizes(step, floorDivideSizes(columns, step))
    if (sizesEqual(to, reached) === true) continue
    blocks.push({ from: reached, to, count })
    reached = to
  }
  const stepped = (loop: Loop, from: Size, to: Size, step: number, body: readonly Statement[]): Loop => ({
    ...loop,
    from: end(from),
    to: sizesEqual(to, loop.axis.extent) === true ? loop.to : end(to),
    step,
    body,
  })
  const block = (count: number): readonly Statement[] => new BlockWriter(pool, plan, count).write()
  const inner = (from: Size, to: Size, count: number, body: readonly Statement[]): Loop =>
    stepped(along, from, to, lanes * count, body)
  const rows = (body: readonly Statement[]): Loop => stepped(across, 0, wholeRows, lanes, body)
  if (typeof columns === 'number' && columns <= fewColumns)
    loops.push(rows(blocks.map(({ from, to, count }) => inner(from, to, count, block(count)))))
  else for (const { from, to, count } of blocks) loops.push(inner(from, to, count, [rows(block(count))]))

  const single = (): readonly Statement[] =>
    copyStatements(pool, along.body, { axes: new Map(), locals: new Map() }, declared)
  if (sizesEqual(reached, columns) !== true)
    loops.push(stepped(across, 0, wholeRows, 1, [stepped(along, reached, columns, 1, single())]))
  if (sizesEqual(wholeRows, across.axis.extent) !== true)
    loops.push(stepped(across, wholeRows, across.axis.extent, 1, [stepped(along, 0, columns, 1, single())]))
  return around.reduceRight<readonly Statement[]>((body, loop) => [{ ...loop, body }], loops)
}

/** Writes the body of a block: `lanes` rows across, `copies` vectors along. */
class BlockWriter {
  readonly #pool: ExprPool
  readonly #plan: TransposePlan
  readonly #copies: number
  readonly #written: Statement[] = []
  /** What stands for the nest's own locals in a row of a copy. */
  readonly #locals = new Map<string, Map<Local, Local>>()
  readonly #copiers = new Map<string, (expr: Expr) => Expr>()
  readonly #rows = new Map<string, Expr>()
  readonly #vectors = new Map<string, Map<Expr, Expr>>()

  constructor(pool: ExprPool, plan: TransposePlan, copies: number) {
    this.#pool = pool
    this.#plan = plan
    this.#copies = copies
  }

  write(): readonly Statement[] {
    const { along, vector, turned } = this.#plan
    for (let copy = 0; copy < this.#copies; copy++) {
      for (const load of turned) this.#turn(load, copy)
      for (const statement of along.body)
        for (let row = 0; row < vector.lanes; row++) this.#statement(statement, row, copy)
    }
    return this.#written
  }

  /** Loads `lanes` vectors across and makes them vectors along, one per row. */
  #turn(load: LoadExpr, copy: number): void {
    const { lanes } = this.#plan.vector
    const loaded = Array.from({ length: lanes }, (_, step) =>
      this.#bind(this.#pool.load(load.buffer, this.#scalar(load.index, 0, copy * lanes + step), lanes)),
    )
    this.#transposed(loaded).forEach((value, row) =>
      this.#rows.set(`${load.id} ${row} ${copy}`, this.#bind(value)),
    )
  }

  /** Rows of what has these columns. Interleaving halves that lie far apart, then their results, brings lanes in order. */
  #transposed(columns: readonly Expr[]): readonly Expr[] {
    const half = columns.length / 2
    const first = columns.slice(0, half)
    const mixed = first.flatMap((x, i) => {
      const y = columns[half + i] ?? x
      return [this.#pool.interleave('low', x, y), this.#pool.interleave('high', x, y)]
    })
    if (half === 1) return mixed
    const [a, b, c, d] = mixed.map((value) => this.#bind(value))
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      throw new InternalError('a block of a transpose has neither two nor four lanes')
    return [
      this.#pool.interleave('low', a, c),
      this.#pool.interleave('high', a, c),
      this.#pool.interleave('low', b, d),
      this.#pool.interleave('high', b, d),
    ]
  }

  #bind(value: Expr): Expr {
    if (value.kind === 'local') return value
    const local = this.#pool.local(value.dtype, value.lanes)
    this.#written.push({ kind: 'let', local, value })
    return this.#pool.localValue(local, value.axes)
  }

  #statement(statement: Statement, row: number, copy: number): void {
    const { vector } = this.#plan
    if (statement.kind === 'let') {
      const { local } = statement
      if (vector.variesLocal(local)) {
        const value = this.#value(statement.value, row, copy)
        const made = this.#pool.local(local.dtype, vector.lanes)
        this.#localsOf(row, copy).set(local, made)
        this.#written.push({ kind: 'let', local: made, value })
      } else if (copy === 0) {
        const value = this.#scalar(statement.value, row, 0)
        const made = this.#pool.local(local.dtype)
        for (let other = 0; other < this.#copies; other++) this.#localsOf(row, other).set(local, made)
        this.#written.push({ kind: 'let', local: made, value })
      }
    } else if (statement.kind === 'store') {
      const { buffer, index } = statement
      const value = this.#value(statement.value, row, copy)
      const at = this.#scalar(index, row, copy * vector.lanes)
      this.#written.push({ kind: 'store', buffer, index: at, value })
    } else throw new InternalError(`a block of a transpose holds a ${statement.kind}`)
  }

  #localsOf(row: number, copy: number): Map<Local, Local> {
    const key = `${row} ${copy}`
    let locals = this.#locals.get(key)
    if (locals === undefined) this.#locals.set(key, (locals = new Map<Local, Local>()))
    return locals
  }

  /** A scalar of the nest, `row` further across and `step` further along. */
  #scalar(expr: Expr, row: number, step: number): Expr {
    const { across, along, vector } = this.#plan
    const key = `${row} ${step}`
    let copier = this.#copiers.get(key)
    if (copier === undefined) {
      const axes = new Map([
        [across.axis, this.#pool.indexAdd(this.#pool.index(across.axis), row)],
        [along.axis, this.#pool.indexAdd(this.#pool.index(along.axis), step)],
      ])
      copier = (from) =>
        expressionCopier(this.#pool, {
          axes,
          locals: this.#localsOf(row, Math.floor(step / vector.lanes)),
        })(from)
      this.#copiers.set(key, copier)
    }
    return copier(expr)
  }

  /** The lanes of a value along, in a row of a copy. */
  #value(expr: Expr, row: number, copy: number): Expr {
    const key = `${row} ${copy}`
    let known = this.#vectors.get(key)
    if (known === undefined) this.#vectors.set(key, (known = new Map<Expr, Expr>()))
    const found = known.get(expr)
    if (found !== undefined) return found
    const made = this.#make(expr, row, copy)
    known.set(expr, made)
    return made
  }

  #make(expr: Expr, row: number, copy: number): Expr {
    const { along, vector } = this.#plan
    const { lanes } = vector
    const pool = this.#pool
    const start = (): Expr => this.#scalar(expr, row, copy * lanes)
    if (expr.kind === 'const') return pool.const(expr.dtype, expr.value, lanes)
    if (!vector.varies(expr)) return pool.splat(start(), lanes)
    switch (expr.kind) {
      case 'axis':
        return pool.ramp(start(), pool.const('int32', 1), lanes)
      case 'linear': {
        const stride = strideOf(expr, along.axis, vector.varies)
        if (stride !== undefined) return pool.ramp(start(), pool.size(stride), lanes)
        return this.#sum(expr, row, copy)
      }
      case 'local': {
        const local = this.#localsOf(row, copy).get(expr.local)
        if (local === undefined) throw new InternalError('a local of a transpose has no vector')
        return pool.localValue(local, expr.axes)
      }
      case 'load':
        return (
          this.#rows.get(`${expr.id} ${row} ${copy}`) ??
          pool.load(expr.buffer, this.#scalar(expr.index, row, copy * lanes), lanes)
        )
      default:
        return pool.withOperands(
          expr,
          operandsOf(expr).map((operand) => this.#value(operand, row, copy)),
        )
    }
  }

  /** A sum some of whose terms are computed per lane. */
  #sum(expr: Expr & { readonly kind: 'linear' }, row: number, copy: number): Expr {
    const pool = this.#pool
    let sum = this.#value(pool.linear([], expr.constant), row, copy)
    for (const { atom, coefficient } of expr.terms) {
      const factor = this.#value(pool.size(coefficient), row, copy)
      sum = pool.binary('add', sum, pool.binary('mul', this.#value(atom, row, copy), factor))
    }
    return sum
  }
}
