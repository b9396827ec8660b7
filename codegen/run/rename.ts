/**
 * Steps with other buffers: in what they read, or in all they touch.
 */
import type { CheckStep, Step } from '../program.ts'
import { mapInside } from '../steps.ts'

type Rename = (buffer: number) => number

/** The step with other operands. Kernels never store to a variable, so all their uses of one are reads. */
export function withReads(step: Step, rename: Rename): Step {
  switch (step.kind) {
    case 'kernel':
      return {
        ...step,
        buffers: step.buffers.map(rename),
        ...(step.checks === undefined
          ? {}
          : { checks: step.checks.map((check) => withReads(check, rename) as CheckStep) }),
      }
    case 'conv':
      return {
        ...step,
        input: rename(step.input),
        kernel: rename(step.kernel),
        init: step.init === undefined ? undefined : rename(step.init),
      }
    case 'gemm':
      return {
        ...step,
        a: { ...step.a, buffer: rename(step.a.buffer) },
        b: { ...step.b, buffer: rename(step.b.buffer) },
        init: step.init === undefined ? undefined : { ...step.init, buffer: rename(step.init.buffer) },
      }
    case 'check':
      return step.reads === undefined
        ? { ...step, buffer: rename(step.buffer) }
        : { ...step, buffer: rename(step.buffer), reads: step.reads.map(rename) }
    case 'host':
      return { ...step, reads: step.reads.map(rename) }
    case 'commit':
      return { ...step, from: rename(step.from) }
    case 'if':
    case 'loop': {
      const inside = mapInside(step, (steps) => steps.map((inner) => withReads(inner, rename)))
      return { ...(inside as typeof step), condition: rename(step.condition) }
    }
    case 'push':
      return { ...step, record: rename(step.record), values: step.values.map(rename) }
    case 'merge':
      return { ...step, record: rename(step.record), other: rename(step.other) }
    case 'pop':
      return { ...step, record: rename(step.record) }
    case 'list':
      return { ...step, reads: step.reads.map(rename) }
  }
}

/** The step with other buffers. */
export function renamed(step: Step, rename: Rename): Step {
  const other = withReads(step, rename)
  switch (other.kind) {
    case 'gemm':
      return { ...other, c: rename(other.c) }
    case 'conv':
      return { ...other, result: rename(other.result), scratch: rename(other.scratch) }
    case 'host':
      return { ...other, writes: other.writes.map(rename) }
    case 'commit':
      return { ...other, variable: rename(other.variable) }
    case 'if':
    case 'loop':
      return mapInside(other, (steps) => steps.map((inner) => renamed(inner, rename)))
    case 'push':
    case 'merge':
      return { ...other, result: rename(other.result) }
    case 'pop':
      return { ...other, result: rename(other.result), values: other.values.map(rename) }
    case 'list':
      return { ...other, write: rename(other.write) }
    case 'kernel':
    case 'check':
      return other
  }
}
