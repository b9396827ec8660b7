/**
 * `tf.v1`: graph mode, as in TensorFlow 1. A Graph is built first, and a Session runs parts of it.
 *
 * There is no switch for the process: what `disable_eager_execution` does for a program, `graph.asDefault(() => …)` does
 * for what is inside. Where TensorFlow leaves the order of a run open, here nodes run in the order of their construction,
 * and Variables that are fetched are read last.
 */
export type { FeedDict } from '../../tracer/tensor-methods.ts'
export { type Fetch, type Fetched } from './fetches.ts'
export { getDefaultGraph, Graph, Operation } from './graph.ts'
export { gradients } from './gradients.ts'
export { controlDependencies, group, noOp, operation, type Runnable } from './operations.ts'
export { identity, placeholder, type PlaceholderOptions, placeholderWithDefault } from './placeholders.ts'
export { evaluate, getDefaultSession, Session } from './session.ts'
export * as train from './train.ts'
export {
  getVariable,
  type GetVariableOptions,
  globalVariables,
  globalVariablesInitializer,
  isVariableInitialized,
  reportUninitializedVariables,
  setRandomSeed,
  trainableVariables,
  variableScope,
  type VariableScopeOptions,
  variablesInitializer,
} from './variables.ts'
