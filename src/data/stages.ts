/**
 * Transformations of sequences, one value at a time: a stage gets values and emits others, knows nothing of where they
 * come from, and so serves synchronous and asynchronous datasets alike. Each iteration makes stages of its own.
 */
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { type Element, elementOf, mapTensors, tensorsOf } from './element.ts'
import type { Chooser } from './random-order.ts'
import { rowOf } from './rows.ts'

export type Emit<B> = (value: B) => void

/** A transformation under way. */
export interface Stage<A, B> {
  /** Takes a value; false says that no further one is of use. */
  push(value: A, emit: Emit<B>): boolean
  /** There are no further values. */
  end?(emit: Emit<B>): void
}

/** `B` is what elements made of the callback's results are called. */
export function mapStage<A, B>(f: (value: A) => unknown): Stage<A, B> {
  return {
    push: (value, emit) => {
      emit(elementOf('map', f(value)) as B)
      return true
    },
  }
}

export function filterStage<A>(f: (value: A) => unknown): Stage<A, A> {
  return {
    push: (value, emit) => {
      if (truth(f(value))) emit(value)
      return true
    },
  }
}

/** What a predicate says: a boolean, or a scalar tensor. */
export function truth(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  return convertToTensor(elementOf('filter', answer) as Tensor, { op: 'filter' }).item() !== 0
}

export function takeStage<A>(count: number): Stage<A, A> {
  let left = count
  return {
    push: (value, emit) => {
      emit(value)
      return --left > 0
    },
  }
}

export function skipStage<A>(count: number): Stage<A, A> {
  let left = count
  return {
    push: (value, emit) => {
      if (left > 0) left--
      else emit(value)
      return true
    },
  }
}

export function enumerateStage<A>(start: number): Stage<A, readonly [Tensor, A]> {
  let next = start
  return {
    push: (value, emit) => {
      emit([convertToTensor(next++, { dtype: 'int32', op: 'enumerate' }), value])
      return true
    },
  }
}

/** Holds `size` values and gives a random one of them whenever another comes. */
export function shuffleStage<A>(size: number, choose: Chooser): Stage<A, A> {
  const held: A[] = []
  return {
    push: (value, emit) => {
      if (held.length < size) held.push(value)
      else {
        const i = choose(size)
        emit(held[i] as A)
        held[i] = value
      }
      return true
    },
    end: (emit) => {
      while (held.length > 0) {
        const i = choose(held.length)
        emit(held[i] as A)
        const last = held.pop() as A
        if (i < held.length) held[i] = last
      }
    },
  }
}

export function unbatchStage(): Stage<Element, Element> {
  return {
    push: (value, emit) => {
      const count = rowCount('unbatch', value)
      for (let i = 0; i < count; i++) emit(mapTensors(value, (tensor) => rowOf(tensor, i)))
      return true
    },
  }
}

/** The size of axis 0 of all tensors of a structure. Throws ValueError when there are none, or they differ. */
export function rowCount(op: string, value: Element): number {
  const tensors = tensorsOf(value)
  const rows = tensors.map(([path, tensor]) => [
    path === '' ? 'tensor' : path,
    String(tensor.shape[0] ?? 'a scalar'),
  ])
  const [first] = tensors
  if (first === undefined)
    throw new ValueError({ op, problem: 'there is no tensor to take apart', fix: 'pass at least one.' })
  const count = first[1].shape[0]
  if (count === undefined || tensors.some(([, tensor]) => tensor.shape[0] !== count))
    throw new ValueError({
      op,
      problem: 'the tensors do not have the same number of rows',
      rows,
      fix: 'give all of them one size along axis 0.',
    })
  return count
}
