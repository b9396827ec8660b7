/**
 * A traced function that changes a Variable it is given. What it returns is a tensor, the value at that moment; the Variable
 * goes on changing.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function updateAVariablePassedIn(print: (line: string) => void = console.log): void {
  const increment = tf.function((v: tf.Variable) => v.assignAdd(1).value())

  const counter = tf.variable(2, { name: 'counter' })
  const first = increment(counter)
  print(`first call:  returned ${first.item()}, the variable is ${counter.item()}`)
  const second = increment(counter)
  print(`second call: returned ${second.item()}, the variable is ${counter.item()}`)
  print(`what the first call returned is still ${first.item()}`)
  print(`traces: ${increment.traceCount}`)

  // Another Variable of the same dtype and shape is another argument of the same type.
  const other = tf.variable(100, { name: 'other' })
  print(`another variable: ${increment(other).item()}, traces: ${increment.traceCount}`)
}

if (isMain(import.meta.url)) updateAVariablePassedIn()
