/**
 * Names in kernel text. Axes and buffers keep their own names when they can (a second axis `i` becomes `i1`); immutable
 * locals are t0, t1, … and accumulators s0, s1, … in order of appearance, so equal kernels print equal texts whatever
 * they were made by.
 */
import type { Axis, Buffer, Local } from '../expr.ts'
import type { Kernel } from '../kernel.ts'

/** Gives every axis, buffer and local of one kernel a name, at its first appearance. */
export class Names {
  readonly #used = new Set<string>()
  readonly #usedByBuffers = new Set<string>()
  readonly #axes = new Map<Axis, string>()
  readonly #buffers = new Map<Buffer, string>()
  readonly #locals = new Map<Local, string>()
  #immutable = 0
  #mutable = 0

  constructor(kernel: Kernel) {
    for (const size of kernel.sizes) this.#used.add(size)
    for (const buffer of kernel.buffers) this.buffer(buffer)
  }

  axis(axis: Axis): string {
    return find(this.#axes, axis, () =>
      unique(
        this.#used,
        /^(?:[tsw]\d+|inf|nan|infd|nand|true|false|in|step)$/.test(axis.name) ? `${axis.name}_` : axis.name,
      ),
    )
  }
  buffer(buffer: Buffer): string {
    return find(this.#buffers, buffer, () => unique(this.#usedByBuffers, buffer.name.replaceAll(/\W/g, '_')))
  }
  local(local: Local): string {
    return find(this.#locals, local, () => (local.mutable ? `s${this.#mutable++}` : `t${this.#immutable++}`))
  }
  /** True before the local's first appearance. */
  isNew(local: Local): boolean {
    return !this.#locals.has(local)
  }
}

function find<Key>(names: Map<Key, string>, key: Key, make: () => string): string {
  let name = names.get(key)
  if (name === undefined) names.set(key, (name = make()))
  return name
}

function unique(used: Set<string>, wish: string): string {
  const stem = /^[A-Za-z_]/.test(wish) ? wish : `_${wish}`
  let name = stem
  for (let i = 1; used.has(name); i++) name = `${stem}${i}`
  used.add(name)
  return name
}
