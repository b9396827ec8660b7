import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { allocate, type DType, type TypedArray } from '../../../codegen/dtype.ts'
import {
  allocateSlot,
  carve,
  memoryStatistics,
  pinSlot,
  readSlot,
  releaseSlot,
  setSlotBudget,
  type Slot,
  slotAddress,
  slotStatistics,
  unpinSlot,
  viewAt,
  writeSlot,
} from '../../../codegen/run/memory.ts'

afterEach(() => setSlotBudget(undefined))

function filled(dtype: DType, elements: number, seed: number): TypedArray {
  const data = allocate(dtype, elements)
  for (let i = 0; i < elements; i++) data[i] = (seed * 31 + i) % 256
  return data
}

describe('slots', () => {
  test('start as zeros, also where memory was used before', () => {
    const used = allocateSlot('float32', 100)
    writeSlot(used, filled('float32', 100, 7))
    const address = slotAddress(used)
    releaseSlot(used)
    const slot = allocateSlot('float32', 100)
    expect([...readSlot(slot)].every((value) => value === 0)).toBe(true)
    expect(slotAddress(slot)).toBe(address)
    expect([...readSlot(slot)].every((value) => value === 0)).toBe(true)
    releaseSlot(slot)
  })

  test('the least recently used unpinned ones leave the memory first, and come back with their content', () => {
    setSlotBudget(10 * 4000)
    const slots = Array.from({ length: 10 }, (_, i) => {
      const slot = allocateSlot('float32', 1000)
      writeSlot(slot, filled('float32', 1000, i))
      return slot
    })
    const [first, second, third] = slots as [Slot, Slot, Slot]
    slotAddress(first)
    pinSlot(second)
    const extra = allocateSlot('float32', 1000)
    writeSlot(extra, filled('float32', 1000, 10))
    expect(first.address).not.toBe(0)
    expect(second.address).not.toBe(0)
    expect(third.address).toBe(0)
    expect(slotStatistics().bytes).toBeLessThanOrEqual(40000)
    for (const [i, slot] of [...slots, extra].entries())
      expect(readSlot(slot)).toEqual(filled('float32', 1000, i))
    expect(third.address).toBe(0)
    expect([...viewAt('float32', slotAddress(third), 1000)]).toEqual([...filled('float32', 1000, 2)])
    expect(third.evicted).toBeUndefined()
    unpinSlot(second)
    for (const slot of [...slots, extra]) releaseSlot(slot)
    expect(slotStatistics()).toMatchObject({ slots: 0, bytes: 0 })
  })

  test('any sequence of uses under any budget keeps every value', () => {
    const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool']
    const operation = fc.record({
      kind: fc.constantFrom('read', 'write', 'address', 'pin', 'unpin', 'budget'),
      slot: fc.nat(7),
      value: fc.nat(255),
    })
    const before = memoryStatistics().bytesInUse
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const slots = Array.from({ length: 8 }, (_, i) => allocateSlot(dtypes[i % 5] ?? 'float32', 10 * i))
        const expected: TypedArray[] = slots.map((slot) => allocate(slot.dtype, slot.elements))
        for (const { kind, slot: index, value } of operations) {
          const slot = slots[index] as Slot
          if (kind === 'write') {
            expected[index] = filled(slot.dtype, slot.elements, value)
            writeSlot(slot, expected[index])
          } else if (kind === 'pin') pinSlot(slot)
          else if (kind === 'unpin' && slot.pins > 0) unpinSlot(slot)
          else if (kind === 'address') slotAddress(slot)
          else if (kind === 'budget') setSlotBudget(value * 8)
          const inMemory =
            slot.address === 0 ? readSlot(slot) : viewAt(slot.dtype, slot.address, slot.elements)
          expect([...inMemory]).toEqual([...(expected[index] ?? [])])
          expect(slot.pins > 0 && slot.address === 0).toBe(false)
          expect(readSlot(slot)).toEqual(expected[index])
        }
        slots.forEach((slot, i) => expect(readSlot(slot)).toEqual(expected[i]))
        for (const slot of slots) {
          while (slot.pins > 0) unpinSlot(slot)
          releaseSlot(slot)
        }
        expect(memoryStatistics().bytesInUse).toBe(before)
      }),
      { numRuns: 60 },
    )
  })

  test('reading gives a copy', () => {
    const slot = allocateSlot('int32', 3)
    writeSlot(slot, Int32Array.of(1, 2, 3))
    const copy = readSlot(slot)
    writeSlot(slot, Int32Array.of(4, 5, 6))
    expect([...copy]).toEqual([1, 2, 3])
    releaseSlot(slot)
  })

  test('misuse is an internal error, never silent', () => {
    const slot = allocateSlot('float32', 3)
    expect(() => writeSlot(slot, new Float32Array(4))).toThrow('4 elements were written to a slot of 3')
    pinSlot(slot)
    expect(() => releaseSlot(slot)).toThrow('while a program used it')
    unpinSlot(slot)
    releaseSlot(slot)
    releaseSlot(slot)
    expect(() => readSlot(slot)).toThrow('after it was released')
    expect(() => slotAddress(slot)).toThrow('after it was released')
  })
})

describe('carve', () => {
  test('small results share array buffers without overlapping; large ones have their own', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            dtype: fc.constantFrom<DType[]>('float32', 'float64', 'int32', 'uint8', 'bool'),
            elements: fc.nat(300),
          }),
          { minLength: 1 },
        ),
        (requests) => {
          const arrays = requests.map(({ dtype, elements }) => carve(dtype, elements))
          arrays.forEach((array, i) => {
            expect(array.length).toBe(requests[i]?.elements)
            expect([...array].every((value) => value === 0)).toBe(true)
            array.fill(i % 200)
          })
          arrays.forEach((array, i) => expect([...array].every((value) => value === i % 200)).toBe(true))
          for (const array of arrays)
            expect(array.byteLength <= 4096 || array.buffer.byteLength === array.byteLength).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
    expect(carve('float32', 1).buffer).toBe(carve('bool', 1).buffer)
    expect(carve('bool', 3)).toBeInstanceOf(Uint8Array)
  })
})
