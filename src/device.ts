/**
 * `tf.device` and `tf.nameScope`: where code runs, and what its Variables are called.
 */
import { type Device, deviceNamed, devices } from '../tracer/device.ts'
import { inNameScope } from '../tracer/name-scope.ts'

export type { Device }

/**
 * Runs `body` on a device and returns what it returns. There is one device, `wasm:0`, which is also called `cpu` and
 * `/cpu:0`; a graphics processor is replaced by it with a warning. Tensors and Variables say where they are: `x.device`.
 *
 * @throws ValueError for any other name; it lists the devices
 * @example
 * const x = tf.device('cpu', () => tf.tensor([1, 2]))
 * x.device // 'wasm:0'
 * tf.device('cpu:7', () => tf.ones([2])) // throws ValueError
 */
export function device<Result>(name: string, body: () => Result): Result {
  deviceNamed(name)
  return body()
}

/**
 * The names of the devices that there are.
 *
 * @example
 * tf.listDevices() // ['wasm:0']
 */
export function listDevices(): readonly Device[] {
  return [...devices]
}

/**
 * Runs `body` and returns what it returns; Variables made in it have `name/` in front of their names. Scopes nest; `''`
 * leaves those around it.
 *
 * @throws ValueError when `name` cannot be part of a name
 * @example
 * const w = tf.nameScope('encoder', () => tf.variable([1, 2], { name: 'w' }))
 * w.name // 'encoder/w'
 */
export function nameScope<Result>(name: string, body: () => Result): Result {
  return inNameScope(name, body)
}
