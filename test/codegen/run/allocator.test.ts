import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Allocator, slackBytes } from '../../../codegen/run/allocator.ts'
import {
  allocateBytes,
  freeBytes,
  memory,
  memoryStatistics,
  viewAt,
  views,
} from '../../../codegen/run/memory.ts'

interface Held {
  readonly address: number
  readonly bytes: number
}

function expectTiling(allocator: Allocator, start: number, held: readonly Held[]): void {
  let at = start
  let previousFree = false
  const taken = new Map<number, number>()
  for (const block of allocator.blocks()) {
    expect(block.address).toBe(at)
    expect(block.bytes).toBeGreaterThan(0)
    expect(block.free && previousFree).toBe(false)
    previousFree = block.free
    at += block.bytes
    if (!block.free) taken.set(block.address, block.bytes)
  }
  expect(at).toBe(allocator.end)
  expect(taken.size).toBe(held.length)
  for (const { address, bytes } of held)
    expect(taken.get(address) ?? 0).toBeGreaterThanOrEqual(bytes + slackBytes)
}

/** Aligned; or refused only because no free block is large enough, alignment aside. */
function expectFairAnswer(allocator: Allocator, bytes: number, address: number | undefined): void {
  const largest = Math.max(0, ...[...allocator.blocks()].map((block) => (block.free ? block.bytes : 0)))
  expect(address !== undefined || largest < bytes + 16 + 16 + 64).toBe(true)
  expect((address ?? 0) % (bytes >= 1024 ? 64 : 16)).toBe(0)
}

describe('Allocator', () => {
  test('blocks tile the range, never overlap, and merge when freed', () => {
    const operation = fc.oneof(
      fc.record({ take: fc.oneof(fc.nat(100), fc.nat(5000), fc.constant(0)) }),
      fc.record({ drop: fc.nat(1000) }),
      fc.record({ extend: fc.integer({ min: 1, max: 40 }) }),
    )
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const start = 1024
        const allocator = new Allocator(start)
        const held: Held[] = []
        for (const step of operations) {
          if ('extend' in step) allocator.extend(allocator.end + step.extend * 1024)
          else if ('take' in step) {
            const address = allocator.allocate(step.take)
            expectFairAnswer(allocator, step.take, address)
            if (address === undefined) continue
            held.push({ address, bytes: step.take })
          } else if (held.length > 0) {
            const [gone] = held.splice(step.drop % held.length, 1)
            if (gone !== undefined) allocator.free(gone.address)
          }
          expectTiling(allocator, start, held)
        }
        for (const { address } of held) allocator.free(address)
        expect(allocator.bytesInUse).toBe(0)
        expect([...allocator.blocks()].length).toBe(allocator.end > start ? 1 : 0)
        expect(allocator.freeAtEnd).toBe(allocator.end - start)
      }),
      { numRuns: 150 },
    )
  })

  test('takes the tightest of the free blocks of a bin', () => {
    const allocator = new Allocator(0)
    allocator.extend(65536)
    const sizes = [288, 16, 256, 16, 272, 16]
    const addresses = sizes.map((bytes) => allocator.allocate(bytes) ?? -1)
    for (const i of [0, 2, 4]) allocator.free(addresses[i] ?? -1)
    expect(allocator.allocate(256)).toBe(addresses[2])
    expect(allocator.allocate(272)).toBe(addresses[4])
  })

  test('freeing what was not allocated is an internal error', () => {
    const allocator = new Allocator(0)
    allocator.extend(4096)
    const address = allocator.allocate(64) ?? -1
    allocator.free(address)
    expect(() => allocator.free(address)).toThrow('no block was allocated')
  })
})

describe('the memory', () => {
  test('keeps contents and refreshes views when it grows', () => {
    const small = allocateBytes(64)
    viewAt('float32', small, 16).fill(1.5)
    const before = memoryStatistics()
    const large = allocateBytes(before.bytesReserved)
    const after = memoryStatistics()
    expect(after.bytesReserved).toBeGreaterThanOrEqual(before.bytesReserved * 2)
    expect(after.bytesInUse).toBeGreaterThanOrEqual(before.bytesInUse + before.bytesReserved)
    expect(after.allocations).toBe(before.allocations + 1)
    expect(views().u8.buffer).toBe(memory.buffer)
    expect(views().u8.length).toBe(after.bytesReserved)
    expect([...viewAt('float32', small, 16)]).toEqual(Array.from({ length: 16 }, () => 1.5))
    freeBytes(large)
    freeBytes(small)
    expect(memoryStatistics().bytesInUse).toBe(before.bytesInUse - 80)
    expect(memoryStatistics().highWater).toBe(after.bytesInUse)
  })

  test('says so when 4 GiB are not enough', () => {
    const before = memoryStatistics()
    expect(() => allocateBytes(2 ** 32)).toThrow(
      /4294967296 more bytes do not fit: WebAssembly memory ends at 4 GiB/,
    )
    expect(memoryStatistics()).toEqual(before)
  })
})
