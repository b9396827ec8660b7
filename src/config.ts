/**
 * `tf.config`: what the whole process is set to.
 */
import { compileCounts, useCompileCache } from '../codegen/cache/compile-cache.ts'
import { UnfitFolder } from '../codegen/cache/folder.ts'
import { TraceError, ValueError } from '../codegen/errors.ts'
import { setThreadCount } from '../codegen/run/threads.ts'
import { setWideVectors } from '../codegen/run/wide.ts'
import { isBinaryenLoaded } from '../codegen/wasm/binaryen.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import { setFunctionsRunEagerly } from '../tracer/trace/modes.ts'
import { setCheckNumerics } from '../tracer/trace/numerics.ts'

/** Whether traced functions run their callback eagerly instead of a compiled program. Set by `runFunctionsEagerly`. */
export let functionsRunEagerly: boolean = false

/**
 * Makes traced functions run their callback on every call, eagerly, so that it can be stepped through and tensors can
 * be looked at; `false` goes back to compiled programs, which have been kept.
 *
 * @example
 * tf.config.runFunctionsEagerly(true)
 * tf.config.functionsRunEagerly // true
 * tf.config.runFunctionsEagerly(false)
 */
export function runFunctionsEagerly(on: boolean): void {
  functionsRunEagerly = on
  setFunctionsRunEagerly(on)
}

/**
 * From now on the result of every floating op is checked, in eager code and in traced functions, which are traced anew
 * for it: the first NaN or infinity throws a CheckError that names the op and the line. It costs a pass over every
 * result.
 *
 * @example
 * tf.config.enableCheckNumerics()
 * tf.log(tf.tensor([-1])) // throws CheckError
 * tf.config.disableCheckNumerics()
 */
export function enableCheckNumerics(): void {
  setCheckNumerics(true)
}

/** Ends `enableCheckNumerics`: functions go back to their traces without checks. */
export function disableCheckNumerics(): void {
  setCheckNumerics(false)
}

/**
 * Keeps compiled programs, of traced functions and of eager ops, for the next process: a program that is in the cache is
 * not compiled again. `true` is the folder `node_modules/.cache/tracemill` beside the nearest package.json, a path
 * another folder, `false` none, which is how it begins. In a page `true` is a Cache of the browser, whose entries are
 * there from the next page on. Returns where the cache is, undefined for none.
 *
 * The environment variable `TRACEMILL_CACHE` (`1`, or a path) asks for the same before the library is loaded; if there
 * are entries by then, Node does not load binaryen at all, and a program that is not among them is compiled in another
 * thread, for which the call waits. A folder is made for its owner alone; entries of other versions are not looked at,
 * damaged ones are replaced, and the oldest go beyond 64 MB.
 *
 * @throws ValueError for a folder that belongs to another user, or that other users can write to
 * @example
 * tf.config.setCompileCache(false) // undefined
 */
export function setCompileCache(place: string | boolean): string | undefined {
  if ((typeof place !== 'string' && typeof place !== 'boolean') || place === '')
    throw new ValueError({
      op: 'config.setCompileCache',
      problem: `${place === '' ? 'an empty text' : String(place)} is neither a folder nor true or false`,
      fix: 'pass the path of a folder, true for the usual one, or false for none.',
    })
  try {
    return useCompileCache(place)
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    throw new ValueError({
      op: 'config.setCompileCache',
      problem: error.message,
      fix: 'pass a folder of your own that others cannot write to (chmod 700).',
    })
  }
}

/** What `compileStatistics` tells of this process. */
export interface CompileStatistics {
  /** Programs compiled, of traced functions and of eager ops. */
  readonly compiled: number
  /** Programs that were in the cache. */
  readonly found: number
  /** Entries of the cache that were damaged or about something else. */
  readonly rejected: number
  /** Whether binaryen has been loaded in this thread. */
  readonly binaryenLoaded: boolean
}

/**
 * How many programs this process has compiled, and how many it has found in the compile cache.
 *
 * @example
 * const f = tf.function((x: tf.Tensor) => x.mul(3).add(4))
 * const five = tf.tensor([1, 2, 3, 4, 5])
 * const before = tf.config.compileStatistics().compiled
 * f(five)
 * tf.config.compileStatistics().compiled - before // 1
 */
export function compileStatistics(): CompileStatistics {
  return { ...compileCounts, binaryenLoaded: isBinaryenLoaded() }
}

/** How many threads functions run in. Set by `setThreads`. */
export let threads: number = 1

/**
 * Lets functions, and eager ops, run in `count` threads (`'auto'`: as many as there are processors; 1 is how it begins)
 * and returns how many there are from now on. That is 1 where threads cannot share memory: in a page that is not cross-origin
 * isolated.
 *
 * Matrix products, convolutions and large elementwise or row-wise loops are cut into parts, which depend on sizes and
 * `count` alone, so the same count gives the same bits every time. The calling thread computes like the others and never
 * waits for one that sleeps. Workers are started up to the number of processors, sleep while there is nothing to do, and
 * do not keep the process alive. Variables keep their values and nothing is traced again; programs are compiled
 * again when they are next called.
 *
 * @throws TraceError inside a call, ValueError for what is no number of threads
 * @example
 * const before = tf.config.setThreads(2)
 * tf.matMul(tf.ones([300, 300]), tf.ones([300, 300])).max().item() // 300
 * tf.config.setThreads(1) // 1
 */
export function setThreads(count: number | 'auto'): number {
  if (isTracing())
    throw new TraceError({
      op: 'config.setThreads',
      problem: 'the number of threads cannot change while a function is traced',
      fix: 'call it before or after, outside of all calls.',
    })
  threads = setThreadCount(count)
  return threads
}

/**
 * Compiles for vectors of 256 bits in place of 128, with an experimental part of V8 that joins neighbouring vectors:
 * on Node 26 or newer, x64. It is a setting of the whole process, other libraries' modules included, and V8 promises
 * nothing about it, hence the name. Before it is on, a test compares a set of compiled kernels with what they mean, bit for
 * bit. Nothing is traced again; programs are compiled again when they are next called.
 *
 * @throws ValueError in browsers, on other versions of Node and other processors, and when the test fails;
 *   TraceError inside a call
 * @example
 * tf.config.unsafeWideVectors(false) // as it begins
 */
export function unsafeWideVectors(on: boolean): void {
  setWideVectors(on)
}
