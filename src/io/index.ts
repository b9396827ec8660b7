/** `tf.io`: tensors in files. Safetensors for checkpoints, NumPy's formats for exchange. */
export {
  encodeCheckpoint,
  loadCheckpoint,
  restoreCheckpoint,
  saveCheckpoint,
  type Stateful,
  variablesOf,
} from './checkpoint.ts'
export { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from './npy.ts'
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './safetensors.ts'
