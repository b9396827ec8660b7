/** Tensors of a trace that are used where they mean nothing. */
import { TraceError } from '../../codegen/errors.ts'
import { printType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'

/** The error for a symbolic tensor used by `op` in `user`, a trace that is not its own; undefined is eager code. */
export function outOfScope(op: string, tensor: Tensor, user: string | undefined): TraceError {
  const payload = tensor.payload
  const origin = payload.kind === 'symbolic' ? payload.trace.name : 'eager code'
  const line = payload.kind === 'symbolic' ? payload.trace.sourceOf?.(payload.value) : undefined
  const made = `${printType(tensor.type)} was made while tracing ${origin}`
  return new TraceError({
    op,
    problem:
      user === undefined
        ? `${made} and is out of scope here`
        : `${made} and is out of scope: it cannot be used in ${user}`,
    ...(line === undefined ? {} : { rows: [['created', `in ${origin} at ${line}`]] }),
    fix:
      user === undefined
        ? `return it from ${origin}; only then it has a value.`
        : `return it from ${origin}, or pass it as an argument.`,
  })
}
