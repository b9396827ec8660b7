// Expressions shared between the values of a block are computed once, also when a loop of the block comes first.
import { describe, expect, it } from 'vitest'
import { ExprPool } from '../../../codegen/expr.ts'
import type { Kernel, Statement } from '../../../codegen/kernel.ts'
import { WasmModule } from '../../../codegen/wasm/binaryen.ts'
import { emitKernel } from '../../../codegen/wasm/emit-kernel.ts'

/** A loop that adds to an accumulator, then lets of which each uses the one before twice. */
function chain(length: number): Kernel {
  const pool = new ExprPool()
  const buffer = pool.buffer('a', 'float32', 64)
  const out = pool.buffer('b', 'float32', 1)
  const axis = pool.axis('i', 64)
  const sum = pool.local('float32', 1, true)
  const sumValue = pool.localValue(sum, [])
  const body: Statement[] = [
    { kind: 'set', local: sum, value: pool.const('float32', 0) },
    {
      kind: 'loop',
      axis,
      from: pool.const('int32', 0),
      to: pool.const('int32', 64),
      step: 1,
      body: [
        { kind: 'set', local: sum, value: pool.binary('add', sumValue, pool.load(buffer, pool.index(axis))) },
      ],
    },
  ]
  const first = pool.local('float32')
  body.push({ kind: 'let', local: first, value: pool.unary('sqrt', sumValue) })
  let value = pool.localValue(first, [])
  for (let i = 0; i < length; i++)
    value = pool.binary('mul', pool.unary('neg', value), pool.unary('abs', value))
  body.push({ kind: 'store', buffer: out, index: pool.const('int32', 0), value })
  return { name: 'chain', buffers: [buffer, out], sizes: [], body }
}

function bytesOf(kernel: Kernel): number {
  const module = new WasmModule()
  module.importMemory()
  emitKernel(module, 'k0', kernel, { relaxed: false })
  module.addFunctionExport('k0', 'k0')
  return module.emit({ validate: true }).length
}

describe('sharing after a loop', () => {
  it('makes code that grows with the number of nodes, not of paths', () => {
    const [short, long] = [bytesOf(chain(6)), bytesOf(chain(18))]
    expect(long).toBeLessThan(short + 12 * 40)
  })
})
