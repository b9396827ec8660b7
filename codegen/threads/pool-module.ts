/**
 * The module by which threads share the parts of a job, the same in every thread.
 *
 * There is one job at a time. The main thread describes it, then publishes it by writing the job word: the number of the
 * job and how many parts are left. Whoever takes a part compares and swaps the whole word, so a worker that comes late,
 * with a description it read long ago, takes nothing: the number has changed. The main thread takes parts like the
 * others, and so waits at the end only for parts that somebody is computing; a worker that sleeps, or was never started,
 * costs nothing. How a job is cut does not depend on who takes the parts.
 *
 *     begin(program, frame, step, parts, cost)   publishes a job, and wakes workers when it is worth it
 *     claim()                                    how many parts were left, 0 for none; takes one of them
 *     finish()                                   one part is done
 *     join(waited)                               waits for all parts; traps if one of them has
 *     abandon()                                  takes all parts without doing them, and waits
 *     serve(thread, received)                    a worker's loop: returns when it has mail
 *
 * A worker turns around for a while, then sleeps on the job word. Waking it costs the main thread more than a small job
 * takes; so the work of jobs for which nobody was woken adds up, and when it has become large, workers are woken.
 */
import { binaryen, type ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import * as control from './control.ts'

const { doneWord, jobWord, sleepersWord } = control

/** Makes code of one function, whose parameters and then locals are of `types`. */
class Body {
  readonly module: WasmModule
  readonly #types: number[]

  constructor(module: WasmModule, types: number[]) {
    this.module = module
    this.#types = types
  }

  get(local: number): ExpressionRef {
    return this.module.local.get(local, this.#types[local] ?? binaryen.i32)
  }

  set(local: number, value: ExpressionRef): ExpressionRef {
    return this.module.local.set(local, value)
  }

  at(word: number): ExpressionRef {
    return this.module.i32.const(word)
  }

  load(word: number): ExpressionRef {
    return this.module.i32.atomic.load(0, this.at(word))
  }

  store(word: number, value: ExpressionRef): ExpressionRef {
    return this.module.i32.atomic.store(0, this.at(word), value)
  }

  add(word: number, value: number): ExpressionRef {
    return this.module.drop(this.module.i32.atomic.rmw.add(0, this.at(word), this.module.i32.const(value)))
  }

  job(): ExpressionRef {
    return this.module.i64.atomic.load(0, this.at(jobWord))
  }

  wide(value: bigint): ExpressionRef {
    return this.module.i64.const(value)
  }

  block(...statements: readonly ExpressionRef[]): ExpressionRef {
    return this.module.block(null, [...statements], binaryen.none)
  }

  when(condition: ExpressionRef, ...statements: readonly ExpressionRef[]): ExpressionRef {
    return this.module.if(condition, this.block(...statements))
  }

  loop(label: string, ...statements: readonly ExpressionRef[]): ExpressionRef {
    return this.module.loop(label, this.block(...statements))
  }

  /** How many parts are left, of a job word in a local. */
  left(word: number): ExpressionRef {
    return this.module.i32.and(this.module.i32.wrap(this.get(word)), this.module.i32.const(0xffff))
  }

  /** Takes a part of the job that the word in a local is of; whether that went well. */
  take(word: number): ExpressionRef {
    const { i64 } = this.module
    const taken = i64.sub(this.get(word), this.wide(1n))
    return i64.eq(i64.atomic.rmw.cmpxchg(0, this.at(jobWord), this.get(word), taken), this.get(word))
  }
}

type Types = readonly ('i32' | 'i64')[]

function define(
  module: WasmModule,
  name: string,
  parameters: number,
  locals: Types,
  result: boolean,
  write: (body: Body) => ExpressionRef[],
): void {
  const { i32, i64, none } = binaryen
  const ints = Array.from({ length: parameters }, () => i32)
  const others = locals.map((type) => (type === 'i32' ? i32 : i64))
  const statements = write(new Body(module, [...ints, ...others]))
  const results = result ? i32 : none
  module.addFunction(
    name,
    binaryen.createType(ints),
    results,
    others,
    module.block(null, statements, results),
  )
  module.addFunctionExport(name, name)
}

/** Generates the module; it imports `env.memory`, which is shared, `env.waited` and, for workers, `env.table`. */
export function buildPoolModule(): Uint8Array<ArrayBuffer> {
  const module = new WasmModule()
  const { i32, i64 } = module
  const { none } = binaryen
  module.setFeatures(module.getFeatures() | binaryen.Features.Atomics)
  module.setMemory(1, 65536, null, [], true, false, 'memory')
  module.addMemoryImport('memory', 'env', 'memory', true)
  module.addTable('table', 0, 0xffffffff)
  module.addTableImport('table', 'env', 'table')
  // Whether the main thread has taken a part that it has not finished.
  module.addGlobal('held', binaryen.i32, true, i32.const(0))
  module.addFunctionImport('waited', 'env', 'waited', binaryen.i32, none)
  defineMain(module)
  defineServe(module)

  // Waits until as many parts are done as there are.
  define(module, 'await', 1, ['i32'], false, (f) => [
    f.loop(
      'l',
      f.when(
        i32.ne(f.load(doneWord), f.load(control.jobParts)),
        f.set(1, i32.add(f.get(1), i32.const(1))),
        f.when(
          i32.eq(f.get(1), i32.const(control.waitingTurns)),
          f.set(1, i32.const(0)),
          module.call('waited', [f.get(0)], none),
        ),
        module.br('l'),
      ),
    ),
  ])
  define(module, 'join', 0, [], false, (f) => [
    module.call('await', [i32.wrap(i64.shr_u(f.job(), f.wide(16n)))], none),
    f.when(f.load(control.failedWord), f.store(control.failedWord, i32.const(0)), module.unreachable()),
  ])
  define(module, 'abandon', 0, [], false, (f) => [
    f.when(module.global.get('held', binaryen.i32), module.call('finish', [], none)),
    f.loop(
      'l',
      f.when(module.call('claim', [], binaryen.i32), module.call('finish', [], none), module.br('l')),
    ),
    module.call('await', [i32.wrap(i64.shr_u(f.job(), f.wide(16n)))], none),
    f.store(control.failedWord, i32.const(0)),
  ])
  return module.emit({ validate: true })
}

function defineMain(module: WasmModule): void {
  const { i32, i64 } = module
  define(module, 'begin', 5, ['i64'], false, (f) => [
    f.store(control.jobProgram, f.get(0)),
    f.store(control.jobFrame, f.get(1)),
    f.store(control.jobStep, f.get(2)),
    f.store(control.jobParts, f.get(3)),
    f.store(doneWord, i32.const(0)),
    f.set(
      5,
      i64.or(
        i64.shl(i64.add(i64.shr_u(f.job(), f.wide(16n)), f.wide(1n)), f.wide(16n)),
        i64.extend_u(f.get(3)),
      ),
    ),
    i64.atomic.store(0, f.at(jobWord), f.get(5)),
    f.when(
      f.load(sleepersWord),
      f.set(4, i32.add(f.get(4), f.load(control.debtWord))),
      f.when(
        i32.ge_u(f.get(4), i32.const(control.wakingWork)),
        f.set(4, i32.const(0)),
        module.drop(module.memory.atomic.notify(f.at(jobWord), i32.const(-1))),
      ),
      f.store(control.debtWord, f.get(4)),
    ),
  ])
  define(module, 'claim', 0, ['i64'], true, (f) => [
    f.loop(
      'l',
      f.set(0, f.job()),
      f.when(i32.eqz(f.left(0)), module.return(i32.const(0))),
      f.when(f.take(0), module.global.set('held', i32.const(1)), module.return(f.left(0))),
      module.br('l'),
    ),
    module.unreachable(),
  ])
  define(module, 'finish', 0, [], false, (f) => [module.global.set('held', i32.const(0)), f.add(doneWord, 1)])
}

function defineServe(module: WasmModule): void {
  const { i32 } = module
  const { none } = binaryen
  const [thread, received, word, idle, program, frame, step, parts] = [0, 1, 2, 3, 4, 5, 6, 7] as const
  const types: Types = ['i64', 'i32', 'i32', 'i32', 'i32', 'i32']
  define(module, 'serve', 2, types, false, (f) => {
    const mail = (): ExpressionRef => i32.atomic.load(control.mailWords, i32.shl(f.get(thread), i32.const(2)))
    const part = i32.sub(f.get(parts), f.left(word))
    const operands = [f.get(frame), f.get(step), part, f.get(parts), f.get(thread)]
    const signature = binaryen.createType(operands.map(() => binaryen.i32))
    return [
      f.loop(
        'l',
        f.set(word, f.job()),
        // In this order: what a job needs is sent before the job is published.
        f.when(i32.ne(mail(), f.get(received)), module.return()),
        f.when(
          f.left(word),
          f.set(program, f.load(control.jobProgram)),
          f.set(frame, f.load(control.jobFrame)),
          f.set(step, f.load(control.jobStep)),
          f.set(parts, f.load(control.jobParts)),
          f.set(idle, i32.const(0)),
          f.when(
            f.take(word),
            module.call_indirect('table', f.get(program), operands, signature, none),
            f.add(control.servedWord, 1),
            f.add(doneWord, 1),
          ),
          module.br('l'),
        ),
        f.set(idle, i32.add(f.get(idle), i32.const(1))),
        f.when(
          i32.ge_u(f.get(idle), i32.const(control.idleTurns)),
          f.set(idle, i32.const(0)),
          f.add(sleepersWord, 1),
          f.when(
            i32.eq(mail(), f.get(received)),
            module.drop(module.memory.atomic.wait64(f.at(jobWord), f.get(word), f.wide(-1n))),
          ),
          f.add(sleepersWord, -1),
        ),
        module.br('l'),
      ),
    ]
  })
}
