/**
 * Part of a variable: a tensor that can also be assigned.
 *
 * `v.slice(…)` and `v.at(i)` read the part at once, like any other read. Assigning it assigns the whole variable: in
 * eager code a copy with the part replaced, in a trace a choice per element between the old content and the new part,
 * which fuses with what computes the part and is done in place. So order, errors and gradients are those of `assign`.
 */
import { DTypeError } from '../codegen/errors.ts'
import { addSizes, type Size, subtractSizes } from '../codegen/size.ts'
import { convertToTensor, type TensorLike } from './convert.ts'
import { printType, type TensorType } from './ir/type.ts'
import { opNamed } from './op.ts'
import { at } from './ops/arguments.ts'
import { add, sub } from './ops/arithmetic.ts'
import { broadcastAlong } from './ops/broadcast.ts'
import { scalarTensor } from './ops/create.ts'
import { dynamicUpdate } from './ops/dynamic.ts'
import { where } from './ops/logical.ts'
import { reshape } from './ops/movement.ts'
import { mergeShapes } from './ops/sizes.ts'
import { padWith, type SliceAttrs, sliceWithStrides } from './ops/slice.ts'
import { Tensor } from './tensor.ts'
import { type Application, currentTrace, isTracing, observe, withObservers } from './trace/bind.ts'
import type { Variable } from './variable.ts'

/** Where a part lies: one start and size per axis of the variable. */
export interface Place {
  readonly starts: readonly Size[]
  readonly sizes: readonly Size[]
}

/**
 * Part of a variable as it was when the part was taken, which can be assigned. Made by `slice` and `at` of a variable.
 *
 * @example
 * const v = tf.variable([1, 2, 3])
 * v.at(1).assign(20)
 * v.slice(0, 1).assign([7])
 * v.array() // [7, 20, 3]
 */
export class VariableSlice extends Tensor {
  readonly #variable: Variable
  readonly #place: Place

  /** Use `sliceOfVariable`. */
  constructor(variable: Variable, place: Place, content: Tensor) {
    super(content.type, content.payload)
    this.#variable = variable
    this.#place = place
    Object.freeze(this)
  }

  /**
   * Replaces this part of the variable by `value`, which has the part's shape. Returns the variable.
   *
   * @throws ShapeError or DTypeError when the value does not fit; nothing is written then.
   */
  assign(value: TensorLike): Variable {
    return this.#replace('assign', value, (_, given) => given)
  }
  /** Adds `value`, of the part's shape, to what this part of the variable holds now. Returns the variable. */
  assignAdd(value: TensorLike): Variable {
    return this.#replace('assignAdd', value, add)
  }
  /** Subtracts `value`, of the part's shape, from what this part of the variable holds now. Returns the variable. */
  assignSub(value: TensorLike): Variable {
    return this.#replace('assignSub', value, sub)
  }

  #replace(op: string, value: TensorLike, combine: (now: Tensor, given: Tensor) => Tensor): Variable {
    const variable = this.#variable
    const { starts, sizes } = this.#place
    const fitted = fittingTensor(op, value, this.type, 'part', variable.name)
    // The gradient of an assigned variable flows to the variable alone: no tape needs to see how the content is made.
    withObservers([], () => {
      const whole = variable.value()
      const given = reshape(fitted, sizes)
      const now = sliceWithStrides(whole, strided(this.#place))
      const part = combine(now, given)
      variable.assign(
        sizes.includes(0) ? whole : isTracing() ? chosen(whole, part, starts) : updated(whole, part, starts),
      )
    })
    return variable
  }
}

function strided({ starts, sizes }: Place): SliceAttrs {
  return { starts, sizes, strides: starts.map(() => 1) }
}

function updated(whole: Tensor, part: Tensor, starts: readonly Size[]): Tensor {
  return dynamicUpdate(whole, part, starts as readonly number[])
}

/** The part where it lies and the old content elsewhere, as one formula per element. */
function chosen(whole: Tensor, part: Tensor, starts: readonly Size[]): Tensor {
  const { shape } = part.type
  const around = {
    low: starts,
    high: whole.type.shape.map((size, axis) =>
      subtractSizes(size, addSizes(at(starts, axis), at(shape, axis))),
    ),
    interior: starts.map(() => 0),
  }
  const inside = padWith(broadcastAlong(scalarTensor('bool', 1), shape, []), around, 0)
  return where(inside, padWith(part, around, 0), whole)
}

/** The part of `variable` at `place`, read now, in the shape `shape`. */
export function sliceOfVariable(variable: Variable, place: Place, shape: readonly Size[]): VariableSlice {
  const part = sliceWithStrides(variable.value(), strided(place))
  // The last step is applied here, so that the object tapes come to know is the one that can be assigned.
  const application: Application = { op: opNamed('reshape'), operands: [part], attrs: { shape }, regions: [] }
  const slice = new VariableSlice(variable, place, at(currentTrace().apply(application), 0))
  observe(application, [slice])
  return slice
}

/**
 * `value` as a tensor that may be assigned to something of this type: JavaScript values take the dtype, tensors must
 * have it, and shapes must be equal. In a trace, sizes that are not known yet must be equal in every call.
 */
export function fittingTensor(
  op: string,
  value: TensorLike,
  type: TensorType,
  owner: 'variable' | 'part',
  name: string,
): Tensor {
  const tensor = convertToTensor(value, { dtype: type.dtype, op })
  const rows = [
    [owner, `${name} ${printType(type)}`],
    ['value', printType(tensor.type)],
  ]
  if (tensor.dtype !== type.dtype)
    throw new DTypeError({
      op,
      problem: `the value's dtype is not the ${owner}'s`,
      rows,
      fix: `cast the value: value.cast('${type.dtype}').`,
    })
  mergeShapes([tensor.type.shape, type.shape], () => ({
    op,
    problem: `the value's shape is not the ${owner}'s`,
    rows,
    fix: `assignment does not broadcast; use tf.broadcastTo or reshape${owner === 'part' ? ', or v.at(i) for a single element' : ''}.`,
  }))
  return tensor
}
