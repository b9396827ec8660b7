/** Switching to vectors of 256 bits and back: V8's flag, a test of what it makes of code, and all programs anew. */
import { TraceError, ValueError } from '../errors.ts'
import { nodeModules } from '../cache/node-modules.ts'
import { isWide, setWide } from '../threads/wide-mode.ts'
import { arenaDepth } from './arena.ts'
import { renewMemory } from './threads.ts'
import { wideSelfTest } from './wide-self-test.ts'

/** The first version of Node whose V8 has passed tests with random kernels; 24's has not. */
const leastNode = 26

function refuse(problem: string): never {
  throw new ValueError({
    op: 'config.unsafeWideVectors',
    problem,
    fix: `leave it off here; it is for Node ${leastNode} or newer on x64.`,
  })
}

function setFlag(on: boolean): void {
  process.getBuiltinModule('node:v8').setFlagsFromString(`--${on ? '' : 'no-'}experimental-wasm-revectorize`)
}

/** Whether vectors are wide from now on. */
export function setWideVectors(on: boolean): void {
  if (on === isWide()) return
  if (arenaDepth() > 0)
    throw new TraceError({
      op: 'config.unsafeWideVectors',
      problem: 'programs cannot be compiled anew while a function runs or waits for a callback',
      fix: 'call it before or after, outside of all calls.',
    })
  if (on) {
    if (nodeModules === undefined) refuse('browsers have no setting for vectors of 256 bits')
    const { node } = process.versions
    if (Number.parseInt(node, 10) < leastNode)
      refuse(`the V8 of Node ${node} has no vectors of 256 bits for WebAssembly, or makes mistakes with them`)
    if (process.arch !== 'x64')
      refuse(`processors of the kind ${process.arch} have no vectors of 256 bits for it`)
    const failed = wideSelfTest(() => setFlag(true))
    if (failed !== undefined) {
      setFlag(false)
      refuse(`the self-test failed: ${failed} gives other results with wide vectors`)
    }
  } else setFlag(false)
  setWide(on)
  renewMemory()
}
