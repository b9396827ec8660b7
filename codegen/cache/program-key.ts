/**
 * The text of everything that a program's module depends on, except the engine's features and this library's version.
 *
 * A program is plain data, so its text is made by walking through it. Nodes, axes, buffers and locals of a kernel are
 * shared: each is written once, and by number after that. Numbers are given in the order of the walk, since a node's own
 * id tells only when it was made. Left out is what has no part in the code: the data of constants, the pools that made
 * the nodes, where steps come from, and the axes of a node, which follow from its operands. A property that is added to a
 * step or a node later is in the key by itself.
 */
import type { ProgramSpec } from '../program.ts'
import { SizePolynomial } from '../size.ts'

/** The key of a planned program. */
export function programKey(spec: ProgramSpec): string {
  return new Writer().text(spec)
}

class Writer {
  readonly #numbers = new Map<object, number>()
  #parts: string[] = []

  text(spec: ProgramSpec): string {
    this.#object({ ...spec, name: '' }, false)
    return this.#parts.join('')
  }

  /** `inKernel`: where an `id` is that of an object rather than a number the code has in it. */
  #value(value: unknown, inKernel: boolean): void {
    switch (typeof value) {
      case 'number':
        this.#parts.push(Object.is(value, -0) ? '-0' : `${value}`)
        return
      case 'string':
        this.#parts.push(JSON.stringify(value))
        return
      case 'object':
        if (value === null) this.#parts.push('null')
        else if (value instanceof SizePolynomial) this.#parts.push(`<${value.key}>`)
        else if (ArrayBuffer.isView(value)) this.#parts.push('data')
        else if (Array.isArray(value)) this.#list(value, inKernel)
        else this.#shared(value, inKernel)
        return
      default:
        this.#parts.push(String(value))
    }
  }

  #list(values: readonly unknown[], inKernel: boolean): void {
    this.#parts.push('[')
    for (const value of values) {
      this.#value(value, inKernel)
      this.#parts.push(',')
    }
    this.#parts.push(']')
  }

  #shared(value: object, inKernel: boolean): void {
    const known = this.#numbers.get(value)
    if (known !== undefined) {
      this.#parts.push(`#${known}`)
      return
    }
    this.#numbers.set(value, this.#numbers.size)
    this.#object(value, inKernel)
  }

  #object(value: object, inKernel: boolean): void {
    this.#parts.push('{')
    const names = Object.keys(value)
    const isIdentity = inKernel && Reflect.get(value, 'kind') !== 'fail'
    for (const name of names) {
      if (name === 'pool' || name === 'origin' || (isIdentity && (name === 'id' || name === 'axes'))) continue
      const property: unknown = Reflect.get(value, name)
      if (property === undefined) continue
      this.#parts.push(name, ':')
      this.#value(property, inKernel || name === 'kernel')
      this.#parts.push(',')
    }
    this.#parts.push('}')
  }
}
