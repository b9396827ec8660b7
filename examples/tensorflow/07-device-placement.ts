/**
 * Devices: there is one, WebAssembly on this processor. Programs that name a CPU run; what is not there is refused with a
 * list of what is.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function devicePlacement(print: (line: string) => void = console.log): void {
  print(`devices: ${tf.listDevices().join()}`)
  const [v, y] = tf.device('/cpu:0', () => {
    const variable = tf.variable([1, 2], { name: 'placed' })
    return [variable, variable.mul(2)] as const
  })
  print(`${v.name} is on ${v.device}, the product on ${y.device}: ${JSON.stringify(y.array())}`)
  for (const name of ['CPU:0', 'cpu', 'wasm:0', '/device:CPU:0'])
    print(`${name} is ${tf.device(name, () => tf.scalar(1).device)}`)
  for (const name of ['cpu:1', 'abacus'])
    try {
      tf.device(name, () => tf.scalar(1))
    } catch (error) {
      print(`${error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error)}`)
    }
}

if (isMain(import.meta.url)) devicePlacement()
