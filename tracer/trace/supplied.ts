/**
 * Params of a trace that no argument fills: tensors the trace finds for itself at every call.
 *
 * They come after the arguments, in the order in which the callback met them. A *live* one is computed by a JavaScript
 * function at the beginning of every call. An *outer* one is a tensor of the trace around this one, which the callback
 * closed over; the function can then be called in that trace only.
 */
import { TraceError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { currentTrace, isActive } from './bind.ts'
import { outsideTrace } from './modes.ts'
import { outOfScope } from './scope.ts'

/** Where the tensor for a param comes from. */
export type Supplier =
  | { readonly kind: 'live'; readonly compute: () => TensorLike; readonly type: TensorType }
  | { readonly kind: 'outer'; readonly tensor: Tensor }

/** False for a tensor of a trace that has ended. */
export function isSupplied(supplier: Supplier): boolean {
  if (supplier.kind === 'live') return true
  const { payload } = supplier.tensor
  return payload.kind !== 'symbolic' || isActive(payload.trace)
}

/** The tensors for the supplied params of a call made now. */
export function supply(suppliers: readonly Supplier[], name: string): readonly Tensor[] {
  const trace = currentTrace()
  return suppliers.map((supplier) => {
    if (supplier.kind === 'outer') {
      const { payload } = supplier.tensor
      if (payload.kind === 'symbolic' && !isActive(payload.trace))
        throw outOfScope(name, supplier.tensor, name)
      return supplier.tensor
    }
    const { compute, type } = supplier
    const tensor = trace.live?.(compute, type.dtype) ?? liveValue(compute, type.dtype)
    if (tensor.dtype !== type.dtype || !sameShape(tensor.type.shape, type.shape))
      throw new TraceError({
        op: 'tf.live',
        problem: `the value is ${printType(tensor.type)}, but was ${printType(type)} when ${name} was traced`,
        fix: 'keep its dtype and shape, or pass it as an argument.',
      })
    return tensor
  })
}

/** What a live function gives now, in eager code. */
function liveValue(compute: () => TensorLike, dtype: TensorType['dtype'] | undefined): Tensor {
  const tensor = convertToTensor(compute(), { op: 'tf.live', dtype })
  tensor.elements('tf.live')
  return tensor
}

/**
 * A value that is computed again at every call of a traced function, where a plain JavaScript value would be the one of
 * the trace. In eager code it is just the value. All live values of a call are computed before anything else runs.
 *
 * @param dtype what JavaScript numbers become; float32 when absent, bool for booleans
 * @throws TraceError when dtype or shape are not those of the first trace, and for tensors that have no value yet
 * @example
 * let rate = 0.1
 * const step = tf.function((x: tf.Tensor) => x.mul(tf.live(() => rate)))
 * rate = 0.01 // the next call uses it
 */
export function live(compute: () => TensorLike, dtype?: TensorType['dtype']): Tensor {
  return currentTrace().live?.(compute, dtype) ?? liveValue(compute, dtype)
}

/** For the library's own use: the value for a trace in progress. */
export function liveNow(compute: () => TensorLike, dtype: TensorType['dtype'] | undefined): Tensor {
  return outsideTrace(() => liveValue(compute, dtype))
}
