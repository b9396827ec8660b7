/**
 * Bookkeeping for one hand-scheduled wasm function: which index a parameter or local has, labels that do not clash,
 * and the two loop forms the runtime kernels are made of. Everything else is written straight in binaryen's terms.
 *
 * Expression nodes may be used once, so `Local.get()` and friends make a fresh node each time they are called.
 */
import { binaryen, type ExpressionRef, type WasmModule, type WasmType } from '../wasm/binaryen.ts'

/** A parameter or a local variable of a function under construction. */
export class Local {
  readonly #module: WasmModule
  readonly #index: number
  readonly #type: WasmType

  constructor(module: WasmModule, index: number, type: WasmType) {
    this.#module = module
    this.#index = index
    this.#type = type
  }

  get(): ExpressionRef {
    return this.#module.local.get(this.#index, this.#type)
  }

  set(value: ExpressionRef): ExpressionRef {
    return this.#module.local.set(this.#index, value)
  }

  /** The value plus a constant; i32 only. */
  plus(constant: number): ExpressionRef {
    return constant === 0 ? this.get() : this.#module.i32.add(this.get(), this.#module.i32.const(constant))
  }

  /** Adds an expression to the variable; i32 only. */
  advance(amount: ExpressionRef): ExpressionRef {
    return this.set(this.#module.i32.add(this.get(), amount))
  }

  /** Adds a constant to the variable; i32 only. */
  advanceBy(constant: number): ExpressionRef {
    return this.set(this.plus(constant))
  }
}

/** Collects parameters and locals, then defines the function. Results do not exist: kernels write to memory. */
export class FunctionBuilder {
  readonly module: WasmModule
  #parameters = 0
  #locals: WasmType[] = []
  #labels = 0

  constructor(module: WasmModule) {
    this.module = module
  }

  /** The next parameter, always an i32; all parameters come before the first local. */
  parameter(): Local {
    if (this.#locals.length > 0) throw new Error('parameters come before locals')
    return new Local(this.module, this.#parameters++, binaryen.i32)
  }

  local(type: WasmType = binaryen.i32): Local {
    this.#locals.push(type)
    return new Local(this.module, this.#parameters + this.#locals.length - 1, type)
  }

  vector(): Local {
    return this.local(binaryen.v128)
  }

  vectors(count: number): Local[] {
    return Array.from({ length: count }, () => this.vector())
  }

  constant(value: number): ExpressionRef {
    return this.module.i32.const(value)
  }

  /** A label unique in this function, from a vocabulary shared by all functions. */
  label(): string {
    return `l${this.#labels++}`
  }

  block(statements: readonly ExpressionRef[]): ExpressionRef {
    return this.module.block(null, statements)
  }

  when(condition: ExpressionRef, statements: readonly ExpressionRef[]): ExpressionRef {
    return this.module.if(condition, this.block(statements))
  }

  /** Calls a function of this module. */
  call(name: string, operands: readonly ExpressionRef[]): ExpressionRef {
    return this.module.call(name, operands, binaryen.none)
  }

  /** `do { statements } while (condition)`. */
  repeatWhile(statements: readonly ExpressionRef[], condition: ExpressionRef): ExpressionRef {
    const label = this.label()
    return this.module.loop(label, this.block([...statements, this.module.br_if(label, condition)]))
  }

  /** `do { statements; counter -= step } while (counter > 0)`, comparing as signed. */
  countdown(counter: Local, step: number, statements: readonly ExpressionRef[]): ExpressionRef {
    return this.repeatWhile(
      [...statements, counter.advanceBy(-step)],
      this.module.i32.gt_s(counter.get(), this.constant(0)),
    )
  }

  /** The smaller of a variable and a constant, compared as signed. */
  atMost(value: Local, limit: number): ExpressionRef {
    const { i32 } = this.module
    return this.module.select(i32.lt_s(value.get(), this.constant(limit)), value.get(), this.constant(limit))
  }

  define(name: string, statements: readonly ExpressionRef[]): void {
    const parameters = Array.from({ length: this.#parameters }, () => binaryen.i32)
    const body = this.block(statements)
    this.module.addFunction(name, binaryen.createType(parameters), binaryen.none, this.#locals, body)
  }
}
