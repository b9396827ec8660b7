/**
 * A compiled program and its calls.
 *
 * A call copies the inputs to the arena, calls the module's `main` once with the address of a *frame table* (the
 * addresses of all buffers, the sizes, the scratch memory), and copies the outputs out. The table stays in memory
 * between calls and is written only where something has moved: usually nothing has, so that a call costs little more
 * than its copies. A program that is called again while it runs, by a host callback, gets a second table.
 *
 * Variables are pinned while a call runs. Errors thrown by the host (a failed check, a callback's own) pass through
 * the compiled code unchanged, and leave nothing behind.
 */
import { byteSize, type DType, type TypedArray } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { CheckStep, HostStep, ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
import { type Activation, elementsIn } from './activation.ts'
import { enterArena, leaveArena } from './arena.ts'
import { paddedBytes } from './allocator.ts'
import { compileProgram } from './compile.ts'
import { copyIn, copyOut } from './copy.ts'
import { memoryGeneration, viewAt, views } from './heap.ts'
import { hold, type Holdings, holdingsOf, release } from './holdings.ts'
import type { FrameLayout } from '../wasm/assemble.ts'
import {
  countOf,
  type Layout,
  LayoutCache,
  planReport,
  type PlanReport,
  sameNumbers,
  type VariablePlace,
  variablesOf,
} from './layout.ts'
import type { MemoryPlan } from './plan.ts'
import { activeProfile } from './profiler.ts'
import { gemmScratchAddress } from './runtime-kernels.ts'
import { pinSlot, type Slot, unpinSlot } from './slots.ts'
import { type BufferPlaces, storeSteps, Stores, type StoreStep } from './stores.ts'
import { abandonParts, planForThreads } from './threads.ts'

/** What a program asks of the tracer while it runs. */
export interface ProgramHost {
  /**
   * Throws the user's error for a failed check; `value` is what the check found, and `read` copies the i-th of the
   * buffers that the step lists for the message.
   */
  readonly fail: (id: number, value: number, read: (i: number) => TypedArray) => never
  /**
   * Runs the callback `id` with copies of the buffers the step reads, in order. It may return new contents for the
   * buffers the step writes, in order; undefined leaves one as it is, and variables are written through their slots.
   */
  readonly call: (id: number, reads: readonly TypedArray[]) => readonly (TypedArray | undefined)[] | undefined
}

interface InputCopy {
  readonly buffer: number
  readonly index: number
  readonly dtype: DType
}

/** A program ready to be called. */
export class Program {
  readonly spec: ProgramSpec
  readonly plan: MemoryPlan
  /** The wasm module. */
  readonly wasmBytes: Uint8Array<ArrayBuffer>
  readonly #kernels: () => readonly Kernel[]
  readonly #main: (frame: number) => void
  readonly #profiledMain: (frame: number) => void
  readonly #fields: FrameLayout
  readonly #host: ProgramHost
  readonly #hostSteps = new Map<number, HostStep>()
  /** The checks whose messages quote buffers. */
  readonly #quotingChecks = new Map<number, CheckStep>()
  readonly #storeSteps: ReadonlyMap<string, StoreStep>
  readonly #layouts: LayoutCache
  readonly #holdings: Holdings = holdingsOf(this)
  /** Addresses of constants by buffer. */
  readonly #constants = new Map<number, number>()
  readonly #inputs: readonly InputCopy[]
  readonly #inputCount: number
  readonly #variables: readonly VariablePlace[]
  readonly #activations: Activation[] = []
  /** Where the buffers of the latest activation are. */
  readonly #places: BufferPlaces = {
    addressOf: (buffer) => this.#latest.addresses[buffer] ?? 0,
    elementsOf: (buffer) => elementsIn(this.#latest, this.#latest.layout, buffer),
    moved: (buffer, address) => this.#setAddress(this.#latest, buffer, address),
    setSize: (name, value) => {
      const at = this.spec.sizes.length + (this.spec.found?.indexOf(name) ?? 0)
      this.#setField(this.#latest, this.#fields.sizes[at] ?? -1, value)
    },
  }
  #running = 0

  constructor(spec: ProgramSpec, host: ProgramHost) {
    this.spec = spec
    this.#host = host
    this.plan = planForThreads(spec)
    this.#layouts = new LayoutCache(this.plan)
    const planned = this.plan.spec
    this.#storeSteps = storeSteps(planned)
    for (const step of allSteps(planned.steps))
      if (step.kind === 'host') {
        if (this.#hostSteps.has(step.id))
          throw new InternalError(`program ${spec.name}: two host calls have the id ${step.id}`)
        this.#hostSteps.set(step.id, step)
      } else
        for (const check of step.kind === 'kernel' ? (step.checks ?? []) : [step])
          if (check.kind === 'check' && check.reads !== undefined) this.#quotingChecks.set(check.id, check)
    const compiled = compileProgram(planned, {
      fail: (id, value) => this.#fail(id, value),
      host: (id) => this.#callHost(id),
      grow: (end) => this.#activations[this.#running - 1]?.stores?.records.reserve(end >>> 0),
      pop: (id) => this.#useStores(`${id}`),
      merge: (id) => this.#useStores(`${id}`),
      list: (id) => this.#useStores(`list ${id}`),
      enlisted: (forget) => this.#holdings.forget.push(forget),
    })
    this.#main = compiled.main
    this.#profiledMain = compiled.profiledMain
    this.#fields = compiled.frame
    this.#kernels = compiled.kernels
    this.wasmBytes = compiled.bytes
    this.#inputs = planned.buffers.flatMap(({ storage, dtype }, buffer) =>
      storage.kind === 'input' && this.plan.places[buffer]?.kind === 'arena'
        ? [{ buffer, index: storage.index, dtype }]
        : [],
    )
    this.#inputCount = countOf(planned, 'input')
    this.#variables = variablesOf(this.plan)
    this.#placeConstants()
  }

  /**
   * Runs the program once: `inputs[i]` are the elements of the i-th input, `variables[i]` the storage of the i-th
   * variable, `sizes[i]` the value of the i-th size name. Returns the outputs in arrays of their own. What the host
   * throws passes through; commits made before that stay.
   */
  run(inputs: readonly TypedArray[], variables: readonly Slot[], sizes: readonly number[]): TypedArray[] {
    this.#checkCall(inputs, variables, sizes)
    const activation = this.#activations[this.#running] ?? this.#activate()
    let pinned = 0
    let entered = false
    this.#running++
    try {
      for (; pinned < variables.length; pinned++)
        this.#bindVariable(activation, pinned, variables[pinned] as Slot)
      const layout =
        activation.layout !== undefined && sameNumbers(activation.sizes, sizes)
          ? activation.layout
          : this.#layouts.get(sizes)
      const base = enterArena(layout.arenaBytes)
      entered = true
      if (base !== activation.base || layout !== activation.layout)
        this.#bindArena(activation, layout, base, sizes)
      activation.stores?.begin(this.#places, (name) => sizes[this.spec.sizes.indexOf(name)] ?? 0)

      const memory = views()
      for (const { buffer, index, dtype } of this.#inputs) {
        const data = inputs[index] as TypedArray
        if (data.length !== layout.elements[buffer]) this.#wrongInput(buffer, index, data.length, layout)
        copyIn(memory, dtype, activation.addresses[buffer] as number, data)
      }
      ;(activeProfile === undefined ? this.#main : this.#profiledMain)(activation.frame)
      return this.#collect(activation, layout)
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) {
        abandonParts()
        throw new InternalError(
          `the compiled program ${this.spec.name} trapped: ${error.message}`,
          undefined,
          { cause: error },
        )
      }
      throw error
    } finally {
      if (entered) leaveArena()
      activation.stores?.end()
      while (pinned > 0) unpinSlot(variables[--pinned] as Slot)
      this.#running--
    }
  }

  /** Frees the memory the program holds. It must not be called again. Disposing twice does nothing. */
  dispose(): void {
    if (this.#running > 0) throw new InternalError(`program ${this.spec.name} was disposed while it ran`)
    release(this.#holdings)
  }

  /** False once the memory that the program was made for has been replaced: then it must not be called again. */
  get isCurrent(): boolean {
    return this.#holdings.generation === memoryGeneration
  }

  /** The kernels as they were compiled, one per kernel step. */
  get kernels(): readonly Kernel[] {
    return this.#kernels()
  }

  /** The values of its size names in the latest call that was not made by another. */
  get latestSizes(): readonly number[] | undefined {
    const activation = this.#activations[0]
    return activation?.layout === undefined ? undefined : activation.sizes
  }

  /** How the program uses memory when called with `sizes`. */
  report(sizes: readonly number[]): PlanReport {
    return planReport(this.plan, sizes)
  }

  #collect(activation: Activation, layout: Layout): TypedArray[] {
    // Taken again: a host callback may have grown the memory.
    const memory = views()
    const { buffers, outputs } = this.plan.spec
    const results: TypedArray[] = []
    for (let i = 0; i < outputs.length; i++) {
      const buffer = outputs[i] as number
      const dtype = buffers[buffer]?.dtype as DType
      results.push(
        copyOut(
          memory,
          dtype,
          activation.addresses[buffer] as number,
          elementsIn(activation, layout, buffer),
        ),
      )
    }
    return results
  }

  #checkCall(inputs: readonly TypedArray[], variables: readonly Slot[], sizes: readonly number[]): void {
    if (this.#holdings.disposed || !this.isCurrent)
      throw new InternalError(`program ${this.spec.name} was called after it was disposed`)
    if (
      inputs.length < this.#inputCount ||
      variables.length !== this.#variables.length ||
      sizes.length !== this.spec.sizes.length
    )
      throw new InternalError(
        `program ${this.spec.name} takes ${this.#inputCount} inputs, ${this.#variables.length} variables and ${this.spec.sizes.length} sizes, not ${inputs.length}, ${variables.length} and ${sizes.length}`,
      )
  }

  #wrongInput(buffer: number, index: number, length: number, layout: Layout): never {
    throw new InternalError(
      `program ${this.spec.name}: input ${index} (${this.plan.spec.buffers[buffer]?.name}) has ${length} elements instead of ${layout.elements[buffer]}`,
    )
  }

  #activate(): Activation {
    const frame = hold(this.#holdings, this.#fields.bytes)
    const stores =
      this.#storeSteps.size > 0 ? new Stores(this.plan.spec, frame + this.#fields.records) : undefined
    if (stores !== undefined) this.#holdings.stores.push(stores)
    const activation: Activation = {
      frame,
      base: -1,
      sizes: [],
      addresses: this.plan.spec.buffers.map((_, buffer) => this.#constants.get(buffer) ?? 0),
      variables: this.#variables.map(() => -1),
      layout: undefined,
      stores,
    }
    for (const [buffer, address] of this.#constants) this.#setAddress(activation, buffer, address)
    this.#setField(activation, this.#fields.scratch, gemmScratchAddress(this.plan.spec))
    this.#activations.push(activation)
    return activation
  }

  /** Pins the variable and writes its address where it is not known yet. */
  #bindVariable(activation: Activation, index: number, slot: Slot): void {
    const known = this.#variables[index]
    if (known === undefined || (known.elements !== undefined && slot.elements !== known.elements))
      throw new InternalError(
        `program ${this.spec.name}: variable ${index} has ${slot.elements} elements instead of ${known?.elements}`,
      )
    const address = pinSlot(slot)
    if (activation.variables[index] === address) return
    activation.variables[index] = address
    for (const buffer of known.buffers) this.#setAddress(activation, buffer, address)
  }

  #bindArena(activation: Activation, layout: Layout, base: number, sizes: readonly number[]): void {
    activation.base = base
    activation.layout = layout
    activation.sizes = [...sizes]
    this.plan.places.forEach((place, buffer) => {
      if (place.kind === 'arena')
        this.#setAddress(activation, buffer, base + (layout.offsets[place.block] ?? 0))
      // An address that may be read from, should code load before it looks at a size.
      else if (place.kind === 'nowhere') this.#setAddress(activation, buffer, base)
    })
    sizes.forEach((value, i) => this.#setField(activation, this.#fields.sizes[i] ?? -1, value))
  }

  #setAddress(activation: Activation, buffer: number, address: number): void {
    activation.addresses[buffer] = address
    this.#setField(activation, this.#fields.buffers[buffer] ?? -1, address)
  }

  /** Writes the 32-bit field at byte offset `offset` of the frame table; a field the module does not have is −1. */
  #setField(activation: Activation, offset: number, value: number): void {
    if (offset >= 0) views().i32[(activation.frame + offset) / 4] = value
  }

  #placeConstants(): void {
    const constants = this.plan.spec.buffers.flatMap(({ storage }, buffer) =>
      storage.kind === 'constant' ? [{ buffer, data: storage.data }] : [],
    )
    if (constants.length === 0) return
    let bytes = 0
    const offsets = constants.map(({ data }) => {
      const offset = bytes
      bytes += Math.ceil(paddedBytes(data.byteLength) / 64) * 64
      return offset
    })
    const base = hold(this.#holdings, Math.max(bytes, 1024))
    constants.forEach(({ buffer, data }, i) => {
      const address = base + (offsets[i] ?? 0)
      const { dtype } = this.plan.spec.buffers[buffer] ?? { dtype: 'uint8' as const }
      viewAt(dtype, address, data.length).set(data)
      this.#constants.set(buffer, address)
    })
  }

  #fail(id: number, value: number): never {
    const { reads } = this.#quotingChecks.get(id) ?? {}
    return this.#host.fail(id, value, (i) => {
      const buffer = reads?.[i]
      if (buffer === undefined)
        throw new InternalError(`program ${this.spec.name}: check ${id} lists no buffer ${i}`)
      return this.#read(buffer)
    })
  }

  /** A copy of a buffer's content in the latest activation. */
  #read(buffer: number): TypedArray {
    const activation = this.#activations[this.#running - 1]
    const dtype = this.plan.spec.buffers[buffer]?.dtype
    if (activation?.layout === undefined || dtype === undefined)
      throw new InternalError(`program ${this.spec.name} has no buffer ${buffer}`)
    const { layout, addresses } = activation
    return copyOut(views(), dtype, addresses[buffer] ?? 0, elementsIn(activation, layout, buffer))
  }

  get #latest(): Activation {
    return this.#activations[this.#running - 1] as Activation
  }

  /** Carries out a step on records or lists. */
  #useStores(key: string): void {
    const step = this.#storeSteps.get(key)
    const stores = this.#activations[this.#running - 1]?.stores
    if (step === undefined || stores === undefined)
      throw new InternalError(`program ${this.spec.name} has no step ${key}`)
    stores.carryOut(step)
  }

  /** The value of a size found in the call in progress, or in the one that has just ended. */
  foundSize(name: string, hasEnded: boolean): number | undefined {
    return this.#activations[this.#running - (hasEnded ? 0 : 1)]?.stores?.found.valueOf(name)
  }

  #callHost(id: number): void {
    const step = this.#hostSteps.get(id)
    // The callback may call this program again, but until it does the latest activation is the caller's.
    const activation = this.#activations[this.#running - 1]
    if (step === undefined || activation?.layout === undefined)
      throw new InternalError(`program ${this.spec.name} made the unknown host call ${id}`)
    const { layout, addresses } = activation
    const { buffers } = this.plan.spec
    const results = this.#host.call(
      id,
      step.reads.map((buffer) => this.#read(buffer)),
    )
    results?.forEach((data, i) => {
      const buffer = step.writes[i]
      if (data === undefined || buffer === undefined) return
      const { dtype, storage, name } = buffers[buffer] ?? {
        dtype: 'uint8',
        storage: { kind: 'constant' },
        name: '?',
      }
      if (storage.kind !== 'temporary' || data.length !== elementsIn(activation, layout, buffer))
        throw new InternalError(
          `program ${this.spec.name}: host call ${id} cannot write ${data.byteLength / byteSize(dtype)} elements to ${name}`,
        )
      copyIn(views(), dtype, addresses[buffer] ?? 0, data)
    })
  }
}
