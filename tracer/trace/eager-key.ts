/**
 * Which compiled program an eager op can use.
 *
 * Sizes are run-time parameters, so a program serves every shape of a pattern: the key names an axis by the class of
 * axes that have its size, and keeps only what changes the code, namely sizes of 1, dtypes, ranks and the attributes that are not
 * sizes (axes, permutations). Integer attributes that are positions (slice starts, padding) are parameters as well and
 * are not even classed. So `x.slice(i)` in a loop runs one program.
 */
import { type DType, shortName } from '../../codegen/dtype.ts'
import { type Size, sizeName } from '../../codegen/size.ts'
import type { Attrs, AttrValue } from '../ir/graph.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'

/** Attributes that are sizes: classed with the operands' axes. */
const sizeAttributes: ReadonlySet<string> = new Set(['shape', 'sizes'])
/** Attributes that are positions: parameters of their own. */
const positionAttributes: ReadonlySet<string> = new Set(['starts', 'low', 'high'])

/** An operand as the program sees it: a chain of views over something in memory. */
export interface EagerOperand {
  readonly base: Tensor
  /** The views from the base outwards. */
  readonly views: readonly { readonly op: OpDefinition; readonly attrs: Attrs }[]
}

/** Unwraps the pending views of a tensor. */
export function operandOf(tensor: Tensor): EagerOperand {
  const payload = tensor.payload
  if (payload.kind !== 'view') return { base: tensor, views: [] }
  const inner = operandOf(payload.base)
  return { base: inner.base, views: [...inner.views, payload] }
}

/** The key of an application, and the values of the size names it uses, in order of the names `n0`, `n1`, … */
export class EagerKey {
  text = ''
  readonly values: number[] = []
  /** Which of the values are positions; the others are classes of sizes. */
  readonly #positions: number[] = []

  operand({ base, views }: EagerOperand): void {
    this.text += base.payload.kind === 'snapshot' ? '|v' : '|'
    this.text += shortName(base.dtype)
    this.shape(base.shape)
    for (const view of views) {
      this.text += `>${view.op.name}`
      this.attrs(view.attrs)
    }
  }

  shape(shape: readonly number[]): void {
    this.text += '['
    for (const size of shape) {
      if (size === 1) this.text += '1,'
      else this.text += `${this.#classOf(size)},`
    }
    this.text += ']'
  }

  attrs(attrs: Attrs): void {
    for (const key in attrs) {
      const value = attrs[key]
      if (Array.isArray(value) && sizeAttributes.has(key)) {
        this.text += key
        this.shape(value as readonly number[])
      } else if (Array.isArray(value) && positionAttributes.has(key)) {
        this.text += `${key}${value.length}`
        for (const position of value as readonly number[]) this.#position(position)
      } else this.text += `;${key}=${attributeText(value)}`
    }
  }

  /** Positions get names whatever they are, so equal values do not make another key. */
  #position(value: number): void {
    this.text += `@${this.values.length}`
    this.values.push(value)
    this.#positions.push(this.values.length - 1)
  }

  #classOf(size: number): string {
    for (let i = 0; i < this.values.length; i++)
      if (this.values[i] === size && !this.#positions.includes(i)) return `n${i}`
    this.values.push(size)
    return `n${this.values.length - 1}`
  }
}

function attributeText(value: AttrValue | undefined): string {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return Object.is(value, -0) ? '-0' : String(value)
}

/** Gives types and attributes with names in the place of sizes, by the same rules and in the same order as the key. */
export class SymbolicNames {
  readonly #values: number[] = []
  readonly #positions = new Set<number>()

  type(dtype: DType, shape: readonly number[]): { readonly dtype: DType; readonly shape: readonly Size[] } {
    return { dtype, shape: shape.map((size) => this.#size(size)) }
  }

  attrs(attrs: Attrs): Attrs {
    return Object.fromEntries(
      Object.entries(attrs).map(([key, value]): [string, AttrValue] => {
        if (Array.isArray(value) && sizeAttributes.has(key))
          return [key, (value as readonly number[]).map((size) => this.#size(size))]
        if (Array.isArray(value) && positionAttributes.has(key))
          return [key, (value as readonly number[]).map((position) => this.#position(position))]
        return [key, value]
      }),
    )
  }

  #size(size: number): Size {
    if (size === 1) return 1
    const known = this.#values.findIndex((value, i) => value === size && !this.#positions.has(i))
    if (known >= 0) return sizeName(`n${known}`)
    this.#values.push(size)
    return sizeName(`n${this.#values.length - 1}`)
  }

  #position(value: number): Size {
    this.#values.push(value)
    this.#positions.add(this.#values.length - 1)
    return sizeName(`n${this.#values.length - 1}`)
  }
}
