/**
 * Batches: several elements stacked into one, and what happens to the elements left over at the end.
 *
 * A batch may be padded with zeros to the full size; it then carries a mask that says which rows are real. `fit` and its
 * relatives know these masks by identity and count real rows only.
 */
import { ValueError } from '../../codegen/errors.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import { type Element, joinElements } from './element.ts'
import { stackRows } from './rows.ts'
import type { Stage } from './stages.ts'

export interface BatchOptions {
  /** Leaves out the last batch when it is smaller than the others. Default false. */
  readonly dropRemainder?: boolean
  /**
   * Fills the last batch up with zeros, and puts a mask behind every batch: bool[size], true for what is real.
   * Elements that are arrays get the mask as their last entry, others become `[element, mask]`. Default false.
   */
  readonly pad?: boolean
}

const masks = new WeakSet<Tensor>()

/** Whether a tensor is the mask of a padded batch. */
export function isMask(tensor: unknown): tensor is Tensor {
  return tensor instanceof Object && masks.has(tensor as Tensor)
}

function maskOf(real: number, size: number): Tensor {
  const mask = tensorOf('bool', [size], new Uint8Array(size).fill(1, 0, real))
  masks.add(mask)
  return mask
}

export function batchStage(
  size: number,
  { dropRemainder = false, pad = false }: BatchOptions,
): Stage<Element, Element> {
  if (dropRemainder && pad)
    throw new ValueError({
      op: 'batch',
      problem: 'the last batch can be dropped or padded, not both',
      fix: 'set one of dropRemainder and pad.',
    })
  let held: Element[] = []
  const batched = (): Element => {
    const real = held.length
    const rows = pad ? size : real
    const batch = joinElements('batch', held, (leaves, path) => joined(leaves, rows, path))
    held = []
    if (!pad) return batch
    const mask = maskOf(real, size)
    return Array.isArray(batch) ? [...(batch as readonly Element[]), mask] : [batch, mask]
  }
  return {
    push: (value, emit) => {
      held.push(value)
      if (held.length === size) emit(batched())
      return true
    },
    end: (emit) => {
      if (held.length > 0 && !dropRemainder) emit(batched())
    },
  }
}

/** Tensors become the rows of one, texts a list. */
function joined(leaves: readonly (Tensor | string)[], rows: number, path: string): Element {
  const texts = leaves.filter((leaf) => typeof leaf === 'string')
  if (texts.length === leaves.length)
    return [...texts, ...Array.from({ length: rows - texts.length }, () => '')]
  const tensors = leaves.filter((leaf) => typeof leaf !== 'string')
  if (tensors.length < leaves.length)
    throw new ValueError({
      op: 'batch',
      problem: `some elements are texts and others are not${path === '' ? '' : ` at ${path}`}`,
      fix: 'use a map that makes them alike.',
    })
  return stackRows('batch', tensors, rows, path)
}
