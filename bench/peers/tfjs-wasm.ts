// TensorFlow.js on its WebAssembly backend: SIMD, one thread (it has no threads in Node).
import '@tensorflow/tfjs-backend-wasm'
import type { Prepare } from './runner.ts'
import { prepareFor } from './tfjs.ts'

export const prepare: Prepare = prepareFor('wasm')
