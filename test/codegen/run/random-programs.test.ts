/**
 * Random programs of elementwise steps, permutations, commits, checks and host calls, against the meaning of programs
 * written down directly: every buffer is a value of its own, and nothing shares memory.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CheckError } from '../../../codegen/errors.ts'
import type { Buffer } from '../../../codegen/expr.ts'
import {
  allocateSlot,
  memoryStatistics,
  readSlot,
  releaseSlot,
  writeSlot,
} from '../../../codegen/run/memory.ts'
import { Program } from '../../../codegen/run/program.ts'
import { loop, ProgramBuilder } from './programs.ts'

const elements = 6
const variableCount = 3

type Action =
  | {
      readonly kind: 'add' | 'addAndSubtract' | 'reverse' | 'addReversed'
      readonly x: number
      readonly y: number
    }
  | { readonly kind: 'commit' | 'hostAssigns'; readonly x: number; readonly y: number }
  | { readonly kind: 'check' | 'host'; readonly x: number; readonly y: number }

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom<Action['kind']>(
    'add',
    'add',
    'add',
    'addAndSubtract',
    'addAndSubtract',
    'reverse',
    'addReversed',
    'commit',
    'commit',
    'commit',
    'commit',
    'hostAssigns',
    'check',
    'host',
  ),
  x: fc.nat(1000),
  y: fc.nat(1000),
})

type Values = readonly number[]

test('programs mean the same however their buffers share memory', () => {
  const held = new Set<number>()
  let inPlace = 0
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 1, maxLength: 14 }),
      fc.array(fc.nat(1000), { maxLength: 4 }),
      fc.nat(40),
      (actions, returned, failing) => {
        const builder = new ProgramBuilder('random')
        const values: Values[] = []
        const usable: number[] = []
        const note = (buffer: number, content: Values): void => {
          values[buffer] = content
          usable.push(buffer)
        }
        const contents = Array.from({ length: variableCount }, (_, i): Values =>
          Array.from({ length: elements }, (__, k) => i * 10 + k),
        )
        const input = Array.from({ length: elements }, (_, k) => 50 + 3 * k)
        const slots = contents.map((content) => {
          const slot = allocateSlot('float32', elements)
          writeSlot(slot, Float32Array.from(content))
          return slot
        })
        contents.forEach((content, i) => note(builder.variable(i, elements), content))
        note(builder.input(0, elements), input)
        const flags = [builder.input(1, 1, 'int32'), builder.input(2, 1, 'int32')]
        const pick = (index: number): number => usable[index % usable.length] ?? 0
        const valueOf = (buffer: number): Values => values[buffer] ?? []
        const assignments = new Map<number, () => void>()
        let stopped = false
        /** What host calls should be given, and what they were: their id and content. */
        const told: unknown[] = []
        const heard: unknown[] = []
        const stored = [...contents]

        actions.forEach(({ kind, x, y }, at) => {
          const [a, b] = [pick(x), pick(y)]
          const [va, vb] = [valueOf(a), valueOf(b)]
          switch (kind) {
            case 'add': {
              const sum = builder.temporary(elements)
              builder.elementwise(sum, [a, b], (pool, p, q) => pool.binary('add', p!, q!))
              return note(
                sum,
                va.map((value, k) => value + (vb[k] ?? 0)),
              )
            }
            case 'addAndSubtract': {
              const [sum, difference] = [builder.temporary(elements), builder.temporary(elements)]
              builder.kernel([sum, difference, a, b], (pool, outSum, outDifference, p, q) => {
                const axis = pool.axis('i', elements)
                const index = pool.index(axis)
                const [left, right] = [pool.load(p!, index), pool.load(q!, index)]
                return [
                  loop(pool, axis, [
                    { kind: 'store', buffer: outSum!, index, value: pool.binary('add', left, right) },
                    { kind: 'store', buffer: outDifference!, index, value: pool.binary('sub', left, right) },
                  ]),
                ]
              })
              note(
                sum,
                va.map((value, k) => value + (vb[k] ?? 0)),
              )
              return note(
                difference,
                va.map((value, k) => value - (vb[k] ?? 0)),
              )
            }
            case 'reverse':
            case 'addReversed': {
              const result = builder.temporary(elements)
              builder.kernel([result, a, b], (pool, out, p, q) => {
                const axis = pool.axis('i', elements)
                const index = pool.index(axis)
                const reversed = pool.linear([{ atom: index, coefficient: -1 }], elements - 1)
                const first = pool.load(p as Buffer, reversed)
                return [
                  loop(pool, axis, [
                    {
                      kind: 'store',
                      buffer: out!,
                      index,
                      value: kind === 'reverse' ? first : pool.binary('add', first, pool.load(q!, index)),
                    },
                  ]),
                ]
              })
              const turned = va.toReversed()
              return note(
                result,
                kind === 'reverse' ? turned : turned.map((value, k) => value + (vb[k] ?? 0)),
              )
            }
            case 'commit': {
              const from = y % 2 === 0 ? b : (usable.at(-1) ?? b)
              builder.commit(x % variableCount, from)
              if (!stopped) stored[x % variableCount] = valueOf(from)
              return
            }
            case 'hostAssigns': {
              const [variable, content] = [
                x % variableCount,
                Array.from({ length: elements }, (_, k) => at * 7 + k),
              ]
              builder.host(at, [], [variable])
              assignments.set(at, () => writeSlot(slots[variable]!, Float32Array.from(content)))
              if (!stopped) stored[variable] = content
              if (!stopped) told.push([at])
              values[variable] = content
              return
            }
            case 'host':
              builder.host(at, [a])
              if (!stopped) told.push([at, va])
              return
            case 'check':
              builder.check(flags[at === failing ? 1 : 0]!, at)
              if (at === failing) stopped = true
          }
        })

        const outputs = returned.map(pick)
        const program = new Program(builder.build(outputs), {
          fail: (id) => {
            throw new CheckError(`check ${id}`)
          },
          call: (id, reads) => {
            heard.push([id, ...reads.map((data) => [...data])])
            assignments.get(id)?.()
            return undefined
          },
        })
        inPlace += program.plan.inPlaceCommits.length
        let results: Values[] | undefined
        try {
          results = program
            .run([Float32Array.from(input), Int32Array.of(0), Int32Array.of(1)], slots, [])
            .map((data) => [...data])
        } catch (error) {
          if (!(error instanceof CheckError)) throw error
        }
        expect(results).toEqual(stopped ? undefined : outputs.map(valueOf))
        expect(heard).toEqual(told)
        expect(slots.map((slot) => [...readSlot(slot)])).toEqual(stored)
        slots.forEach(releaseSlot)
        program.dispose()
        held.add(memoryStatistics().bytesInUse)
      },
    ),
    { numRuns: 250 },
  )
  expect(inPlace).toBeGreaterThan(50)
  expect(held.size).toBeLessThanOrEqual(2)
})
