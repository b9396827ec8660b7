// Modules for shared memory, and the module of the pool as it is embedded.
import { expect, test } from 'vitest'
import { embeddedConvModule } from '../../../codegen/runtime-kernels/conv.ts'
import { embeddedGemmModule } from '../../../codegen/runtime-kernels/gemm.ts'
import { poolBytes } from '../../../codegen/threads/pool-bytes.ts'
import { buildPoolModule } from '../../../codegen/threads/pool-module.ts'
import { withSharedMemory } from '../../../codegen/threads/shared-module.ts'
import { binaryen, WasmModule } from '../../../codegen/wasm/binaryen.ts'

const shared = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true })
const unshared = new WebAssembly.Memory({ initial: 64 })

test('the embedded pool module is what the generator gives', () => {
  expect(poolBytes).toBe(Buffer.from(buildPoolModule()).toString('base64'))
})

test('a module links with shared memory once it has been changed, and only then', () => {
  for (const bytes of [embeddedGemmModule({ relaxed: false }), embeddedConvModule({ relaxed: false })]) {
    const before = new WebAssembly.Module(bytes)
    const after = new WebAssembly.Module(withSharedMemory(bytes))
    expect(() => new WebAssembly.Instance(before, { env: { memory: shared } })).toThrow(WebAssembly.LinkError)
    expect(() => new WebAssembly.Instance(after, { env: { memory: unshared } })).toThrow(
      WebAssembly.LinkError,
    )
    expect(new WebAssembly.Instance(before, { env: { memory: unshared } })).toBeDefined()
    expect(new WebAssembly.Instance(after, { env: { memory: shared } })).toBeDefined()
    expect(WebAssembly.Module.exports(after)).toEqual(WebAssembly.Module.exports(before))
    expect(WebAssembly.Module.imports(after)).toEqual(WebAssembly.Module.imports(before))
  }
})

test('imports of every kind may stand around the memory, under long names', () => {
  const module = new WasmModule()
  const { none, i32, f64 } = binaryen
  const long = 'n'.repeat(300)
  module.addFunctionImport('f', long, long, binaryen.createType([i32, f64]), none)
  module.addTable('t', 3, 7)
  module.addTableImport('t', 'env', 'table')
  module.addGlobalImport('g', 'env', 'global', i32, true)
  module.importMemory()
  module.addFunction('main', none, i32, [], module.i32.load(0, 4, module.global.get('g', i32)))
  module.addFunctionExport('main', 'main')
  const changed = new WebAssembly.Module(withSharedMemory(module.emit({ validate: true })))
  const global = new WebAssembly.Global({ value: 'i32', mutable: true }, 64)
  const table = new WebAssembly.Table({ initial: 3, maximum: 7, element: 'anyfunc' })
  const { exports } = new WebAssembly.Instance(changed, {
    [long]: { [long]: () => undefined },
    env: { memory: shared, global, table },
  })
  new Int32Array(shared.buffer)[16] = 4711
  expect((exports['main'] as () => number)()).toBe(4711)
})

test('a module without imports is refused', () => {
  const module = new WasmModule()
  module.addFunction('main', binaryen.none, binaryen.none, [], module.nop())
  module.addFunctionExport('main', 'main')
  const bytes = module.emit()
  expect(() => withSharedMemory(bytes)).toThrow('no imports')
})
