// Wide vectors: refused by this Node when it is too old, and right in one that has them, where there is one.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wideSelfTest } from '../../../codegen/run/wide-self-test.ts'
import { isWide, markedBytes } from '../../../codegen/threads/wide-mode.ts'
import * as tf from '../../../src/index.ts'

const version = Number.parseInt(process.versions.node, 10)
/** The path of a Node 26 or newer. */
const newer = version >= 26 ? process.execPath : process.env['TRACEMILL_NEWER_NODE']
const hasNewer = newer !== undefined && existsSync(newer)
if (!hasNewer)
  console.warn('No Node 26: the tests of wide vectors are skipped. TRACEMILL_NEWER_NODE names one.')

test.skipIf(version >= 26)('older versions of Node are refused', () => {
  expect(() => tf.config.unsafeWideVectors(true)).toThrow(tf.ValueError)
  expect(() => tf.config.unsafeWideVectors(true)).toThrow(`the V8 of Node ${process.versions.node}`)
  expect(isWide()).toBe(false)
  tf.config.unsafeWideVectors(false)
  expect(tf.ones([3]).add(1).array()).toEqual([2, 2, 2])
})

test('the checks pass for code that is right', () => {
  let compiled = 0
  expect(wideSelfTest(() => compiled++)).toBeUndefined()
  expect(compiled).toBe(1)
})

test('the mark is a section that engines skip', () => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)
  expect(markedBytes(empty, false)).toBe(empty)
  const marked = new WebAssembly.Module(markedBytes(empty, true))
  expect(WebAssembly.Module.customSections(marked, 'wide')).toHaveLength(1)
})

test.skipIf(!hasNewer)('a newer Node computes the same with wide vectors, in one thread and in two', () => {
  const file = join(import.meta.dirname, 'wide-program.ts')
  const output = execFileSync(newer ?? '', ['--import', 'tsx', file], { encoding: 'utf8', timeout: 60_000 })
  expect(JSON.parse(output)).toEqual({
    wide: true,
    again: true,
    both: true,
    threads: 2,
    failed: 'none',
    traces: 1,
  })
})
