import { describe, expect, it } from 'vitest'
import { binaryen, WasmModule } from '../../codegen/wasm/binaryen.ts'
import { features } from '../../codegen/wasm/features.ts'

const { i32, none } = binaryen

/** A module with one exported function of two i32 parameters and no result. */
function moduleWith(build: (module: WasmModule) => number): WasmModule {
  const module = new WasmModule()
  module.importMemory()
  module.addFunction('run', binaryen.createType([i32, i32]), none, [], build(module))
  module.addFunctionExport('run', 'run')
  return module
}

function run(bytes: Uint8Array<ArrayBuffer>, memory: WebAssembly.Memory, x: number, y: number): void {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
  const exported = instance.exports['run'] as (x: number, y: number) => void
  exported(x, y)
}

describe('WasmModule', () => {
  it.each([{ maximum: 65536 }, {}])('links with a memory whose limits are %o', (limits) => {
    const memory = new WebAssembly.Memory({ initial: 2, ...limits })
    const module = moduleWith((m) => m.i32.store(0, 4, m.local.get(0, i32), m.local.get(1, i32)))
    run(module.emit({ validate: true }), memory, 8, 1234)
    expect(new Int32Array(memory.buffer)[2]).toBe(1234)
  })

  it('encodes SIMD, bulk memory, saturating conversions and sign extension', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
    const module = moduleWith((m) =>
      m.block(null, [
        m.v128.store(16, 4, m.local.get(0, i32), m.f32x4.splat(m.f32.const(1.5))),
        m.memory.copy(m.i32.const(64), m.i32.const(16), m.i32.const(8)),
        m.i32.store(0, 4, m.i32.const(80), m.i32.trunc_s_sat.f32(m.f32.const(Number.NaN))),
        m.i32.store(0, 4, m.i32.const(84), m.i32.extend8_s(m.local.get(1, i32))),
      ]),
    )
    run(module.emit({ validate: true }), memory, 0, 255)
    expect([...new Float32Array(memory.buffer, 64, 4)]).toEqual([1.5, 1.5, 0, 0])
    expect([...new Int32Array(memory.buffer, 80, 2)]).toEqual([0, -1])
  })

  it('refuses an invalid module when asked to validate', () => {
    const module = moduleWith((m) => m.drop(m.i32.add(m.f32.const(1), m.i32.const(1))))
    expect(() => module.emit({ validate: true })).toThrow(/invalid/)
  })

  it.each(['relaxedMadd', 'relaxedNmadd'] as const)(
    '%s is encoded, and computes where the engine has it',
    (name) => {
      const memory = new WebAssembly.Memory({ initial: 1 })
      const module = moduleWith((m) => {
        const splat = (value: number): number => m.f32x4.splat(m.f32.const(value))
        return m.v128.store(0, 4, m.local.get(0, i32), m[name](splat(3), splat(5), splat(100)))
      })
      const bytes = module.emit({ validate: true })
      expect(WebAssembly.validate(bytes)).toBe(features.relaxedSimd)
      if (!features.relaxedSimd) return
      run(bytes, memory, 0, 0)
      expect(new Float32Array(memory.buffer)[3]).toBe(name === 'relaxedMadd' ? 115 : 85)
    },
  )
})
