/**
 * `tracemill/autograph-runtime`: what modules call that were rewritten before they ran, by the build plugin or the loader.
 *
 * There is no parser in it. A function that rewritten code calls is called as it is, unless something has been loaded
 * that can rewrite it now (`tracemill/autograph`). Rewritten modules import this by themselves; nobody else needs to.
 */
import { createRuntime, type Runtime } from '../tracer/autograph/runtime.ts'
import { convertCallback } from '../tracer/trace/convert-hook.ts'

/** The runtime of rewritten code. */
export const $ag: Runtime = /* @__PURE__ */ createRuntime(
  (callee) => convertCallback(callee, { isCallee: true }) as typeof callee,
)
