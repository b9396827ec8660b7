/**
 * Reading a Variable: eagerly at any time, in a traced function never. Where TensorFlow says `numpy()`, the elements come
 * from `data()` (a typed array), `array()` (nested arrays) or `item()` (a number).
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function readAVariable(print: (line: string) => void = console.log): void {
  const v = tf.variable([1, 2, 3], { name: 'v' })
  print(v.toString())
  v.assignAdd([10, 10, 10])
  print(`array: ${JSON.stringify(v.array())}`)
  print(`data:  ${v.data().constructor.name} of ${v.data().length}`)
  print(`sum:   ${v.sum().item()}`)

  // While a function is traced, tensors stand for values of calls to come: there is nothing to read yet.
  const traced = tf.function(
    () => {
      v.assignAdd([1, 1, 1])
      return v.data()[0]
    },
    { name: 'readInside' },
  )
  try {
    traced()
  } catch (error) {
    print(`${error instanceof Error ? error.name : 'Error'}: ${firstLine(error)}`)
  }
  print(`after the failed trace: ${JSON.stringify(v.array())}`)

  // tf.print is part of the program, and so happens in every call.
  const printing = tf.function(() => tf.print('inside:', v, { sink: print }))
  printing()
  v.assign([0, 0, 0])
  printing()
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? ''
}

if (isMain(import.meta.url)) readAVariable()
