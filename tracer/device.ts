/**
 * Where values live and programs run. There is one device, the WebAssembly memory of this process; its name is asked here
 * only, so another back end would add its name to the list, keep the chosen one in the scope, and give payloads, slots
 * and programs of its own behind the same interfaces (`Payload`, `Slot`, `Executable`).
 */
import { ValueError } from '../codegen/errors.ts'

/** Names of devices as tensors give them. */
export type Device = 'wasm:0'

/** All there are. */
export const devices: readonly Device[] = ['wasm:0']

/** Kinds that other machines have: asking for one runs where it can, and says so once. */
const absent: ReadonlySet<string> = new Set(['gpu', 'tpu', 'webgpu', 'webgl'])
const warned = new Set<string>()

/**
 * The device a name stands for. `cpu` is another word for `wasm`; the number, a slash in front, `device:` and the parts of
 * a full name that can only be those of this process may be there or not.
 *
 * @throws ValueError for a name that is none, and for a device of this kind that there is not
 */
export function deviceNamed(name: string): Device {
  const match =
    typeof name === 'string'
      ? /^(?:\/job:localhost)?(?:\/replica:0)?(?:\/task:0)?\/?(?:device:)?([a-z]+)(?::(\d+))?$/i.exec(name)
      : null
  const kind = match?.[1]?.toLowerCase()
  const index = Number(match?.[2] ?? 0)
  if (kind !== undefined && absent.has(kind)) {
    if (!warned.has(kind)) {
      warned.add(kind)
      console.warn(`tf.device: there is no ${kind} here; what asks for ${name} runs on ${devices.join()}`)
    }
    return 'wasm:0'
  }
  if ((kind !== 'wasm' && kind !== 'cpu') || index !== 0)
    throw new ValueError({
      op: 'device',
      problem: `there is no device ${JSON.stringify(name) ?? String(name)}`,
      fix: `the devices are ${devices.map((device) => `'${device}'`).join(', ')}, also called 'cpu' and 'cpu:0'.`,
    })
  return 'wasm:0'
}
