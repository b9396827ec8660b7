import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../codegen/cache/entry.ts'
import { version } from '../../../codegen/cache/fingerprint.ts'
import { FolderStore, UnfitFolder } from '../../../codegen/cache/folder.ts'
import { hashText } from '../../../codegen/cache/hash.ts'
import { programKey } from '../../../codegen/cache/program-key.ts'
import { reviveSizes, withoutData } from '../../../codegen/cache/questions.ts'
import { multiplySizes, sizeName } from '../../../codegen/size.ts'
import { optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import { planMemory } from '../../../codegen/run/plan.ts'
import type { ProgramSpec } from '../../../codegen/program.ts'
import { allSteps } from '../../../codegen/steps.ts'
import { assembleProgram } from '../../../codegen/wasm/assemble.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { ProgramBuilder } from '../run/programs.ts'

test('the version is that of the package', () => {
  expect(version).toBe(manifest.version)
})

describe('entries', () => {
  const module = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 7)

  test('give back what was put in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (key, bytes) => {
        expect(decodeEntry(encodeEntry(key, bytes), key)).toEqual(new Uint8Array(bytes))
      }),
    )
  })

  test('of another key are none, also when that has the same hash', () => {
    expect(decodeEntry(encodeEntry('one', module), 'two')).toBeUndefined()
  })

  test('are told from anything with a bit, or the end, missing', () => {
    const entry = encodeEntry('a key', module)
    for (let at = 0; at < entry.length; at++)
      for (const bit of [1, 16, 128]) {
        const changed = entry.slice()
        changed[at] = (changed[at] ?? 0) ^ bit
        expect(decodeEntry(changed, 'a key')).toBeUndefined()
      }
    for (let length = 0; length < entry.length; length++)
      expect(decodeEntry(entry.subarray(0, length), 'a key')).toBeUndefined()
  })

  test('have names that differ', () => {
    const names = new Set(Array.from({ length: 20_000 }, (_, i) => hashText(`key ${i}`)))
    expect(names.size).toBe(20_000)
  })
})

interface Variation {
  readonly factor?: number
  readonly elements?: number
  readonly constant?: number
  readonly checkId?: number
  readonly open?: boolean
  readonly op?: 'mul' | 'sub'
}

/** x · factor + constant tensor, with a check. */
function spec(variation: Variation = {}): ProgramSpec {
  const { factor = 0.5, elements = 100, constant = 1, checkId, open = false, op = 'mul' } = variation
  const count = open ? multiplySizes(sizeName('n0'), elements) : elements
  const program = new ProgramBuilder('program', open ? ['n0'] : [])
  const x = program.input(0, count)
  const y = program.temporary(count)
  program.elementwise(y, [x], (pool, value) => pool.binary(op, value, pool.const('float32', factor)))
  if (checkId !== undefined) program.check(program.constant(Int32Array.of(constant), 'int32'), checkId)
  return planMemory(program.build([y])).spec
}

describe('the key of a program', () => {
  test('is the same for programs made anew', () => {
    expect(programKey(spec())).toBe(programKey(spec()))
    expect(programKey({ ...spec(), name: 'another' })).toBe(programKey(spec()))
  })

  test('does not depend on the data of constants, which is no part of the code', () => {
    expect(programKey(spec({ checkId: 0, constant: 5 }))).toBe(programKey(spec({ checkId: 0 })))
  })

  test('depends on all that code is made of', () => {
    const variations: readonly Variation[] = [
      {},
      { factor: 0.25 },
      { factor: 0 },
      { factor: -0 },
      { factor: Number.NaN },
      { elements: 101 },
      { open: true },
      { op: 'sub' },
      { checkId: 0 },
      { checkId: 1 },
    ]
    expect(new Set(variations.map((variation) => programKey(spec(variation)))).size).toBe(variations.length)
  })
})

test('a program sent to another thread becomes the same module there', () => {
  for (const variation of [{}, { open: true, checkId: 3 }]) {
    const original = spec(variation)
    const kernels = allSteps(original.steps).flatMap((step) =>
      step.kind === 'kernel' ? [optimizeKernel(step.pool, step.kernel)] : [],
    )
    const sent = structuredClone({ spec: withoutData(original), kernels })
    reviveSizes(sent)
    expect(assembleProgram(sent.spec, sent.kernels, { relaxed: false }).bytes).toEqual(
      assembleProgram(original, kernels, { relaxed: false }).bytes,
    )
  }
})

describe('a folder', () => {
  let parent: string
  let place: string
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'tracemill-cache-'))
    place = join(parent, 'deep/cache')
  })
  afterEach(() => rmSync(parent, { recursive: true, force: true }))

  test('is made when something is put there, and is warm from then on', () => {
    const store = new FolderStore(place, 'v1-')
    expect(store.isWarm).toBe(false)
    expect(store.get('a')).toBeUndefined()
    store.put('a', Uint8Array.of(1, 2, 3))
    expect(store.get('a')).toEqual(Uint8Array.of(1, 2, 3))
    expect(new FolderStore(place, 'v1-').isWarm).toBe(true)
    expect(new FolderStore(place, 'v2-').isWarm).toBe(false)
    expect(new FolderStore(place, 'v2-').get('a')).toBeUndefined()
    store.put('a', Uint8Array.of(4))
    expect(store.get('a')).toEqual(Uint8Array.of(4))
  })

  test('loses what was not used for the longest time, of any version, and leftovers', () => {
    const old = new FolderStore(place, 'v0-', 1000)
    const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000)
    const age = (name: string, count: number): void =>
      utimesSync(join(place, name), hours(count), hours(count))
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      old.put(name, new Uint8Array(300))
      age(`v0-${name}.bin`, 30 - i)
    }
    writeFileSync(join(place, 'v0-d.bin.1.x'), 'left by a process that ended')
    age('v0-d.bin.1.x', 2)
    writeFileSync(join(place, 'v0-e.bin.1.y'), 'being written')
    expect(old.get('a')).toHaveLength(300)
    expect(Date.now() - statSync(join(place, 'v0-a.bin')).mtimeMs).toBeLessThan(60_000)
    new FolderStore(place, 'v1-', 1000).put('f', new Uint8Array(300))
    expect(readdirSync(place).sort()).toEqual(['v0-a.bin', 'v0-e.bin.1.y', 'v1-f.bin'])
  })

  test('that is none, or is open to others, is refused', () => {
    writeFileSync(join(parent, 'file'), '')
    expect(() => new FolderStore(join(parent, 'file'), 'v1-')).toThrow(UnfitFolder)
    expect(() => new FolderStore(join(parent, 'file/below'), 'v1-')).toThrow(UnfitFolder)
    mkdirSync(join(parent, 'open'), { mode: 0o777 })
    mkdirSync(join(parent, 'group'))
    const { chmodSync } = process.getBuiltinModule('node:fs')
    chmodSync(join(parent, 'open'), 0o777)
    chmodSync(join(parent, 'group'), 0o770)
    expect(() => new FolderStore(join(parent, 'open'), 'v1-')).toThrow('written to by other users')
    expect(() => new FolderStore(join(parent, 'group'), 'v1-')).toThrow('written to by other users')
  })

  test('that cannot be written to holds what it holds', () => {
    const store = new FolderStore(place, 'v1-')
    writeFileSync(join(parent, 'deep'), '')
    store.put('a', Uint8Array.of(1))
    expect(store.get('a')).toBeUndefined()
  })
})
