/**
 * Everything a user imports: `import * as tf from 'tracemill'`.
 *
 * This file is the table of contents. Importing it loads the op library, installs the eager trace and the methods of
 * tensors, and waits for the code generator to be ready, so that everything after it is synchronous.
 */
import '../tracer/trace/eager.ts'
import '../tracer/trace/differentiate.ts'
import './tensor.ts'

export type { DType, TypedArray } from '../codegen/dtype.ts'
export {
  CheckError,
  DTypeError,
  GradientError,
  InternalError,
  ShapeError,
  SignatureError,
  TraceError,
  TracemillError,
  ValueError,
} from '../codegen/errors.ts'
export type { TensorLike } from '../tracer/convert.ts'
export { type CustomGradient, customGradient, stopGradient } from '../tracer/gradient/custom.ts'
export type { GradientOptions, JacobianOptions } from '../tracer/gradient/requests.ts'
export { GradientTape, type TapeOptions } from '../tracer/gradient/tape.ts'
export type { GradientsOf, OutputGradients, Source } from '../tracer/gradient/structure.ts'
export { type BoolTensor, type NestedArray, Tensor } from '../tracer/tensor.ts'
export { flatten, traceType, unflatten } from '../tracer/trace/protocol.ts'
export { isTracing } from '../tracer/trace/bind.ts'
export { type LoopSettings, setLoopOptions } from '../tracer/trace/loop-options.ts'
export { live } from '../tracer/trace/supplied.ts'
export { ignore } from '../tracer/trace/unused-tests.ts'
export {
  type Concrete,
  type FunctionOptions,
  partial,
  type Traced,
  traceFunction as func,
  traceFunction as function,
} from './function.ts'
export * as config from './config.ts'
export * as debug from './debug.ts'
export { type Device, device, listDevices, nameScope } from './device.ts'
export { profile, type Profile, type ProfileOptions, type ProfileTotal } from './profile/profile.ts'
export type { ProfileRow } from './profile/rows.ts'
export { type CaseOptions, caseOf as case, cond, switchCase, type Tensors } from './control.ts'
export { whileLoop, type WhileOptions } from './while-loop.ts'
export { TensorArray, tensorArray, type TensorArrayOptions } from './tensor-array.ts'
export { foldl, type FoldOptions, foldr, mapFn, scan, type ScanOptions } from './elements.ts'
export {
  assert,
  assertEqual,
  assertGreater,
  assertGreaterEqual,
  assertLess,
  assertLessEqual,
  assertNotEqual,
} from './assertions.ts'
export { checkNumerics, eagerly, hostCall, print, type PrintOptions, type ResultSpec } from './effects.ts'
export { grad, grads, valueAndGrad, valueAndGrads } from './gradients.ts'
export * as losses from './losses/index.ts'
export * from './math/index.ts'
export * as nn from './nn/index.ts'
export * from './nn/index.ts'
export {
  captureWarnings,
  expectNoRetrace,
  onRetrace,
  retraces,
  type Retrace,
  type RetraceRow,
} from './retraces.ts'
export { spec, type TensorSpec } from './spec.ts'
export { type DeclaredShape, variable, Variable, type VariableOptions, VariableSlice } from './variable.ts'
export * as random from './random/index.ts'
export {
  multinomial,
  randomGamma,
  randomNormal,
  randomStandardNormal,
  randomUniform,
  randomUniformInt,
  truncatedNormal,
} from './random/tensors.ts'
export * as initializers from './initializers/index.ts'
export * as activations from './activations/index.ts'
export * as regularizers from './regularizers/index.ts'
export * as layers from './layers/index.ts'
export * as metrics from './metrics/index.ts'
export * as optimizers from './optimizers/index.ts'
export * as callbacks from './callbacks/index.ts'
export * from './models/index.ts'
export * as data from './data/index.ts'
export * as io from './io/index.ts'
export * as v1 from './v1/index.ts'
