/**
 * The pool of expression nodes: hash-consing, leaves, arithmetic and vectors. `ExprPool` (expr.ts) adds the canonical
 * form of index arithmetic and is what everybody uses.
 */
import type { DType } from './dtype.ts'
import { InternalError } from './errors.ts'
import type { Axis, BinaryOp, Buffer, CompareOp, Expr, Lanes, Local, ReduceOp, UnaryOp } from './expr-node.ts'
import { printSize, type Size } from './size.ts'

/** The axes that any of the operands varies with, but for `without`. */
export function mergeAxes(operands: readonly Expr[], without: readonly Axis[] = []): readonly Axis[] {
  const first = operands[0]
  if (operands.length === 1 && first !== undefined && without.length === 0) return first.axes
  const all = new Set<Axis>()
  for (const operand of operands) for (const axis of operand.axes) if (!without.includes(axis)) all.add(axis)
  return [...all].sort((a, b) => a.id - b.id)
}

/** Omit over a union, member by member. */
export type Fields<T> = T extends Expr ? Omit<T, 'id' | 'axes'> : never

/** Makes and owns the nodes, axes, buffers and locals of one kernel. */
export class NodePool {
  #nodes = new Map<string, Expr>()
  #nextNode = 0
  #nextAxis = 0
  #nextBuffer = 0
  #nextLocal = 0

  axis(name: string, extent: Size): Axis {
    return { id: this.#nextAxis++, name, extent }
  }
  buffer(name: string, dtype: DType, elements: Size): Buffer {
    return { id: this.#nextBuffer++, name, dtype, elements }
  }
  local(dtype: DType, lanes: Lanes = 1, mutable = false): Local {
    return { id: this.#nextLocal++, dtype, lanes, mutable }
  }

  /** The node with this key, made if there is none. The key names kind, operands and everything else that tells nodes apart. */
  protected intern(key: string, fields: Fields<Expr>, axes: readonly Axis[]): Expr {
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const made = { ...fields, id: this.#nextNode++, axes } as Expr
    this.#nodes.set(key, made)
    return made
  }

  // --- leaves ---

  const(dtype: DType, value: number, lanes: Lanes = 1): Expr {
    const stored =
      dtype === 'float32'
        ? Math.fround(value)
        : dtype === 'int32'
          ? value | 0
          : dtype === 'uint8'
            ? value & 255
            : dtype === 'bool'
              ? Number(value !== 0)
              : value
    const text = Object.is(stored, -0) ? '-0' : String(stored)
    return this.intern(`const ${dtype} ${lanes} ${text}`, { kind: 'const', dtype, lanes, value: stored }, [])
  }
  /** A size as an int32 value. */
  size(size: Size): Expr {
    if (typeof size === 'number') return this.const('int32', size)
    return this.intern(`size ${printSize(size)}`, { kind: 'size', dtype: 'int32', lanes: 1, size }, [])
  }
  /** The current value of a loop index. An axis of extent 1 is the constant 0. */
  index(axis: Axis): Expr {
    if (axis.extent === 1) return this.const('int32', 0)
    return this.intern(`axis ${axis.id}`, { kind: 'axis', dtype: 'int32', lanes: 1, axis }, [axis])
  }
  localValue(local: Local, axes: readonly Axis[]): Expr {
    return this.intern(
      `local ${local.id}`,
      { kind: 'local', dtype: local.dtype, lanes: local.lanes, local },
      axes,
    )
  }
  load(buffer: Buffer, index: Expr, lanes: Lanes = index.lanes): Expr {
    return this.intern(
      `load ${buffer.id} ${index.id} ${lanes}`,
      { kind: 'load', dtype: buffer.dtype, lanes, buffer, index },
      index.axes,
    )
  }

  // --- arithmetic ---

  unary(op: UnaryOp, x: Expr): Expr {
    return this.intern(
      `unary ${op} ${x.id}`,
      { kind: 'unary', op, dtype: x.dtype, lanes: x.lanes, x },
      x.axes,
    )
  }
  binary(op: BinaryOp, x: Expr, y: Expr): Expr {
    this.#sameKind(op, x, y)
    return this.intern(
      `binary ${op} ${x.id} ${y.id}`,
      { kind: 'binary', op, dtype: x.dtype, lanes: x.lanes, x, y },
      mergeAxes([x, y]),
    )
  }
  compare(op: CompareOp, x: Expr, y: Expr): Expr {
    this.#sameKind(op, x, y)
    return this.intern(
      `compare ${op} ${x.id} ${y.id}`,
      { kind: 'compare', op, dtype: 'bool', lanes: x.lanes, x, y },
      mergeAxes([x, y]),
    )
  }
  select(condition: Expr, x: Expr, y: Expr): Expr {
    this.#sameKind('select', x, y)
    if (condition.dtype !== 'bool' || condition.lanes !== x.lanes)
      throw new InternalError('select: the condition must be bool with the lanes of its operands')
    if (condition.kind === 'const') return condition.value !== 0 ? x : y
    if (x === y) return x
    return this.intern(
      `select ${condition.id} ${x.id} ${y.id}`,
      { kind: 'select', dtype: x.dtype, lanes: x.lanes, condition, x, y },
      mergeAxes([condition, x, y]),
    )
  }
  convert(x: Expr, dtype: DType): Expr {
    if (x.dtype === dtype) return x
    return this.intern(`convert ${dtype} ${x.id}`, { kind: 'convert', dtype, lanes: x.lanes, x }, x.axes)
  }
  bitcast(x: Expr, dtype: 'float32' | 'int32'): Expr {
    if (x.dtype === dtype) return x
    return this.intern(`bitcast ${dtype} ${x.id}`, { kind: 'bitcast', dtype, lanes: x.lanes, x }, x.axes)
  }
  madd(x: Expr, y: Expr, z: Expr): Expr {
    this.#sameKind('madd', x, y)
    this.#sameKind('madd', y, z)
    return this.intern(
      `madd ${x.id} ${y.id} ${z.id}`,
      { kind: 'madd', dtype: x.dtype, lanes: x.lanes, x, y, z },
      mergeAxes([x, y, z]),
    )
  }
  reduce(op: ReduceOp, over: readonly Axis[], body: Expr): Expr {
    if (over.length === 0) return body
    return this.intern(
      `reduce ${op} ${over.map((axis) => axis.id).join(',')} ${body.id}`,
      { kind: 'reduce', op, dtype: body.dtype, lanes: 1, over, body },
      mergeAxes([body], over),
    )
  }
  argReduce(op: 'max' | 'min', over: Axis, body: Expr): Expr {
    return this.intern(
      `argReduce ${op} ${over.id} ${body.id}`,
      { kind: 'argReduce', op, dtype: 'int32', lanes: 1, over, body },
      mergeAxes([body], [over]),
    )
  }

  // --- vectors ---

  splat(x: Expr, lanes: 2 | 4): Expr {
    if (x.kind === 'const') return this.const(x.dtype, x.value, lanes)
    return this.intern(`splat ${lanes} ${x.id}`, { kind: 'splat', dtype: x.dtype, lanes, x }, x.axes)
  }
  ramp(x: Expr, step: Expr, lanes: 2 | 4): Expr {
    return this.intern(
      `ramp ${lanes} ${x.id} ${step.id}`,
      { kind: 'ramp', dtype: 'int32', lanes, x, step },
      mergeAxes([x, step]),
    )
  }
  horizontal(op: ReduceOp, x: Expr): Expr {
    return this.intern(
      `horizontal ${op} ${x.id}`,
      { kind: 'horizontal', op, dtype: x.dtype, lanes: 1, x },
      x.axes,
    )
  }
  interleave(half: 'low' | 'high', x: Expr, y: Expr): Expr {
    this.#sameKind('interleave', x, y)
    return this.intern(
      `interleave ${half} ${x.id} ${y.id}`,
      { kind: 'interleave', half, dtype: x.dtype, lanes: x.lanes, x, y },
      mergeAxes([x, y]),
    )
  }

  #sameKind(op: string, x: Expr, y: Expr): void {
    if (x.dtype !== y.dtype || x.lanes !== y.lanes)
      throw new InternalError(`${op}: operands are ${x.dtype}x${x.lanes} and ${y.dtype}x${y.lanes}`)
  }
}
